"""A training on the command line: what is printed, and the outcome as an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from core.cli_output import make_reporter, print_error, say
from core.cli_stopping import Stopping
from core.errors import ConfigError
from core.events import Emit, Outcome
from core.runs import Run
from core.training.control import TrainingControl
from core.training.distributed import Team
from core.training.extension import AnyRun, replanned, smaller_batch
from core.training.requests import RequestFollower
from core.training.same_data import require_same_data

MoreOption = Annotated[
    int | None,
    typer.Option("--more", metavar="K", help="With --resume: K epochs more than planned."),
]
BatchOption = Annotated[
    int | None,
    typer.Option(metavar="N", help="With --resume: N a step, where memory ran out."),
]
EventsOption = Annotated[
    bool, typer.Option("--json", help="The events as JSON on standard output, one object a line.")
]
EXIT_DONE, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130


def run_training(
    start: Callable[[Emit, TrainingControl], Outcome],
    run: Run,
    command: str,
    *,
    as_json: bool = False,
    team: Team | None = None,
    found: Callable[[], Iterable[str]] = tuple,
    stoppable: bool = True,
) -> NoReturn:
    """Trains, showing what happens.

    Args:
        start: Trains to its end.
        run: What is trained; its directory is named at the end where it is kept.
        command: The words after `akin` that try again, should memory run out.
        as_json: Print events as JSON.
        team: The processes that train together.
        found: Lines to print once it has ended well.
        stoppable: Whether the first Ctrl+C stops and keeps; else there is nothing to keep.

    Raises:
        typer.Exit: Always, with the exit code.
    """
    team = team if team is not None else Team()
    control = TrainingControl()
    stopping = Stopping(control, together=team.num_processes > 1, says=team.is_main)
    requests = RequestFollower(run.path, control) if team.is_main else nullcontext()
    signals = stopping if stoppable else nullcontext()
    with signals, requests, make_reporter(as_json=as_json) as reporter:
        outcome = start(reporter.emit, control)
    if not team.is_main:
        raise typer.Exit(EXIT_FAILED if outcome.status == "failed" else EXIT_DONE)
    if outcome.status == "failed":
        if outcome.traceback:
            say(outcome.traceback, sys.stderr)
        print_error(outcome.message, _hint(outcome, run, command, team))
        raise typer.Exit(EXIT_BAD_INPUT if outcome.cause == "input" else EXIT_FAILED)
    if not as_json:
        say(str(outcome))
        for line in found():
            say(line)
        if run.path.exists():
            say(f"run: {run.path}")
    raise typer.Exit(stopping.exit_code)


def reopened(
    run: AnyRun,
    given: Mapping[str, object],
    *,
    more: int | None,
    epochs: int | None,
    batch_size: int | None,
    data: Path | None,
) -> AnyRun:
    """Returns a run as `--resume` is asked to go on with it.

    Args:
        run: A run or a detector's.
        given: Options that do not fit, with what was given for them.
        more: Epochs more than planned.
        epochs: All epochs.
        batch_size: Objects or images a step.
        data: Where its data are now; None: where they were.

    Raises:
        AkinError: If that makes no sense; nothing changes.
    """
    refused = [word for word, value in given.items() if value]
    if refused:
        raise ConfigError(
            f"{refused[0]} does not fit --resume: a run goes on as it was begun.",
            "Only --epochs or --more, --batch-size and the place of its data may change.",
        )
    if more is not None and epochs is not None:
        raise ConfigError("--more and --epochs were given.", "Give one of them.")
    if data is not None:
        require_same_data(run, data)
    run = replanned(run, more=more, epochs=epochs, batch_size=batch_size)
    return run if data is None else run.replanned({"data.folder": str(data.resolve())})


def refuse_without_resume(more: int | None, batch_size: int | None) -> None:
    """Raises ConfigError where an option was given that only `--resume` takes."""
    if more is not None:
        raise ConfigError("--more needs a run to continue.", "Give --run DIR --resume.")
    if batch_size is not None:
        raise ConfigError(
            "--batch-size needs a run to continue.",
            f"Give --run DIR --resume; a new run takes --set training.batch_size={batch_size}.",
        )


def _hint(outcome: Outcome, run: Run, command: str, team: Team) -> str:
    """Returns what to do, with the command to copy where memory ran out."""
    smaller = smaller_batch(run) if outcome.cause == "memory" else None
    if smaller is None and outcome.cause != "device":
        return outcome.hint
    size = f" --batch-size {smaller}" if smaller is not None else ""
    return f"{outcome.hint.rstrip('.')}: {team.launcher} {command}{size}"
