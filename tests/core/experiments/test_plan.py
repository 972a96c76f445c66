"""Plans: which runs, from which weights, what is there already, and how long the rest takes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from core.errors import AkinError, RunError
from core.experiments.plan import Plan, estimate_remaining, format_duration, make_plan
from core.files import write_json
from core.runs import Run, RunStore
from core.training.learner import Learner

from .conftest import quick_grid


def test_all_runs_share_the_split_and_only_arm_and_seed_differ(
    tiny_voc: Path, tmp_path: Path
) -> None:
    plan = make_plan(quick_grid(), tmp_path, tiny_voc)
    assert [(run.arm.label, run.seed) for run in plan.runs] == [
        ("SupCon", 0),
        ("ranked r3", 0),
        ("SupCon", 1),
        ("ranked r3", 1),
    ]
    planned = {"seed": 0, "objective.method": "supcon", "ranking.source": "none"}
    assert len({run.config.with_values(planned).to_yaml() for run in plan.runs}) == 1
    assert plan.train_objects > 50
    assert "chair" not in plan.classes
    assert not any(tmp_path.iterdir()), "a plan writes nothing"


def test_runs_of_a_seed_start_from_the_same_weights(tiny_voc: Path, tmp_path: Path) -> None:
    grid = quick_grid(methods=["softmax", "supcon", "rince", "ranked"])
    plan = make_plan(grid, tmp_path, tiny_voc)
    cpu, classes = torch.device("cpu"), len(plan.classes)

    def weights(index: int) -> dict[str, torch.Tensor]:
        learner = Learner(plan.runs[index].config, torch.eye(classes), cpu, None)
        return dict(learner.encoder.state_dict())

    softmax, supcon, other_seed = weights(0), weights(1), weights(5)
    for index in (2, 3):
        assert all(torch.equal(value, supcon[key]) for key, value in weights(index).items())
    shared = [key for key in softmax if key.startswith("backbone.")]
    assert len(shared) > 100
    assert all(torch.equal(softmax[key], supcon[key]) for key in shared)
    assert not torch.equal(supcon["backbone.conv1.weight"], other_seed["backbone.conv1.weight"])


def test_a_control_is_drawn_from_the_datas_known_classes(tiny_voc: Path, tmp_path: Path) -> None:
    grid = quick_grid(methods=["ranked"], rankings=["voc2007-paper:shuffled:seed"])
    plan = make_plan(grid, tmp_path, tiny_voc)
    first, second = (run.ranking for run in plan.runs)
    assert first.name == "voc2007-paper:shuffled:0"
    assert first.similar != second.similar
    named = {n for r in (first, second) for a in r.similar for n in (a, *r.ranked(a))}
    assert named <= set(plan.classes)
    assert named & {"cow", "person"}, "classes that the ranking never names are drawn too"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"rankings": ["nowhere"]}, "There is no ranking 'nowhere'"),
        ({"rankings": ["cifar10-paper"]}, "is no class of the data"),
        ({"rankings": ["voc2007-paper:shuffled:x"]}, "names no control ranking"),
        ({"rankings": ["none:random", "none:random:seed"]}, "have the same name"),
        ({"set": {"data.withheld": ["chiar"]}}, "'chiar' is no class of the data"),
        ({"set": {"data.test_split": "tset"}}, "no split 'tset'"),
    ],
)
def test_nonsense_is_refused_before_anything_is_trained(
    tiny_voc: Path, tmp_path: Path, keys: dict[str, object], message: str
) -> None:
    with pytest.raises(AkinError) as raised:
        make_plan(quick_grid(**keys), tmp_path / "out", tiny_voc)
    assert message in raised.value.message
    assert not (tmp_path / "out").exists()


def test_what_was_trained_otherwise_is_never_mixed_in(
    finished: Plan, tiny_voc: Path, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match=r"was trained with training\.epochs = 1, not 2") as raised:
        make_plan(quick_grid(set={"training.epochs": 2}), finished.folder, tiny_voc)
    assert "--out" in raised.value.hint
    run = finished.runs[1]
    assert run.arm.method == "ranked"
    folder = tmp_path / "copy"
    copy = folder / "runs" / run.name
    shutil.copytree(run.path, copy, ignore=shutil.ignore_patterns("*.pt"))
    (copy / "ranking.yaml").write_text("similar: {cat: [dog]}")
    with pytest.raises(RunError, match="was trained with another ranking"):
        make_plan(quick_grid(), folder, tiny_voc)
    (copy / "ranking.yaml").write_text(run.ranking.to_yaml())
    write_json(copy / "environment.json", Run(copy).environment() | {"data_fingerprint": "x"})
    with pytest.raises(RunError, match="was trained on other data"):
        make_plan(quick_grid(), folder, tiny_voc)


def test_more_seeds_keep_what_is_finished(finished: Plan, tiny_voc: Path) -> None:
    plan = make_plan(quick_grid(seeds=[0, 1, 2]), finished.folder, tiny_voc)
    assert [run.state() for run in plan.runs] == ["done"] * 4 + ["new"] * 2


def test_the_time_left_is_judged_by_finished_runs(
    finished: Plan, tiny_voc: Path, tmp_path: Path
) -> None:
    def spent_s(run: Run) -> float:
        return sum((run.metrics() or {})["timing"].values())

    runs = [Run(planned.path) for planned in finished.runs]
    done = estimate_remaining(finished)
    assert done.duration_s == 0.0
    more = make_plan(quick_grid(seeds=[0, 1, 2]), finished.folder, tiny_voc)
    estimate = estimate_remaining(more)
    assert estimate.duration_s == pytest.approx(2 * sum(map(spent_s, runs)) / 4, rel=1e-6)
    assert "4 finished runs" in estimate.basis
    fresh = make_plan(quick_grid(), tmp_path, tiny_voc)
    assert estimate_remaining(fresh).duration_s is None
    earlier = estimate_remaining(fresh, runs[:1])
    assert earlier.duration_s == pytest.approx(4 * spent_s(runs[0]))
    assert "an earlier run of the same size" in str(earlier)


def test_a_run_of_another_size_says_nothing_about_the_time(
    finished: Plan, tiny_voc: Path, tmp_path: Path
) -> None:
    larger = make_plan(quick_grid(set={"crops.size": 24}), tmp_path, tiny_voc)
    earlier = [Run(planned.path) for planned in finished.runs]
    assert estimate_remaining(larger, earlier).duration_s is None


def test_a_run_that_another_process_trains_is_left_alone(tiny_voc: Path, tmp_path: Path) -> None:
    plan = make_plan(quick_grid(), tmp_path, tiny_voc)
    first = plan.runs[0]
    RunStore(first.path.parent).create(first.config, first.ranking, first.path)
    with pytest.raises(RunError, match="is being trained by another process"):
        make_plan(quick_grid(), tmp_path, tiny_voc)


def test_durations() -> None:
    found = [format_duration(s) for s in (0.2, 40, 89, 100, 3599, 12_000)]
    assert found == ["1 s", "40 s", "89 s", "2 min", "1 h 0 min", "3 h 20 min"]
