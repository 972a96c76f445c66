"""The learning rate of every step, as a pure function."""

from __future__ import annotations

import math

from core.config import ExperimentConfig, ScheduleConfig
from core.training.detector_config import DetectorConfig


def learning_rate(
    schedule: ScheduleConfig, peak: float, step: int, steps_per_epoch: int, total_steps: int
) -> float:
    """Returns the learning rate of a step.

    Args:
        schedule: Its shape; cosine is the paper's: from the peak to peak x final_factor.
        peak: Highest learning rate.
        step: 0 for the first step.
        steps_per_epoch: Steps in an epoch.
        total_steps: Steps in the whole run.
    """
    warmup_steps = round(schedule.warmup_epochs * steps_per_epoch)
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if schedule.name == "constant":
        return peak
    if schedule.name == "step":
        return peak * schedule.step_factor ** (step // (schedule.step_epochs * steps_per_epoch))
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    floor = peak * schedule.final_factor
    return floor + (peak - floor) * (1 + math.cos(math.pi * progress)) / 2


def rate_change(
    config: ExperimentConfig | DetectorConfig, last_rate: float, step: int, steps_per_epoch: int
) -> str:
    """Returns a sentence where a run goes on under another schedule than it was stopped under.

    Args:
        config: As it is now, perhaps with more epochs than before.
        last_rate: The learning rate of the last step.
        step: How many steps were taken; at least one.
        steps_per_epoch: Steps in an epoch.
    """
    epochs, peak = config.training.epochs, config.optimizer.learning_rate
    total = epochs * steps_per_epoch
    if math.isclose(
        learning_rate(config.schedule, peak, step - 1, steps_per_epoch, total), last_rate
    ):
        return ""
    rate = learning_rate(config.schedule, peak, step, steps_per_epoch, total)
    return (
        f"The learning rate now follows the schedule of {epochs} epochs: it goes on at {rate:.3g}, "
        f"after {last_rate:.3g}."
    )
