"""Three columns whose widths the user moves: choices, the thing itself, and what is known of it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QSplitter, QWidget

from gui.theme import SPACING, with_text

SIZES = (196, 600, 336)
LEAST = (184, 352, 232)


class ThreeColumns(QSplitter):
    """A splitter in which the middle grows most, and the sides are as wide as their text asks for.

    Args:
        left: Choices.
        middle: The thing itself.
        right: What is known of it.
    """

    def __init__(self, left: QWidget, middle: QWidget, right: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._columns = (left, middle, right)
        self.setChildrenCollapsible(False)
        self.setHandleWidth(2 * SPACING)
        for widget in self._columns:
            self.addWidget(widget)
        self.setStretchFactor(1, 3)
        self.setStretchFactor(2, 1)
        self.setStyleSheet("QSplitter::handle { background: transparent; }")
        self._fit_text()

    def _fit_text(self) -> None:
        font = self.font()
        left, middle, right = self._columns
        left.setMinimumWidth(with_text(LEAST[0], font))
        middle.setMinimumWidth(LEAST[1])
        right.setMinimumWidth(with_text(LEAST[2], font))
        self.setSizes([with_text(SIZES[0], font), SIZES[1], with_text(SIZES[2], font)])

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_columns"):
            self._fit_text()
