"""`akin runs tag`, `note`, `rename`, `trash`, `restore` as typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.config import ExperimentConfig
from core.events import Outcome
from core.ranking import Ranking
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


def test_a_name_that_means_several_or_none(akin: Akin, store: RunStore) -> None:
    for number in "12":
        akin("runs", "rename", number, "Same")
    akin("runs", "trash", "Same").expect_error("0001-ranked, 0002-ranked", "directory's name")
    akin("runs", "note", "0001-rankd").expect_error("no run '0001-rankd'", "'0001-ranked'")
    akin("runs", "rename", "1", "a\nb").expect_error("cannot be given", "one line")
