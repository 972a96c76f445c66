"""A few numbers side by side, each with its name under it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

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
