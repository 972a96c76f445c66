"""The ticked runs of the training page: read in the background, then followed as they grow."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QObject, QTimer, Slot

from core.event_tail import EventTail
from core.runs import Run
from gui.models.run_curves import RunCurves
from gui.pages.training_curves import Overlay, TrainingCurves
from gui.pages.training_runs import RunList
from gui.session import Session
from gui.tasks import Task

LOOK_MS = 500


@dataclass(eq=False)
class _Followed:
    """The curves of one run and how far its events have been read."""

    tail: EventTail
    curves: RunCurves = field(default_factory=RunCurves)

    @classmethod
    def of(cls, run: Run) -> _Followed:
        return cls(EventTail(run.path / "events.jsonl"))

    def read(self) -> bool:
        """Takes in what is new; returns whether there was any."""
        events, began_anew = self.tail.read()
        if began_anew:
            self.curves = RunCurves()
        self.curves.extend(events)
        return began_anew or bool(events)


@dataclass(frozen=True, eq=False)
class _Read:
    """What has been read of a run, or of the runs of a group."""

    overlay: Overlay
    name: str
    members: tuple[_Followed, ...]


class TrainingOverlays(QObject):
    """Lays ticked runs over the one at hand; `watch` and `rest` say when to look at their files.

    Args:
        session: Told of what goes wrong.
        runs: Where runs are ticked.
        plots: Where their curves are drawn.
        parent: Owner.
    """

    def __init__(
        self, session: Session, runs: RunList, plots: TrainingCurves, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._runs = runs
        self._plots = plots
        self._tasks: set[Task] = set()
        self._ticked: set[Overlay] = set()
        self._followed: dict[Overlay, tuple[_Followed, ...]] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        runs.overlay_toggled.connect(self._on_toggled)
        session.runs_changed.connect(self._on_runs_changed)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being read in the background."""
        return not self._tasks

    def watch(self) -> None:
        """Follows the files from now on."""
        self._timer.start()
        self._look()

    def rest(self) -> None:
        """Leaves the files alone."""
        self._timer.stop()

    @Slot()
    def _look(self) -> None:
        for overlay, members in self._followed.items():
            if sum(member.read() for member in members):
                self._plots.update_overlay(overlay, [member.curves for member in members])

    @Slot()
    def _on_runs_changed(self) -> None:
        for overlay in tuple(self._ticked):
            if isinstance(overlay, Run) and not overlay.path.is_dir():
                self._on_toggled(overlay, False)

    @Slot(object, bool)
    def _on_toggled(self, overlay: Overlay, on: bool) -> None:
        if not on:
            self._ticked.discard(overlay)
            self._followed.pop(overlay, None)
            self._plots.remove_overlay(overlay)
            self._runs.model.set_colour(overlay, None)
            return
        self._ticked.add(overlay)
        runs, name = self._runs.members_of(overlay)

        def work(_progress: object, _should_stop: object) -> _Read:
            members = tuple(_Followed.of(run) for run in runs)
            for member in members:
                while member.read():
                    pass
            return _Read(overlay, name, members)

        task = Task(work, self)
        self._tasks.add(task)
        task.succeeded.connect(self._on_read)
        task.failed.connect(self._session.post_error)
        task.finished.connect(self._on_task_finished)
        task.begin()

    @Slot(object)
    def _on_read(self, read: _Read) -> None:
        if read.overlay not in self._ticked:
            return
        self._followed[read.overlay] = read.members
        colour = self._runs.next_colour(len(self._plots.overlays))
        self._runs.model.set_colour(read.overlay, colour)
        curves = tuple(member.curves for member in read.members)
        self._plots.add_overlay(read.overlay, curves, colour.name(), read.name)

    @Slot()
    def _on_task_finished(self) -> None:
        for task in [task for task in self._tasks if task.isFinished()]:
            self._tasks.discard(task)
            task.deleteLater()
