"""`akin runs compare` and `akin evaluate` as typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.run_notes import RunNotes, write_notes
from core.runs import Run, RunStore, default_workspace

from .experiments.judged import judged_run

QUICK = ("--epochs", "1", "--set", "crops.size=16", "--set", "training.batch_size=40")
Akin = Callable[..., Any]


@pytest.fixture
def two(akin: Akin, tiny_voc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setattr("core.training.finish.write_figures", lambda *_: None)
    runs = [tmp_path / "one", tmp_path / "two"]
    for run, method in zip(runs, ("supcon", "softmax"), strict=True):
        words = ("--set", f"objective.method={method}", "--run", run)
        assert akin("train", "--data", tiny_voc, *QUICK, *words).code == 0
    return runs


def test_compare_and_evaluate(akin: Akin, two: list[Path]) -> None:
    answer = akin("runs", "compare", *two, "--flips")
    assert answer.code == 0, answer.err
    assert "objective.method" in answer.out
    assert "one and two are not distinguishable" in answer.out or "is better than" in answer.out
    assert "In no class are one and two" in answer.out or "one and two differ in" in answer.out
    assert "objects that only one of one and two got right" in answer.out
    found = json.loads(akin("runs", "compare", *two, "--json").out)
    assert len(found["pairs"]) == 1
    assert found["pairs"][0]["caveat"] in answer.out
    assert "one training each: another seed may differ as much" in answer.out
    assert found["differences"]["objective.method"] == ["supcon", "softmax"]
    same = akin("runs", "compare", two[0], two[0])
    assert "one and one are identical" in same.out or "identical: the same" in same.out

    answer = akin("evaluate", two[0], "--split", "val", "--classifier", "knn")
    assert answer.code == 0, answer.err
    assert ", val, " in answer.out
    for words in ("macro F1", "top-5 accuracy", "balanced accuracy"):
        assert words in answer.out
    answer = akin("evaluate", two[0], "--classifier", "linear-probe")
    assert answer.code == 0, answer.err
    assert "linear probe: inverse penalty C = " in answer.out
    answer = akin("evaluate", two[0])
    assert answer.code == 0, answer.err
    for words in ("rank compliance", "on training objects", "errors on ranked", "mAP@R"):
        assert words in answer.out
    lines = answer.out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("thresholds, each chosen to"))
    assert lines[at + 1].split() == ["score", "threshold", "known", "withheld"]
    names = [line[:17].strip() for line in lines[at + 2 : at + 7]]
    assert names == ["max softmax", "max cosine", "energy", "k-NN distance", "Mahalanobis"]
    assert all(line.endswith(" -") for line in lines[at + 2 : at + 7]), "nothing is withheld"
    assert (two[0] / "evaluations" / "val-knn.json").is_file()
    found = json.loads(akin("evaluate", two[1], "--split", "val", "--json").out)
    assert found["classifier"] == "softmax"
    akin("evaluate", two[0], "--classifier", "svm").expect_error("no classifier 'svm'", "knn")
    akin("evaluate", two[0], "--split", "train").expect_error("both in the training", "share no")
    assert (Run(two[0]).metrics() or {})["accuracy"] is not None


def test_runs_are_found_by_name_and_number(akin: Akin, tmp_path: Path) -> None:
    store = RunStore(default_workspace() / "runs")
    for place in (store.folder, tmp_path / "else"):
        for seed in (0, 1):
            judged_run(place / f"{seed + 1:04d}-ranked", seed=seed)
    write_notes(store.folder / "0002-ranked", RunNotes().titled("Second"))
    for words in (("1", "2"), ("0001-ranked", "Second")):
        answer = akin("runs", "compare", *words)
        assert answer.code == 0, answer.err
        assert "0001-ranked and Second" in answer.out
    answer = akin("runs", "compare", "1", "2", "--in", tmp_path / "else")
    assert "0001-ranked and 0002-ranked" in answer.out
    akin("runs", "compare", "1", "Secnd").expect_error("no run 'Secnd'", "'Second'")
    answer = akin("runs", "report", "1", "Second", "--out", tmp_path / "page")
    assert answer.code == 0, answer.err
    assert "Second" in (tmp_path / "page" / "report.html").read_text()
    (tmp_path / "file.txt").write_text("mine")
    answer = akin("runs", "report", "1", "2", "--out", tmp_path / "file.txt")
    answer.expect_error("file.txt", "Choose a new folder")


def test_evaluate_finds_a_run_by_its_number(
    akin: Akin, tiny_voc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.finish.write_figures", lambda *_: None)
    akin("evaluate", "1").expect_error("is not a run directory", "akin runs list")
    for place, where in ((default_workspace() / "runs", []), (tmp_path, ["--in", tmp_path])):
        run = place / "0001-ranked"
        assert akin("train", "--data", tiny_voc, *QUICK, "--run", run).code == 0
        answer = akin("evaluate", "1", "--split", "val", *where)
        assert answer.code == 0, answer.err
        assert f"written: {run}" in answer.out


def test_what_cannot_be_compared(akin: Akin, tmp_path: Path) -> None:
    akin("runs", "compare", tmp_path).expect_error("is not a run directory", "akin runs list")
