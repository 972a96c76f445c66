"""Long work outside the window's thread, with progress."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, QThread, Signal, Slot

from core.errors import AkinError

Progress = Callable[[int, int], None]


class Task(QThread):
    """Runs one function in a thread of its own.

    Connect the signals to @Slot methods of window objects (a plain function would run in the
    worker's thread). An application that quits stops it and waits for it.

    Args:
        work: Called as work(progress, should_stop).
        parent: Owner.
    """

    progressed = Signal(int, int)
    succeeded = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        work: Callable[[Progress, Callable[[], bool]], Any],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._work = work
        self._stop = threading.Event()
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self._on_about_to_quit)

    @Slot()
    def _on_about_to_quit(self) -> None:
        self.stop()
        self.wait()

    def stop(self) -> None:
        """Asks the work to end early."""
        self._stop.set()

    def run(self) -> None:
        try:
            result = self._work(self.progressed.emit, self._stop.is_set)
        except AkinError as error:
            self.failed.emit(error)
        except Exception:  # noqa: BLE001 - an error must not end in a silent thread
            self.failed.emit(
                AkinError("Something went wrong that Akin did not expect.", traceback.format_exc())
            )
        else:
            self.succeeded.emit(result)
