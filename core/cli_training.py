"""A training on the command line: Ctrl+C stops and keeps, and the outcome becomes an exit code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn

import typer

from core.cli_output import make_reporter, print_error
from core.events import Emit, Outcome
from core.training.control import TrainingControl
from core.training.distributed import Team
from core.training.requests import RequestFollower

EXIT_DONE, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130


def run_training(
    start: Callable[[Emit, TrainingControl], Outcome],
    folder: Path,
    *,
    as_json: bool = False,
    team: Team | None = None,
    found: Callable[[], Iterable[str]] = tuple,
) -> NoReturn:
    """Trains, showing what happens.

    Args:
        start: Trains to its end.
        folder: The run's directory, named at the end where it is kept.
        as_json: Print events as JSON.
        team: The processes that train together.
        found: Lines to print once it has ended well.

    Raises:
        typer.Exit: Always, with the exit code.
    """
    team = team if team is not None else Team()
    control = TrainingControl()
    interrupted = False

    def on_interrupt(_number: int, _frame: object) -> None:
        nonlocal interrupted
        if interrupted and team.num_processes == 1:  # torchrun passes one Ctrl+C on twice.
            raise KeyboardInterrupt
        interrupted = True
        control.stop()

    signals = (signal.SIGINT,) if team.num_processes == 1 else (signal.SIGINT, signal.SIGTERM)
    earlier = {number: signal.signal(number, on_interrupt) for number in signals}
    try:
        requests = RequestFollower(folder, control) if team.is_main else nullcontext()
        with requests, make_reporter(as_json=as_json) as reporter:
            outcome = start(reporter.emit, control)
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
    if not team.is_main:
        raise typer.Exit(EXIT_FAILED if outcome.status == "failed" else EXIT_DONE)
    if outcome.status == "failed":
        if outcome.traceback:
            print(outcome.traceback, file=sys.stderr)
        print_error(outcome.message, outcome.hint)
        raise typer.Exit(EXIT_BAD_INPUT if outcome.cause == "input" else EXIT_FAILED)
    if not as_json:
        print(outcome)
        for line in found():
            print(line)
        if folder.exists():
            print(f"run: {folder}")
    raise typer.Exit(EXIT_INTERRUPTED if interrupted else EXIT_DONE)
