"""The key figures of a run, each labelled with what it was measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from gui.models.runs_model import percent
from gui.theme import SPACING, set_role


@dataclass(frozen=True)
class KeyFigure:
    """A number and what it is.

    Attributes:
        value: As shown.
        name: Under it.
        tip: What it means.
    """

    value: str
    name: str
    tip: str


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


class FigureRow(QWidget):
    """Key figures side by side."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2 * SPACING)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.figures: tuple[KeyFigure, ...] = ()

    def set_figures(self, figures: tuple[KeyFigure, ...]) -> None:
        self.figures = figures
        while self._layout.count():
            item = self._layout.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        for figure in figures:
            self._layout.addWidget(self._cell(figure))
        self._layout.addStretch(1)

    def _cell(self, figure: KeyFigure) -> QWidget:
        cell = QWidget()
        cell.setToolTip(figure.tip)
        cell.setAccessibleName(f"{figure.name}: {figure.value}")
        value = QLabel(figure.value)
        set_role(value, "title")
        name = QLabel(figure.name)
        set_role(name, "muted")
        column = QVBoxLayout(cell)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(value)
        column.addWidget(name)
        return cell
