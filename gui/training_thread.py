"""The only thread that trains, and the inbox its events arrive in."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import traceback

from PySide6.QtCore import QObject, QThread

from core.errors import AkinError
from core.events import Event, Outcome, PhaseChanged, RunFinished
from core.runs import Run
from core.training.control import TrainingControl
from gui.torch_import import gentle_import

NICENESS = 5


class EventInbox:
    """A thread-safe queue of events; the window drains it ten times a second."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def put(self, event: Event) -> None:
        self._queue.put(event)

    def drain(self) -> list[Event]:
        """Returns everything that has arrived, in order."""
        events = []
        while True:
            try:
                events.append(self._queue.get_nowait())
            except queue.Empty:
                return events


class TrainingThread(QThread):
    """Trains one run through core.training.Trainer.

    Whatever happens, the last event in the inbox is RunFinished.

    Args:
        run: The run directory, holding configuration and ranking.
        inbox: Where the events go.
        resume: Continue from the last checkpoint.
        judge_only: Only judge the last checkpoint on the test split.
        parent: Owner.
    """

    survives_window = False

    def __init__(
        self,
        run: Run,
        inbox: EventInbox,
        *,
        resume: bool = False,
        judge_only: bool = False,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.training_run = run
        self.control = TrainingControl()
        self.earlier: list[Event] = list(run.events())
        self._inbox = inbox
        self._resume = resume
        self._judge_only = judge_only

    def poll(self) -> None:
        """Does nothing: the thread puts its events into the inbox itself."""

    def release_memory(self) -> None:
        """Gives back what the run held; from the window's thread, once this one has ended."""
        device = sys.modules.get("core.training.device")
        if device is not None:
            device.release_memory()

    def run(self) -> None:
        threading.current_thread().name = "training"
        yield_to_the_window()
        finished = False

        def emit(event: Event) -> None:
            nonlocal finished
            finished = finished or isinstance(event, RunFinished)
            self._inbox.put(event)

        try:
            emit(PhaseChanged(phase="loading torch"))
            with gentle_import():
                from core.training.trainer import Trainer  # noqa: PLC0415 - torch takes seconds

            with self.training_run.claim("judged" if self._judge_only else "trained"):
                Trainer(
                    self.training_run,
                    emit,
                    self.control,
                    resume=self._resume,
                    judge_only=self._judge_only,
                ).run()
        except AkinError as error:
            if not finished:
                outcome = Outcome("failed", error.message, error.hint, cause="input")
                emit(RunFinished(outcome=outcome))
        except BaseException as error:  # noqa: BLE001 - QThread would swallow it
            if not finished:
                emit(RunFinished(outcome=_failure(error)))
        else:
            assert finished, "Trainer.run ended without RunFinished"


def yield_to_the_window() -> None:
    """Lowers this thread's priority, and that of the threads torch will start from it.

    On two cores the lateness of the window's event loop falls from 20 to 13 ms (99 of 100 times),
    and training is as fast as before. Elsewhere than on Linux it is left to the system.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):  # a sandbox may forbid it; training goes on
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _failure(error: BaseException) -> Outcome:
    return Outcome(
        "failed",
        f"Training failed: {error or type(error).__name__}.",
        "The log below has the details.",
        traceback="".join(traceback.format_exception(error)),
    )
