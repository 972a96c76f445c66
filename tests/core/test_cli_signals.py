"""Signals and closed pipes: what the command line does when nobody waits or listens any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli_stopping import Stopping
from core.runs import Run
from core.training.control import TrainingControl

ROOT = Path(__file__).parents[2]
QUICK = (
    *("--set", "crops.size=16"),
    *("--set", "training.batch_size=40"),
    *("--set", "encoder.embedding_size=16"),
)


def akin(*words: object) -> list[str]:
    return [sys.executable, "-m", "core.cli", *map(str, words)]


# ----- closed pipes -----


def test_a_closed_pipe_does_not_end_a_training(tiny_voc: Path, tmp_path: Path) -> None:
    """akin train ... 2>&1 | head -1"""
    command = akin("train", "--data", tiny_voc, "--run", tmp_path / "run", *QUICK, "--epochs", 2)
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            process.stdout.close()
            assert process.wait(timeout=200) == 0
        finally:
            process.kill()
    outcome = Run(tmp_path / "run").outcome()
    assert outcome is not None
    assert (outcome.status, outcome.epochs) == ("done", 2)


@pytest.mark.parametrize(
    "words", [("train", "--help"), ("data", "check", "DATA"), ("runs", "list")]
)
def test_a_command_that_only_prints_ends_quietly(tiny_voc: Path, words: tuple[str, ...]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    command = akin(*(str(tiny_voc) if word == "DATA" else word for word in words))
    done = subprocess.run(
        command, cwd=ROOT, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (1, "")


# ----- signals -----


def test_a_second_ctrl_c_ends_at_once_and_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    control = TrainingControl()
    with Stopping(control) as stopping:
        signal.raise_signal(signal.SIGINT)
        assert control.stop_requested
        assert stopping.exit_code == 130
        assert "Ctrl+C again" in capfd.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert capfd.readouterr().err == "Ended at once; only what had been saved before is kept.\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    ("numbers", "together"),
    [((signal.SIGTERM, signal.SIGTERM), False), ((signal.SIGINT, signal.SIGINT), True)],
)
def test_a_signal_that_is_passed_on_twice_stops_once(
    capfd: pytest.CaptureFixture[str], numbers: tuple[signal.Signals, ...], together: bool
) -> None:
    """Slurm sends SIGTERM twice, torchrun Ctrl+C."""
    control = TrainingControl()
    with Stopping(control, together=together) as stopping:
        for number in numbers:
            signal.raise_signal(number)
    assert stopping.exit_code == 128 + numbers[0]
    assert not control.cancel_requested
    told = capfd.readouterr().err
    assert told == "Stopping after this step; what was learned is kept.\n"
