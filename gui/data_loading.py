"""Reading, making and downloading data sets in the background, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QDeadlineTimer, QObject, Signal, Slot

from core.data import open_dataset
from core.data.demo_set import draw_demo
from core.data.index import DatasetIndex
from core.errors import AkinError, DataError
from gui.tasks import Progress, Task, Work

if TYPE_CHECKING:
    from core.data.download import Source

_MEGABYTE = 1_000_000


class DownloadStopped(DataError):
    """The person stopped it; no failure."""


class DataLoading(QObject):
    """Brings one data set at a time; what is asked for meanwhile is refused.

    Args:
        workspace: Where the demo is made.
        parent: Owner.
    """

    progressed = Signal(str, int, int)  # what, done, total (0: unknown); "" when it is over
    loaded = Signal(object)  # DatasetIndex
    failed = Signal(object)  # AkinError
    _told = Signal(str, int, int)

    def __init__(self, workspace: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._task: Task | None = None
        self._what = ""
        self._can_stop = False
        self._told.connect(self._on_told)

    @property
    def is_idle(self) -> bool:
        return self._task is None

    @property
    def can_stop(self) -> bool:
        """Whether what runs is a download."""
        return self._can_stop

    def open_demo(self) -> None:
        """Opens the built-in demo, generating it the first time."""

        def work(progress: Progress, _should_stop: object) -> DatasetIndex:
            return open_dataset(draw_demo(self._workspace, progress))

        self._start("Making the demo", work)

    def open_folder(self, folder: Path) -> None:
        """Opens a data folder."""
        self._start(f"Reading {folder.name}", lambda _progress, _should_stop: open_dataset(folder))

    def download(self, source: Source, folder: Path) -> None:
        """Downloads a data set, going on where an earlier try stopped, and opens it."""
        from core.data.download import download  # noqa: PLC0415 - not before the first paint
        from core.data.transfer_stop import TransferStop, TransferStopped  # noqa: PLC0415

        stop = TransferStop()

        def progress(what: str, done: int, total: int) -> None:
            stop.check()
            megabytes = f"{what[:1].upper()}{what[1:]} (MB)"
            self._told.emit(megabytes, done // _MEGABYTE, max(1, total // _MEGABYTE))

        def work(_progress: object, _should_stop: object) -> DatasetIndex:
            try:
                found = download(source, folder, progress=progress, stop=stop)
            except TransferStopped as error:
                raise DownloadStopped(
                    f"The download of {source.title} was stopped.",
                    "Start it again with the same folder: it goes on where it stopped.",
                ) from error
            return open_dataset(found.folder)

        self._start(f"Downloading {source.title}", work, on_stop=stop.ask)

    def stop(self) -> None:
        """Stops a download at once, also a stalled one; what arrived is kept."""
        if self._task is not None:
            self._task.stop()

    def close(self, deadline: QDeadlineTimer) -> bool:
        """Stops and waits; returns whether it has stopped."""
        self.stop()
        return self._task is None or self._task.wait(deadline)

    def _start(self, what: str, work: Work, *, on_stop: Callable[[], object] | None = None) -> None:
        if self._task is not None:
            self.failed.emit(AkinError("A data set is being read.", "Wait until it is there."))
            return
        self._what, self._can_stop = what, on_stop is not None
        self._task = Task(work, self, on_stop)
        self._task.progressed.connect(self._on_progressed)
        self._task.succeeded.connect(self.loaded)
        self._task.failed.connect(self.failed)
        self._task.finished.connect(self._on_finished)
        self.progressed.emit(what, 0, 0)
        self._task.begin()

    @Slot(int, int)
    def _on_progressed(self, done: int, total: int) -> None:
        self.progressed.emit(self._what, done, total)

    @Slot(str, int, int)
    def _on_told(self, what: str, done: int, total: int) -> None:
        if self._task is not None:
            self.progressed.emit(what, done, total)

    @Slot()
    def _on_finished(self) -> None:
        assert self._task is not None
        self._task.deleteLater()
        self._task = None
        self._can_stop = False
        self.progressed.emit("", 0, 0)
