"""How fast curves of a million points are drawn: `python tests/benchmarks/bench_curves.py`.

Panels as on the training page, each with a curve of a million points, are panned and zoomed, and
grow as they do in training. Every frame is painted to its end. Where there is a DISPLAY, the
window is real; the target is 20 frames a second while panning.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
if "DISPLAY" not in os.environ:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtWidgets import QApplication

from gui.pages.training_curves import LOSS
from gui.theme import apply_theme
from gui.widgets.curve_plot import CurveStack, Line, Panel

POINTS = 1_000_000
TARGET_FPS = 20.0
PANELS = (LOSS, Panel("learning rate", "learning rate", 3), Panel("pace", "objects/s", 3))


def make_stack(points: int) -> tuple[CurveStack, np.ndarray, np.ndarray]:
    """Returns the panels with a raw and a smoothed loss, learning rate and pace."""
    random = np.random.default_rng(0)
    x = np.arange(1.0, points + 1)
    loss = 4 * np.exp(-x / points * 5) + 3 + random.normal(0, 0.3, points)
    stack = CurveStack(PANELS)
    stack.resize(800, 560)
    stack.set_curve("loss", "raw", x, loss, Line("#2b5fd9", opacity=0.3))
    smooth = np.convolve(loss, np.ones(50) / 50, mode="same")
    stack.set_curve("loss", "smooth", x, smooth, Line("#2b5fd9", 2.0, label="run"))
    stack.set_curve("learning rate", "main", x, np.cos(x / points), Line("#2b5fd9"))
    stack.set_curve("pace", "main", x, random.normal(900, 50, points), Line("#2b5fd9"))
    return stack, x, loss


def frames_per_s(app: QApplication, stack: CurveStack, act: Callable[[int], None], n: int) -> float:
    """Returns how many frames a second are painted when each follows an action."""
    began = time.perf_counter()
    for frame in range(n):
        act(frame)
        app.processEvents()
        stack.view.viewport().repaint()
    return n / (time.perf_counter() - began)


def measure(options: argparse.Namespace) -> dict[str, float]:
    app = QApplication.instance() or QApplication(["bench"])
    assert isinstance(app, QApplication)
    apply_theme(app, "light")
    stack, x, loss = make_stack(options.points)
    stack.show()
    for _ in range(20):
        app.processEvents()
    box = stack._first.getViewBox()
    raw = Line("#2b5fd9", opacity=0.3)

    def pan(width: float) -> Callable[[int], None]:
        box.setXRange(0, width * options.points, padding=0)
        step = (1 - width) * options.points / options.frames
        return lambda _frame: box.translateBy(x=step)

    found = {}
    for share in (0.9, 0.5, 0.05):
        act = pan(share)
        found[f"pan, {share:.0%} in view"] = frames_per_s(app, stack, act, options.frames)
    box.setXRange(0, options.points, padding=0)
    zoom = frames_per_s(app, stack, lambda _: box.scaleBy(x=0.93), options.frames)
    found["zoom in"] = zoom
    stack.show_all()

    def grow(frame: int) -> None:
        n = options.points - options.frames + frame
        stack.set_curve("loss", "raw", x[:n], loss[:n], raw)

    found["growing, all in view"] = frames_per_s(app, stack, grow, options.frames)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    measured = measure(arguments)
    for name, rate in measured.items():
        print(f"{name:<24}{rate:8.1f} frames/s")
    worst = min(rate for name, rate in measured.items() if name.startswith("pan"))
    print(f"slowest pan {worst:.1f} frames/s (target {TARGET_FPS:.0f})")
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=1))
