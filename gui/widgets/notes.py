"""A note in the middle of an empty view: what it would show, and what to do for it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from gui.theme import SPACING, set_role


def note_label(text: str) -> QLabel:
    """Returns centred, wrapped, quiet text."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setMargin(2 * SPACING)
    set_role(label, "muted")
    return label
