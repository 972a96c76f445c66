"""A few numbers side by side, each with its name under it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from gui.theme import SPACING, TITLE_POINTS, set_role, sized_font


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
        self._names: list[QLabel] = []

    def set_figures(self, figures: tuple[KeyFigure, ...]) -> None:
        self.figures = figures
        self._names = []
        while self._layout.count():
            item = self._layout.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        for figure in figures:
            self._layout.addWidget(self._cell(figure))
        self._layout.addStretch(1)
        self._fit_text()

    def _fit_text(self) -> None:
        """Breaks the names into lines where they would be cut off."""
        bold = sized_font(self.font(), TITLE_POINTS)
        bold.setWeight(QFont.Weight.DemiBold)
        number, name = QFontMetrics(bold), QFontMetrics(self.font())
        widths = [
            (number.horizontalAdvance(figure.value), name.horizontalAdvance(figure.name))
            for figure in self.figures
        ]
        room = self.width() - self._layout.spacing() * len(widths)
        wraps = sum(map(max, widths)) > room
        spare = room - sum(value for value, _ in widths)
        over = sum(max(wide - value, 0) for value, wide in widths)
        for label, (value, wide) in zip(self._names, widths, strict=True):
            label.setWordWrap(wraps)
            more = max(wide - value, 0) * max(spare, 0) // max(over, 1)
            label.setMinimumWidth(value + more if wraps else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_text()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit_text()

    def _cell(self, figure: KeyFigure) -> QWidget:
        cell = QWidget()
        cell.setToolTip(figure.tip)
        cell.setAccessibleName(f"{figure.name}: {figure.value}")
        value = QLabel(figure.value)
        set_role(value, "title")
        name = QLabel(figure.name)
        set_role(name, "muted")
        self._names.append(name)
        column = QVBoxLayout(cell)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(value)
        column.addWidget(name)
        column.addStretch(1)
        return cell
