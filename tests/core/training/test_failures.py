"""Every way a run can fail: one sentence, a hint, and nothing lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.events import EpochCompleted, Event, PhaseChanged, RunFinished, StepCompleted
from core.runs import Run
from core.training.control import TrainingControl


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


def test_a_run_without_a_checkpoint_cannot_be_resumed(create: Any, train: Any) -> None:
    run = create()
    found = train(run, resume=True)
    assert found.outcome.status == "failed"
    assert "It has no checkpoint" in found.outcome.message
    assert Run(run.path).config == run.config
