"""figures/*.png and *.svg of a run: curves, confusion matrix, ROC; always there, window or not.

Shape suffixes: C known classes.
"""

from __future__ import annotations

import functools
import io
from typing import IO, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.evaluation.ood import max_softmax_score, roc_curve
from core.events import EpochCompleted, StepCompleted
from core.files import write_atomically
from core.predictions import Predictions
from core.runs import Run

INK, ACCENT, SECOND = "#30343b", "#2563a8", "#c2571a"


def write_figures(run: Run, metrics: dict[str, Any], data_name: str) -> None:
    """Writes curves, confusion and, where classes were withheld, roc."""
    _write_curves(run, data_name, "validation_accuracy", "validation accuracy")
    if metrics["confusion"]["classes"]:
        _save(run, "confusion", _confusion(metrics, data_name))
    if metrics["ood"]:
        _save(run, "roc", _roc(run.predictions(), metrics, data_name))


def write_detector_figures(run: Run, data_name: str) -> None:
    """Writes a detector's curves."""
    _write_curves(run, data_name, "ap50", "validation AP50")


def _write_curves(run: Run, data_name: str, key: str, words: str) -> None:
    """Draws the loss, and a figure of EpochCompleted below it."""
    events = list(run.events())
    steps = [event for event in events if isinstance(event, StepCompleted)]
    epochs = [event for event in events if isinstance(event, EpochCompleted)]
    if not steps:
        return
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    upper.plot([s.step for s in steps], [s.loss for s in steps], color=ACCENT, alpha=0.3, lw=0.8)
    upper.plot([e.step for e in epochs], [e.loss for e in epochs], color=ACCENT, lw=1.6)
    _label(upper, f"Training on {data_name}", "", "loss (step, faint; epoch)")
    judged = [e for e in epochs if getattr(e, key) is not None]
    values = [getattr(e, key) for e in judged]
    lower.plot([e.step for e in judged], values, color=SECOND, lw=1.6, marker=".")
    _label(lower, "", "step", words)
    _save(run, "curves", figure)


def _confusion(metrics: dict[str, Any], data_name: str) -> Figure:
    classes = metrics["confusion"]["classes"]
    counts_CC = np.array(metrics["confusion"]["counts"], dtype=float)
    share_CC = counts_CC / np.maximum(1, counts_CC.sum(axis=1, keepdims=True))
    figure = Figure(figsize=(8.5, 7.5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(share_CC, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(classes)), classes, rotation=90)
    axes.set_yticks(range(len(classes)), classes)
    for (row, column), count in np.ndenumerate(counts_CC):
        if count:
            ink = "white" if share_CC[row, column] > 0.5 else INK
            axes.text(column, row, f"{count:.0f}", ha="center", va="center", color=ink, size=6)
    title = f"Confusion on {data_name}, accuracy {metrics['accuracy'] or 0:.3f}"
    _label(axes, title, "predicted class", "true class")
    return figure


def _roc(predictions: Predictions, metrics: dict[str, Any], data_name: str) -> Figure:
    known = predictions.label_N >= 0
    best_N = max_softmax_score(predictions.score_NC)
    curve = roc_curve(best_N[known], best_N[~known])
    ood = metrics["ood"]
    low, high = ood["auroc_interval"]
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=INK, lw=0.8, ls=":")
    label = f"AUROC {ood['auroc']:.3f} [{low:.3f}, {high:.3f}]"
    axes.plot(curve.fpr, curve.tpr, color=ACCENT, lw=1.8, label=label)
    axes.set_aspect("equal")
    axes.legend(loc="lower right", frameon=False)
    withheld = ", ".join(ood["withheld"])
    title = f"Known against {withheld}\n{data_name}"
    _label(axes, title, "withheld taken for known", "known taken for known")
    return figure


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, loc="left", size=10, color=INK)
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _save(run: Run, name: str, figure: Figure) -> None:
    with mpl.rc_context({"svg.hashsalt": "akin", "svg.fonttype": "none"}):
        for kind in ("png", "svg"):
            buffer = io.BytesIO()
            metadata = {"Date": None} if kind == "svg" else None
            figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
            path = run.path / "figures" / f"{name}.{kind}"
            write_atomically(path, functools.partial(_copy, buffer.getvalue()))


def _copy(data: bytes, file: IO[bytes]) -> None:
    file.write(data)
