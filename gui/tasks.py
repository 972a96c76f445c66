"""Long work outside the window's thread, with progress."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any, ClassVar

from PySide6.QtCore import QCoreApplication, QObject, QThread, Signal, Slot

from core.errors import AkinError

Progress = Callable[[int, int], None]
Work = Callable[[Progress, Callable[[], bool]], Any]


class Task(QThread):
    """Runs one function in a thread of its own.

    Connect the signals to @Slot methods of window objects (a plain function would run in the
    worker's thread). An application that quits stops it and waits for it. A parent that goes stops
    it and does not take it along: Qt ends the process when a thread is destroyed while it runs.

    Args:
        work: Called as work(progress, should_stop).
        parent: For whom it works; deletes it when it has finished, if there is one.
        on_stop: Called by who asks it to stop, to end what the work waits for.
    """

    _running: ClassVar[set[Task]] = set()

    progressed = Signal(int, int)
    succeeded = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        work: Work,
        parent: QObject | None = None,
        on_stop: Callable[[], object] | None = None,
    ) -> None:
        super().__init__()
        self._work = work
        self._on_stop = on_stop
        self._stop = threading.Event()
        self.finished.connect(self._on_finished)
        self._is_orphan = parent is None
        if parent is not None:
            parent.destroyed.connect(self._on_parent_destroyed)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self._on_about_to_quit)

    @Slot()
    def _on_about_to_quit(self) -> None:
        self.stop()
        self.wait()

    @Slot()
    def _on_parent_destroyed(self) -> None:
        self._is_orphan = True
        self.stop()

    @Slot()
    def _on_finished(self) -> None:
        Task._running.discard(self)
        if self._is_orphan:
            self.deleteLater()

    def begin(self) -> None:
        """Starts the work."""
        Task._running.add(self)
        self.start()

    def stop(self) -> None:
        """Asks the work to end early."""
        self._stop.set()
        if self._on_stop is not None:
            self._on_stop()

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


class LatestTask(QObject):
    """Runs one function after another in a worker; only the latest asked for counts.

    Connect the signals to @Slot methods of window objects.
    """

    progressed = Signal(int, int)
    succeeded = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._task: Task | None = None
        self._next: Work | None = None
        self._is_wanted = True

    def start(self, work: Work) -> None:
        """Runs it, or after what is running; the result of what was asked before is dropped."""
        self._next = work
        if self._task is None:
            self._start_next()
        else:
            self._task.stop()

    @property
    def is_idle(self) -> bool:
        return self._task is None

    def drop(self) -> None:
        """Stops what is running; nothing is told of it any more."""
        self._next = None
        self._is_wanted = False
        if self._task is not None:
            self._task.stop()

    def shut_down(self) -> None:
        """Stops and waits."""
        self._next = None
        if self._task is not None:
            self._task.stop()
            self._task.wait()

    def _start_next(self) -> None:
        assert self._next is not None
        self._task, self._next = Task(self._next, self), None
        self._is_wanted = True
        self._task.progressed.connect(self._on_progressed)
        self._task.succeeded.connect(self._on_succeeded)
        self._task.failed.connect(self._on_failed)
        self._task.finished.connect(self._on_finished)
        self._task.begin()

    @Slot(int, int)
    def _on_progressed(self, done: int, total: int) -> None:
        if self._next is None and self._is_wanted:
            self.progressed.emit(done, total)

    @Slot(object)
    def _on_succeeded(self, result: object) -> None:
        if self._next is None and self._is_wanted:
            self.succeeded.emit(result)

    @Slot(object)
    def _on_failed(self, error: object) -> None:
        if self._next is None and self._is_wanted:
            self.failed.emit(error)

    @Slot()
    def _on_finished(self) -> None:
        assert self._task is not None
        self._task.deleteLater()
        self._task = None
        if self._next is not None:
            self._start_next()
