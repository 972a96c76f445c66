"""Cyclic garbage is collected in the window's thread only.

Python collects in whatever thread an allocation crosses a threshold. A Qt object that is part of a
cycle would then be destroyed in a worker's thread, and Qt ends the process.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, Slot

INTERVAL_MS = 500


class GarbageCollector(QObject):
    """Does what Python's collector does by itself, from a timer of the thread it is made in.

    Args:
        parent: Owner; Python's own collector is off from now on.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        timer = QTimer(self)
        timer.setInterval(INTERVAL_MS)
        timer.timeout.connect(self.collect_due)
        timer.start()

    @Slot()
    def collect_due(self) -> None:
        """Collects the oldest generation that is due, and the younger ones with it."""
        due = zip(gc.get_count(), gc.get_threshold(), strict=True)
        generations = [age for age, (count, most) in enumerate(due) if count > most > 0]
        if generations:
            gc.collect(generations[-1])
