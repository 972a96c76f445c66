"""Two processes that train one model, started by torchrun as a user would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.runs import Run
from core.training.distributed import Team
from tests.core.training.conftest import Create, Train, Trained

EXACT = {"training__precision": "float64", "training__freeze_batch_norm": True}
OBJECTIVES = {
    "bank": {"contrast__bank_size": 64, "contrast__momentum": 0.9},
    "batch": {"contrast__bank_size": 0, "contrast__momentum": 0.0},
    "softmax": {"objective__method": "softmax"},
    "triplet": {"objective__method": "triplet", "contrast__bank_size": 64},
}

# The command line, out of memory in the second epoch in one process.
OUT_OF_MEMORY = """
import os
import torch
import core.training.trainer
from core.cli import main
from core.training.learner import Learner
core.training.trainer.CHECKPOINT_INTERVAL_S = 0.0
step_loss = Learner.step_loss
def short(learner, crops, labels, step, background=None):
    if step == 4 and os.environ["RANK"] == "1":
        raise torch.OutOfMemoryError("CUDA out of memory.")
    return step_loss(learner, crops, labels, step, background)
Learner.step_loss = short
main()
"""


def start(run: Path, *words: str) -> subprocess.Popen[str]:
    """Starts the run that has been created in `run`, in two processes."""
    launch = ["torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    command = [sys.executable, "-m", *launch, "-m", "core.cli", "train", "--run-dir", str(run)]
    return subprocess.Popen(
        [*command, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def settings(run: Run) -> list[str]:
    """Returns the words that make the same run again."""
    return [str(run.path / "config.yaml"), "--ranking", str(run.path / "ranking.yaml")]


def losses(path: Path) -> dict[int, float]:
    return Trained(Run(path), None, ()).losses()  # type: ignore[arg-type]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_two_processes_give_the_losses_of_one(train: Train, tmp_path: Path, objective: str) -> None:
    """The batch of 41 does not divide by two: one process has a row more."""
    alone = train(**EXACT, **OBJECTIVES[objective], training__batch_size=41)
    process = start(tmp_path / "both", *settings(alone.run))
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    expected = alone.losses()
    found = losses(tmp_path / "both")
    assert len(expected) > 3
    assert found == pytest.approx(expected, rel=0, abs=1e-6)
    both = Run(tmp_path / "both")
    assert both.metrics()["confusion"] == alone.run.metrics()["confusion"]  # type: ignore[index]
    assert both.environment()["num_processes"] == 2


def test_batch_norm_of_each_process_gives_other_losses(train: Train, tmp_path: Path) -> None:
    """What the help says: only frozen statistics make it the training of one process."""
    alone = train(training__precision="float64", training__epochs=1)
    process = start(tmp_path / "both", *settings(alone.run))
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    expected, found = alone.losses(), losses(tmp_path / "both")
    assert found.keys() == expected.keys()
    assert abs(found[1] - expected[1]) > 1e-4


def test_interrupted_and_resumed(create: Create, tmp_path: Path) -> None:
    """Ctrl+C reaches one process first; both end after the same step, and the run goes on."""
    run = create(**EXACT, training__epochs=40)
    process = start(tmp_path / "both", *settings(run))
    wait_for(lambda: len(losses(tmp_path / "both")) > 2, process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    stopped = Run(tmp_path / "both")
    outcome = stopped.outcome()
    assert outcome is not None
    assert outcome.status == "stopped"
    done = max(losses(stopped.path))
    assert 2 < done < 40 * 3
    resumed = start(stopped.path, "--resume")
    wait_for(lambda: max(losses(stopped.path)) > done, resumed)
    resumed.send_signal(signal.SIGINT)
    resumed.communicate(timeout=60)
    assert sorted(losses(stopped.path)) == list(range(1, max(losses(stopped.path)) + 1))


def test_sigterm_to_the_launcher_stops_and_keeps(create: Create, tmp_path: Path) -> None:
    """As Slurm and docker stop send it; torchrun passes it on and waits."""
    run = create(**EXACT, training__epochs=100_000)
    process = start(tmp_path / "both", *settings(run))
    wait_for(lambda: len(losses(tmp_path / "both")) > 2, process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=25)  # after 30 s torchrun would kill
    outcome = Run(tmp_path / "both").outcome()
    assert outcome is not None
    assert outcome.status == "stopped"
    assert (tmp_path / "both" / "checkpoints" / "last.pt").exists()


def test_a_process_that_dies_ends_the_run_with_a_sentence(create: Create, tmp_path: Path) -> None:
    run = create(**EXACT, training__epochs=40)
    process = start(tmp_path / "both", *settings(run))
    wait_for(lambda: len(losses(tmp_path / "both")) > 2, process)
    os.kill(worker(process.pid, index=1), signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    outcome = Run(tmp_path / "both").outcome()
    assert outcome is not None
    assert outcome.message == "Another process of the run ended or cannot be reached."
    assert "core/training" not in errors  # torchrun prints a traceback of its own, we none


def test_out_of_memory_in_one_process_names_the_command_for_all(
    create: Create, tmp_path: Path
) -> None:
    run = create(training__epochs=2)
    program = tmp_path / "program.py"
    program.write_text(OUT_OF_MEMORY)
    launch = ["torch.distributed.run", "--nproc-per-node", "2", "--standalone", str(program)]
    done = subprocess.run(
        [sys.executable, "-m", *launch, "train", *settings(run), "--run-dir", tmp_path / "both"],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])},
        timeout=120,
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if line.startswith(("error: ", "hint: "))]
    again = f"train --run-dir {tmp_path / 'both'} --resume --batch-size 20"
    assert told == [
        "error: In process 1: The device ran out of memory.",
        "hint: Halve the batch size to 20 and resume; its last checkpoint is kept: "
        f"torchrun --nproc-per-node 2 -m core.cli {again}",
    ]
    refused = start(tmp_path / "both", "--resume", "--batch-size", "3")
    _, errors = refused.communicate(timeout=60)
    assert errors.count("error: A batch of 3 objects is too small for 2 processes.") == 1
    assert Run(tmp_path / "both").config.training.batch_size == 40
    resumed = start(tmp_path / "both", "--resume", "--batch-size", "20")
    out, errors = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, errors
    assert out.count("warning: From here on a batch holds 20 objects instead of 40;") == 1
    assert Run(tmp_path / "both").config.training.batch_size == 20


def test_a_batch_too_small_is_told_once(create: Create, tmp_path: Path) -> None:
    run = create(training__batch_size=3)
    process = start(tmp_path / "both", *settings(run))
    _, errors = process.communicate(timeout=60)
    assert errors.count("error: A batch of 3 objects is too small for 2 processes.") == 1
    assert process.returncode == 1  # torchrun's own, whatever its processes return


def test_rows_cover_the_batch_once() -> None:
    for count in (1, 2, 3, 7):
        rows = []
        for index in range(count):
            team = Team()
            team.process_index, team.num_processes = index, count
            part = list(range(23))[team.rows(23)]
            assert len(part) in (23 // count, 23 // count + 1)
            rows += part
        assert rows == list(range(23))


def worker(launcher: int, index: int) -> int:
    """Returns the process id of one of the processes that torchrun started."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and f"PPid:\t{launcher}\n" in (folder / "status").read_text():
            words = (folder / "environ").read_bytes().split(b"\0")
            if f"RANK={index}".encode() in words:
                return int(folder.name)
    raise AssertionError("no such process")


def wait_for(happened: object, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            if happened():  # type: ignore[operator]
                return
        except (OSError, ValueError):
            pass
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.1)
