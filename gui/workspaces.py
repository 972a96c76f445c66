"""Workspaces: folders that hold runs, rankings and the demo; which folder may be one."""

from __future__ import annotations

from pathlib import Path

from core.errors import AkinError
from core.runs import default_workspace

_MARKS = ("window.ini", "journal.jsonl", "queue.json")
_IGNORED = (".DS_Store", "Thumbs.db", "desktop.ini")


def is_workspace(folder: Path) -> bool:
    """Tells whether Akin has used a folder as a workspace."""
    if any((folder / name).is_file() for name in _MARKS):
        return True
    return any((folder / "runs").glob("*/config.yaml"))


def require_workspace(folder: Path) -> None:
    """Makes a folder if there is none, and checks that it may be a workspace.

    Raises:
        AkinError: If it cannot be made, or holds something else.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = [item.name for item in folder.iterdir() if item.name not in _IGNORED]
    except OSError as error:
        raise AkinError(
            f"{folder} cannot be a workspace: {error.strerror}.", "Choose another folder."
        ) from error
    if others and not is_workspace(folder):
        raise AkinError(
            f"{folder.name} is no workspace: it holds other files.",
            "Choose an empty folder. Data are opened by File, Open data folder.",
        )


def workspace_name(folder: Path) -> str:
    """Returns a workspace's name: its folder's, or "default"."""
    return "default" if folder.absolute() == default_workspace().absolute() else folder.name
