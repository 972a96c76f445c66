"""Says what became of a page's exported figures."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from gui.messages import Message
from gui.session import Session
from gui.widgets.figure_export import ExportButton


class ExportMessages(QObject):
    """Posts where a figure was saved, or why not; made once the page has its buttons.

    Args:
        page: Whose Export buttons; the owner.
        session: Where it is posted.
    """

    def __init__(self, page: QWidget, session: Session) -> None:
        super().__init__(page)
        self._session = session
        for button in page.findChildren(ExportButton):
            button.failed.connect(session.post_error)
            button.saved.connect(self._on_saved)

    @Slot(str)
    def _on_saved(self, path: str) -> None:
        self._session.post(Message("success", f"Saved {path}."))
