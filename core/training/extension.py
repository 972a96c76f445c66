"""Another number of epochs, or smaller batches, for a run than were planned at its start."""

from __future__ import annotations

import zipfile
from typing import Any, TypeVar

from core.errors import ConfigError, RunError
from core.events import CheckpointSaved, EpochCompleted, RunStarted
from core.runs import Run
from core.training.distributed import least_objects

FROM_THE_START = "There is no checkpoint yet: the run begins at its first step."
AnyRun = TypeVar("AnyRun", bound=Run)


def replanned(
    run: AnyRun,
    *,
    more: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
) -> AnyRun:
    """Plans another length or other batches for a run and returns it, to be resumed.

    From where it continues it is the run that had been planned that long: a cosine schedule is
    that of the new length, so a learning rate that had come down goes up again. With other batches
    it goes on in the middle of its epoch with what it has not seen; the optimizer, the memory bank
    and the schedule by epochs stay, and the learning rate is not scaled.

    Args:
        run: A run or a detector's; its configuration is rewritten.
        more: So many epochs more than are planned now.
        epochs: All of them, those done already included.
        batch_size: Objects or images a step, from its last checkpoint on.

    Raises:
        AkinError: If a number makes no sense or the run cannot be continued; nothing changes.
    """
    values: dict[str, Any] = {}
    if more is not None and more < 1:
        raise ConfigError(f"{more} more epochs are none.", "Give one or more.")
    if more is not None:
        epochs = run.plan.value("training.epochs") + more
    if epochs is not None:
        _require_unfinished(run, epochs)
        values["training.epochs"] = epochs
    if batch_size is not None:
        values["training.batch_size"] = batch_size
    if not values:
        return run
    _require_resumable(run)
    return run.replanned(values)


def smaller_batch(run: Run) -> int | None:
    """Returns half of a run's batch, for where a step ran out of memory; None: it is the least.

    Args:
        run: A run or a detector's. What its last batches held counts: a batch never holds more
            than there is to learn from.
    """
    size: int = run.plan.value("training.batch_size")
    started = [event.batch_size for event in run.events() if isinstance(event, RunStarted)]
    if started and started[-1]:
        size = min(size, started[-1])
    processes = run.environment().get("num_processes", 1)
    least = max(run.least_batch, least_objects(processes))
    return max(least, size // 2) if size > least else None


def has_checkpoint(run: Run) -> bool:
    """Tells whether a run can be continued."""
    return any((run.checkpoint_folder / name).exists() for name in ("last.pt", "previous.pt"))


def was_never_saved(run: Run) -> bool:
    """Tells whether a run ended before its first checkpoint: it is resumed at its first step."""
    if has_checkpoint(run):
        return False
    return not any(isinstance(event, CheckpointSaved) for event in run.events())


def _require_unfinished(run: Run, epochs: int) -> None:
    told = [event.epoch for event in run.events() if isinstance(event, EpochCompleted)]
    done = 0 if was_never_saved(run) else max(told, default=0)
    if epochs <= done:
        have = f"{done} epoch{'s' if done != 1 else ''}"
        raise ConfigError(f"{run.path} has {have} already.", f"Plan more than {done}.")


def _require_resumable(run: Run) -> None:
    found = [run.checkpoint_folder / name for name in ("last.pt", "previous.pt")]
    is_kept = any(zipfile.is_zipfile(path) for path in found)  # as torch writes them
    if not is_kept and not was_never_saved(run):
        what = "No checkpoint in it can be read" if has_checkpoint(run) else "It has no checkpoint"
        raise RunError(f"{run.path} cannot be continued. {what}.", "Start the run anew.")
