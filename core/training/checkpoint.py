"""Checkpoints: written atomically, loaded with weights only, with one earlier as a fallback."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.errors import RunError
from core.files import write_atomically
from core.torch_files import UnreadableFileError, load_tensors

LAST, PREVIOUS, BEST = "last.pt", "previous.pt", "best.pt"


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A checkpoint's state.

    Attributes:
        state: What was saved.
        path: The file it came from.
        warning: A sentence where last.pt was damaged and an earlier one was taken; else empty.
    """

    state: dict[str, Any]
    path: Path
    warning: str = ""


def save_checkpoint(folder: Path, state: dict[str, Any], name: str = LAST) -> Path:
    """Saves a state; an existing last.pt is kept as previous.pt.

    Raises:
        RunError: If the disk is full or cannot be written; the old files stay.
    """
    path = folder / name
    fresh = folder / f"{name}.new"
    try:
        write_atomically(fresh, lambda file: torch.save(state, file))
    except RuntimeError as error:  # torch's zip writer on a full disk
        fresh.unlink(missing_ok=True)
        raise RunError(f"{path} cannot be written.", "Free some disk space.") from error
    if name == LAST and path.exists():
        os.replace(path, folder / PREVIOUS)
    os.replace(fresh, path)
    return path


def remove_leftovers(folder: Path) -> None:
    """Removes what a process that was killed while it saved has left half-written.

    Only for the process that writes the folder: another may be saving.
    """
    for name in (LAST, BEST):
        for path in (folder / f"{name}.new", *folder.glob(f".{name}.new.*")):
            path.unlink(missing_ok=True)


def load_checkpoint(folder: Path, device: torch.device) -> LoadedCheckpoint:
    """Loads last.pt, or previous.pt where last.pt is damaged.

    Raises:
        RunError: If there is none that can be read.
    """
    damaged = False
    for name in (LAST, PREVIOUS):
        path = folder / name
        if not path.exists():
            continue
        try:
            state = load_tensors(path, device)
        except UnreadableFileError:
            damaged = True
            continue
        warning = f"{LAST} is damaged; the checkpoint before it was taken." if damaged else ""
        return LoadedCheckpoint(state, path, warning)
    what = "No checkpoint in it can be read" if damaged else "It has no checkpoint"
    raise RunError(f"{folder.parent} cannot be continued. {what}.", "Start the run anew.")
