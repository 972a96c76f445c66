"""How events look: plain lines in a pipe, JSON for programs, a bar on a terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from core.cli_output import (
    JsonReporter,
    Reporter,
    epoch_line,
    evaluation_line,
    make_reporter,
    print_error,
)
from core.events import (
    EpochCompleted,
    EvaluationCompleted,
    Event,
    Outcome,
    PhaseChanged,
    RunFinished,
    RunStarted,
    StepCompleted,
    WarningRaised,
    event_from_json,
)

ROOT = Path(__file__).parents[2]
STARTED = RunStarted(
    run="r",
    method="ranked",
    device="cpu",
    epochs=2,
    steps_per_epoch=3,
    train_objects=120,
    validation_objects=40,
    test_objects=50,
)
STEP = StepCompleted(step=1, epoch=1, loss=2.5, learning_rate=0.1, objects_per_s=100.0)
EVENTS: tuple[Event, ...] = (
    PhaseChanged(phase="caching crops", done=0, total=40),
    PhaseChanged(phase="caching crops", done=20, total=40),
    WarningRaised(message="'zebra' has [one] object.", hint="Add images."),
    STARTED,
    STEP,
    EpochCompleted(epoch=1, step=3, loss=2.25, validation_accuracy=0.5, duration_s=1.25),
    EvaluationCompleted(split="test", accuracy=0.5, balanced_accuracy=0.4, majority_share=0.2),
    RunFinished(outcome=Outcome("done", "Trained.")),
)


def test_a_pipe_gets_one_plain_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    with make_reporter(as_json=False) as reporter:
        for event in EVENTS:
            reporter.emit(event)
    assert capsys.readouterr().out.splitlines() == [
        "caching crops ...",
        "warning: 'zebra' has [one] object. Add images.",
        "ranked on cpu: 120 objects to learn from, 40 to validate, 50 to test",
        "epoch 1/2  loss 2.2500  validation accuracy 0.500  1.2 s",
        "test: accuracy 0.500 (majority class 0.200), balanced accuracy 0.400",
    ]


def test_json_lines_are_the_events(capsys: pytest.CaptureFixture[str]) -> None:
    with make_reporter(as_json=True) as reporter:
        assert isinstance(reporter, JsonReporter)
        reporter.progress("drawing")(1, 2)
        for event in EVENTS:
            reporter.emit(event)
    lines = capsys.readouterr().out.splitlines()
    assert tuple(event_from_json(json.loads(line)) for line in lines) == EVENTS


def test_standard_error_where_standard_output_is_for_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with make_reporter(as_json=False, to_stderr=True) as reporter:
        assert type(reporter) is Reporter
        reporter.progress("drawing the demo")(1, 2)
    assert capsys.readouterr() == ("", "drawing the demo ...\n")


def test_errors_are_two_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("It broke.", "Mend it.")
    print_error("It broke.", "")
    assert capsys.readouterr() == ("", "error: It broke.\nhint: Mend it.\nerror: It broke.\n")


def test_a_line_for_what_could_not_be_judged() -> None:
    epoch = EpochCompleted(epoch=2, step=6, loss=1.0, compliance=0.75, duration_s=0.04)
    assert epoch_line(epoch, 2) == "epoch 2/2  loss 1.0000  compliance 0.750  0.0 s"
    assert evaluation_line(EvaluationCompleted(split="test")) == "test: nothing to judge"
    judged = EvaluationCompleted(split="test", accuracy=0.5, majority_share=0.2, auroc=0.625)
    assert evaluation_line(judged) == ("test: accuracy 0.500 (majority class 0.200), AUROC 0.625")


def test_a_terminal_gets_a_bar_and_the_same_lines() -> None:
    script = """
        import sys
        from core.cli_output import TerminalReporter, make_reporter
        from tests_events import EVENTS
        with make_reporter(as_json=False) as reporter:
            assert isinstance(reporter, TerminalReporter)
            for event in EVENTS:
                reporter.emit(event)
                reporter._bar.refresh()
    """
    loader = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('tests_events', {__file__!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "sys.modules['tests_events'] = module\n"
        "spec.loader.exec_module(module)\n"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", loader + textwrap.dedent(script)],
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "160"},
    )
    os.close(theirs)
    shown = io.BytesIO()
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        shown.write(part)
    os.close(ours)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err.decode()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue().decode())
    assert "caching crops" in text
    assert "20/40" in text
    assert "loss 2.500  100 objects/s" in text
    assert "epoch 1/2  loss 2.2500" in text
    assert "warning: 'zebra' has [one] object. Add images." in text
