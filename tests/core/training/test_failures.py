"""Every way a run can fail: one sentence, a hint, and nothing lost."""

from __future__ import annotations

import json
import resource
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import RunError
from core.events import (
    CheckpointSaved,
    EpochCompleted,
    Event,
    PhaseChanged,
    RunFinished,
    StepCompleted,
    WarningRaised,
)
from core.runs import Run, RunStore
from core.training.checkpoint import load_checkpoint
from core.training.control import TrainingControl
from core.training.extension import FROM_THE_START, replanned


def stop_at(kind: type[Event], **fields: Any) -> Any:
    """Returns what stops a run at the first event of a kind with such fields."""

    def act(event: Event, control: TrainingControl) -> None:
        if isinstance(event, kind) and fields.items() <= vars(event).items():
            control.stop()

    return act


def test_a_loss_that_is_not_finite_ends_the_run_with_its_checkpoint(train: Any) -> None:
    """The checkpoint of a good run, with a weight poisoned, makes the next loss NaN."""
    first = train(act=stop_at(EpochCompleted), training__epochs=5000)
    state = first.state()
    name = next(name for name in state["learner"]["encoder"] if name.endswith("weight"))
    state["learner"]["encoder"][name][0] = float("inf")
    torch.save(state, first.run.checkpoint_folder / "last.pt")
    found = train(first.run, resume=True)
    assert (found.outcome.status, found.outcome.cause) == ("failed", "loss")
    assert "The loss is not finite at step" in found.outcome.message
    assert "the last checkpoint is kept" in found.outcome.hint
    assert found.outcome.traceback == ""
    assert found.state()["progress"]["step"] == first.saved_at()
    assert found.run.outcome() == found.outcome
    json.loads((found.run.path / "events.jsonl").read_text().splitlines()[-1])


def test_a_loss_that_diverges_before_a_checkpoint_promises_none(train: Any) -> None:
    found = train(
        objective__method="softmax",
        optimizer__learning_rate=100,
        optimizer__weight_decay=10,
        training__epochs=5000,
    )
    assert (found.outcome.status, found.outcome.cause) == ("failed", "loss"), found.outcome
    assert "Lower the learning rate" in found.outcome.hint
    saved = (found.run.checkpoint_folder / "last.pt").exists()
    assert ("checkpoint is kept" in found.outcome.hint) == saved
    losses = list(found.losses().values())
    assert np.isfinite(losses).all()


def test_data_that_vanished_before_a_resume(train: Any, tiny_voc: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_voc, tmp_path / "data")
    first = train(act=stop_at(EpochCompleted), data__folder=str(folder), training__epochs=40)
    checkpoint = (first.run.checkpoint_folder / "last.pt").read_bytes()
    events = (first.run.path / "events.jsonl").read_bytes()
    folder.rename(tmp_path / "elsewhere")
    found = train(first.run, resume=True)
    assert found.outcome.status == "failed"
    assert found.outcome.message == f"There is no folder {folder}."
    assert (first.run.checkpoint_folder / "last.pt").read_bytes() == checkpoint
    assert (first.run.path / "events.jsonl").read_bytes() == events
    (tmp_path / "elsewhere").rename(folder)
    again = train(first.run, stop_at(StepCompleted), resume=True)
    assert again.outcome.status == "stopped"
    assert min(e.step for e in again.events if isinstance(e, StepCompleted)) > first.saved_at()


def test_data_that_vanishes_while_it_is_read(train: Any, tiny_voc: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_voc, tmp_path / "data")

    def act(event: Event, _control: TrainingControl) -> None:
        if isinstance(event, PhaseChanged) and event.phase == "caching crops":
            shutil.rmtree(folder, ignore_errors=True)

    found = train(act=act, data__folder=str(folder))
    assert found.outcome.status == "failed"
    assert found.outcome.cause in ("data", "input")
    assert found.outcome.traceback == ""
    assert found.outcome.hint


def test_data_that_vanishes_in_mid_run_is_not_missed(
    train: Any, tiny_voc: Path, tmp_path: Path
) -> None:
    """Crops are decoded before the first step: the run goes on to its end and is judged."""
    folder = shutil.copytree(tiny_voc, tmp_path / "data")

    def act(event: Event, _control: TrainingControl) -> None:
        if isinstance(event, EpochCompleted) and event.epoch == 1:
            shutil.rmtree(folder)

    found = train(act=act, data__folder=str(folder))
    assert found.outcome.status == "done", found.outcome
    assert found.run.metrics()["accuracy"] is not None


def test_a_full_disk_leaves_the_checkpoint_before_intact(
    train: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files may not grow beyond a megabyte after the first checkpoint; it is much larger."""
    monkeypatch.setattr("core.training.trainer.CHECKPOINT_INTERVAL_S", 0.0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def act(event: Event, _control: TrainingControl) -> None:
        if isinstance(event, CheckpointSaved):
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))

    try:
        found = train(act=act)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (found.outcome.status, found.outcome.cause) == ("failed", "disk"), found.outcome
    assert found.outcome.hint
    assert found.run.outcome() == found.outcome
    assert found.state()["progress"]["step"] == found.saved_at()
    assert not list(found.run.checkpoint_folder.glob("*.new"))
    assert train(found.run, resume=True).outcome.status == "done"


def test_a_compiler_that_is_missing_is_told_and_done_without(
    train: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no compiler")

    monkeypatch.setattr("torch.compile", broken)
    found = train(training__compile=True, training__epochs=1)
    assert found.outcome.status == "done"
    warnings = [e.message for e in found.events if isinstance(e, WarningRaised)]
    assert "The encoder is not compiled: no compiler" in warnings


def test_without_matplotlib_a_run_is_judged_but_has_no_figures(
    train: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "core.training.figures", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = train(figures=True, training__epochs=1)
    assert found.outcome.status == "done", found.outcome
    assert found.run.metrics()["accuracy"] is not None
    assert not (found.run.path / "figures").exists()
    (warning,) = [
        e for e in found.events if isinstance(e, WarningRaised) and "figures" in e.message
    ]
    assert warning.message == "No figures were drawn: matplotlib is not installed here."


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"data__folder": ""}, "No data was given."),
        ({"data__folder": "/nothing/here"}, "There is no folder /nothing/here."),
        ({"device": "cuda:63"}, "Device 'cuda:63' was asked for"),
        ({"data__withheld": ["chiar"]}, "'chiar' is no class of the data."),
    ],
)
def test_a_request_without_sense_leaves_no_directory(
    train: Any, values: dict[str, Any], message: str
) -> None:
    found = train(**values)
    assert (found.outcome.status, found.outcome.cause) == ("failed", "input")
    assert found.outcome.message.startswith(message)
    assert found.outcome.hint
    assert not found.run.path.exists()
    assert [type(event) for event in found.events][-1] is RunFinished


@pytest.mark.parametrize("cause", ["input", "cancel"])
def test_a_folder_that_was_there_outlives_the_run(
    train: Any, create: Any, tmp_path: Path, cause: str
) -> None:
    given = create(
        data__folder="/nothing/here" if cause == "input" else create().config.data.folder
    )
    folder = tmp_path / "mine"
    folder.mkdir()
    run = RunStore(tmp_path).create(given.config, given.ranking, folder)

    def act(event: Event, control: TrainingControl) -> None:
        if isinstance(event, PhaseChanged) and event.phase == "warming up":
            control.cancel()

    found = train(run, act)
    assert found.outcome.status == ("failed" if cause == "input" else "cancelled")
    assert list(folder.iterdir()) == []


def test_a_run_whose_checkpoints_are_gone_cannot_be_resumed(train: Any) -> None:
    first = train(training__epochs=1)
    metrics = first.run.metrics()
    for path in first.run.checkpoint_folder.iterdir():
        path.unlink()
    with pytest.raises(RunError, match="It has no checkpoint"):
        replanned(first.run, epochs=2)
    found = train(Run(first.run.path), resume=True)
    assert found.outcome.status == "failed"
    assert "It has no checkpoint" in found.outcome.message
    assert Run(first.run.path).config == first.run.config
    assert found.run.metrics() == metrics


def test_a_device_without_room_for_a_checkpoint_does_not_make_it_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_args: Any, **_options: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    torch.save({"step": torch.ones(1)}, tmp_path / "last.pt")
    monkeypatch.setattr(torch, "load", no_room)
    with pytest.raises(torch.OutOfMemoryError):
        load_checkpoint(tmp_path, torch.device("cpu"))


def test_a_run_that_never_came_to_a_checkpoint_begins_at_its_first_step(train: Any) -> None:
    def break_off(event: Event, _control: TrainingControl) -> None:
        if isinstance(event, StepCompleted):
            raise MemoryError

    whole = train()
    run = whole.run
    broken = RunStore(run.path.parent).create(run.config, run.ranking, run.path.parent / "broken")
    assert train(broken, break_off).outcome.status == "failed"
    resumed = train(Run(broken.path), resume=True)
    assert resumed.outcome.status == "done", resumed.outcome
    assert FROM_THE_START in [e.message for e in resumed.events if isinstance(e, WarningRaised)]
    assert resumed.losses() == whole.losses()
    assert resumed.epochs() == whole.epochs()
