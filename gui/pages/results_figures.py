"""The key figures of a run, each labelled with what it was measured on."""

from __future__ import annotations

from typing import Any

from gui.models.runs_model import percent
from gui.widgets.figure_row import KeyFigure


def key_figures(metrics: dict[str, Any]) -> tuple[KeyFigure, ...]:
    """Returns the figures of metrics.json that the header shows."""
    count = metrics.get("count")
    objects = f" · {count} objects" if count else ""
    low_high = metrics.get("accuracy_interval")
    interval = (
        f" 95 % interval {percent(low_high[0])} to {percent(low_high[1])}." if low_high else ""
    )
    figures = [
        KeyFigure(
            percent(metrics.get("accuracy")),
            f"accuracy{objects}",
            f"Share of the test objects of known classes predicted right.{interval}",
        ),
        KeyFigure(
            percent(metrics.get("balanced_accuracy")),
            "balanced",
            "Balanced accuracy: mean recall over the classes: each class counts the same.",
        ),
        KeyFigure(
            percent(metrics.get("majority_share")),
            "majority share",
            "What always guessing the most frequent class would score.",
        ),
    ]
    for name, group in (metrics.get("groups") or {}).items():
        text = f"{name} · {group.get('count')}"
        tip = f"Accuracy on the {group.get('count')} test objects of {name}."
        figures.append(KeyFigure(percent(group.get("accuracy")), text, tip))
    figures.append(_auroc(metrics.get("ood")))
    return tuple(figures)


def _auroc(ood: dict[str, Any] | None) -> KeyFigure:
    if not ood or ood.get("auroc") is None:
        return KeyFigure("–", "AUROC · nothing withheld", "Withhold classes to measure it.")
    interval = ood.get("auroc_interval")
    value = f"{ood['auroc']:.3f}"
    if interval and None not in interval:
        value += f" ±{(interval[1] - interval[0]) / 2:.3f}"
    names = ", ".join(ood.get("withheld") or ())
    tip = (
        f"Known against withheld test objects ({names}); score: {ood.get('score')}. "
        "± half of the 95 % interval of a bootstrap over images."
    )
    if interval and None not in interval:
        tip += f" It reaches from {interval[0]:.3f} to {interval[1]:.3f}."
    return KeyFigure(value, f"AUROC · {names} withheld", tip)
