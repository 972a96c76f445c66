"""Imports torch in a worker thread without holding up the window's thread.

A plain import holds the interpreter lock while the dynamic loader maps 1 GB of libraries (230 ms at
a time), and its hundred thousand new objects set off the garbage collector again and again (130 ms
at a time). Measured by tests/benchmarks/bench_event_loop.py.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from core.processors import wait_briefly

# In the order of torch's own loading; libtorch_python waits for the interpreter lock's holder.
_LIBRARIES = (
    ("libtorch_global_deps.so", True),
    ("libc10.so", False),
    ("libtorch_cpu.so", False),
    ("libc10_cuda.so", False),
    ("libtorch_cuda.so", False),
    ("libtorch.so", False),
)


def load_libraries() -> list[str]:
    """Loads torch's libraries through a foreign call, which releases the interpreter lock.

    Returns:
        The names of those loaded; what fails here is left to the import, which explains itself.
    """
    if not sys.platform.startswith("linux") or "torch" in sys.modules:
        return []
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return []
    folder = Path(spec.submodule_search_locations[0]) / "lib"
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.argtypes = [ctypes.c_char_p, ctypes.c_int]
    dlopen.restype = ctypes.c_void_p
    loaded = []
    for name, is_global in _LIBRARIES:
        path = folder / name
        flags = os.RTLD_NOW | (os.RTLD_GLOBAL if is_global else os.RTLD_LOCAL)
        if path.exists() and dlopen(os.fsencode(path), flags):
            loaded.append(name)
    return loaded


def keep_off_matrix_units() -> None:
    """Keeps oneDNN from AMX, whose state gets lost beside an active window on some machines.

    Measured on a virtual machine: bfloat16 losses became NaN in 5 of 10 runs in a thread, and in
    none with this setting. A value the user has set stays.
    """
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")


@contextlib.contextmanager
def gentle_import() -> Iterator[None]:
    """Loads torch's libraries, then keeps the garbage collector away from what is imported."""
    wait_briefly()
    keep_off_matrix_units()
    load_libraries()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)  # or extension modules report leaks at the end
        if was_enabled:
            gc.enable()
