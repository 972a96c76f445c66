"""Runs compared: identical, not distinguishable, different; or refused with the reason."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import RunError
from core.experiments.comparing import compare_runs
from core.experiments.plan import Plan
from core.runs import Run


def runs_of(plan: Plan) -> list[Run]:
    return [Run(planned.path) for planned in plan.runs]


def copy_of(run: Run, folder: Path) -> Run:
    return Run(shutil.copytree(run.path, folder, ignore=shutil.ignore_patterns("*.pt")))


def test_a_run_and_itself_are_identical(finished: Plan) -> None:
    run = runs_of(finished)[0]
    found = compare_runs([run, run])
    (pair,) = found.pairs
    assert pair.identical
    assert "are identical: the same prediction for each of" in str(pair)
    assert found.flips == ((),)
    assert found.differences == {}


def test_arms_and_seeds(finished: Plan) -> None:
    runs = runs_of(finished)
    found = compare_runs(runs)
    assert [len(group.runs) for group in found.groups] == [2, 2]
    assert len(found.pairs) == 6
    assert set(found.differences) == {"seed", "objective.method"}
    assert found.differences["seed"] == tuple(str(run.config.seed) for run in runs)
    for pair, classes in zip(found.pairs, found.classes, strict=True):
        assert pair.p_value >= pair.mcnemar.mid_p
        assert sum(row.count for row in classes) == pair.count
        assert sum(row.only_a for row in classes) == pair.mcnemar.only_a
        assert sum(row.only_b for row in classes) == pair.mcnemar.only_b
    assert len(found.aurocs) == 6
    for pair in found.aurocs:
        assert pair.p_value >= pair.delong.p_value
        assert pair.delong.auroc_a == pytest.approx(_auroc_of(runs, pair.name_a))
    json.dumps(found.to_json(), allow_nan=False)


def _auroc_of(runs: list[Run], name: str) -> float:
    (run,) = (run for run in runs if run.title == name)
    auroc: float = (run.metrics() or {})["ood"]["auroc"]
    return auroc


def test_flips_are_the_objects_that_one_got_right(finished: Plan, tmp_path: Path) -> None:
    run = runs_of(finished)[0]
    other = copy_of(run, tmp_path / "other")
    was = run.predictions()
    predicted = was.predicted_N.copy()
    known = np.flatnonzero(was.label_N >= 0)
    changed = known[:3]
    predicted[changed] = np.where(
        was.predicted_N[changed] == was.label_N[changed],
        (was.label_N[changed] + 1) % len(was.classes),
        was.label_N[changed],
    )
    replace(was, predicted_N=predicted).save(other.path / "predictions.npz")
    found = compare_runs([run, other])
    (flips,) = found.flips
    assert [flip.image_id for flip in flips] == [str(was.image_id_N[n]) for n in changed]
    for flip, n in zip(flips, changed, strict=True):
        assert flip.true_class == was.true_name_N[n]
        assert flip.predicted_a == was.classes[was.predicted_N[n]]
        assert flip.predicted_b == was.classes[predicted[n]]
        assert (flip.predicted_a == flip.true_class) != (flip.predicted_b == flip.true_class)
    assert "are not distinguishable" in str(found.pairs[0])


def test_other_test_objects_are_refused(finished: Plan, tmp_path: Path) -> None:
    run = runs_of(finished)[0]
    other = copy_of(run, tmp_path / "other")
    was = run.predictions()
    moved = was.box_xyxy_N4.copy()
    moved[0, 0] += 1
    replace(was, box_xyxy_N4=moved).save(other.path / "predictions.npz")
    with pytest.raises(RunError, match="judged on different test objects"):
        compare_runs([run, other])


def test_what_cannot_be_compared(finished: Plan, tmp_path: Path) -> None:
    run = runs_of(finished)[0]
    with pytest.raises(RunError, match="One run cannot be compared"):
        compare_runs([run])
    other = copy_of(run, tmp_path / "other")
    (other.path / "metrics.json").unlink()
    with pytest.raises(RunError, match="has no metrics yet") as caught:
        compare_runs([run, other])
    assert "akin evaluate" in caught.value.hint


def test_another_ranking_is_a_difference(finished: Plan, tmp_path: Path) -> None:
    run = runs_of(finished)[0]
    other = copy_of(run, tmp_path / "other")
    (other.path / "ranking.yaml").write_text("name: mine\nsimilar: {bird: [aeroplane]}\n")
    found = compare_runs([run, Run(other.path)])
    assert found.differences["ranking.yaml"][1] == "mine, 1 classes ranked"
