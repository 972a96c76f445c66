"""Into the trash, back, and gone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from core.config import ExperimentConfig
from core.errors import RunError
from core.events import Outcome
from core.files import write_json
from core.ranking import Ranking
from core.run_notes import RunNotes
from core.run_trash import empty_trash, list_trash, restore_run, trash_run
from core.runs import TRASH_RECORD, Run, RunStore, open_run


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "workspace" / "runs")


def ended(store: RunStore, path: Path | None = None) -> Run:
    run = store.create(ExperimentConfig(), Ranking(), path)
    run.write_outcome(Outcome("done", "Trained."))
    return run


def content(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_there_and_back_again(store: RunStore) -> None:
    first, second = ended(store), ended(store)
    before = content(second.path)
    trashed = trash_run(second)
    assert store.list() == [first]
    assert trashed.run.path == store.folder.parent / "trash" / second.name
    assert list_trash(store) == [trashed]
    with pytest.raises(RunError, match="is in the trash") as caught:
        open_run(second.path)
    assert f"akin runs restore {second.name}" in caught.value.hint
    assert ended(store).name == "0003-ranked"  # the number of a run that may come back is kept
    assert restore_run(trashed) == second
    assert content(second.path) == before
    assert list_trash(store) == []
    with pytest.raises(RunError, match="no longer in the trash"):
        restore_run(trashed)


def test_a_workspace_that_was_moved_takes_its_runs_back(store: RunStore, tmp_path: Path) -> None:
    trash_run(ended(store))
    shutil.move(store.folder.parent, tmp_path / "elsewhere")
    moved = RunStore(tmp_path / "elsewhere" / "runs")
    (trashed,) = list_trash(moved)
    assert restore_run(trashed).path == moved.folder / "0001-ranked"


def test_a_run_that_is_trained_or_part_of_an_experiment_stays(store: RunStore) -> None:
    running = store.create(ExperimentConfig(), Ranking())
    with pytest.raises(RunError, match="is being trained"):
        trash_run(running)
    write_json(running.path / "environment.json", {"pid": os.getpid(), "process_start": "12"})
    assert trash_run(running).origin == running.path  # its process is gone

    folder = store.folder.parent / "experiments" / "mine"
    part = ended(store, folder / "runs" / "ranked-seed0")
    write_json(folder / "experiment.json", {})
    with pytest.raises(RunError, match="belongs to the experiment mine"):
        trash_run(part)
    assert open_run(part.path) == part


def test_a_place_that_is_taken_is_refused(store: RunStore) -> None:
    run = ended(store)
    trashed = trash_run(run)
    again = ended(store, run.path)
    with pytest.raises(RunError, match="exists already"):
        restore_run(trashed)
    both = [trash_run(again), trashed]
    assert [each.run.name for each in list_trash(store)] == [each.run.name for each in both]
    assert [each.run.name for each in both] == ["0001-ranked-2", "0001-ranked"]


def test_emptying_deletes_only_what_is_in_the_trash(store: RunStore) -> None:
    kept, gone = ended(store), ended(store)
    assert empty_trash(store) == 0
    trash_run(gone)
    other = store.folder.parent / "trash" / "mine.txt"
    other.write_text("not a run")
    assert empty_trash(store) == 1
    assert other.read_text() == "not a run"
    assert store.list() == [kept]
    assert list_trash(store) == []


def test_a_damaged_record_still_comes_back(store: RunStore) -> None:
    run = ended(store)
    trashed = trash_run(run)
    (trashed.run.path / TRASH_RECORD).write_text("{")
    (found,) = list_trash(store)
    assert restore_run(found) == run
    assert run.notes() == RunNotes()
