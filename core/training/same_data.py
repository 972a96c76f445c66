"""Whether data are those that a run was trained on, and what to say where they are not."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from core.data import open_dataset
from core.data.index import DatasetIndex
from core.errors import ConfigError, DataError
from core.runs import Run


def other_data(run: Run, index: DatasetIndex) -> str:
    """Returns a sentence where data are not those of a run, a run's or a detector's; else ""."""
    known = run.environment()
    fingerprint = known.get("data_fingerprint", index.fingerprint)
    if fingerprint == index.fingerprint:
        return ""
    trained_on = _in_words(str(known.get("data_name", "")), fingerprint)
    found = _in_words(index.name, index.fingerprint)
    return f"{found} is not what {run.title} was trained on, {trained_on}."


def name_of_other_data(index: DatasetIndex) -> str:
    """Returns what tells data from a run's own in the name of a file."""
    plain = re.sub(r"[^\w.-]+", "-", index.name)
    return f"on-{plain}-{_short(index.fingerprint)}"


def require_same_data(run: Run, folder: Path) -> None:
    """Checks that a folder holds the data that a run was trained on.

    Raises:
        AkinError: If it does not, or cannot be read.
    """
    change = other_data(run, open_dataset(folder))
    if change:
        raise ConfigError(
            change, "A run goes on with its own data: give their folder, or train a new run."
        )


def require_data_there(run: Run, command: str) -> None:
    """Checks that a run's data are still where they were.

    Args:
        run: A run or a detector's.
        command: The words of `akin`, before the run, that take the run's data elsewhere.

    Raises:
        DataError: If they are not.
    """
    folder = Path(run.plan.value("data.folder"))
    if not folder.is_dir():
        again = f"akin {command} {shlex.quote(str(run.path))}"
        again += "" if command == "evaluate" else " --resume"
        raise DataError(
            f"There is no folder {folder}.", f"If the data have moved: {again} --data DIR"
        )


def _in_words(name: str, fingerprint: str) -> str:
    return f"{name or 'data'} ({_short(fingerprint)})"


def _short(fingerprint: str) -> str:
    return fingerprint[:8]
