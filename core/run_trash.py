"""The trash of a workspace: runs are moved there and back; only emptying it deletes."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from core.errors import RunError
from core.files import write_json
from core.runs import TRASH_RECORD, Run, RunStore, trash_of

EXPERIMENT_RECORD = "experiment.json"


@dataclass(frozen=True)
class TrashedRun:
    """A run in the trash.

    Attributes:
        run: Where it is now.
        origin: Where it was.
        time_s: When it was moved.
    """

    run: Run
    origin: Path
    time_s: float


def trash_run(run: Run) -> TrashedRun:
    """Moves a run into the trash beside its folder of runs.

    Raises:
        RunError: If it is being trained or judged, belongs to an experiment or cannot be moved.
    """
    if not run.path.is_dir():
        raise RunError(f"{run.path} is gone.", "List the runs with: akin runs list")
    if run.is_alive:
        raise RunError(f"{run.title} is being trained.", "Stop it first.")
    experiment = run.path.resolve().parent.parent
    if run.path.parent.name == "runs" and (experiment / EXPERIMENT_RECORD).is_file():
        raise RunError(
            f"{run.title} belongs to the experiment {experiment.name}, which would miss it.",
            "Keep it, or delete the experiment's whole folder.",
        )
    origin, now_s = run.path.resolve(), time.time()
    target = _free_place(trash_of(origin.parent), run.name)
    place = origin.relative_to(target.parent.parent).as_posix()  # a workspace may be moved
    with run.claim("moved") as claim:
        write_json(origin / TRASH_RECORD, {"origin": place, "time": now_s})
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            origin.rename(target)
        except OSError as error:
            (origin / TRASH_RECORD).unlink(missing_ok=True)
            raise _not_moved(origin, error) from error
        claim.folder = target
    return TrashedRun(Run(target), origin, now_s)


def list_trash(store: RunStore) -> list[TrashedRun]:
    """Returns what the trash of a store holds, the latest first."""
    folder = trash_of(store.folder)
    paths = [path.parent for path in folder.glob(f"*/{TRASH_RECORD}")] if folder.is_dir() else []
    found = [_read(path) for path in paths]
    return sorted(found, key=lambda trashed: (-trashed.time_s, trashed.run.name))


def restore_run(trashed: TrashedRun) -> Run:
    """Moves a run from the trash back to where it was.

    Raises:
        RunError: If its place is taken, or it is no longer in the trash.
    """
    origin, path = trashed.origin, trashed.run.path
    if not path.is_dir():
        raise RunError(f"{trashed.run.name} is no longer in the trash.", "It may be back already.")
    if origin.exists():
        raise RunError(f"{origin} exists already.", "Move that folder away, then restore again.")
    try:
        origin.parent.mkdir(parents=True, exist_ok=True)
        path.rename(origin)
    except OSError as error:
        raise _not_moved(path, error) from error
    (origin / TRASH_RECORD).unlink(missing_ok=True)
    return Run(origin)


def empty_trash(store: RunStore) -> int:
    """Deletes for good what is in the trash of a store.

    Returns:
        How many runs were deleted.

    Raises:
        RunError: If one of them cannot be.
    """
    found = list_trash(store)
    for trashed in found:
        try:
            shutil.rmtree(trashed.run.path)
        except OSError as error:
            raise RunError(
                f"{trashed.run.path} cannot be deleted: {(error.strerror or str(error)).lower()}.",
                "Delete it by hand.",
            ) from error
    return len(found)


def _read(path: Path) -> TrashedRun:
    try:
        data = json.loads((path / TRASH_RECORD).read_text(encoding="utf-8"))
        return TrashedRun(Run(path), path.parent.parent / data["origin"], float(data["time"]))
    except (OSError, ValueError, KeyError, TypeError):
        # A record nobody can read: the run goes back to where such runs are kept.
        origin = path.parent.parent / "runs" / path.name
        return TrashedRun(Run(path), origin, path.stat().st_mtime)


def _free_place(folder: Path, name: str) -> Path:
    place, number = folder / name, 2
    while place.exists():
        place, number = folder / f"{name}-{number}", number + 1
    return place


def _not_moved(path: Path, error: OSError) -> RunError:
    why = (error.strerror or str(error)).lower()
    return RunError(f"{path} cannot be moved: {why}.", "Look at who owns the folder.")
