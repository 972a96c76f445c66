"""A class on the ladder."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from gui.widgets.class_chip import ChipLook, paint_chip


class LadderChip(QWidget):
    """Draws itself and takes the keyboard; the ladder handles the mouse.

    Args:
        name: The class.
        parent: The ladder.
    """

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.name = name
        self._picture: QPixmap | None = None
        self._selected = False
        self._faded = False
        self._rank = 0
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(name)

    @property
    def look(self) -> ChipLook:
        return ChipLook(
            self.name,
            picture=self._picture,
            is_selected=self._selected and self._rank > 1,
            is_current=self.hasFocus(),
            is_strong=self._rank == 1,
            is_faded=self._faded,
        )

    def describe(self, rank: int, similarity: float, selected: bool) -> None:
        self._rank = rank
        self._selected = selected
        self.setAccessibleName(f"{self.name}, rank {rank}, similarity {similarity:.2f}")
        self.setToolTip(self.name)
        self.update()

    def set_picture(self, picture: QPixmap | None) -> None:
        self._picture = picture
        self.update()

    def set_faded(self, faded: bool) -> None:
        if faded != self._faded:
            self._faded = faded
            self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_chip(painter, QRectF(self.rect()), self.look, self.palette(), self.font())
