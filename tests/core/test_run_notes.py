"""Titles, tags and notes of runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import ExperimentConfig
from core.errors import RunError
from core.ranking import Ranking
from core.run_notes import NOTES, RunNotes, matches, read_notes, write_notes
from core.runs import Run, RunStore


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return RunStore(tmp_path / "runs").create(ExperimentConfig(), Ranking())


def test_notes_come_back_as_they_were_written(run: Run) -> None:
    assert read_notes(run.path) == RunNotes()
    assert run.title == run.name == "0001-ranked"
    notes = RunNotes().titled(" é, the best ").tagged(["a b", "x,y", "x", " "]).noted("one\ntwo\n")
    assert notes == RunNotes("é, the best", ("a b", "x", "y"), "one\ntwo")
    write_notes(run.path, notes)
    assert Run(run.path).notes() == notes
    assert Run(run.path).title == "é, the best"
    assert run.name == "0001-ranked"
    write_notes(run.path, RunNotes())
    assert not (run.path / NOTES).exists()


@pytest.mark.parametrize("title", ["x" * 81, "two\nlines", "a\x00b"])
def test_names_that_are_none(title: str) -> None:
    with pytest.raises(RunError, match="cannot be given"):
        RunNotes().titled(title)


@pytest.mark.parametrize("text", ["{", "[]", '{"tags": [1]}', '{"title": null}', '{"tags": 3}'])
def test_damaged_notes_are_told_and_do_not_hide_the_run(run: Run, text: str) -> None:
    (run.path / NOTES).write_text(text)
    with pytest.raises(RunError, match=r"notes\.json is damaged"):
        run.notes()
    assert run.title == run.name


def test_notes_of_a_run_that_is_gone_make_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is gone"):
        write_notes(tmp_path / "gone", RunNotes("x"))
    assert not (tmp_path / "gone").exists()


def test_every_word_must_be_somewhere() -> None:
    texts = ("0003-ranked", "Baseline", "VOC 2007")
    assert matches("", texts)
    assert matches("base 2007", texts)
    assert not matches("base 2008", texts)
