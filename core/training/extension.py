"""Another number of epochs, or smaller batches, for a run than were planned at its start."""

from __future__ import annotations

import zipfile

from core.errors import ConfigError, RunError
from core.events import EpochCompleted
from core.files import write_text
from core.runs import Run


def extended(run: Run, epochs: int) -> Run:
    """Plans more epochs for a run and returns it, to be resumed; see `planned_for`.

    Args:
        run: Its config.yaml is rewritten.
        epochs: How many more than are planned now.

    Raises:
        AkinError: If that is no number of epochs, or the run cannot be continued.
    """
    if epochs < 1:
        raise ConfigError(f"{epochs} more epochs are none.", "Give one or more.")
    return planned_for(run, run.config.training.epochs + epochs)


def planned_for(run: Run, epochs: int) -> Run:
    """Plans a number of epochs for a run and returns it, to be resumed.

    From where it continues it is the run that had been planned that long: a cosine schedule is
    that of the new length, so a learning rate that had come down goes up again.

    Args:
        run: Its config.yaml is rewritten.
        epochs: All of them, those done already included.

    Raises:
        AkinError: If they are done already, or the run cannot be continued.
    """
    done = max((e.epoch for e in run.events() if isinstance(e, EpochCompleted)), default=0)
    if epochs <= done:
        have = f"{done} epoch{'s' if done != 1 else ''}"
        raise ConfigError(f"{run.path} has {have} already.", f"Plan more than {done}.")
    _require_checkpoint(run)
    config = run.config.with_values({"training.epochs": epochs})
    write_text(run.path / "config.yaml", config.to_yaml())
    return Run(run.path)


def with_batches_of(run: Run, batch_size: int) -> Run:
    """Plans batches of another size for a run and returns it, to be resumed.

    It goes on in the middle of its epoch with the objects it has not seen; the optimizer, the
    memory bank and the schedule by epochs stay. The learning rate is not scaled.

    Args:
        run: Its config.yaml is rewritten.
        batch_size: Objects a step, from its last checkpoint on.

    Raises:
        AkinError: If that is no size, or the run cannot be continued.
    """
    _require_checkpoint(run)
    config = run.config.with_values({"training.batch_size": batch_size})
    write_text(run.path / "config.yaml", config.to_yaml())
    return Run(run.path)


def has_checkpoint(run: Run) -> bool:
    """Tells whether a run can be continued."""
    return any((run.checkpoint_folder / name).exists() for name in ("last.pt", "previous.pt"))


def _require_checkpoint(run: Run) -> None:
    found = [run.checkpoint_folder / name for name in ("last.pt", "previous.pt")]
    if not any(zipfile.is_zipfile(path) for path in found):  # as torch writes them
        what = "No checkpoint in it can be read" if has_checkpoint(run) else "It has no checkpoint"
        raise RunError(f"{run.path} cannot be continued. {what}.", "Start the run anew.")
