"""How another process asks a run to pause, go on, stop or end: a word in RUN/request."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, get_args

from core.errors import RunError
from core.files import write_text
from core.runs import Run
from core.training.control import TrainingControl

Request = Literal["pause", "continue", "stop", "cancel"]
REQUEST_FILE = "request"
INTERVAL_S = 0.2


def request(run: Run, what: Request) -> None:
    """Asks a run that is being trained, by whatever process.

    Raises:
        RunError: If it is not being trained, or its folder cannot be written.
    """
    if run.outcome() is not None:
        raise RunError(f"{run.name} is not being trained.", "List the runs with: akin runs list")
    write_text(run.path / REQUEST_FILE, what)


class RequestFollower:
    """Passes requests on to a control while it is entered.

    Args:
        folder: The run directory; may appear later.
        control: What is asked to pause, go on, stop or cancel.
    """

    def __init__(self, folder: Path, control: TrainingControl) -> None:
        self._path = folder / REQUEST_FILE
        self._control = control
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="requests", daemon=True)

    def __enter__(self) -> Self:
        self._take()  # one left over from before is not for this attempt
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        acts = {
            "pause": self._control.pause,
            "continue": self._control.resume,
            "stop": self._control.stop,
            "cancel": self._control.cancel,
        }
        assert set(acts) == set(get_args(Request))
        while not self._over.wait(INTERVAL_S):
            if act := acts.get(self._take()):
                act()

    def _take(self) -> str:
        word = ""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            word = self._path.read_text(encoding="utf-8").strip()
            self._path.unlink()
        return word
