"""A run that was interrupted ends exactly where one that was not does: weights and losses."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import ConfigError, RunError
from core.events import CheckpointSaved, EpochCompleted, Event, StepCompleted, WarningRaised
from core.runs import Run
from core.training.control import TrainingControl
from core.training.extension import replanned

ROOT = Path(__file__).parents[3]
VARIANTS: dict[str, dict[str, Any]] = {
    "bank": {"contrast__bank_size": 50, "contrast__momentum": 0.99},
    "adamw": {
        "optimizer__name": "adamw",
        "schedule__warmup_epochs": 1,
        "training__balanced": True,
        "training__ema": 0.9,
    },
    "constant": {"schedule__name": "constant"},
    "softmax": {"objective__method": "softmax"},
}


@pytest.fixture(scope="session")
def whole(train: Any) -> Any:
    """Returns the run of four epochs of a variant, never interrupted."""
    runs: dict[str, Any] = {}

    def get(variant: str) -> Any:
        if variant not in runs:
            runs[variant] = train(keep=True, training__epochs=4, **VARIANTS[variant])
            assert runs[variant].outcome.status == "done"
        return runs[variant]

    return get


def assert_equal(a: Any, b: Any, where: str = "state") -> None:
    """Compares two checkpoints, tensors bit for bit."""
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            if key != "trained_s":
                assert_equal(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_equal(x, y, f"{where}[{i}]")
    elif isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype, where
        assert torch.equal(a, b), where
    else:
        assert a == b, where


def assert_same_end(resumed: Any, whole: Any) -> None:
    assert resumed.outcome.status == "done", resumed.outcome
    assert resumed.losses() == whole.losses()
    assert resumed.epochs() == whole.epochs()
    assert_equal(resumed.state(), whole.state())
    assert_equal(resumed.state("best.pt"), whole.state("best.pt"))
    steps = [event.step for event in resumed.run.events() if isinstance(event, StepCompleted)]
    assert steps == sorted(set(steps)), "events.jsonl does not read as one run"
    kept, expected = resumed.run.epoch_embeddings, whole.run.epoch_embeddings
    assert kept.epochs() == expected.epochs() == (1, 2, 3, 4)
    np.testing.assert_array_equal(kept.objects().box_xyxy_N4, expected.objects().box_xyxy_N4)
    for epoch in expected.epochs():
        a, b = kept.load(epoch), expected.load(epoch)
        np.testing.assert_array_equal(a.embedding_ND, b.embedding_ND)
        np.testing.assert_array_equal(a.predicted_N, b.predicted_N)
    for key in ("accuracy", "confusion", "compliance"):
        assert resumed.run.metrics()[key] == whole.run.metrics()[key]


def stop_after_epoch(epoch: int) -> Any:
    def act(event: Event, control: TrainingControl) -> None:
        if isinstance(event, EpochCompleted) and event.epoch == epoch:
            control.stop()

    return act


@pytest.mark.parametrize("variant", ["adamw", "softmax"])
def test_two_epochs_a_stop_and_two_more_are_four(train: Any, whole: Any, variant: str) -> None:
    first = train(None, stop_after_epoch(2), training__epochs=4, **VARIANTS[variant])
    assert first.outcome.status == "stopped"
    assert first.saved_at() == max(whole(variant).losses()) // 2
    assert_same_end(train(first.run, resume=True), whole(variant))


def test_two_epochs_and_two_more_are_four(train: Any, whole: Any) -> None:
    first = train(training__epochs=2, **VARIANTS["constant"])
    assert first.outcome.status == "done"
    longer = replanned(first.run, more=2)
    assert longer.config == whole("constant").run.config
    assert replanned(first.run, epochs=4).config == longer.config
    resumed = train(longer, resume=True)
    assert not [e for e in resumed.events if isinstance(e, WarningRaised)]
    assert_same_end(resumed, whole("constant"))


def test_more_epochs_of_a_cosine_say_that_the_rate_goes_up_again(train: Any) -> None:
    first = train(training__epochs=1)
    with pytest.raises(ConfigError, match="has 1 epoch already"):
        replanned(first.run, epochs=1)
    resumed = train(replanned(first.run, epochs=2), resume=True)
    assert resumed.outcome.status == "done"
    (warning,) = [e.message for e in resumed.events if isinstance(e, WarningRaised)]
    assert "follows the schedule of 2 epochs: it goes on at 0.00" in warning
    assert [epoch[0] for epoch in resumed.epochs()] == [1, 2]


@pytest.mark.parametrize("epochs", [0, -3])
def test_no_more_epochs_change_nothing(create: Any, epochs: int) -> None:
    run = create()
    with pytest.raises(ConfigError, match="are none"):
        replanned(run, more=epochs)
    with pytest.raises(ConfigError, match="has 0 epochs already"):
        replanned(run, epochs=epochs)
    with pytest.raises(ConfigError, match="batch_size = 1 is not possible"):
        replanned(run, epochs=5, batch_size=1)
    assert Run(run.path).config == run.config


def test_the_average_of_the_weights_is_what_is_judged(whole: Any) -> None:
    learner = whole("adamw").state()["learner"]
    name = "head.0.weight"
    assert not torch.equal(learner["average"][name], learner["encoder"][name])
    best = whole("adamw").state("best.pt")
    last = [e for e in whole("adamw").run.events() if isinstance(e, EpochCompleted)][-1]
    if last.is_best:
        assert torch.equal(best["encoder"][name], learner["average"][name])
    assert not torch.equal(best["encoder"][name], learner["encoder"][name])


def test_a_stop_in_the_middle_of_an_epoch(
    train: Any, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.step_reporter.REPORT_INTERVAL_S", 0.0)

    def stop_in_epoch_2(event: Event, control: TrainingControl) -> None:
        if isinstance(event, StepCompleted) and event.step == 4:
            control.stop()

    first = train(None, stop_in_epoch_2, training__epochs=4, **VARIANTS["bank"])
    assert first.saved_at() == 4
    state = first.state()
    assert 0 < state["progress"]["epoch_s"] < state["progress"]["trained_s"]
    state["progress"]["epoch_s"] += 1000  # As if its first step had taken that long.
    torch.save(state, first.run.checkpoint_folder / "last.pt")
    resumed = train(first.run, resume=True)
    assert_same_end(resumed, whole("bank"))
    with (first.run.path / "tables" / "epochs.csv").open(encoding="utf-8") as file:
        seconds = [float(row["duration_s"]) for row in csv.DictReader(file)]
    assert [1000 < value < 1100 for value in seconds] == [False, True, False, False]


def test_a_run_may_be_interrupted_more_than_once(train: Any, whole: Any) -> None:
    found = train(None, stop_after_epoch(1), training__epochs=4, **VARIANTS["softmax"])
    for epoch in (2, 3):
        found = train(found.run, stop_after_epoch(epoch), resume=True)
        assert found.outcome.status == "stopped"
    assert_same_end(train(found.run, resume=True), whole("softmax"))


def test_a_finished_run_resumed_stays_as_it_is(train: Any) -> None:
    found = train(training__epochs=1)
    before = found.state()
    again = train(found.run, resume=True)
    assert again.outcome.status == "done"
    assert_equal(again.state(), before)
    assert again.losses() == found.losses()


def test_a_damaged_checkpoint_is_answered_by_the_one_before(
    train: Any, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.trainer.CHECKPOINT_INTERVAL_S", 0.0)
    first = train(None, stop_after_epoch(1), training__epochs=4, **VARIANTS["bank"])
    monkeypatch.undo()
    last = first.run.checkpoint_folder / "last.pt"
    last.write_bytes(last.read_bytes()[:1000])
    resumed = train(first.run, resume=True)
    warnings = [e.message for e in resumed.run.events() if isinstance(e, WarningRaised)]
    assert "last.pt is damaged; the checkpoint before it was taken." in warnings
    assert_same_end(resumed, whole("bank"))


def test_checkpoints_that_are_all_damaged(train: Any) -> None:
    first = train(training__epochs=1)
    for path in first.run.checkpoint_folder.iterdir():
        path.write_bytes(b"x" * 100)
    with pytest.raises(RunError, match="No checkpoint in it can be read"):
        replanned(first.run, more=1)
    assert Run(first.run.path).config.training.epochs == 1
    found = train(first.run, resume=True)
    assert found.outcome.status == "failed"
    assert "No checkpoint in it can be read" in found.outcome.message
    assert found.run.metrics() == first.run.metrics()


def test_a_killed_process(create: Any, train: Any, whole: Any) -> None:
    script = """
import json, sys
from pathlib import Path
import core.training.step_reporter, core.training.trainer
from core.events import event_to_json
from core.runs import Run
from core.training.control import TrainingControl
core.training.step_reporter.REPORT_INTERVAL_S = 0.0
core.training.trainer.CHECKPOINT_INTERVAL_S = 0.0
def emit(event):
    print(json.dumps(event_to_json(event)), flush=True)
    if event_to_json(event)["event"] == "step_completed" and event.step == 8:
        sys.stdin.read()
core.training.trainer.Trainer(Run(Path(sys.argv[1])), emit, TrainingControl()).run()
"""
    run = create(training__epochs=4, **VARIANTS["bank"])
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(run.path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(120, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if '"step": 8' in line and "step_completed" in line:
                break
        else:
            pytest.fail("the process ended before step 8")
        assert run.outcome() is None, "a run whose process lives has no outcome"
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(timeout=60) == -signal.SIGKILL
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()
    outcome = run.outcome()
    assert outcome is not None
    assert outcome.status == "interrupted"
    with (run.path / "events.jsonl").open("a") as file:
        file.write('{"event": "step_completed", "st')
    saved = [event.step for event in run.events() if isinstance(event, CheckpointSaved)]
    assert saved[-1] == 7
    resumed = train(Run(run.path), resume=True)
    assert_same_end(resumed, whole("bank"))
    ended = Run(run.path).outcome()
    assert ended is not None
    assert ended.status == "done"
