"""The queue: finished runs are kept, half-done ones go on, a failed one stops nobody."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import RunError
from core.events import Event, PhaseChanged, RunStarted
from core.experiments.plan import Plan, make_plan
from core.experiments.queue import experiment_runs, is_experiment, read_record, write_record
from core.runs import Run
from core.training.control import TrainingControl

from .conftest import quick_grid, run_quietly


def test_a_finished_experiment_is_kept_as_it_is(finished: Plan) -> None:
    before = [(run.path / "metrics.json").stat().st_mtime_ns for run in finished.runs]
    records = run_quietly(finished)
    assert [record.status for record in records] == ["kept"] * 4
    assert all(record.finished for record in records)
    assert before == [(run.path / "metrics.json").stat().st_mtime_ns for run in finished.runs]


def test_its_runs_are_ordinary_runs_in_the_order_of_the_plan(finished: Plan) -> None:
    assert is_experiment(finished.folder)
    runs = experiment_runs(finished.folder)
    assert [run.name for run in runs] == [planned.name for planned in finished.runs]
    assert {run.outcome().status for run in runs} == {"done"}  # type: ignore[union-attr]
    assert runs[1].ranking == finished.runs[1].ranking
    first, second = (run.predictions() for run in runs[:2])
    np.testing.assert_array_equal(first.box_xyxy_N4, second.box_xyxy_N4)


def test_a_stopped_experiment_goes_on_where_it_was(
    finished: Plan, tiny_voc: Path, tmp_path: Path
) -> None:
    """The second run is stopped in its first epoch; the whole ends as if nothing had happened."""
    plan = make_plan(quick_grid(), tmp_path, tiny_voc)
    started: list[str] = []

    def stop_in_the_second(event: Event, control: TrainingControl) -> None:
        if isinstance(event, RunStarted):
            started.append(event.run)
        if isinstance(event, PhaseChanged) and event.phase == "training" and len(started) == 2:
            control.stop()

    records = run_quietly(plan, stop_in_the_second)
    assert [record.status for record in records] == ["done", "stopped"]
    assert [run.state() for run in plan.runs] == ["done", "half-done", "new", "new"]
    assert [run.name for run in experiment_runs(tmp_path)] == [plan.runs[0].name]
    resumed_at: list[int] = []

    def note(event: Event, _control: TrainingControl) -> None:
        if isinstance(event, RunStarted):
            resumed_at.append(event.resumed_at_step)

    records = run_quietly(make_plan(quick_grid(), tmp_path, tiny_voc), note)
    assert [record.status for record in records] == ["kept", "done", "done", "done"]
    assert resumed_at[0] > 0
    assert resumed_at[1:] == [0, 0]
    for again, whole in zip(plan.runs, finished.runs, strict=True):
        a, b = Run(again.path).metrics(), Run(whole.path).metrics()
        assert a is not None
        assert b is not None
        assert a["confusion"] == b["confusion"]
        assert a["ood"] == b["ood"]


def test_a_failed_run_does_not_end_the_experiment(tiny_voc: Path, tmp_path: Path) -> None:
    plan = make_plan(quick_grid(seeds=[0]), tmp_path, tiny_voc)
    plan.runs[0].path.mkdir(parents=True)
    (plan.runs[0].path / "notes.txt").write_text("mine")
    failed, done = run_quietly(plan)
    assert failed.status == "failed"
    assert "exists already" in failed.message
    assert done.status == "done"
    assert (plan.runs[0].path / "notes.txt").read_text() == "mine"
    record = json.loads((tmp_path / "experiment.json").read_text())
    assert [row["status"] for row in record["runs"]] == ["failed", "done"]
    assert [run.name for run in experiment_runs(tmp_path)] == [done.run]


def test_a_run_that_broke_off_before_its_first_checkpoint_starts_anew(
    tiny_voc: Path, tmp_path: Path
) -> None:
    plan = make_plan(quick_grid(seeds=[0], methods=["supcon"]), tmp_path, tiny_voc)
    (planned,) = plan.runs
    planned.path.mkdir(parents=True)
    (planned.path / "config.yaml").write_text(planned.config.to_yaml())
    (planned.path / "ranking.yaml").write_text(planned.ranking.to_yaml())
    assert planned.state() == "new"
    assert [record.status for record in run_quietly(plan)] == ["done"]


def test_an_experiment_without_a_finished_run(finished: Plan, tmp_path: Path) -> None:
    plan = Plan(**(vars(finished) | {"folder": tmp_path}))
    write_record(plan, [])
    with pytest.raises(RunError, match="has no finished run"):
        experiment_runs(tmp_path)
    (tmp_path / "experiment.json").write_text("{")
    with pytest.raises(RunError, match="is damaged"):
        read_record(tmp_path)
