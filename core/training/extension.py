"""Another number of epochs for a run than was planned when it was started."""

from __future__ import annotations

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
    if not any((run.checkpoint_folder / name).exists() for name in ("last.pt", "previous.pt")):
        raise RunError(
            f"{run.path} cannot be continued. It has no checkpoint.", "Start the run anew."
        )
    config = run.config.with_values({"training.epochs": epochs})
    write_text(run.path / "config.yaml", config.to_yaml())
    return Run(run.path)
