"""Where a run computes, and in which precision."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import platform
import re
import sys
from pathlib import Path

import torch

from core.errors import DeviceError

# mallopt(3): M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP = -1, -2, -3


def choose_device(name: str) -> torch.device:
    """Returns the device that "auto", "cpu", "cuda" or "cuda:N" means here.

    Raises:
        DeviceError: If a GPU is asked for that is not there, or the name is none of these.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise DeviceError(
            f"There is no device '{name}'.", "Choose device auto, cpu, cuda or cuda:N."
        )
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            found = f"only {count} found" if count else "none was found"
            raise DeviceError(
                f"Device '{name}' was asked for, but there is no such GPU here ({found}).",
                "Choose device auto or cpu.",
            )
    return device


def choose_precision(precision: str, device: torch.device) -> torch.dtype | None:
    """Returns the autocast type, torch.float64 for float64 throughout, or None for float32.

    "auto" takes bfloat16 on GPUs that have it, and float32 on a CPU: matrix units (AMX) make
    bfloat16 at most 1.3 times faster there, and on some virtual machines they lose their state
    when another thread of the process runs, which ends in losses that are not finite.
    """
    if precision == "float32":
        return None
    if precision == "float64":
        return torch.float64
    if precision == "bfloat16":
        return torch.bfloat16
    if device.type == "cuda":
        with torch.cuda.device(device):  # of emulated bfloat16 convolutions crawl
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else None
    return None


def describe_device(device: torch.device) -> str:
    """Returns a device's name for people, such as "cpu (Intel Xeon, 2 threads)"."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"cpu ({processor_name()}, {torch.get_num_threads()} threads)"


def processor_name() -> str:
    """Returns the processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name") and (name := line.partition(":")[2].strip()):
                return name
    except OSError:
        pass
    return platform.processor() or platform.machine()


def keep_freed_memory() -> None:
    """Lets the C library keep up to half a gigabyte that was freed, for the next step.

    A step frees and takes hundreds of megabytes. glibc returns them to the system at once, and
    every page of them is a fault again: views take up to 1.2 times as long, training 5 % longer.
    Without effect where there is no glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        for option, value in ((_TRIM_THRESHOLD, 1 << 29), (_TOP_PAD, 1 << 26), (_MMAP, 1 << 25)):
            libc.mallopt(option, value)


def release_memory() -> None:
    """Gives back what a training held that has ended, also of the GPU."""
    gc.collect()
    torch.cuda.empty_cache()  # nothing where CUDA was not used
