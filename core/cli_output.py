"""How the command line shows what happens: bars on a terminal, lines in a pipe, or JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from core.data.demo_set import demo_path, draw_demo, is_drawn
from core.data.summary import DatasetSummary
from core.errors import AkinError
from core.events import (
    EpochCompleted,
    EvaluationCompleted,
    Event,
    PhaseChanged,
    RunFinished,
    RunStarted,
    StepCompleted,
    WarningRaised,
    event_to_json,
)
from core.runs import default_workspace


def say(text: str, stream: TextIO | None = None) -> None:
    """Prints a line; where nobody reads it, it and what follows are lost, and work goes on.

    Args:
        text: The line.
        stream: Where to; None: standard output.
    """
    stream = sys.stdout if stream is None else stream
    try:
        stream.write(text + "\n")
        stream.flush()
    except OSError:  # the other end of the pipe, or the terminal, is gone
        lead_nowhere(stream)


def lead_nowhere(stream: TextIO) -> None:
    """Drops what is, and will be, written to a stream that can no longer be written to."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def print_error(message: str, hint: str) -> None:
    """Prints what happened and what to do, on standard error."""
    say(f"error: {message}", sys.stderr)
    if hint:
        say(f"hint: {hint}", sys.stderr)


def confirm_emptying(names: Sequence[str], *, yes: bool) -> None:
    """Asks before what is in a trash is deleted for good.

    Args:
        names: What would be.
        yes: It was said already.

    Raises:
        AkinError: Nobody is there to ask.
        typer.Abort: It is not wanted.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise AkinError("The trash is emptied for good.", "Say so with --yes.")
    typer.confirm(f"Delete {len(names)} for good: {', '.join(names)}?", abort=True)


class Reporter:
    """Prints one plain line an epoch: for pipes and log files."""

    def __init__(self, *, to_stderr: bool = False) -> None:
        self._out = sys.stderr if to_stderr else sys.stdout
        self._phase = ""
        self._epochs = 0

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def progress(self, what: str) -> Callable[[int, int], None]:
        """Returns a function that shows how far something is; nothing before it is called."""
        told = False

        def show(_done: int, _total: int) -> None:
            nonlocal told
            if not told:
                told = True
                self._line(f"{what} ...")

        return show

    def emit(self, event: Event) -> None:
        """Shows an event."""
        if isinstance(event, RunStarted):
            self._epochs = event.epochs
            self._line(
                f"{event.method} on {event.device}: {event.train_objects} objects to learn from, "
                f"{event.validation_objects} to validate, {event.test_objects} to test"
            )
        elif isinstance(event, PhaseChanged) and event.phase != self._phase:
            self._phase = event.phase
            self._line(f"{event.phase} ...")
        elif isinstance(event, WarningRaised):
            self._line(f"warning: {event.message} {event.hint}".rstrip())
        elif isinstance(event, EpochCompleted):
            self._line(epoch_line(event, self._epochs))
        elif isinstance(event, EvaluationCompleted):
            self._line(evaluation_line(event))

    def _line(self, text: str) -> None:
        say(text, self._out)


class JsonReporter(Reporter):
    """Prints every event as one JSON object a line."""

    def progress(self, what: str) -> Callable[[int, int], None]:
        return lambda _done, _total: None

    def emit(self, event: Event) -> None:
        self._line(json.dumps(event_to_json(event), allow_nan=False))


class TerminalReporter(Reporter):
    """Draws a progress bar under the lines."""

    def __init__(self, *, to_stderr: bool = False) -> None:
        super().__init__(to_stderr=to_stderr)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=to_stderr),
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Reporter:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def progress(self, what: str) -> Callable[[int, int], None]:
        return lambda done, total: self._show(what, done, total)

    def emit(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._total = event.epochs * event.steps_per_epoch
        if isinstance(event, PhaseChanged):
            self._show(event.phase, event.done, event.total)
        elif isinstance(event, StepCompleted):
            note = f"loss {event.loss:.3f}  {event.objects_per_s:.0f} objects/s"
            self._show(f"epoch {event.epoch}/{self._epochs}", event.step, self._total, note)
        else:
            if isinstance(event, RunFinished):
                self._bar.stop()
            super().emit(event)

    def _show(self, what: str, done: int, total: int, note: str = "") -> None:
        if self._task is None:
            self._task = self._bar.add_task(what, total=None, note="")
        self._bar.update(
            self._task, description=what, completed=done, total=total or None, note=note
        )

    def _line(self, text: str) -> None:
        try:
            self._bar.console.print(text, markup=False, highlight=False)
        except OSError:
            lead_nowhere(self._out)


def summary_to_json(summary: DatasetSummary) -> dict[str, Any]:
    """Returns a data set's summary as a JSON object."""
    plain = {f.name: getattr(summary, f.name) for f in fields(summary)}
    text = json.dumps(plain, default=lambda v: v.tolist() if hasattr(v, "tolist") else str(v))
    found: dict[str, Any] = json.loads(text)
    return found


def make_reporter(*, as_json: bool, to_stderr: bool = False) -> Reporter:
    """Returns the reporter that fits: JSON, a terminal's, or plain lines."""
    if as_json:
        return JsonReporter()
    stream = sys.stderr if to_stderr else sys.stdout
    return (TerminalReporter if stream.isatty() else Reporter)(to_stderr=to_stderr)


def demo_folder() -> Path:
    """Returns the workspace's demo data set, drawn where it is not there yet."""
    workspace = default_workspace()
    if is_drawn(demo_path(workspace)):
        return demo_path(workspace)
    with make_reporter(as_json=False, to_stderr=True) as reporter:
        return draw_demo(workspace, reporter.progress("drawing the demo"))


def epoch_line(event: EpochCompleted, epochs: int) -> str:
    """Returns an epoch in one line."""
    text = f"epoch {event.epoch}/{epochs}  loss {event.loss:.4f}"
    if event.validation_accuracy is not None:
        text += f"  validation accuracy {event.validation_accuracy:.3f}"
    if event.compliance is not None:
        text += f"  compliance {event.compliance:.3f}"
    if event.ap50 is not None:
        text += f"  validation AP50 {event.ap50:.3f}"
    if event.proposal_recall is not None:
        text += f"  recall of proposals {event.proposal_recall:.3f}"
    return f"{text}  {event.duration_s:.1f} s"


def evaluation_line(event: EvaluationCompleted) -> str:
    """Returns a judgement in one line, accuracy beside the majority class's share."""
    if event.ap is not None and event.ap50 is not None:
        recall = event.proposal_recall
        text = f"{event.split}: AP {event.ap:.3f}, AP50 {event.ap50:.3f}"
        return text + (f", recall of 50 proposals {recall:.3f}" if recall is not None else "")
    if event.accuracy is None:
        return f"{event.split}: nothing to judge"
    text = (
        f"{event.split}: accuracy {event.accuracy:.3f} (majority class {event.majority_share:.3f})"
    )
    if event.balanced_accuracy is not None:
        text += f", balanced accuracy {event.balanced_accuracy:.3f}"
    return text + (f", AUROC {event.auroc:.3f}" if event.auroc is not None else "")
