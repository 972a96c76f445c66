"""`akin experiment`: the plan, the result, and the exit code where a run fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.runs import Run, RunStore, default_workspace

from .experiments.judged import judged_run

Akin = Callable[..., Any]
FILE = """
methods: [supcon, ranked]
seeds: [0, 1]
set:
  crops.size: 16
  encoder.embedding_size: 16
  optimizer.learning_rate: 0.01
  training.epochs: 1
  training.batch_size: 40
  data.withheld: [chair]
paper: voc2007
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("core.training.finish.write_figures", lambda *_: None)
    path = tmp_path / "mine.yaml"
    path.write_text(FILE)
    return path


def test_a_dry_run_shows_the_plan_and_writes_nothing(
    akin: Akin, file: Path, tiny_voc: Path
) -> None:
    answer = akin("experiment", file, "--data", tiny_voc, "--dry-run")
    assert answer.code == 0
    assert "mine: 2 arms x 2 seeds = 4 runs on Akin demo" in answer.out
    assert "time: unknown (known when the first run has finished)" in answer.out
    folder = default_workspace() / "experiments" / "mine"
    assert f"kept in: {folder}" in answer.out
    assert not folder.exists()
    plan = json.loads(akin("experiment", file, "--data", tiny_voc, "--dry-run", "--json").out)
    assert [(run["arm"], run["seed"], run["state"]) for run in plan["runs"]] == [
        ("SupCon", 0, "new"),
        ("ranked r3", 0, "new"),
        ("SupCon", 1, "new"),
        ("ranked r3", 1, "new"),
    ]
    assert plan["remaining_s"] is None


def test_an_experiment_to_its_end_and_again(
    akin: Akin, file: Path, tiny_voc: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    answer = akin("experiment", file, "--data", tiny_voc, "--out", out)
    assert answer.code == 0, answer.err
    assert "run 1 of 4: SupCon, seed 0; time left: unknown" in answer.out
    assert "run 2 of 4: ranked r3, seed 0; time left: about" in answer.out
    assert "0.6499" in answer.out, "the paper's SupCon beside ours"
    assert "SupCon and ranked r3" in answer.out.replace("has a higher accuracy than", "and")
    assert "known test objects" in answer.out
    accuracies = [
        (Run(out / "runs" / f"supcon-seed{s}").metrics() or {})["accuracy"] for s in (0, 1)
    ]
    record = json.loads((out / "experiment.json").read_text())
    supcon = record["summary"]["arms"][0]
    assert supcon["accuracy"]["by_seed"] == accuracies
    assert supcon["accuracy"]["mean"] == pytest.approx(sum(accuracies) / 2)
    low, high = supcon["accuracy"]["interval"]
    assert low <= supcon["accuracy"]["mean"] <= high
    assert len(record["summary"]["comparisons"]) == 2
    csv_lines = (out / "summary.csv").read_text().splitlines()
    assert len(csv_lines) == 3
    assert csv_lines[1].startswith("SupCon,SupCon,1,2,1,")
    again = akin("experiment", file, "--data", tiny_voc, "--out", out, "--json")
    assert again.code == 0
    assert {row["status"] for row in json.loads(again.out)["runs"]} == {"kept"}
    assert "epoch" not in again.err.replace("epochs", "")


def test_a_failed_run_ends_in_one_sentence_and_code_one(
    akin: Akin, file: Path, tiny_voc: Path, tmp_path: Path
) -> None:
    file.write_text(FILE.replace("seeds: [0, 1]", "seeds: [0]"))
    blocked = tmp_path / "out" / "runs" / "supcon-seed0"
    blocked.mkdir(parents=True)
    (blocked / "notes.txt").write_text("mine")
    answer = akin("experiment", file, "--data", tiny_voc, "--out", tmp_path / "out")
    assert answer.code == 1
    assert "Traceback" not in answer.err
    assert "failed: supcon-seed0" in answer.err
    assert "1 of 2 runs failed; started again, they are tried again." in answer.err
    assert "errors on ranked" in answer.out, "what is finished is summed up"


def test_a_report_of_runs(akin: Akin, tmp_path: Path) -> None:
    akin("runs", "report", tmp_path, "--out", tmp_path / "x").expect_error("is not a run directory")
    akin("runs", "report", "--out", tmp_path / "x").expect_error("Missing argument")
    akin("runs", "report", tmp_path).expect_error("Missing option")
    for seed in (0, 1):
        judged_run(tmp_path / f"run-{seed}", seed=seed)
    runs = sorted(tmp_path.glob("run-*"))
    answer = akin("runs", "report", *runs, "--out", tmp_path / "x", "--title", "Mine & yours")
    assert answer.code == 0
    page = tmp_path / "x" / "report.html"
    assert answer.out == f"report: {page}\n"
    assert "<h1>Mine &amp; yours</h1>" in page.read_text()


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["experiment-dmo"], "There is no experiment 'experiment-dmo'", "experiment-demo"),
        (["paper-table-2"], "No data was given.", "--data DIR"),
    ],
)
def test_requests_without_sense(akin: Akin, words: list[str], message: str, hint: str) -> None:
    akin("experiment", *words).expect_error(message, hint)


def test_a_control_ranking_on_the_command_line(
    akin: Akin, tiny_voc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.finish.write_figures", lambda *_: None)
    words = ["--epochs", 1, "--set", "crops.size=16", "--set", "data.withheld=[chair]"]
    source = "voc2007-paper:shuffled:4"
    answer = akin("train", "--data", tiny_voc, "--ranking", source, *words)
    assert answer.code == 0, answer.err
    (run,) = RunStore(default_workspace() / "runs").list()
    assert run.config.ranking.source == source
    assert run.ranking.name == source
    named = {n for a in run.ranking.similar for n in (a, *run.ranking.ranked(a))}
    assert "chair" not in named
    answer = akin("ranking", "check", source, "--data", tiny_voc)
    assert answer.out.startswith(f"{source}: fits; 17 of 20 classes rank others")
