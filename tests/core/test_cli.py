"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core import __version__
from core.config import ExperimentConfig
from core.config_files import recipe_names
from core.events import Outcome
from core.files import write_json
from core.ranking import Ranking
from core.ranking_files import load_ranking, preset_names
from core.run_notes import RunNotes, write_notes
from core.runs import RunStore, default_workspace

Akin = Callable[..., Any]


# ----- the words themselves -----


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["trian"], "No such command", "See: akin --help"),
        (["train", "--lerning-rate", "3"], "No such option", "See: akin train --help"),
        (["train", "--epochs", "many"], "--epochs", "See: akin train --help"),
        (["demo"], "Missing argument", "See: akin demo --help"),
        (["ranking", "check", "none"], "Missing option", "See: akin ranking check --help"),
        (["runs"], "Missing command", "See: akin runs --help"),
        (["demo", "x", "--images", "3"], "--images", "See: akin demo --help"),
    ],
)
def test_words_without_sense(akin: Akin, words: list[str], message: str, hint: str) -> None:
    akin(*words).expect_error(message, hint)


def test_the_version(akin: Akin) -> None:
    answer = akin("--version")
    assert (answer.code, answer.out) == (0, f"akin {__version__}\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train"], "one object a line"),
        (["detect", "train"], "one object a line"),
        (["evaluate"], "one object a line; with --data, --split or --classifier the result as one"),
        (["runs", "list"], "One JSON document"),
        (["ranking", "check"], "One JSON document"),
    ],
)
def test_help_says_what_json_means(akin: Akin, words: list[str], told: str) -> None:
    assert told in " ".join(akin(*words, "--help").out.split())


def test_help_of_train_names_recipes_and_presets(akin: Akin) -> None:
    text = "".join(akin("train", "--help").out.split())
    for name in (*recipe_names(), *preset_names()):
        assert name in text.split("Keysfor--set")[0]


def test_help_names_every_command(akin: Akin) -> None:
    answer = akin("--help")
    assert answer.code == 0
    for command in ("demo", "train", "evaluate", "data", "ranking", "runs", "experiment"):
        assert re.search(rf"\b{command}\b", answer.out)


def test_a_real_process_ends_with_the_code_and_no_traceback(akin_process: Akin) -> None:
    answer = akin_process("train", "--recipe", "dmo")
    answer.expect_error("no recipe 'dmo'", "Did you mean 'demo'?")
    assert answer.out == ""


# ----- demo and data check -----


def test_demo_is_written_and_checked(akin: Akin, tmp_path: Path) -> None:
    answer = akin("demo", tmp_path / "demo", "--images", 40, "--seed", 3)
    assert answer.code == 0
    assert f"40 scenes written to {tmp_path / 'demo'}" in answer.out
    answer = akin("data", "check", tmp_path / "demo")
    assert answer.code == 0
    assert "40 images" in answer.out
    assert "20 classes" in answer.out
    assert "0 problems found" in answer.out
    assert re.search(r"^ *sheep( +\d+){5} *$", answer.out, re.MULTILINE)


def test_demo_refuses_a_folder_with_data(akin: Akin, own_voc: Path) -> None:
    answer = akin("demo", own_voc, "--images", 40)
    answer.expect_error("holds a data set already", "another")
    assert answer.out == "", "nothing is drawn"


def test_data_check_lists_what_it_skipped_and_is_content(akin: Akin, own_voc: Path) -> None:
    images = sorted((own_voc / "JPEGImages").iterdir())
    images[0].write_bytes(images[0].read_bytes()[:500])
    images[1].unlink()
    (own_voc / "Annotations" / f"{images[2].stem}.xml").write_text("<annotation><obj")
    answer = akin("data", "check", own_voc)
    assert answer.code == 0
    assert answer.err == ""
    assert answer.out.count("\nskipped: ") >= 3
    for image in images[:3]:
        assert image.stem in answer.out
    found = re.search(r"(\d+) problems found", answer.out)
    assert found
    assert int(found[1]) == answer.out.count("\nskipped: ")
    data = json.loads(akin("data", "check", own_voc, "--json").out)
    assert len(data["problems"]) == int(found[1])
    assert data["images"] == 37


def test_data_check_of_no_voc_folder(akin: Akin, tmp_path: Path) -> None:
    akin("data", "check", tmp_path).expect_error("is not a VOC folder", "Annotations")
    akin("data", "check", tmp_path / "x").expect_error("There is no folder", "Annotations")


# ----- rankings -----


def test_ranking_check(akin: Akin, tiny_voc: Path) -> None:
    answer = akin("ranking", "check", "voc2007-paper", "--data", tiny_voc)
    assert answer.code == 0
    assert answer.out == "voc2007-paper: fits; 17 of 20 classes rank others, depth 3\n"
    answer = akin("ranking", "check", "voc2007-paper", "--data", tiny_voc, "--json")
    assert json.loads(answer.out) == {"name": "voc2007-paper", "depth": 3, "problems": []}


def test_ranking_check_names_every_fault(akin: Akin, tiny_voc: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("similar: {cat: [dgo, cat, sheep, sheep]}")
    answer = akin("ranking", "check", file, "--data", tiny_voc)
    answer.expect_error("'dgo', ranked for 'cat', is no class", "Did you mean 'dog'?")
    assert answer.err.count("also: ") == 2
    assert "'cat' is ranked as similar to itself." in answer.err
    assert "'sheep' is ranked twice for 'cat'." in answer.err
    answer = akin("ranking", "check", file, "--data", tiny_voc, "--json")
    assert answer.code == 2
    assert [p["name"] for p in json.loads(answer.out)["problems"]] == ["dgo", "cat", "sheep"]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("similar: {cat: [dog", "mine.yaml is not valid YAML at line 1", "Correct the file"),
        ("similar: {cat: dog}", "what is ranked for 'cat' is not a list", "cat: [bird, boat]"),
    ],
)
def test_a_broken_ranking_file(
    akin: Akin, tiny_voc: Path, tmp_path: Path, text: str, message: str, hint: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    akin("ranking", "check", file, "--data", tiny_voc).expect_error(message, hint)
    akin("train", "--data", tiny_voc, "--ranking", file).expect_error(message, hint)
    assert RunStore(default_workspace() / "runs").list() == []


# ----- runs list -----


def test_runs_list_of_an_empty_workspace(akin: Akin, tmp_path: Path) -> None:
    answer = akin("runs", "list")
    assert answer.code == 0
    assert answer.out.startswith(f"No runs in {default_workspace() / 'runs'}. Train one with")
    assert json.loads(akin("runs", "list", tmp_path, "--json").out) == []


def test_runs_list_of_what_is_not_there(akin: Akin, tmp_path: Path) -> None:
    for words in ((), ("--trash",), ("--json",)):
        answer = akin("runs", "list", tmp_path / "nowhere", *words)
        answer.expect_error(f"There is no folder '{tmp_path / 'nowhere'}'", "akin runs list")
    (tmp_path / "file").write_text("")
    akin("runs", "list", tmp_path / "file").expect_error("There is no folder")
    answer = akin("runs", "list", "--status", "dnoe")
    answer.expect_error("no status 'dnoe'", "Did you mean 'done'?")
    answer = akin("runs", "list", "--status", "done", "--status", "zzzz")
    answer.expect_error("no status 'zzzz'", "known: running, done, stopped")


def test_runs_list_names_the_tags_there_are(akin: Akin, tmp_path: Path) -> None:
    for name, tags in (("a", ("paper", "good")), ("b", ("paper",)), ("c", ())):
        run = RunStore(tmp_path).create(ExperimentConfig(), Ranking(), tmp_path / name)
        write_notes(run.path, RunNotes().tagged(tags))
    answer = akin("runs", "list", tmp_path, "--tag", "papr")
    assert answer.out == "None of the 3 runs is like that. Tags: good, paper.\n"


def test_runs_list_of_an_experiment_or_a_workspace(akin: Akin, tmp_path: Path) -> None:
    run = RunStore(tmp_path / "runs").create(ExperimentConfig(), Ranking())
    rows = json.loads(akin("runs", "list", tmp_path, "--json").out)
    assert [row["path"] for row in rows] == [str(run.path)]
    assert akin("runs", "tag", "1", "x", "--in", tmp_path).out == "0001-ranked: x\n"


def test_runs_list(akin: Akin) -> None:
    store = RunStore(default_workspace() / "runs")
    done = store.create(ExperimentConfig(), Ranking())
    done.write_outcome(Outcome("done", "Trained."))
    write_json(done.path / "metrics.json", {"accuracy": 0.61234, "ood": {"auroc": 0.5}})
    write_json(done.path / "environment.json", {"data_name": "Akin demo", "started": 1.8e9})
    killed = store.create(
        ExperimentConfig().with_values({"objective.method": "softmax"}), Ranking()
    )
    write_json(killed.path / "environment.json", {"pid": 2**22 + 1, "process_start": "1"})
    answer = akin("runs", "list")
    assert answer.code == 0
    assert answer.err == ""
    header, first, second = answer.out.splitlines()
    assert header.split() == ["run", "started", "status", "method", "data", "accuracy", "AUROC"]
    for word in ("0001-ranked", "2027-01-1", "done", "ranked r3", "Akin demo", "0.612", "0.500"):
        assert word in first
    assert second.split() == ["0002-softmax", "interrupted", "softmax"]
    rows = json.loads(akin("runs", "list", "--json").out)
    assert [row["accuracy"] for row in rows] == [0.61234, None]
    assert rows[0]["path"] == str(done.path)


def test_runs_list_passes_over_a_damaged_run(akin: Akin) -> None:
    store = RunStore(default_workspace() / "runs")
    for _ in range(4):
        store.create(ExperimentConfig(), Ranking()).write_outcome(Outcome("done", "Trained."))
    (store.folder / "0001-ranked" / "config.yaml").write_text("training: [")
    (store.folder / "0002-ranked" / "outcome.json").write_text("{")
    (store.folder / "0003-ranked" / "metrics.json").write_text("[]")
    answer = akin("runs", "list")
    assert answer.code == 0
    assert [line.split()[0] for line in answer.out.splitlines()[1:]] == [
        "0003-ranked",
        "0004-ranked",
    ]
    assert answer.err.count("skipped: ") == 2
    assert "0001-ranked" in answer.err


# ----- disagreement -----


def opinion(path: Path, similar: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"similar: {similar}\n")
    return path


def test_disagreement_says_who_disputes_what_and_writes_the_consensus(
    akin: Akin, tmp_path: Path, tiny_voc: Path
) -> None:
    anna = opinion(tmp_path / "anna.yaml", "{cat: [dog, cow], dog: [cat]}")
    bo = opinion(tmp_path / "bo.yaml", "{cat: [cow, car], dog: [cat]}")
    agreed = tmp_path / "agreed.yaml"
    answer = akin("ranking", "disagreement", anna, bo, "--consensus", agreed)
    assert answer.code == 0
    # Four classes are named: worked by hand in test_ranking_disagreement.py.
    assert "Kendall's W of 2 rankings: 0.57." in answer.out
    assert "dog: rank 2 for anna, a negative for bo" in answer.out
    assert load_ranking(agreed).ranked("cat") == ("cow", "dog", "car")
    answer = akin("ranking", "disagreement", anna, bo, "--data", tiny_voc, "--json")
    found = json.loads(answer.out)
    assert found["rankings"] == ["anna", "bo"]
    assert found["w"] > 0.57, "sixteen negatives more on which both agree"
    assert list(found["per_class"]) == ["cat", "dog"]


def test_disagreement_aligns_headings_with_their_columns(akin: Akin, tmp_path: Path) -> None:
    name = "a class of somebody's own data set whose name is long enough to take several lines"
    anna = opinion(tmp_path / "anna.yaml", f'{{"{name}": [dog], cat: [dog]}}')
    bo = opinion(tmp_path / "bo.yaml", f'{{"{name}": [cat], cat: [dog]}}')
    lines = akin("ranking", "disagreement", anna, bo).out.splitlines()
    head = next(line for line in lines if " rank any" in line)
    rows = [match for line in lines if (match := re.search(r"(\d\.\d\d) +(2 of 2)  ", line))]
    assert len(rows) == 2
    for row in rows:
        assert row.end(1) == head.index(" W ") + 2
        assert row.end(2) == head.index("rank any") + len("rank any")


def test_disagreement_tells_files_of_the_same_name_apart(akin: Akin, tmp_path: Path) -> None:
    files = [opinion(tmp_path / who / "mine.yaml", "{cat: [dog], dog: [cow]}") for who in "ab"]
    found = json.loads(akin("ranking", "disagreement", *files, "--json").out)
    assert found["rankings"] == [str(file) for file in files]


def test_disagreement_takes_two(akin: Akin) -> None:
    akin("ranking", "disagreement", "none").expect_error("takes two rankings", "another")


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_the_consensus_replaces_none_of_the_rankings_it_is_made_of(
    akin: Akin, tmp_path: Path, force: list[str]
) -> None:
    anna = opinion(tmp_path / "anna.yaml", "{cat: [dog, cow]}")
    bo = opinion(tmp_path / "bo.yaml", "{cat: [cow, car]}")
    before = anna.read_bytes()
    (tmp_path / "link.yaml").symlink_to(anna)
    (tmp_path / "sub").mkdir()
    for sources, spelling in (
        ([anna, bo], anna),
        ([anna, bo], tmp_path / "sub" / ".." / "anna.yaml"),
        ([anna, bo], tmp_path / "link.yaml"),
        ([bo, f"{anna}:reversed"], anna),
    ):
        answer = akin("ranking", "disagreement", *sources, "--consensus", spelling, *force)
        answer.expect_error("one of the rankings read", "another file")
        assert anna.read_bytes() == before


def test_a_file_that_exists_is_replaced_only_by_force(akin: Akin, tmp_path: Path) -> None:
    files = [opinion(tmp_path / f"{who}.yaml", "{cat: [dog, cow]}") for who in ("anna", "bo")]
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    words = ("ranking", "disagreement", *files, "--consensus", thesis)
    akin(*words).expect_error(f"{thesis} exists already", "--force")
    assert thesis.read_text() == "years of work"
    assert akin(*words, "--force").code == 0
    assert load_ranking(thesis).ranked("cat") == ("dog", "cow")
    akin("ranking", "disagreement", *files, "--consensus", tmp_path).expect_error(
        f"{tmp_path} is a folder", "a file in it"
    )


# ----- ranking write -----


def test_a_preset_and_a_control_are_written_to_a_file_of_ones_own(
    akin: Akin, tmp_path: Path, tiny_voc: Path
) -> None:
    mine = tmp_path / "mine.yaml"
    answer = akin("ranking", "write", "voc2007-paper", mine)
    assert (answer.code, answer.out) == (0, f"voc2007-paper was written to {mine}\n")
    assert load_ranking(mine) == replace(load_ranking("voc2007-paper"), name="mine")
    akin("ranking", "write", "none", mine).expect_error("exists already", "--force")
    akin("ranking", "write", f"{mine}:reversed", mine, "--force").expect_error("rankings read")
    control = tmp_path / "control.yaml"
    assert akin("ranking", "write", f"{mine}:random:3", control, "--data", tiny_voc).code == 0
    written = load_ranking(control)
    assert set(written.similar) > set(load_ranking(mine).similar), "all classes of the data"
    akin("ranking", "write", "voc2007-papr", control, "--force").expect_error("no ranking", "none")
