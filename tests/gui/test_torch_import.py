"""Importing torch from the window: libraries first, the collector back on, nothing said at exit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import gc, sys
from gui.torch_import import gentle_import, load_libraries
assert "torch" not in sys.modules
with gentle_import():
    assert not gc.isenabled()
    import torch
assert gc.isenabled()
assert gc.get_freeze_count() > 10_000
assert load_libraries() == []
assert float(torch.ones(3).sum()) == 3.0
print("fine")
"""
LIBRARIES = """
import sys
from gui.torch_import import load_libraries
names = load_libraries()
assert "torch" not in sys.modules
print(*names)
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_torch_works_and_nothing_is_left_behind() -> None:
    done = run(PROGRAM)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "fine"
    assert "leaked" not in done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only done on Linux")
def test_the_large_libraries_are_loaded_without_torch() -> None:
    done = run(LIBRARIES)
    assert done.returncode == 0, done.stderr
    assert "libtorch_cpu.so" in done.stdout.split()
