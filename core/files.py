"""Files written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from core.errors import RunError

_HINTS = {
    errno.EISDIR: "It is a folder: give the name of a file in it.",
    errno.EEXIST: "A file stands where a folder is needed: choose another folder.",
    errno.ENOTDIR: "A file stands where a folder is needed: choose another folder.",
    errno.EACCES: "Choose a folder you can write to.",
    errno.EPERM: "Choose a folder you can write to.",
    errno.EROFS: "Choose a folder you can write to.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Writes a file under a temporary name, syncs it and moves it into place.

    Raises:
        RunError: If the disk is full or cannot be written; the old file stays as it was.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise RunError(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}.",
            _HINTS.get(error.errno or 0, "Free some disk space, or choose another folder."),
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text atomically."""
    write_atomically(path, lambda file: file.write(text.encode()))


def write_json(path: Path, data: object) -> None:
    """Writes JSON atomically; NaN is refused."""
    write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")
