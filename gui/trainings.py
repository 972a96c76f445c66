"""The run being trained, in this process or another, and those that wait for their turn."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QDeadlineTimer, QObject, QTimer, Signal, Slot

from core.errors import AkinError
from core.events import Event, Outcome, PhaseChanged, RunFinished
from core.run_claim import require_free
from core.runs import Run, RunStore
from gui.run_queue import RunQueue, WaitingRun
from gui.training_process import TrainingProcess
from gui.training_thread import EventInbox, TrainingThread

INBOX_INTERVAL_MS = 100
MOST_LOOKED_AT = 50


class Control(Protocol):
    """How a run is asked to pause or end."""

    def stop(self) -> None: ...
    def cancel(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Trainings(QObject):
    """Trains one run at a time, then the next in the queue.

    Args:
        store: Where runs are made.
        workspace: Holds queue.json.
        parent: Owner.
    """

    started = Signal(object)  # Run
    stopping = Signal(str)  # "stop" | "cancel"
    events_received = Signal(object)  # list[Event]
    paused_changed = Signal(bool)
    ended = Signal(object, object)  # Run, Outcome
    failed = Signal(object)  # AkinError: could not be started

    def __init__(self, store: RunStore, workspace: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.queue = RunQueue(workspace / "queue.json", self)
        self.queue.failed.connect(self.failed)
        self.own_process = False
        self.processes = 1
        self.paused = False
        self._store = store
        self._job: TrainingThread | TrainingProcess | None = None
        self._inbox = EventInbox()
        self._timer = QTimer(self)
        self._timer.setInterval(INBOX_INTERVAL_MS)
        self._timer.timeout.connect(self._on_timer)

    @property
    def run(self) -> Run | None:
        """The run being trained."""
        return self._job.training_run if self._job else None

    def earlier_events(self, run: Run) -> Iterable[Event]:
        """Returns what a run said before it was taken up; what follows is received."""
        if self._job is not None and self._job.training_run == run:
            return self._job.earlier
        return run.events()

    @property
    def survives_window(self) -> bool:
        """Whether the run being trained goes on when the window closes."""
        return self._job is not None and self._job.survives_window

    # ----- starting -----

    def begin(self, waiting: WaitingRun) -> None:
        """Makes the run directory and trains it."""
        try:
            run = self._store.create(waiting.config, waiting.ranking)
        except AkinError as error:
            self.failed.emit(error)
        else:
            self.start(run)

    def start(self, run: Run, *, resume: bool = False, judge_only: bool = False) -> None:
        """Trains a run, or only judges it."""
        try:
            require_free(run.path, run.title)
        except AkinError as error:
            self.failed.emit(error)
            return
        if self.own_process and not judge_only:
            self._take_up(
                TrainingProcess(
                    run, self._inbox, resume=resume, processes=self.processes, parent=self
                )
            )
        else:
            self._take_up(
                TrainingThread(run, self._inbox, resume=resume, judge_only=judge_only, parent=self)
            )

    def attach(self) -> None:
        """Takes up a run of the workspace that another process is training, the latest first."""
        for run in reversed(self._store.list()[-MOST_LOOKED_AT:]):
            try:
                is_trained = run.outcome() is None and (run.path / "events.jsonl").exists()
            except AkinError:
                continue
            if is_trained and self._job is None:
                self._take_up(TrainingProcess(run, self._inbox, attach=True, parent=self))

    def _take_up(self, job: TrainingThread | TrainingProcess) -> None:
        assert self._job is None, "one run at a time"
        self._job = job
        self._timer.start()
        self.started.emit(job.training_run)
        try:
            job.start()
        except AkinError as error:
            self._inbox.put(
                RunFinished(outcome=Outcome("failed", error.message, error.hint, cause="input"))
            )

    def start_next(self) -> None:
        """Trains the first of the queue, if it is not held and nothing is being trained."""
        if self._job is None and not self.queue.held:
            waiting = self.queue.take()
            if waiting is not None:
                self.begin(waiting)

    def release_queue(self) -> None:
        """Lets the queue go on."""
        self.queue.set_held(False)
        self.start_next()

    # ----- asking -----

    def stop(self) -> None:
        """Stop and keep; the queue is held."""
        if self._job is not None:
            self.queue.set_held(bool(self.queue.runs))
            self._job.control.stop()
            self.stopping.emit("stop")

    def cancel(self) -> None:
        """Cancel and discard; the queue is held."""
        if self._job is not None:
            self.queue.set_held(bool(self.queue.runs))
            self._job.control.cancel()
            self.stopping.emit("cancel")

    def set_paused(self, paused: bool) -> None:
        if self._job is not None:
            control: Control = self._job.control
            (control.pause if paused else control.resume)()

    # ----- events and ends -----

    @Slot()
    def _on_timer(self) -> None:
        if self._job is not None:
            self._job.poll()
        events: list[Event] = self._inbox.drain()
        if events:
            self.events_received.emit(events)
        for event in events:
            if isinstance(event, PhaseChanged):
                self._set_paused(event.phase == "paused")
        finished = [event for event in events if isinstance(event, RunFinished)]
        if finished:
            self._finish(finished[-1].outcome)

    def _set_paused(self, paused: bool) -> None:
        if paused != self.paused:
            self.paused = paused
            self.paused_changed.emit(paused)

    def _finish(self, outcome: Outcome) -> None:
        assert self._job is not None
        job, self._job = self._job, None
        self._set_paused(False)
        self._timer.stop()
        job.wait()
        if isinstance(job, TrainingThread):
            job.release_memory()
        job.deleteLater()
        self.ended.emit(job.training_run, outcome)
        QTimer.singleShot(0, self, self.start_next)

    def close(self, deadline: QDeadlineTimer) -> bool:
        """Stops a run of this process and waits for it; leaves one of another process alone."""
        if self._job is None:
            return True
        self.queue.set_held(True)
        if self._job.survives_window:
            self._timer.stop()
            self._job.wait()
            self._job = None
            return True
        self._job.control.stop()
        if not self._job.wait(deadline):
            return False
        self._on_timer()
        return True
