"""Ctrl+C and SIGTERM: the first stops and keeps, a second Ctrl+C ends at once."""

from __future__ import annotations

import contextlib
import os
import signal
from types import TracebackType
from typing import Any, Self

from core.training.control import TrainingControl

STOPPING = "Stopping after this step; what was learned is kept."
AGAIN = " Ctrl+C again ends it at once."
AT_ONCE = "Ended at once; only what had been saved before is kept."


class Stopping:
    """Passes signals on to a control while it is entered.

    Slurm, docker stop and torchrun send SIGTERM, and some of them twice, before they kill.

    Args:
        control: What is asked to stop.
        together: Other processes train along: torchrun passes one Ctrl+C on twice, so that no
            second one is taken for impatience.
        says: Whether to say what happens, on standard error.

    Attributes:
        exit_code: 0, or 128 and the number of the first signal.
    """

    def __init__(
        self, control: TrainingControl, *, together: bool = False, says: bool = True
    ) -> None:
        self.exit_code = 0
        self._control = control
        self._together = together
        self._says = says
        self._earlier: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._earlier[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: object) -> None:
        if not self.exit_code:
            self.exit_code = 128 + number
            self._say(STOPPING + (AGAIN if number == signal.SIGINT and not self._together else ""))
            self._control.stop()
        elif number == signal.SIGINT and not self._together:
            self._say(AT_ONCE)
            raise KeyboardInterrupt

    def _say(self, text: str) -> None:
        if self._says:  # sys.stderr may be in the middle of a line, and must not be entered twice
            with contextlib.suppress(OSError):
                os.write(2, f"{text}\n".encode())
