"""Events travel as JSON lines and come back as they were."""

from __future__ import annotations

import json
import time

import pytest

from core.errors import AkinError
from core.events import (
    EVENT_TYPES,
    CheckpointSaved,
    EpochCompleted,
    EvaluationCompleted,
    Event,
    Outcome,
    PhaseChanged,
    ResourcesMeasured,
    RunFinished,
    RunStarted,
    StepCompleted,
    WarningRaised,
    event_from_json,
    event_name,
    event_to_json,
)

EVENTS: tuple[Event, ...] = (
    RunStarted(
        run="0001-ranked",
        method="ranked",
        device="cpu",
        epochs=2,
        steps_per_epoch=3,
        train_objects=120,
        validation_objects=40,
        test_objects=50,
        resumed_at_step=4,
    ),
    PhaseChanged(phase="caching crops", done=3, total=40),
    StepCompleted(
        step=1,
        epoch=1,
        loss=2.5,
        loss_by_rank=(1.5, None, 1.0),
        learning_rate=0.1 + 0.2,
        objects_per_s=100.0,
        gradient_norm=3.5,
    ),
    EpochCompleted(epoch=1, step=3, loss=2.25, validation_accuracy=0.5, is_best=True),
    EvaluationCompleted(split="test", accuracy=None),
    ResourcesMeasured(process_memory_bytes=2**31, cpu_cores=1.5),
    CheckpointSaved(path="last.pt", step=3, epoch=1),
    WarningRaised(message="'猫' has no training object.", hint="Line\nbreak."),
    RunFinished(outcome=Outcome("failed", "What.", "Do.", "Trace\nback", 3, "disk")),
)

NAMES = [
    "run_started",
    "phase_changed",
    "step_completed",
    "epoch_completed",
    "evaluation_completed",
    "resources_measured",
    "checkpoint_saved",
    "warning_raised",
    "run_finished",
]


def test_the_names_are_those_of_the_design() -> None:
    assert [event_name(kind) for kind in EVENT_TYPES] == NAMES
    assert tuple(type(event) for event in EVENTS) == EVENT_TYPES


@pytest.mark.parametrize("event", EVENTS, ids=NAMES)
def test_an_event_survives_a_json_line(event: Event) -> None:
    line = json.dumps(event_to_json(event), allow_nan=False)
    assert "\n" not in line
    data = json.loads(line)
    assert data["event"] == event_name(type(event))
    assert event_from_json(data) == event


@pytest.mark.parametrize("event", EVENTS, ids=NAMES)
def test_fields_of_a_later_version_are_ignored(event: Event) -> None:
    data = json.loads(json.dumps(event_to_json(event))) | {"colour": "blue"}
    if "outcome" in data:
        data["outcome"]["colour"] = "blue"
    assert event_from_json(data) == event


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"event": "step_skipped"},
        {"event": "step_completed", "step": 1},
        {"event": "step_completed", "loss_by_rank": 5},
        {"event": "run_finished"},
        {"event": "run_finished", "outcome": None},
        {"event": "run_finished", "outcome": {"status": "done"}},
        {"event": ["run_finished"]},
        [],
        5,
        None,
        "run_finished",
    ],
)
def test_what_is_no_event_says_so(data: object) -> None:
    with pytest.raises(AkinError) as raised:
        event_from_json(data)
    assert raised.value.hint


def test_an_outcome_is_the_sentence_the_user_reads() -> None:
    assert str(Outcome("failed", "The disk is full.", "Free some.")) == (
        "The disk is full. Free some."
    )
    assert str(Outcome("done", "Trained 2 epochs.")) == "Trained 2 epochs."


def test_events_know_when_they_were_made() -> None:
    before = time.time()
    event = PhaseChanged(phase="training")
    assert before <= event.time_s <= time.time()
    with pytest.raises(AttributeError):
        event.phase = "paused"  # type: ignore[misc]
