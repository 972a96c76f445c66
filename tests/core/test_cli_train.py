"""`akin train` and `akin evaluate`: what is refused, what is warned about, what is kept."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.config import ExperimentConfig
from core.events import event_from_json
from core.ranking import Ranking
from core.runs import Run, RunStore, default_workspace

ROOT = Path(__file__).parents[2]
Akin = Callable[..., Any]
QUICK = (
    *("--set", "crops.size=16"),
    *("--set", "training.batch_size=40"),
    *("--set", "training.precision=float32"),
    *("--set", "encoder.embedding_size=16"),
    *("--set", "optimizer.learning_rate=0.01"),
    *("--epochs", "1"),
)


def start(*words: object, **options: object) -> subprocess.Popen[str]:
    """Starts the command line as a process of its own."""
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-m", "core.cli", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def split(voc: Path, name: str) -> Path:
    return voc / "ImageSets" / "Main" / f"{name}.txt"


# ----- training: requests that make no sense -----


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--set", "device=cuda:7"], "Device 'cuda:7' was asked for", "auto or cpu"),
        (["--set", "data.withheld=[chiar]"], "'chiar' is no class of the data", "'chair'?"),
        (["--set", "data.test_split=tset"], "The data has no split 'tset'", "'test'?"),
        (["--set", "data.test_split=train"], "both in the training and in the test", "share no"),
        (["--set", "training.epoch=3"], "no configuration key 'training.epoch'", "epochs'?"),
        (["--set", "training.epochs=0"], "should be a whole number, at least 1", "default is 20"),
        (["--epochs", "0"], "should be a whole number, at least 1", "default is 20"),
        (["--set", "encoder.stem"], "'encoder.stem' sets nothing", "key=value"),
        (["--recipe", "dmo"], "There is no recipe 'dmo'", "'demo'?"),
        (["--ranking", "papr"], "There is no ranking 'papr'", "voc2007-paper"),
        (["nothing.yaml"], "nothing.yaml cannot be read", "--recipe NAME"),
        (["nothing.yaml", "--recipe", "demo"], "and a recipe were given", "one of them"),
        (["--resume"], "--resume needs a run directory", "--run DIR"),
        (["--prepared"], "--prepared needs a run directory", "--run DIR"),
        (["--prepared", "--run", "nothing"], "is not a run directory", "akin runs list"),
        (["--more", "2"], "--more needs a run to continue.", "--run DIR --resume"),
        (["--batch-size", "8"], "--batch-size needs a run", "--set training.batch_size=8"),
        (["--resume", "--run", "nothing"], "is not a run directory", "akin runs list"),
    ],
)
def test_train_requests_without_sense(
    akin: Akin, tiny_voc: Path, words: list[str], message: str, hint: str
) -> None:
    akin("train", "--data", tiny_voc, *words).expect_error(message, hint)
    assert RunStore(default_workspace() / "runs").list() == [], "a refused run left its directory"


def test_a_prepared_run_is_begun_once_and_as_it_is(akin: Akin, tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(ExperimentConfig(), Ranking())
    words = ("train", "--prepared", "--run", run.path)
    akin(*words, "--epochs", 2).expect_error("--epochs does not fit --prepared", "config.yaml")
    (run.checkpoint_folder / "last.pt").touch()
    akin(*words).expect_error("was begun before", "--resume")


def test_cuda_where_there_is_none(akin: Akin, tiny_voc: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    answer = akin("train", "--data", tiny_voc, "--set", "device=cuda", *QUICK)
    answer.expect_error("there is no such GPU here (none was found)", "device auto or cpu")


def test_train_without_data(akin: Akin, tmp_path: Path) -> None:
    akin("train").expect_error("No data was given.", "--data DIR")
    akin("train", "--data", tmp_path).expect_error("is not a VOC folder", "Annotations")
    akin("train", "--data", tmp_path / "x").expect_error("There is no folder", "Annotations")


def test_train_with_a_ranking_that_does_not_fit(akin: Akin, tiny_voc: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    for text, message, hint in (
        ("{cat: [dgo]}", "'dgo', ranked for 'cat', is no class", "Did you mean 'dog'?"),
        ("{cat: [dog, dog]}", "'dog' is ranked twice for 'cat'", "one tier"),
        ("{cat: [cat]}", "'cat' is ranked as similar to itself", "Remove it"),
    ):
        file.write_text(f"similar: {text}")
        akin("train", "--data", tiny_voc, "--ranking", file).expect_error(message, hint)


def test_train_into_an_existing_run(akin: Akin, tiny_voc: Path, tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(ExperimentConfig(), Ranking(), tmp_path / "run")
    answer = akin("train", "--data", tiny_voc, "--run", run.path)
    answer.expect_error(f"{run.path} exists already.", "--resume")
    assert Run(run.path).config == ExperimentConfig()


def test_train_where_nothing_can_be_written(akin: Akin, tiny_voc: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = akin("train", "--data", tiny_voc, "--run", tmp_path / "file" / "run")
    answer.expect_error("cannot be created: not a directory", "you can write to")


def test_train_on_an_empty_train_split(akin: Akin, own_voc: Path) -> None:
    split(own_voc, "train").write_text("")
    answer = akin("train", "--data", own_voc)
    answer.expect_error("The split 'train' has no objects to learn from", "data.train_split")


# ----- training: what is skipped or warned about -----


def test_a_class_with_a_single_object_is_a_warning(akin: Akin, own_voc: Path) -> None:
    image_id = split(own_voc, "train").read_text().split()[0]
    annotation = own_voc / "Annotations" / f"{image_id}.xml"
    text = re.sub(r"<name>\w+</name>", "<name>zebra</name>", annotation.read_text(), count=1)
    annotation.write_text(text)
    answer = akin("train", "--data", own_voc, *QUICK)
    assert answer.code == 0, answer.err
    assert "warning: 'zebra' has a single training object." in answer.out
    assert "warning: No class is ranked: method ranked trains as SupCon does." in answer.out


def test_an_empty_test_split_is_a_warning(akin: Akin, own_voc: Path) -> None:
    for name in ("test", "val"):
        split(own_voc, name).write_text("")
    answer = akin("train", "--data", own_voc, *QUICK)
    assert answer.code == 0, answer.err
    assert "warning: The test split is empty; there will be no test figures." in answer.out
    assert "warning: The validation split is empty" in answer.out
    assert "There was nothing to judge in the test split." in answer.out
    (run,) = RunStore(default_workspace() / "runs").list()
    metrics = run.metrics()
    assert metrics is not None
    assert metrics["accuracy"] is None
    assert akin("runs", "list").code == 0


def test_damaged_images_are_skipped_counted_and_trained_around(akin: Akin, own_voc: Path) -> None:
    image_ids = split(own_voc, "train").read_text().split()
    (own_voc / "JPEGImages" / f"{image_ids[0]}.jpg").write_bytes(b"no jpeg")
    whole = own_voc / "JPEGImages" / f"{image_ids[1]}.jpg"
    whole.write_bytes(whole.read_bytes()[:2000])
    answer = akin("train", "--data", own_voc, *QUICK)
    assert answer.code == 0, answer.err
    assert "problem" in answer.out
    assert f"{image_ids[1]}.jpg" in answer.out


# ----- training -----


def test_train_evaluate_and_list(akin: Akin, tiny_voc: Path, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    answer = akin(
        *("train", "--data", tiny_voc, "--ranking", "voc2007-paper", "--run", run.path),
        *("--set", "data.withheld=[chair, motorbike]", *QUICK),
    )
    assert answer.code == 0, answer.err
    assert answer.err == ""
    assert "ranked on cpu" in answer.out
    assert re.search(r"^epoch 1/1  loss \d\.\d+  validation accuracy ", answer.out, re.MULTILINE)
    assert re.search(r"test: accuracy 0\.\d+ \(majority class 0\.\d+\)", answer.out)
    assert answer.out.endswith(f"run: {run.path}\n")
    assert "warning: The ranking names 'chair', which is withheld" in answer.out
    metrics = run.metrics()
    (run.path / "metrics.json").unlink()
    answer = akin("evaluate", run.path)
    assert answer.code == 0, answer.err
    again = run.metrics()
    assert metrics is not None
    assert again is not None
    assert again["confusion"] == metrics["confusion"]
    assert again["ood"] == metrics["ood"]
    assert "run" in akin("runs", "list", tmp_path).out
    assert akin("train", "--run", run.path, "--resume").code == 0
    longer = akin("train", "--run", run.path, "--resume", "--more", "1")
    assert "Trained 2 epochs" in longer.out
    assert Run(run.path).config.training.epochs == 2
    for words, message, hint in (
        (["--epochs", "2"], "has 2 epochs already", "Plan more than 2."),
        (["--epochs", "3", "--more", "1"], "--more and --epochs were given", "one of them"),
        (["--set", "seed=3"], "--set does not fit --resume", "may change"),
        (
            ["--more", "1", "--batch-size", "1"],
            "training.batch_size = 1 is not",
            "The default is 128",
        ),
        (["--batch-size", "many"], "Invalid value for '--batch-size'", "--help"),
    ):
        akin("train", "--run", run.path, "--resume", *words).expect_error(message, hint)
    assert Run(run.path).config.training.epochs == 2
    answer = akin("train", "--run", run.path, "--resume", "--epochs", "3")
    assert "Trained 3 epochs" in answer.out
    assert "warning: The learning rate now follows the schedule of 3 epochs" in answer.out
    for size, told in ((16, True), (16, False)):  # given again, it is what is planned
        answer = akin("train", "--run", run.path, "--resume", "--more", "1", "--batch-size", size)
        assert answer.code == 0, answer.err
        assert (f"From here on a batch holds {size} objects" in answer.out) == told


def test_a_run_whose_data_moved_is_resumed_with_them_and_no_others(
    akin: Akin, own_voc: Path, tmp_path: Path
) -> None:
    run = Run(tmp_path / "run")
    assert akin("train", "--data", own_voc, "--run", run.path, *QUICK).code == 0
    moved = own_voc.rename(tmp_path / "moved")
    again = ("train", "--run", run.path, "--resume", "--more", 1)
    akin(*again).expect_error("There is no folder", f"--run {run.path} --resume --data DIR")
    other = shutil.copytree(moved, tmp_path / "other")
    split(other, "train").write_text("\n".join(split(other, "train").read_text().split()[1:]))
    before = Run(run.path).config
    akin(*again, "--data", other).expect_error("is not what run was trained on", "its own data")
    assert Run(run.path).config == before.with_values({"training.epochs": 2})
    answer = akin("train", "--run", run.path, "--resume", "--data", moved)
    assert answer.code == 0, answer.err
    assert "Trained 2 epochs" in answer.out
    assert "is not what" not in answer.out
    assert Run(run.path).config.data.folder == str(moved)
    shutil.copytree(other, moved, dirs_exist_ok=True)  # the data change where they are
    for words in (("evaluate", run.path), ("train", "--run", run.path, "--resume")):
        assert "is not what run was trained on" in akin(*words).out


def test_json_lines_are_the_events(akin: Akin, tiny_voc: Path, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    answer = akin("train", "--data", tiny_voc, "--run", run.path, "--json", *QUICK)
    assert answer.code == 0, answer.err
    printed = [event_from_json(json.loads(line)) for line in answer.out.splitlines()]
    assert printed == list(run.events())


def test_a_full_disk_while_training(akin_process: Akin, tiny_voc: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: no checkpoint can be written."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))"
    words = ("--data", tiny_voc, "--run", tmp_path / "run", *QUICK)
    answer = akin_process("train", *words, first=limit)
    answer.expect_error("cannot be written", "Free some disk space", code=1)
    outcome = Run(tmp_path / "run").outcome()
    assert outcome is not None
    assert (outcome.status, outcome.cause) == ("failed", "disk")
    leftovers = [p.name for p in (tmp_path / "run" / "checkpoints").iterdir()]
    assert leftovers == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_save_and_the_run_can_be_resumed(
    tiny_voc: Path, tmp_path: Path, number: signal.Signals
) -> None:
    from core.events import CheckpointSaved, StepCompleted
    from core.training.control import TrainingControl
    from core.training.trainer import Trainer

    run = Run(tmp_path / "run")
    words = ("--data", tiny_voc, "--run", run.path, *QUICK, "--epochs", 100_000)
    process = start("train", *words)
    watchdog = threading.Timer(100, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        while not (line := process.stdout.readline()).startswith("epoch 1/100000"):
            assert line, "the process ended before its first epoch"
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=60)
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
    assert process.returncode == 128 + number, err
    again = " Ctrl+C again ends it at once." if number == signal.SIGINT else ""
    assert err == f"Stopping after this step; what was learned is kept.{again}\n"
    assert "Stopped and kept after" in out
    outcome = run.outcome()
    assert outcome is not None
    assert outcome.status == "stopped"
    (saved,) = [event for event in run.events() if isinstance(event, CheckpointSaved)][-1:]

    control = TrainingControl()
    steps: list[int] = []

    def stop_at_once(event: object) -> None:
        if isinstance(event, StepCompleted):
            steps.append(event.step)
            control.stop()

    assert Trainer(run, stop_at_once, control, resume=True).run().status == "stopped"
    assert steps[0] == saved.step + 1
