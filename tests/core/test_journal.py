"""The journal: what was written is read again, whatever was cut off or damaged."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from core.config import ExperimentConfig
from core.errors import RunError
from core.journal import MOST_STEPS, HistoryStep, Journal, JournalState
from core.ranking import Ranking, Tier

BASE = Ranking({"cat": (Tier(("dog", "cow"), 0.25), Tier(("horse",), 0.1))}, "mine", ("cat", "dog"))


def step(number: int) -> HistoryStep:
    tiers = (Tier((f"class {number}", "b"), 1 / (number + 3)),)
    return HistoryStep(f"step {number}", Ranking({"a": tiers}, "mine"), number // 2)


def test_what_is_started_with_is_read_again(tmp_path: Path) -> None:
    config = ExperimentConfig().with_values({"training.epochs": 7, "data.withheld": ["cat"]})
    steps = (step(0), step(1), step(2))
    paths = {0: Path("/some/mine.yaml"), 2: Path("/some/other.yaml")}
    state = JournalState(BASE, steps, 2, 1, paths, config, closed=False, base_document=1)
    journal = Journal(tmp_path / "journal.jsonl")
    journal.start(state)
    journal.close()
    assert Journal(tmp_path / "journal.jsonl").read() == state
    assert state.ranking == steps[1].ranking
    assert JournalState(BASE).ranking == BASE


def test_a_new_workspace_has_nothing_to_say(tmp_path: Path) -> None:
    assert Journal(tmp_path / "journal.jsonl").read() == JournalState()


def test_every_cut_leaves_the_state_of_the_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    state = JournalState(BASE, closed=False)
    journal.start(state)
    ends = {path.stat().st_size: state}
    for number in range(3):
        state = state.with_step(state.index, step(number))
        journal.write_step(state)
        ends[path.stat().st_size] = state
    state = replace(state, index=1)
    journal.write_position(state)
    ends[path.stat().st_size] = state
    state = state.with_step(1, step(9))
    journal.write_step(state)
    ends[path.stat().st_size] = state
    journal.close()
    whole = path.read_bytes()
    for size in range(min(ends), len(whole) + 1):
        path.write_bytes(whole[:size])
        expected = ends[max(end for end in ends if end <= size)]
        assert Journal(path).read() == expected, size


def test_reading_ends_where_the_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.start(JournalState(BASE, closed=False))
    journal.close()
    good = path.read_bytes()
    for damage in (b"\0\0\0\n", b"[1]\n", b'{"done": "x"}\n', b'{"what": 1}\n', b"\xff\xfe\n"):
        later = b'{"at":0,"text":"t","ranking":{"name":"n","classes":[],"similar":{}}}\n'
        path.write_bytes(good + damage + later)
        assert Journal(path).read() == JournalState(BASE, closed=False), damage


def test_a_journal_that_knew_a_single_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    ranking = '{"name":"n","classes":[],"similar":{}}'
    lines = [
        '{"version":1,"base":' + ranking + "}",
        '{"at":0,"text":"t","ranking":' + ranking + "}",
        '{"done":1,"count":1,"clean":0,"path":"/some/mine.yaml"}',
    ]
    path.write_text("".join(line + "\n" for line in lines))
    state = Journal(path).read()
    assert state.paths == {0: Path("/some/mine.yaml")}
    assert state.steps[0].document == state.base_document == 0


def test_another_version_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"version":2,"base":{"name":"n","classes":[],"similar":{}}}\n')
    assert Journal(path).read() == JournalState()


def test_settings_that_no_longer_make_sense_are_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.start(JournalState(BASE, closed=False))
    journal.close()
    with path.open("a") as file:
        file.write(json.dumps({"config": {"training": {"epochs": -3}}}) + "\n")
    state = Journal(path).read()
    assert state.config is None
    assert "training.epochs = -3" in state.config_problem
    assert state.ranking == BASE


@pytest.mark.parametrize("seed", range(5))
def test_any_history_is_read_again_across_many_starts(tmp_path: Path, seed: int) -> None:
    """Edits, undos and restarts at random; the file forgets old steps, what is left agrees."""
    draw = random.Random(seed)
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    state = JournalState(BASE, closed=False)
    journal.start(state)
    for number in range(700):
        if draw.random() < 0.15:
            state = replace(state, index=draw.randrange(len(state.steps) + 1))
            journal.write_position(state)
        else:
            state = state.with_step(state.index, step(number))
            journal.write_step(state)
        if draw.random() < 0.03:
            journal.close()
            found = Journal(path).read()
            assert found.ranking == state.ranking
            kept = len(found.steps)
            assert found.steps == state.steps[len(state.steps) - kept :]
            assert state.index - found.index == len(state.steps) - kept
            journal = Journal(path)
            journal.start(state)
    journal.close()
    assert Journal(path).read().ranking == state.ranking


def test_the_oldest_steps_are_forgotten_but_never_the_ranking(tmp_path: Path) -> None:
    steps = tuple(step(number) for number in range(MOST_STEPS + 50))
    state = JournalState(BASE, steps, len(steps), 10)
    short = state.shortened()
    assert len(short.steps) == MOST_STEPS
    assert short.ranking == state.ranking
    assert short.clean == -1
    undone = replace(state, index=20, clean=40)
    assert undone.shortened().ranking == undone.ranking
    assert undone.shortened().clean == 20
    assert undone.shortened().base_document == steps[19].document


def test_a_disk_that_is_full_is_an_error_with_a_hint(tmp_path: Path) -> None:
    journal = Journal(Path("/dev/full"))
    journal._file = open("/dev/full", "ab", buffering=0)  # noqa: SIM115 - closed below
    with pytest.raises(RunError, match="no space left"):
        journal.write_config(ExperimentConfig())
    journal.close()
