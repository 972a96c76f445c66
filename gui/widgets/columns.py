"""Three columns whose widths the user moves: choices, the thing itself, and what is known of it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QWidget

from gui.theme import SPACING

SIZES = (196, 600, 336)
LEAST = (184, 352, 232)


def three_columns(left: QWidget, middle: QWidget, right: QWidget) -> QSplitter:
    """Returns a splitter in which the middle grows most."""
    splitter = QSplitter(Qt.Orientation.Horizontal)
    splitter.setChildrenCollapsible(False)
    splitter.setHandleWidth(2 * SPACING)
    for widget, least in zip((left, middle, right), LEAST, strict=True):
        widget.setMinimumWidth(least)
        splitter.addWidget(widget)
    splitter.setStretchFactor(1, 3)
    splitter.setStretchFactor(2, 1)
    splitter.setSizes(list(SIZES))
    splitter.setStyleSheet("QSplitter::handle { background: transparent; }")
    return splitter
