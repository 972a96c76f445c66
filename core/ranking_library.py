"""The rankings of a workspace: WORKSPACE/rankings, one YAML file each, named as the ranking is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import AkinError, RankingError
from core.files import write_text
from core.ranking import Ranking
from core.ranking_files import load_ranking, preset_names

FOLDER = "rankings"
SUFFIXES = (".yaml", ".yml")
LONGEST_NAME = 80


@dataclass(frozen=True)
class RankingEntry:
    """A ranking of a workspace.

    Attributes:
        path: Its file.
    """

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem


class RankingLibrary:
    """Lists, makes, renames, deletes and restores a workspace's rankings.

    Args:
        workspace: Its folders are made when first needed.
    """

    def __init__(self, workspace: Path) -> None:
        self.folder = workspace / FOLDER
        self._trash = workspace / "trash" / FOLDER

    def entries(self) -> list[RankingEntry]:
        """Returns the rankings by name."""
        return _entries(self.folder)

    def deleted(self) -> list[RankingEntry]:
        """Returns what can be restored, by name."""
        return _entries(self._trash)

    def owns(self, path: Path | None) -> bool:
        """Says whether a file is one of the workspace's rankings."""
        return path is not None and path.absolute().parent == self.folder.absolute()

    def holds(self, ranking: Ranking) -> bool:
        """Says whether what a ranking says is in some file of the workspace, or in a preset."""
        sources: Iterable[Path | str] = (*(entry.path for entry in self.entries()), *preset_names())
        return any(_says(source) == ranking.similar for source in sources)

    def add(self, ranking: Ranking) -> Path:
        """Writes a ranking to a file of its own, named as it is, or with a number where taken.

        Raises:
            AkinError: If it cannot be written.
        """
        path = free_path(self.folder, ranking.name)
        write_text(path, replace(ranking, name=path.stem).to_yaml())
        return path

    def rename(self, path: Path, name: str) -> Path:
        """Gives a ranking another name, in its file too.

        Raises:
            AkinError: If the name is taken or nothing, or the file cannot be read or written.
        """
        target = self.folder / f"{safe_name(name)}{SUFFIXES[0]}"
        if target == path:
            return path
        if target.exists():
            raise RankingError(f"There is a ranking '{target.stem}' already.", "Take another name.")
        ranking = load_ranking(path)
        write_text(target, replace(ranking, name=target.stem).to_yaml())
        _move(path, None)
        return target

    def delete(self, path: Path) -> Path:
        """Moves a ranking into the workspace's trash; returns where it is now.

        Raises:
            AkinError: If it cannot be moved.
        """
        return _move(path, free_path(self._trash, path.stem))

    def restore(self, path: Path) -> Path:
        """Moves a ranking back from the trash, under a free name; returns where it is now.

        Raises:
            AkinError: If it cannot be moved.
        """
        return _move(path, free_path(self.folder, path.stem))

    def empty_trash(self) -> int:
        """Deletes for good what can be restored; returns how many rankings that were.

        Raises:
            RankingError: If one of them cannot be deleted.
        """
        found = self.deleted()
        for entry in found:
            _move(entry.path, None)
        return len(found)


def safe_name(name: str) -> str:
    """Returns a name that is fit for a file: no separators, nothing invisible, not too long.

    Raises:
        RankingError: If nothing is left of it.
    """
    kept = "".join(c if c.isalnum() or c in " -_+()," else "-" for c in name)
    kept = " ".join(kept.split())[:LONGEST_NAME].strip(" -")
    if not kept:
        raise RankingError("A ranking needs a name.", "Type one with letters or digits.")
    return kept


def free_path(folder: Path, name: str) -> Path:
    """Returns a path in a folder that is not taken: NAME.yaml, NAME 2.yaml, ..."""
    stem = safe_name(name)
    path, number = folder / f"{stem}{SUFFIXES[0]}", 2
    while path.exists():
        path, number = folder / f"{stem} {number}{SUFFIXES[0]}", number + 1
    return path


def _entries(folder: Path) -> list[RankingEntry]:
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file()]
    except OSError:
        return []
    shown = [RankingEntry(path) for path in found if not path.name.startswith(".")]
    return sorted(shown, key=lambda entry: (entry.name.casefold(), entry.path))


def _says(source: Path | str) -> object:
    try:
        return load_ranking(source).similar
    except AkinError:
        return None


def _move(path: Path, target: Path | None) -> Path:
    try:
        if target is None:
            path.unlink()
            return path
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        verb = "deleted" if target is None else "moved"
        raise RankingError(f"{path} cannot be {verb}: {why}.", "Look at who owns it.") from error
    return target
