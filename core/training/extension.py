"""More epochs for a run than were planned when it was started."""

from __future__ import annotations

from core.errors import ConfigError
from core.runs import Run, write_text


def extended(run: Run, epochs: int) -> Run:
    """Plans more epochs for a run and returns it, to be resumed.

    From where it continues it is the run that had been planned that long: a cosine schedule is
    that of the new length, so a learning rate that had come down goes up again.

    Args:
        run: Its config.yaml is rewritten.
        epochs: How many more than are planned now.

    Raises:
        ConfigError: If that is no number of epochs.
    """
    if epochs < 1:
        raise ConfigError(f"{epochs} more epochs are none.", "Give one or more.")
    planned = run.config.training.epochs + epochs
    longer = run.config.with_values({"training.epochs": planned})
    write_text(run.path / "config.yaml", longer.to_yaml())
    return Run(run.path)
