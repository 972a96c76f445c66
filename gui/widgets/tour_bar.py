"""A tour in a bar: one sentence at a time, each about a page; in nobody's way."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from gui.theme import SPACING, make_icon, set_role, tokens
from gui.widgets.colour_mix import blend


class TourBar(QFrame):
    """The sentences, walked by Back and Next.

    Args:
        steps: A page and a sentence about it, in order.
        parent: Owner.
    """

    page_requested = Signal(str)
    dismissed = Signal()

    def __init__(self, steps: tuple[tuple[str, str], ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._steps = steps
        self._at = 0
        self.setAccessibleName("Tour of the demo")
        self.count = QLabel()
        set_role(self.count, "muted")
        self.sentence = QLabel()
        self.sentence.setWordWrap(True)
        self.back = QPushButton("Back")
        self.back.setAccessibleName("Back in the tour")
        set_role(self.back, "plain")
        self.back.clicked.connect(self._on_back)
        self.next = QPushButton("Next")
        set_role(self.next, "primary")
        self.next.clicked.connect(self._on_next)
        self.close_button = QToolButton()
        self.close_button.setToolTip("End the tour; Help, Tour of the demo shows it again")
        self.close_button.setAccessibleName("End the tour")
        self.close_button.clicked.connect(self.end)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(3 * SPACING, SPACING, 2 * SPACING, SPACING)
        layout.setSpacing(SPACING)
        layout.addWidget(self.count)
        layout.addSpacing(SPACING)
        layout.addWidget(self.sentence, 1)
        for button in (self.back, self.next, self.close_button):
            layout.addWidget(button)
        self.hide()

    @property
    def at(self) -> int:
        """Which sentence is shown, from 0."""
        return self._at

    def start(self) -> None:
        """Shows the first sentence and its page."""
        self.close_button.setIcon(make_icon("mdi6.close", self.palette()))
        self.show()
        self._go(0)

    @Slot()
    def end(self) -> None:
        """Hides the tour, and tells so."""
        if not self.isHidden():
            self.hide()
            self.dismissed.emit()

    def follow(self, page: str) -> None:
        """Shows the sentence of a page that somebody went to by other ways."""
        if self._steps[self._at][0] != page:
            for at, (name, _) in enumerate(self._steps):
                if name == page:
                    self._at = at
                    self._draw()

    @Slot()
    def _on_back(self) -> None:
        self._go(self._at - 1)

    @Slot()
    def _on_next(self) -> None:
        if self._at == len(self._steps) - 1:
            self.end()
        else:
            self._go(self._at + 1)

    def _go(self, at: int) -> None:
        self._at = at
        self._draw()
        self.page_requested.emit(self._steps[at][0])

    def _draw(self) -> None:
        last = self._at == len(self._steps) - 1
        self.count.setText(f"{self._at + 1} of {len(self._steps)}")
        self.sentence.setText(self._steps[self._at][1])
        self.setAccessibleDescription(f"{self.count.text()}: {self.sentence.text()}")
        self.back.setEnabled(self._at > 0)
        self.next.setText("Done" if last else "Next")
        self.next.setAccessibleName("End the tour" if last else "Next in the tour")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and not self.isHidden():
            self.close_button.setIcon(make_icon("mdi6.close", self.palette()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        colours = tokens(self.palette())
        painter = QPainter(self)
        fill = blend(QColor(colours.surface), QColor(colours.accent), 0.10)
        painter.fillRect(self.rect(), fill)
        painter.fillRect(0, 0, 4, self.height(), QColor(colours.accent))
        painter.fillRect(0, self.height() - 1, self.width(), 1, QColor(colours.border))
