"""The line below the pages: the latest message, and the run being trained."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from core.events import Event
from core.runs import Run
from gui.session import Session
from gui.theme import SPACING, tokens
from gui.widgets.message_bar import MessageBar
from gui.widgets.run_summary import RunSummary

LEAST_HEIGHT_PX = 44


class StatusLine(QFrame):
    """Messages at the left, the run at the right; seen from any page.

    Args:
        session: Whose messages and run.
        parent: Owner.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.messages = MessageBar()
        self.run = RunSummary()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(SPACING * 2, 4, SPACING * 2, 4)
        layout.setSpacing(SPACING * 2)
        layout.addWidget(self.messages, 1)
        layout.addWidget(self.run)
        self.setMinimumHeight(LEAST_HEIGHT_PX)
        session.message_posted.connect(self.messages.show_message)
        self.messages.page_requested.connect(session.page_requested)
        session.dataset_changed.connect(self._on_dataset_changed)
        session.training_started.connect(self._on_started)
        session.training_stopping.connect(self._on_stopping)
        session.events_received.connect(self._on_events)
        session.training_finished.connect(self._on_finished)
        self.run.stop_requested.connect(session.stop_training)
        if session.training_run is not None:
            self._on_started(session.training_run)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = tokens(self.palette())
        painter.fillRect(self.rect(), colours.window)
        painter.fillRect(0, 0, self.width(), 1, colours.border)

    @Slot(object)
    def _on_dataset_changed(self, _index: object) -> None:
        message = self.messages.message
        if message is not None and message.topic == "data":
            self.messages.clear()

    @Slot(object)
    def _on_started(self, run: Run) -> None:
        message = self.messages.message
        if message is not None and message.topic and message.level == "error":
            self.messages.clear()
        self.run.start(run.name)

    @Slot(str)
    def _on_stopping(self, _how: str) -> None:
        self.run.set_stopping()

    @Slot(object)
    def _on_events(self, events: list[Event]) -> None:
        self.run.take(events)

    @Slot(object)
    def _on_finished(self, _outcome: object) -> None:
        self.run.finish()
