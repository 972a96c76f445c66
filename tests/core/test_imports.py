"""What an import may bring along: nothing of Qt into the core, no torch into the window."""

from __future__ import annotations

import importlib.util
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import core.data
import core.evaluation

ROOT = Path(__file__).parents[2]
WITHOUT_TORCH = [
    "core.errors",
    "core.ranking",
    "core.ranking_files",
    "core.config",
    "core.config_files",
    "core.events",
    "core.runs",
    "core.cli_output",
    "core.training",
    "core.training.control",
    *(f"core.data.{m.name}" for m in pkgutil.iter_modules(core.data.__path__)),
    *(f"core.evaluation.{m.name}" for m in pkgutil.iter_modules(core.evaluation.__path__)),
    "core.detection.detector",
]
TRAINING = ["core.training.trainer", "core.contrastive.loss", "core.contrastive.views"]


def modules_after(*imports: str) -> set[str]:
    """Returns the top-level modules that a fresh process holds after some imports."""
    lines = [*(f"import {name}" for name in imports), "import sys", "print(*sys.modules)"]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=ROOT,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_values_data_and_judging_need_neither_torch_nor_qt() -> None:
    assert len(WITHOUT_TORCH) > 20
    loaded = modules_after(*WITHOUT_TORCH)
    assert not loaded & {"torch", "torchvision", "PySide6", "gui", "matplotlib"}


def test_the_command_line_starts_without_torch_and_qt() -> None:
    assert not modules_after("core.cli") & {"torch", "torchvision", "PySide6", "gui"}


def test_the_window_is_there_before_torch() -> None:
    if importlib.util.find_spec("gui.app") is None:
        pytest.fail("there is no gui.app")
    loaded = modules_after("gui.app")
    assert "PySide6" in loaded
    assert not loaded & {"torch", "torchvision", "matplotlib"}


def test_training_needs_no_qt() -> None:
    loaded = modules_after(*TRAINING)
    assert "torch" in loaded
    assert not loaded & {"PySide6", "gui", "pyqtgraph"}
