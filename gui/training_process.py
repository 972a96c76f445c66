"""A run in a process of its own: it survives the window, and its end is told truthfully."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

from PySide6.QtCore import QDeadlineTimer, QObject

from core.errors import AkinError, RunError
from core.events import Event, Outcome, PhaseChanged, RunFinished, event_from_json
from core.runs import Run
from core.training.requests import Request, request
from gui.training_thread import EventInbox

EVENTS_FILE = "process.jsonl"
LOG_FILE = "process.log"
LOOK_EVERY = 5  # polls between looks at whether the process lives: half a second
MOST_LINES = 2000  # taken at once, so that a long run's past does not hold up the window
ROOT = Path(__file__).parent.parent


class RequestControl:
    """Stands where a TrainingControl stands for a thread; asks through the run's folder.

    Args:
        run: The run asked.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def stop(self) -> None:
        self._ask("stop")

    def cancel(self) -> None:
        self._ask("cancel")

    def pause(self) -> None:
        self._ask("pause")

    def resume(self) -> None:
        self._ask("continue")

    def _ask(self, what: Request) -> None:
        with contextlib.suppress(AkinError):  # it ended in the meantime, which is told anyway
            request(self._run, what)


class TrainingProcess(QObject):
    """Begins or follows a run that another process trains.

    Its last event in the inbox is RunFinished, whatever becomes of the process.

    Args:
        run: The run directory, holding configuration and ranking.
        inbox: Where the events go.
        resume: Continue from the last checkpoint.
        attach: The run is being trained already; follow it.
        processes: How many processes train together (torchrun).
        parent: Owner.
    """

    survives_window = True

    def __init__(
        self,
        run: Run,
        inbox: EventInbox,
        *,
        resume: bool = False,
        attach: bool = False,
        processes: int = 1,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.training_run = run
        self.control = RequestControl(run)
        self.earlier: list[Event] = [] if attach else list(run.events())
        self._inbox = inbox
        self._resume = resume
        self._attach = attach
        self._processes = processes
        self._child: subprocess.Popen[bytes] | None = None
        self._events: IO[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._half_line = b""
        self._polls = 0
        self._finished = False

    def start(self) -> None:
        """Starts the process, or opens what it writes.

        Raises:
            RunError: If it cannot be started.
        """
        path = self.training_run.path
        try:
            if self._attach:
                self._events = (path / "events.jsonl").open("rb")
            else:
                self._launch(path)
        except OSError as error:
            raise RunError(
                f"{self.training_run.name} cannot be trained in a process of its own: "
                f"{(error.strerror or str(error)).lower()}.",
                "Train it in the window: menu Run.",
            ) from error

    def _launch(self, path: Path) -> None:
        command = [sys.executable, "-m"]
        if self._processes > 1:
            command += ["torch.distributed.run", "--standalone"]
            command += ["--nproc-per-node", str(self._processes), "-m"]
        command += ["core.cli", "train", "--run-dir", str(path.absolute()), "--json"]
        command.append("--resume" if self._resume else "--prepared")
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        with (path / EVENTS_FILE).open("wb") as out, (path / LOG_FILE).open("wb") as log:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
                start_new_session=True,
            )
        self._events = (path / EVENTS_FILE).open("rb")
        self._log = (path / LOG_FILE).open("rb")
        self.training_run.belongs_to(self._child.pid)
        self._inbox.put(PhaseChanged(phase="loading torch"))

    def poll(self) -> None:
        """Brings what the process has written to the inbox; call ten times a second."""
        self._polls += 1
        if self._finished or self._read() or self._polls % LOOK_EVERY or self._is_alive():
            return
        self._read()  # what it wrote between the two looks
        if not self._finished:
            self._emit(RunFinished(outcome=self._end()))

    def wait(self, _deadline: QDeadlineTimer | None = None) -> bool:
        """Returns at once: the process goes on without the window."""
        for file in (self._events, self._log):
            if file is not None:
                file.close()
        if self._child is not None and self._child.poll() is None:
            self._child.returncode = 0  # it is left on purpose; no warning, no waiting
        return True

    def _read(self) -> bool:
        """Takes new lines; returns whether there may be more."""
        assert self._events is not None
        for count, part in enumerate(self._events, start=1):
            line = self._half_line + part
            if not line.endswith(b"\n"):
                self._half_line = line
                return False
            self._half_line = b""
            with contextlib.suppress(ValueError, AkinError):
                self._emit(event_from_json(json.loads(line)))
            if count == MOST_LINES:
                return True
        return False

    def _emit(self, event: Event) -> None:
        if not self._finished:
            self._finished = isinstance(event, RunFinished)
            self._inbox.put(event)

    def _is_alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return self.training_run.path.exists() and self.training_run.outcome() is None

    def _end(self) -> Outcome:
        """Says how a process ended that did not say so itself."""
        run = self.training_run
        if not run.path.exists():
            return Outcome("cancelled", f"{run.name} was discarded.")
        known = run.outcome()
        if known is not None and known.status != "interrupted":
            return known
        code = self._child.returncode if self._child is not None else None
        how = "is gone" if code is None else f"ended with {code}"
        if code is not None and code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        kept = any((run.checkpoint_folder / name).exists() for name in ("last.pt", "previous.pt"))
        hint = "Its last checkpoint is kept: continue it from the list of runs."
        text = self._log.read().decode(errors="replace") if self._log is not None else ""
        return Outcome(
            "interrupted",
            f"The process that trained {run.name} {how}.",
            hint if kept else "It had saved no checkpoint yet: train it anew.",
            traceback=text,
        )
