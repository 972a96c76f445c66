"""The command line: what it prints, where, and with which exit code."""

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
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.cli import main
from core.config import ExperimentConfig
from core.events import Outcome, event_from_json
from core.ranking import Ranking
from core.runs import Run, RunStore, default_workspace, write_json

ROOT = Path(__file__).parents[2]
QUICK = (
    *("--set", "crops.size=16"),
    *("--set", "training.batch_size=40"),
    *("--set", "training.precision=float32"),
    *("--set", "encoder.embedding_size=16"),
    *("--set", "optimizer.learning_rate=0.01"),
    *("--epochs", "1"),
)


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def expect_error(self, message: str, hint: str = "", code: int = 2) -> None:
        """One sentence, one hint, no traceback; `message` and `hint` are parts of them."""
        lines = self.err.splitlines()
        assert self.code == code, self.err
        assert "Traceback" not in self.err + self.out
        errors = [line for line in lines if line.startswith("error: ")]
        assert len(errors) == 1, self.err
        assert message in errors[0]
        hints = [line for line in lines if line.startswith("hint: ")]
        assert len(hints) == 1, self.err
        assert hint in hints[0]


Akin = Callable[..., Answer]


@pytest.fixture
def akin(capfd: pytest.CaptureFixture[str]) -> Akin:
    """Runs the command line in this process."""

    def run(*words: object) -> Answer:
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(word) for word in words])
        out, err = capfd.readouterr()
        assert isinstance(stopped.value.code, int)
        return Answer(stopped.value.code, out, err)

    return run


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


@pytest.fixture
def own_voc(tiny_voc: Path, tmp_path: Path) -> Path:
    """A copy of the tiny data set that a test may damage: the folder VOC2007 itself."""
    return shutil.copytree(tiny_voc / "VOCdevkit" / "VOC2007", tmp_path / "VOC2007")


def split(voc: Path, name: str) -> Path:
    return voc / "ImageSets" / "Main" / f"{name}.txt"


# ----- the words themselves -----


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], "No such command"),
        (["train", "--lerning-rate", "3"], "No such option"),
        (["train", "--epochs", "many"], "--epochs"),
        (["demo"], "Missing argument"),
        (["ranking", "check", "none"], "Missing option"),
        (["runs"], "Missing command"),
        (["demo", "x", "--images", "3"], "--images"),
    ],
)
def test_words_without_sense(akin: Akin, words: list[str], message: str) -> None:
    akin(*words).expect_error(message, "akin --help")


def test_help_names_every_command(akin: Akin) -> None:
    answer = akin("--help")
    assert answer.code == 0
    for command in ("demo", "train", "evaluate", "data", "ranking", "runs"):
        assert re.search(rf"\b{command}\b", answer.out)


def test_a_real_process_ends_with_the_code_and_no_traceback() -> None:
    process = start("train", "--recipe", "dmo")
    out, err = process.communicate(timeout=60)
    Answer(process.returncode, out, err).expect_error("no recipe 'dmo'", "Did you mean 'demo'?")
    assert out == ""


# ----- demo and data check -----


def test_demo_is_written_and_checked(akin: Akin, tmp_path: Path) -> None:
    answer = akin("demo", tmp_path / "demo", "--images", 40, "--seed", 3)
    assert answer.code == 0
    assert f"40 scenes written to {tmp_path / 'demo'}" in answer.out
    answer = akin("data", "check", tmp_path / "demo")
    assert answer.code == 0
    assert "40 images" in answer.out
    assert "20 classes" in answer.out
    assert "0 problems found" in answer.out
    assert re.search(r"^ *sheep( +\d+){5} *$", answer.out, re.MULTILINE)


def test_demo_refuses_a_folder_with_data(akin: Akin, own_voc: Path) -> None:
    akin("demo", own_voc, "--images", 40).expect_error("holds a data set already", "another")


def test_data_check_lists_what_it_skipped_and_is_content(akin: Akin, own_voc: Path) -> None:
    images = sorted((own_voc / "JPEGImages").iterdir())
    images[0].write_bytes(images[0].read_bytes()[:500])
    images[1].unlink()
    (own_voc / "Annotations" / f"{images[2].stem}.xml").write_text("<annotation><obj")
    answer = akin("data", "check", own_voc)
    assert answer.code == 0
    assert answer.err == ""
    assert answer.out.count("\nskipped: ") >= 3
    for image in images[:3]:
        assert image.stem in answer.out
    found = re.search(r"(\d+) problems found", answer.out)
    assert found
    assert int(found[1]) == answer.out.count("\nskipped: ")
    data = json.loads(akin("data", "check", own_voc, "--json").out)
    assert len(data["problems"]) == int(found[1])
    assert data["images"] == 37


def test_data_check_of_no_voc_folder(akin: Akin, tmp_path: Path) -> None:
    akin("data", "check", tmp_path).expect_error("is not a VOC folder", "Annotations")
    akin("data", "check", tmp_path / "x").expect_error("There is no folder", "Annotations")


# ----- rankings -----


def test_ranking_check(akin: Akin, tiny_voc: Path) -> None:
    answer = akin("ranking", "check", "voc2007-paper", "--data", tiny_voc)
    assert answer.code == 0
    assert answer.out == "voc2007-paper: fits; 17 of 20 classes rank others, depth 3\n"
    answer = akin("ranking", "check", "voc2007-paper", "--data", tiny_voc, "--json")
    assert json.loads(answer.out) == {"name": "voc2007-paper", "depth": 3, "problems": []}


def test_ranking_check_names_every_fault(akin: Akin, tiny_voc: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("similar: {cat: [dgo, cat, sheep, sheep]}")
    answer = akin("ranking", "check", file, "--data", tiny_voc)
    answer.expect_error("'dgo', ranked for 'cat', is no class", "Did you mean 'dog'?")
    assert answer.err.count("also: ") == 2
    assert "'cat' is ranked as similar to itself." in answer.err
    assert "'sheep' is ranked twice for 'cat'." in answer.err
    answer = akin("ranking", "check", file, "--data", tiny_voc, "--json")
    assert answer.code == 2
    assert [p["name"] for p in json.loads(answer.out)["problems"]] == ["dgo", "cat", "sheep"]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("similar: {cat: [dog", "mine.yaml is not valid YAML at line 1", "Correct the file"),
        ("similar: {cat: dog}", "what is ranked for 'cat' is not a list", "cat: [bird, boat]"),
    ],
)
def test_a_broken_ranking_file(
    akin: Akin, tiny_voc: Path, tmp_path: Path, text: str, message: str, hint: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    akin("ranking", "check", file, "--data", tiny_voc).expect_error(message, hint)
    akin("train", "--data", tiny_voc, "--ranking", file).expect_error(message, hint)
    assert RunStore(default_workspace() / "runs").list() == []


# ----- runs list -----


def test_runs_list_of_an_empty_workspace(akin: Akin, tmp_path: Path) -> None:
    answer = akin("runs", "list")
    assert answer.code == 0
    assert answer.out.startswith(f"No runs in {default_workspace() / 'runs'}. Train one with")
    assert json.loads(akin("runs", "list", tmp_path, "--json").out) == []


def test_runs_list(akin: Akin) -> None:
    store = RunStore(default_workspace() / "runs")
    done = store.create(ExperimentConfig(), Ranking())
    done.write_outcome(Outcome("done", "Trained."))
    write_json(done.path / "metrics.json", {"accuracy": 0.61234, "ood": {"auroc": 0.5}})
    write_json(done.path / "environment.json", {"data_name": "Akin demo", "started": 1.8e9})
    store.create(ExperimentConfig().with_values({"objective.method": "softmax"}), Ranking())
    answer = akin("runs", "list")
    assert answer.code == 0
    assert answer.err == ""
    header, first, second = answer.out.splitlines()
    assert header.split() == ["run", "started", "status", "method", "data", "accuracy", "AUROC"]
    for word in ("0001-ranked", "2027-01-1", "done", "ranked r3", "Akin demo", "0.612", "0.500"):
        assert word in first
    assert second.split() == ["0002-softmax", "interrupted", "softmax"]
    rows = json.loads(akin("runs", "list", "--json").out)
    assert [row["accuracy"] for row in rows] == [0.61234, None]
    assert rows[0]["path"] == str(done.path)


def test_runs_list_passes_over_a_damaged_run(akin: Akin) -> None:
    store = RunStore(default_workspace() / "runs")
    for _ in range(4):
        store.create(ExperimentConfig(), Ranking()).write_outcome(Outcome("done", "Trained."))
    (store.folder / "0001-ranked" / "config.yaml").write_text("training: [")
    (store.folder / "0002-ranked" / "outcome.json").write_text("{")
    (store.folder / "0003-ranked" / "metrics.json").write_text("[]")
    answer = akin("runs", "list")
    assert answer.code == 0
    assert [line.split()[0] for line in answer.out.splitlines()[1:]] == [
        "0003-ranked",
        "0004-ranked",
    ]
    assert answer.err.count("skipped: ") == 2
    assert "0001-ranked" in answer.err


# ----- training: requests that make no sense -----


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--set", "device=cuda:7"], "Device 'cuda:7' was asked for", "auto or cpu"),
        (["--set", "data.withheld=[chiar]"], "'chiar' is no class of the data", "'chair'?"),
        (["--set", "data.test_split=tset"], "The data has no split 'tset'", "'test'?"),
        (["--set", "data.test_split=train"], "both in the training and in the test", "share no"),
        (["--set", "training.epoch=3"], "no configuration key 'training.epoch'", "epochs'?"),
        (["--set", "training.epochs=0"], "training.epochs = 0 is not possible", "Passes over"),
        (["--epochs", "0"], "training.epochs = 0 is not possible", "Passes over"),
        (["--set", "encoder.stem"], "'encoder.stem' sets nothing", "key=value"),
        (["--recipe", "dmo"], "There is no recipe 'dmo'", "'demo'?"),
        (["--ranking", "papr"], "There is no ranking 'papr'", "voc2007-paper"),
        (["nothing.yaml"], "nothing.yaml cannot be read", "--recipe NAME"),
        (["nothing.yaml", "--recipe", "demo"], "and a recipe were given", "one of them"),
        (["--resume"], "--resume needs a run directory", "--run DIR"),
        (["--resume", "--run", "nothing"], "is not a run directory", "akin runs list"),
    ],
)
def test_train_requests_without_sense(
    akin: Akin, tiny_voc: Path, words: list[str], message: str, hint: str
) -> None:
    akin("train", "--data", tiny_voc, *words).expect_error(message, hint)
    assert RunStore(default_workspace() / "runs").list() == [], "a refused run left its directory"


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


def test_json_lines_are_the_events(akin: Akin, tiny_voc: Path, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    answer = akin("train", "--data", tiny_voc, "--run", run.path, "--json", *QUICK)
    assert answer.code == 0, answer.err
    printed = [event_from_json(json.loads(line)) for line in answer.out.splitlines()]
    assert printed == list(run.events())


def test_a_full_disk_while_training(tiny_voc: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: no checkpoint can be written."""
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6));"
        "from core.cli import main; main(sys.argv[1:])"
    )
    words = ["train", "--data", tiny_voc, "--run", tmp_path / "run", *QUICK]
    done = subprocess.run(
        [sys.executable, "-c", limited, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    answer = Answer(done.returncode, done.stdout, done.stderr)
    answer.expect_error("cannot be written", "Free some disk space", code=1)
    outcome = Run(tmp_path / "run").outcome()
    assert outcome is not None
    assert (outcome.status, outcome.cause) == ("failed", "disk")
    leftovers = [p.name for p in (tmp_path / "run" / "checkpoints").iterdir()]
    assert leftovers == []


def test_ctrl_c_saves_and_can_be_resumed(tiny_voc: Path, tmp_path: Path) -> None:
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
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
    assert process.returncode == 130, err
    assert err == ""
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
