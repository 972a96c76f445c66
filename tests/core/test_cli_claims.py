"""Commands that meet a run while another process trains it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.runs import Run
from core.training.detector_run import DetectorRun

ROOT = Path(__file__).parents[2]
Akin = Callable[..., Any]
QUICK = (
    *("--set", "crops.size=16"),
    *("--set", "training.batch_size=40"),
    *("--set", "encoder.embedding_size=16"),
    *("--epochs", "100000"),
)


@contextmanager
def training(*words: object) -> Iterator[subprocess.Popen[str]]:
    """A process that trains, in its first epoch or later; killed in the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "core.cli", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            while not (line := process.stdout.readline()).startswith("epoch 1/"):
                assert line, "the process ended before its first epoch"
            yield process
        finally:
            process.kill()


def test_a_run_that_is_being_trained_is_left_alone(
    akin: Akin, tiny_voc: Path, tmp_path: Path
) -> None:
    run = Run(tmp_path / "c1")
    with training("train", "--data", tiny_voc, "--run", run.path, *QUICK) as process:
        config = (run.path / "config.yaml").read_bytes()
        for words in (
            ("train", "--run", run.path, "--resume", "--more", 3),
            ("evaluate", run.path),
            ("runs", "trash", run.path),
        ):
            akin(*words).expect_error("c1 is being trained.", "Stop it first.")
        assert run.outcome() is None
        assert (run.path / "config.yaml").read_bytes() == config
        # A resume that has not got as far as taking the old outcome away:
        (run.path / "outcome.json").write_text("{}")
        akin("train", "--run", run.path, "--resume").expect_error("c1 is being trained.")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        assert "Stopped and kept" in out
    assert not (run.path / "lock").exists()


def test_a_detector_that_is_being_trained_is_left_alone(
    akin: Akin, tiny_voc: Path, tmp_path: Path
) -> None:
    run = DetectorRun(tmp_path / "d1")
    words = ("detect", "train", "--run", run.path)
    few = ("--set", "training.validation_images=2", "--epochs", 1000)
    with training(*words, "--data", tiny_voc, *few):
        akin(*words, "--resume").expect_error("d1 is being trained.", "Stop it first.")
        assert run.outcome() is None
    assert (run.path / "lock").exists(), "it was killed"
    with run.claim():  # and yet the run is free
        pass
