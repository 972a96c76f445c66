"""What a training run says while it runs, as frozen values that travel as JSON lines.

The same events reach the window's inbox, the terminal and events.jsonl.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from core.errors import AkinError

Status = Literal["done", "stopped", "cancelled", "interrupted", "failed"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended; its str() is the sentence the user reads.

    Attributes:
        status: done; stopped (kept); cancelled (discarded); interrupted (killed); failed.
        message: One sentence.
        hint: What to do, if anything.
        traceback: For the log, of a failure that is not the user's.
        epochs: Epochs completed.
        cause: Why it failed: "input" (the request), "memory" (a step ran out of it), "device" (no
            memory for something else), "disk", "loss" (not finite), "data" (vanished while it ran)
            or "bug"; empty otherwise.
    """

    status: Status
    message: str
    hint: str = ""
    traceback: str = ""
    epochs: int = 0
    cause: str = ""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events.

    Attributes:
        time_s: Seconds since the Unix epoch when it was made.
    """

    time_s: float = field(default_factory=time.time)


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """All is read, and the first step is next.

    Attributes:
        batch_size: Objects or images a step: fewer than configured where there are not as many;
            0 in older runs.
    """

    run: str
    method: str
    device: str
    epochs: int
    steps_per_epoch: int
    train_objects: int
    validation_objects: int
    test_objects: int
    resumed_at_step: int = 0
    batch_size: int = 0


@dataclass(frozen=True, kw_only=True)
class PhaseChanged(Event):
    """What the run is busy with: reading, caching, loading torch, warming up, training, ...

    Attributes:
        phase: A word or two, such as "caching crops".
        done: Units done, of `total`; 0 of 0 where it cannot be counted.
        total: Units in all.
    """

    phase: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, kw_only=True)
class StepCompleted(Event):
    """One optimizer step.

    Attributes:
        step: 1 for the first step of the run.
        epoch: 1 for the first epoch.
        loss: Loss of the batch (the objective's units).
        loss_by_rank: l_1, l_2, ...; None where a rank had no positives.
        learning_rate: Of this step.
        objects_per_s: Objects seen a second, both views counted once.
        loss_parts: Of a detector: what the loss is the sum of, by name.
        gradient_norm: Euclidean norm of the gradient of all weights, before clipping; None if it
            is not finite, or was not measured.
    """

    step: int
    epoch: int
    loss: float
    loss_by_rank: tuple[float | None, ...] = ()
    learning_rate: float
    objects_per_s: float
    loss_parts: dict[str, float] = field(default_factory=dict)
    gradient_norm: float | None = None


@dataclass(frozen=True, kw_only=True)
class EpochCompleted(Event):
    """One pass over the training objects.

    Attributes:
        loss: Mean of the steps' losses.
        validation_accuracy: Nearest class mean on the validation split; None if it is empty.
        validation_balanced_accuracy: Mean recall over classes; None if it is empty.
        compliance: Share of ordered pairs that hold on the validation split; None if undefined.
        compliance_train: The same on a sample of the training objects, at most 32 a class.
        tau_b: Mean Kendall's tau-b on the validation split.
        compliance_by_class: The share of each class of the validation split, by name.
        ap: Of a detector on the validation split: COCO's AP.
        ap50: Its AP at IoU 0.5.
        proposal_recall: Share of objects that one of 50 proposals an image finds at IoU 0.5.
    """

    epoch: int
    step: int
    loss: float
    validation_accuracy: float | None = None
    validation_balanced_accuracy: float | None = None
    compliance: float | None = None
    compliance_train: float | None = None
    tau_b: float | None = None
    compliance_by_class: dict[str, float] = field(default_factory=dict)
    duration_s: float = 0.0
    is_best: bool = False
    ap: float | None = None
    ap50: float | None = None
    proposal_recall: float | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluationCompleted(Event):
    split: str
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    majority_share: float | None = None
    auroc: float | None = None
    ap: float | None = None
    ap50: float | None = None
    proposal_recall: float | None = None


@dataclass(frozen=True, kw_only=True)
class ResourcesMeasured(Event):
    """What the training takes of its machine, about once a second; None is unknown.

    Attributes:
        process_memory_bytes: In memory now, of the whole process (the window's, if it trains).
        cpu_cores: Processors busy with the process, on average since the last measurement.
        device_memory_bytes: Of the GPU, held by this process.
        device_memory_total_bytes: Of the GPU.
        device_use: Share of time in which the GPU was busy, 0 to 1.
    """

    process_memory_bytes: int | None = None
    cpu_cores: float | None = None
    device_memory_bytes: int | None = None
    device_memory_total_bytes: int | None = None
    device_use: float | None = None


@dataclass(frozen=True, kw_only=True)
class CheckpointSaved(Event):
    path: str
    step: int
    epoch: int


@dataclass(frozen=True, kw_only=True)
class WarningRaised(Event):
    message: str
    hint: str = ""
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    outcome: Outcome


EVENT_TYPES: tuple[type[Event], ...] = (
    RunStarted,
    PhaseChanged,
    StepCompleted,
    EpochCompleted,
    EvaluationCompleted,
    ResourcesMeasured,
    CheckpointSaved,
    WarningRaised,
    RunFinished,
)

Emit = Callable[[Event], None]


def event_name(kind: type[Event]) -> str:
    """Returns the name in events.jsonl: StepCompleted -> step_completed."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def event_to_json(event: Event) -> dict[str, Any]:
    """Returns the event as a JSON object with its name in the field `event`."""
    return {"event": event_name(type(event)), **asdict(event)}


def outcome_from_json(data: object) -> Outcome:
    """Rebuilds an outcome; unknown fields are ignored.

    Raises:
        AkinError: If it is no outcome.
    """
    known = {f.name for f in fields(Outcome)}
    values = data if isinstance(data, Mapping) else {}
    try:
        return Outcome(**{name: value for name, value in values.items() if name in known})
    except TypeError as error:
        raise AkinError("An outcome lacks fields.", "The run may be damaged.") from error


def event_from_json(data: object) -> Event:
    """Rebuilds an event; unknown fields are ignored.

    Raises:
        AkinError: If it is no event.
    """
    if not isinstance(data, Mapping):
        raise AkinError("A line is no event.", "The event log may be damaged.")
    by_name = {event_name(kind): kind for kind in EVENT_TYPES}
    kind = by_name.get(str(data.get("event")))
    if kind is None:
        raise AkinError(f"'{data.get('event')}' is no event.", "The event log may be damaged.")
    known = {f.name for f in fields(kind)}
    values = {name: value for name, value in data.items() if name in known}
    if kind is RunFinished:
        values["outcome"] = outcome_from_json(values.get("outcome"))
    try:
        if "loss_by_rank" in values:
            values["loss_by_rank"] = tuple(values["loss_by_rank"])
        return kind(**values)
    except TypeError as error:
        raise AkinError("An event lacks fields.", "The event log may be damaged.") from error
