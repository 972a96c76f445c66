"""A suggestion on the ladder: where the class would land, to be accepted or dismissed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from core.evaluation.suggestions import Suggestion
from gui.pages.ranking_layout import CARD_X, CHIP_WIDTH, CHIPS_X, PAD
from gui.theme import make_icon, tokens
from gui.widgets.class_chip import ChipLook, paint_chip

WIDE_PX = 330


class GhostRow(QWidget):
    """A faint chip in a dashed card, with two buttons.

    Args:
        suggestion: What is suggested.
        parent: The ladder.
    """

    accepted = Signal(object)  # Suggestion
    dismissed = Signal(object)  # Suggestion

    def __init__(self, suggestion: Suggestion, parent: QWidget) -> None:
        super().__init__(parent)
        self.suggestion = suggestion
        self._picture: QPixmap | None = None
        rank = suggestion.gap + 2
        self.setToolTip(suggestion.reason)
        self.accept = QToolButton()
        self.accept.setText("Accept")
        said = f"Accept {suggestion.name} as a new rank {rank}: {suggestion.reason}"
        self.accept.setAccessibleName(said)
        self.accept.clicked.connect(self._on_accept)
        self.dismiss = QToolButton()
        self.dismiss.setAccessibleName(f"Dismiss the suggestion {suggestion.name}")
        self.dismiss.setToolTip("Dismiss")
        self.dismiss.clicked.connect(self._on_dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, int(PAD), 0)
        layout.setSpacing(2)
        layout.addStretch(1)
        for button in (self.accept, self.dismiss):
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setIconSize(QSize(16, 16))
            layout.addWidget(button)
        self._draw_icons()

    def _draw_icons(self) -> None:
        self.accept.setIcon(make_icon("mdi6.check", self.palette()))
        self.dismiss.setIcon(make_icon("mdi6.close", self.palette()))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "dismiss"):
            self._draw_icons()

    def set_picture(self, picture: QPixmap | None) -> None:
        self._picture = picture
        self.update()

    def set_width(self, width: int) -> None:
        """Says how wide the card is: the buttons have words where there is room."""
        style = Qt.ToolButtonStyle
        is_wide = width >= WIDE_PX
        self.accept.setToolButtonStyle(
            style.ToolButtonTextBesideIcon if is_wide else style.ToolButtonIconOnly
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = tokens(self.palette())
        painter.setPen(QPen(QColor(colours.accent), 1, Qt.PenStyle.DotLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        left = CHIPS_X - CARD_X
        room = self.accept.geometry().left() - left - PAD
        chip = QRectF(left, PAD / 2, min(CHIP_WIDTH, room), self.height() - PAD)
        value = f"{self.suggestion.alike:.2f}" if room >= CHIP_WIDTH else ""
        look = ChipLook(self.suggestion.name, value, self._picture, is_ghost=True)
        paint_chip(painter, chip, look, self.palette(), self.font())
        painter.setPen(QColor(colours.muted))
        number = QRectF(0, 0, left, self.height())
        painter.drawText(number, Qt.AlignmentFlag.AlignCenter, "?")

    @Slot()
    def _on_accept(self) -> None:
        self.accepted.emit(self.suggestion)

    @Slot()
    def _on_dismiss(self) -> None:
        self.dismissed.emit(self.suggestion)
