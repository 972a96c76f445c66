"""The curves of one run, gathered from its events in arrays that grow by doubling.

Shape suffixes: N points.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from core.events import EpochCompleted, Event, ResourcesMeasured, RunStarted, StepCompleted

FloatArray = npt.NDArray[np.float64]

LONGEST_STEP_S = 60.0
STEP_COLUMNS = (
    "step",
    "epoch",
    "time_s",
    "loss",
    "learning_rate",
    "objects_per_s",
    "gradient_norm",
)
EPOCH_COLUMNS = (
    *("step", "epoch", "time_s", "accuracy", "balanced_accuracy"),
    *("compliance", "compliance_train", "tau_b", "best"),
)
RESOURCE_COLUMNS = (
    "step",
    "epoch",
    "time_s",
    "process_memory_gib",
    "cpu_cores",
    "device_memory_gib",
    "device_use",
)
GIB = 2**30
X_AXES = {"step": "step", "epoch": "epoch", "time": "time_s"}


class GrowingTable:
    """Columns of float64 that grow by doubling; reading a column copies nothing.

    Args:
        columns: Their names.
    """

    def __init__(self, columns: Iterable[str]) -> None:
        self._names = {name: i for i, name in enumerate(columns)}
        self._data = np.full((len(self._names), 256), np.nan)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._names)

    def append(self, values: Iterable[float | None]) -> None:
        """Adds a row; None becomes NaN; missing values at its end are NaN."""
        if self._count == self._data.shape[1]:
            self._data = np.concatenate([self._data, np.full_like(self._data, np.nan)], axis=1)
        for row, value in enumerate(values):
            if value is not None:
                self._data[row, self._count] = value
        self._count += 1

    def add_column(self, name: str) -> None:
        """Adds a column; its value is NaN in the rows that are there."""
        self._names[name] = len(self._names)
        self._data = np.concatenate([self._data, np.full((1, self._data.shape[1]), np.nan)])

    def column(self, name: str) -> FloatArray:
        """Returns a view of a column, float64, shape (N,)."""
        view: FloatArray = self._data[self._names[name], : self._count]
        return view


class RunCurves:
    """What the events of a run draw.

    Attributes:
        steps: One row a step: STEP_COLUMNS, then the loss of each rank, "loss 1", "loss 2", ...
        epochs: One row an epoch: EPOCH_COLUMNS.
        resources: About one row a second: RESOURCE_COLUMNS.
        steps_per_epoch: As told by RunStarted; 0 before it.
        total_epochs: As told by RunStarted; 0 before it.
    """

    def __init__(self) -> None:
        self.steps = GrowingTable(STEP_COLUMNS)
        self.epochs = GrowingTable(EPOCH_COLUMNS)
        self.resources = GrowingTable(RESOURCE_COLUMNS)
        self.steps_per_epoch = 0
        self.total_epochs = 0
        self._ranks = 0
        self._compliance_by_class: list[dict[str, float]] = []
        self._step = self._epoch = 0.0
        self._time_s = 0.0
        self._last_event_s: float | None = None

    def append(self, event: Event) -> None:
        """Takes an event in; kinds without points are passed over."""
        if isinstance(event, RunStarted):
            self.steps_per_epoch = event.steps_per_epoch
            self.total_epochs = event.epochs
            self._last_event_s = event.time_s
        elif isinstance(event, StepCompleted):
            self._append_step(event)
        elif isinstance(event, ResourcesMeasured):
            self._append_resources(event)
        elif isinstance(event, EpochCompleted):
            self._tick(event.time_s)
            self.epochs.append(
                (
                    event.step,
                    event.epoch,
                    self._time_s,
                    event.validation_accuracy,
                    event.validation_balanced_accuracy,
                    event.compliance,
                    event.compliance_train,
                    event.tau_b,
                    float(event.is_best),
                )
            )
            self._compliance_by_class.append(event.compliance_by_class)

    def extend(self, events: Iterable[Event]) -> None:
        for event in events:
            self.append(event)

    def _append_step(self, event: StepCompleted) -> None:
        self._tick(event.time_s)
        while self._ranks < len(event.loss_by_rank):
            self._ranks += 1
            self.steps.add_column(f"loss {self._ranks}")
        in_epochs = event.step / self.steps_per_epoch if self.steps_per_epoch else event.epoch
        self._step, self._epoch = float(event.step), float(in_epochs)
        self.steps.append(
            (
                self._step,
                self._epoch,
                self._time_s,
                event.loss,
                event.learning_rate,
                event.objects_per_s,
                event.gradient_norm,
                *event.loss_by_rank,
            )
        )

    def _append_resources(self, event: ResourcesMeasured) -> None:
        memory, on_device = event.process_memory_bytes, event.device_memory_bytes
        self.resources.append(
            (
                self._step,
                self._epoch,
                self._time_s,
                None if memory is None else memory / GIB,
                event.cpu_cores,
                None if on_device is None else on_device / GIB,
                event.device_use,
            )
        )

    def _tick(self, time_s: float) -> None:
        """Advances the training time; the nights between two sessions do not count."""
        if self._last_event_s is not None:
            self._time_s += min(max(time_s - self._last_event_s, 0.0), LONGEST_STEP_S)
        self._last_event_s = time_s

    def compliance_of(self, name: str) -> FloatArray:
        """Returns a class's compliance on the validation split by epoch, NaN where unknown."""
        return np.array([row.get(name, np.nan) for row in self._compliance_by_class])

    @property
    def ranks(self) -> int:
        """How many ranks have a loss of their own."""
        return self._ranks

    def best_epoch(self) -> tuple[int, float] | None:
        """Returns the row and the validation accuracy of the best epoch, or None.

        The epoch that the trainer marked last is the one in best.pt.
        """
        accuracy_N = self.epochs.column("accuracy")
        marked = np.flatnonzero(self.epochs.column("best") > 0)
        if len(marked):
            return int(marked[-1]), float(accuracy_N[marked[-1]])
        if not np.isfinite(accuracy_N).any():
            return None
        row = int(np.nanargmax(accuracy_N))
        return row, float(accuracy_N[row])

    def to_csv(self) -> str:
        """Returns the steps as CSV, the epochs' columns filled in on their last step."""
        names = tuple(n for n in EPOCH_COLUMNS if n not in {"step", "epoch", "time_s"})
        return curves_csv(self.steps, self.epochs, names)


def curves_csv(steps: GrowingTable, epochs: GrowingTable, epoch_names: tuple[str, ...]) -> str:
    """Returns steps as CSV, columns of the epochs filled in on their last step."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*steps.names, *epoch_names])
    at_step = {
        int(step): [epochs.column(name)[row] for name in epoch_names]
        for row, step in enumerate(epochs.column("step"))
    }
    columns = [steps.column(name) for name in steps.names]
    for row, step in enumerate(steps.column("step")):
        values = [column[row] for column in columns]
        values += at_step.get(int(step), [np.nan] * len(epoch_names))
        writer.writerow(["" if np.isnan(value) else f"{value:.8g}" for value in values])
    return out.getvalue()


class RunningAverage:
    """An exponential moving average that starts unbiased and takes in only what is new.

    NaNs are carried over from the value before them (the first ones from the first value).

    Args:
        weight: Of the past, 0 (raw) to below 1.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self._out = np.empty(256)
        self._count = 0
        self._average = 0.0
        self._last: float | None = None

    def update(self, y_N: FloatArray) -> FloatArray:
        """Returns the average of all points, shape (N,).

        Args:
            y_N: All points so far; those seen in earlier calls must be the same.
        """
        if self.weight <= 0:
            return y_N
        fresh = _filled(y_N[self._count :], self._last)
        if len(fresh):
            self._grow(len(y_N))
            raw = _moving_average(fresh, self.weight, self._average)
            powers = np.arange(self._count + 1, len(y_N) + 1)
            self._out[self._count : len(y_N)] = raw / (1 - self.weight**powers)
            self._average, self._last = float(raw[-1]), float(fresh[-1])
            self._count = len(y_N)
        return self._out[: len(y_N)]

    def _grow(self, count: int) -> None:
        if count > len(self._out):
            bigger = np.empty(max(count, 2 * len(self._out)))
            bigger[: self._count] = self._out[: self._count]
            self._out = bigger


def smoothed(y_N: FloatArray, weight: float) -> FloatArray:
    """Returns the running average of a whole curve, shape (N,)."""
    return RunningAverage(weight).update(y_N)


def _moving_average(y_N: FloatArray, weight: float, start: float, block: int = 64) -> FloatArray:
    """Returns a_i = weight a_(i-1) + (1 - weight) y_i, a_0 = start.

    Works in blocks, so that a million points take milliseconds; weight ** block must not vanish.
    """
    block = min(block, max(int(-600 / np.log(weight)), 1))
    count = -(-len(y_N) // block)
    padded = np.zeros(count * block)
    padded[: len(y_N)] = y_N
    powers = weight ** np.arange(1, block + 1)
    inside = np.cumsum(padded.reshape(count, block) * ((1 - weight) / powers), axis=1) * powers
    carries = np.empty(count)
    for i, last in enumerate(inside[:, -1].tolist()):
        carries[i] = start
        start = start * float(powers[-1]) + last
    averages: FloatArray = (inside + carries[:, None] * powers).reshape(-1)[: len(y_N)]
    return averages


def _filled(y_N: FloatArray, before: float | None) -> FloatArray:
    finite = np.isfinite(y_N)
    if finite.all():
        return y_N
    if before is None and not finite.any():
        return np.zeros_like(y_N)
    first = float(y_N[np.flatnonzero(finite)[0]]) if before is None else before
    values = np.concatenate([[first], y_N])
    last = np.where(np.concatenate([[True], finite]), np.arange(len(values)), 0)
    filled: FloatArray = values[np.maximum.accumulate(last)][1:]
    return filled
