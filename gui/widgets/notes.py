"""A note in the middle of an empty view: what it would show, and what to do for it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from gui.theme import SPACING, set_role


def breakable(text: str) -> str:
    """Returns text that may be broken after the underscores of long names."""
    return text.replace("_", "_\N{ZERO WIDTH SPACE}")


def note_label(text: str) -> QLabel:
    """Returns centred, wrapped, quiet text."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setMargin(2 * SPACING)
    set_role(label, "muted")
    return label


class EmptyView(QWidget):
    """A note and the button that leads on.

    Args:
        text: The note.
        way_on: On the button.
        parent: Owner.
    """

    way_on_requested = Signal()

    def __init__(self, text: str, way_on: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = note_label(text)
        self.way_on = QPushButton(way_on)
        self.way_on.setAccessibleName(way_on)
        self.way_on.clicked.connect(self.way_on_requested)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addWidget(self.words)
        layout.addWidget(self.way_on, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)
