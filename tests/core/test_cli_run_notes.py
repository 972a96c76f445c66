"""`akin runs tag`, `note`, `rename`, `trash`, `restore` as typed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.config import ExperimentConfig
from core.events import Outcome
from core.ranking import Ranking
from core.ranking_library import RankingLibrary
from core.runs import RunStore

Akin = Callable[..., Any]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.setenv("AKIN_WORKSPACE", str(tmp_path))
    store = RunStore(tmp_path / "runs")
    for status in ("done", "stopped"):
        run = store.create(ExperimentConfig(), Ranking())
        run.write_outcome(Outcome(status, "It ended."))  # type: ignore[arg-type]
    return store


def listed(akin: Akin, *words: str) -> list[str]:
    return [row["run"] for row in json.loads(akin("runs", "list", "--json", *words).out)]


def test_tags_notes_and_names(akin: Akin, store: RunStore) -> None:
    assert akin("runs", "tag", "1", "paper", "good one").out == "0001-ranked: paper, good one\n"
    assert akin("runs", "tag", "1", "paper", "--remove").out == "0001-ranked: good one\n"
    assert akin("runs", "rename", "0001-ranked", "Baseline").code == 0
    assert akin("runs", "tag", "Baseline", "x").out == "Baseline: good one, x\n"
    assert akin("runs", "note", "2", "lr too high").code == 0
    assert akin("runs", "note", "2").out == "lr too high\n"
    assert listed(akin, "--tag", "good one", "--tag", "x") == ["0001-ranked"]
    assert listed(akin, "--tag", "good") == []
    assert listed(akin, "--status", "stopped") == ["0002-ranked"]
    assert listed(akin, "--find", "high LR") == ["0002-ranked"]
    table = akin("runs", "list").out
    assert "Baseline" in table
    assert "good one, x" in table
    assert "None of the 2 runs" in akin("runs", "list", "--tag", "nothing").out


def test_trash_and_restore(akin: Akin, store: RunStore) -> None:
    akin("runs", "rename", "2", "Second")
    answer = akin("runs", "trash", "Second")
    assert "akin runs restore 0002-ranked" in answer.out
    assert listed(akin) == ["0001-ranked"]
    assert listed(akin, "--trash") == ["0002-ranked"]
    akin("runs", "note", "Second").expect_error("Second is in the trash", "restore")
    akin(
        "runs", "compare", store.folder / "0001-ranked", store.folder / "0002-ranked"
    ).expect_error("is in the trash", "akin runs restore 0002-ranked")
    assert akin("runs", "restore", "Second").code == 0
    assert listed(akin) == ["0001-ranked", "0002-ranked"]
    akin("runs", "trash", "1", "2")
    akin("runs", "empty-trash").expect_error("emptied for good", "--yes")
    assert akin("runs", "empty-trash", "--yes").out == "2 deleted\n"
    assert "The trash is empty" in akin("runs", "empty-trash").out
    akin("runs", "restore", "1").expect_error("not in the trash", "--trash")


def test_a_run_outside_of_the_workspace_is_taken_back_by_the_command_that_is_told(
    akin: Akin, store: RunStore, tmp_path: Path
) -> None:
    folder = tmp_path / "my runs"
    run = store.create(ExperimentConfig(), Ranking(), folder / "a run")
    run.write_outcome(Outcome("done", "It ended."))
    for words in ([folder / "a run"], ["a run", "--in", folder]):
        told = akin("runs", "trash", *words).out
        assert not run.path.exists()
        for error in (
            akin("runs", "note", "a run", "--in", folder),
            akin("runs", "note", folder / "a run"),
        ):
            assert error.err.split("Take it back: ")[1] == told.split("Take it back: ")[1]
        answer = akin(*shlex.split(told.split(": akin ")[1]))
        assert answer.code == 0, answer.err
        assert run.path.is_dir()


def test_the_trash_of_rankings(akin: Akin, store: RunStore, tmp_path: Path) -> None:
    library = RankingLibrary(tmp_path)
    assert akin("ranking", "list").out == f"No rankings in {library.folder}.\n"
    assert akin("runs", "list", "--trash").out == "The trash is empty.\n"
    for name in ("mine", "yours"):
        library.delete(library.add(Ranking(name=name)))
    told = "No runs are in the trash; 2 rankings are: akin ranking list --trash\n"
    assert akin("runs", "list", "--trash").out == told
    assert akin("runs", "empty-trash").out == told
    listed = akin("ranking", "list", "--trash").out.splitlines()
    assert listed == [f"{entry.name}: {entry.path}" for entry in library.deleted()]
    akin("ranking", "restore", "mine", "your").expect_error("your is not in the trash", "'yours'?")
    assert akin("ranking", "restore", "mine").out == f"{library.folder / 'mine.yaml'} is back\n"
    rows = json.loads(akin("ranking", "list", "--json").out)
    assert rows == [{"name": "mine", "path": str(library.folder / "mine.yaml")}]
    akin("ranking", "empty-trash").expect_error("emptied for good", "--yes")
    assert [entry.name for entry in library.deleted()] == ["yours"]
    assert akin("ranking", "empty-trash", "--yes").out == "1 deleted\n"
    assert akin("ranking", "empty-trash", "--yes").out == "No rankings are in the trash.\n"
    assert akin("ranking", "list", "--trash").out == "No rankings are in the trash.\n"
    assert [entry.name for entry in library.entries()] == ["mine"]


def test_the_trash_of_another_workspace(akin: Akin, store: RunStore, tmp_path: Path) -> None:
    other = RankingLibrary(tmp_path / "my other")
    other.delete(other.add(Ranking(name="mine")))
    runs = tmp_path / "my other" / "runs"
    where = f"--in '{tmp_path / 'my other'}'"
    told = f"No runs are in the trash; 1 ranking is: akin ranking list --trash {where}\n"
    assert akin("runs", "list", runs, "--trash").out == told
    assert "mine" in akin(*shlex.split(told.split(": akin ")[1])).out
    assert akin("ranking", "empty-trash", "--in", tmp_path / "my other", "--yes").code == 0
    assert akin("runs", "list", runs, "--trash").out == "The trash is empty.\n"


def test_a_name_that_means_several_or_none(akin: Akin, store: RunStore) -> None:
    for number in "12":
        akin("runs", "rename", number, "Same")
    akin("runs", "trash", "Same").expect_error("0001-ranked, 0002-ranked", "directory's name")
    akin("runs", "note", "0001-rankd").expect_error("no run '0001-rankd'", "'0001-ranked'")
    akin("runs", "rename", "1", "a\nb").expect_error("cannot be given", "one line")
