"""How far a training is, also counted in batches of another size."""

from __future__ import annotations

import time
from dataclasses import dataclass

from core.config import ExperimentConfig
from core.training.detector_config import DetectorConfig
from core.training.schedule import rate_change


@dataclass
class StepCount:
    """How far a training is; saved in every checkpoint.

    Attributes:
        step: Steps completed.
        epochs: Epochs completed.
        loss_sum: Sum of the losses of this epoch's steps so far.
        trained_s: Seconds spent in steps and validation.
        batch_size: Objects or images a step; 0 before the first.
        steps_per_epoch: Steps an epoch; 0 before the first.
        epoch_s: Seconds spent in this epoch's steps so far, also before it was resumed.
    """

    step: int = 0
    epochs: int = 0
    loss_sum: float = 0.0
    trained_s: float = 0.0
    batch_size: int = 0
    steps_per_epoch: int = 0
    epoch_s: float = 0.0

    def rebatch(self, batch_size: int, steps_per_epoch: int) -> bool:
        """Counts in batches of another size; returns whether it was another.

        An epoch draws what it learns from in an order that the size of the batches does not
        change, so what is left of one is what has not been seen of it (but for part of a batch).
        """
        is_other = self.batch_size not in {0, batch_size}
        if is_other:
            position = self.step - self.epochs * self.steps_per_epoch
            seen = min(position * self.batch_size // batch_size, steps_per_epoch - 1)
            self.step = self.epochs * steps_per_epoch + seen
            self.loss_sum *= seen / position if position else 0.0
        self.batch_size, self.steps_per_epoch = batch_size, steps_per_epoch
        return is_other


class Stopwatch:
    """Counts the seconds of a training into its progress.

    Args:
        progress: Changed in place.
    """

    def __init__(self, progress: StepCount) -> None:
        self._progress = progress
        self._since = time.perf_counter()

    def restart(self) -> None:
        """Leaves out what has passed since it last counted, such as a pause."""
        self._since = time.perf_counter()

    def count(self) -> None:
        """Adds what has passed since it last counted."""
        now = time.perf_counter()
        self._progress.trained_s += now - self._since
        self._progress.epoch_s += now - self._since
        self._since = now


@dataclass
class Progress(StepCount):
    """Of a run.

    Attributes:
        best_accuracy: Highest validation accuracy so far; -1 before the first.
    """

    best_accuracy: float = -1.0


@dataclass
class DetectorProgress(StepCount):
    """Of a detector's training.

    Attributes:
        best_ap50: Highest AP50 on the validation split so far; -1 before the first.
    """

    best_ap50: float = -1.0


def change_in_words(
    config: ExperimentConfig | DetectorConfig,
    progress: StepCount,
    batch_size_before: int,
    last_rate: float,
    what: str = "objects",
) -> str:
    """Returns a sentence where a resumed run goes on with other batches or another schedule.

    Args:
        config: As it is now.
        progress: Counted in the batches it goes on with.
        batch_size_before: That of the checkpoint.
        last_rate: The learning rate of the last step.
        what: A batch holds.
    """
    if batch_size_before not in {0, progress.batch_size}:
        return (
            f"From here on a batch holds {progress.batch_size} {what} instead of "
            f"{batch_size_before}; the learning rate stays what was planned."
        )
    if not progress.step:
        return ""
    return rate_change(config, last_rate, progress.step, progress.steps_per_epoch)
