"""The tour of the demo: four sentences, shown until they are dismissed, then only on request."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from core.data.index import DatasetIndex
from gui.session import Session
from gui.settings import Settings
from gui.widgets.tour_bar import TourBar

STEPS = (
    (
        "data",
        "These 900 drawn scenes hold twenty classes of objects to try things on; your own folder "
        "of images opens the same way, at the top right.",
    ),
    (
        "ranking",
        "Drag the classes that are like aeroplane under it, the most alike on top, and do the same "
        "for others: that order is what the network will be told.",
    ),
    (
        "training",
        "Click Train, and a network learns to place your classes as you ranked them; the curves "
        "are live, and a few minutes are enough.",
    ),
    (
        "results",
        "Click any cell of the matrix to see the crops behind it, lay two runs beside each other, "
        "and export every figure.",
    ),
)


class Tour(QObject):
    """Shows the tour on the demo's first start.

    Args:
        session: Whose demo.
        settings: Remembers that it was dismissed.
        parent: Owner.
    """

    def __init__(self, session: Session, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self.bar = TourBar(STEPS)
        self.bar.page_requested.connect(session.page_requested)
        self.bar.dismissed.connect(self._on_dismissed)
        session.dataset_changed.connect(self._on_dataset_changed)

    @Slot()
    def start(self) -> None:
        """Shows it again, on the demo."""
        if not self._session.is_demo:
            self._session.open_demo()
        self.bar.start()

    @Slot(object)
    def _on_dataset_changed(self, _index: DatasetIndex) -> None:
        if self._session.is_demo and not self._settings.tour_done and self.bar.isHidden():
            self.bar.start()

    @Slot()
    def _on_dismissed(self) -> None:
        self._settings.tour_done = True
        self._settings.save()
