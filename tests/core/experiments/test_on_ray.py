"""The same runs on a local Ray, where Ray is installed; the sentence where it is not."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.experiments.plan import make_plan
from core.runs import Run

from .conftest import quick_grid

Akin = Callable[..., Any]
HAS_RAY = importlib.util.find_spec("ray") is not None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "quick.yaml"
    path.write_text(quick_grid(seeds=[0]).to_yaml())
    return path


@pytest.mark.skipif(HAS_RAY, reason="Ray is installed")
def test_without_ray_it_says_so(akin: Akin, file: Path, tiny_voc: Path) -> None:
    words = ["experiment", file, "--data", tiny_voc, "--on", "ray"]
    akin(*words).expect_error("Ray is not installed.", "pip install ray")


@pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed")
def test_runs_on_ray_are_ordinary_runs_and_one_may_fail(
    akin: Akin, akin_process: Akin, file: Path, tiny_voc: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    plan = make_plan(quick_grid(seeds=[0]), out, tiny_voc)
    blocked = plan.runs[0].path
    blocked.mkdir(parents=True)
    (blocked / "notes.txt").write_text("mine")
    words = ["experiment", file, "--data", tiny_voc, "--out", out]
    answer = akin_process(*words, "--on", "ray")
    assert answer.code == 1, answer.err
    assert "2 runs handed to Ray" in answer.err
    assert "1 of 2 runs failed" in answer.err
    record = json.loads((out / "experiment.json").read_text())
    assert [row["status"] for row in record["runs"]] == ["failed", "done"]
    done = Run(plan.runs[1].path)
    before = done.metrics()
    assert before is not None
    (blocked / "notes.txt").unlink()
    again = akin(*words, "--json")
    assert again.code == 0, again.err
    assert [row["status"] for row in json.loads(again.out)["runs"]] == ["done", "kept"]
    assert done.metrics() == before
