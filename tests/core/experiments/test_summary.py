"""Runs put together by arm, summed up over seeds, and laid beside the paper's figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.errors import RunError
from core.experiments.groups import group_runs, reference_ranking
from core.experiments.summary import summarize_groups
from core.experiments.tables import (
    comparison_table,
    measures_table,
    recall_table,
    run_table,
    summary_table,
)
from core.ranking import Ranking, Tier
from core.runs import Run

from .judged import judged_run

MINE = Ranking({"a": (Tier(("b",)),)}, "mine")


def arm(folder: Path, name: str, accuracy: float, seeds: Sequence[int], **values: str) -> list[Run]:
    return [
        judged_run(folder / f"{name}-{s}", accuracy=accuracy, seed=s, ranking=MINE, **values)
        for s in seeds
    ]


def test_runs_that_differ_in_the_seed_only_are_one_arm(tmp_path: Path) -> None:
    good = arm(tmp_path, "good", 0.9, (2, 0, 1), objective__method="supcon")
    bad = arm(tmp_path, "bad", 0.5, (0, 1), objective__method="rince")
    groups = group_runs([*good, *bad])
    assert [(group.label, group.seeds) for group in groups] == [
        ("SupCon", (0, 1, 2)),
        ("RINCE", (0, 1)),
    ]


def test_json_has_the_methods_as_in_the_configuration(tmp_path: Path) -> None:
    runs = [
        *arm(tmp_path, "ranked", 0.9, (0,)),
        *arm(tmp_path, "plain", 0.5, (0,), objective__method="softmax"),
    ]
    found = summarize_groups(group_runs(runs), resamples=20).to_json()
    assert [row["method"] for row in found["arms"]] == ["ranked", "softmax"]


def test_labels_name_what_differs(tmp_path: Path) -> None:
    runs = [
        *arm(tmp_path, "short", 0.9, (0,), objective__method="supcon", training__epochs="3"),
        *arm(tmp_path, "long", 0.9, (0,), objective__method="supcon", training__epochs="9"),
    ]
    labels = [group.label for group in group_runs(runs)]
    assert labels == ["SupCon, training.epochs 3", "SupCon, training.epochs 9"]


def test_controls_drawn_with_the_runs_seed_are_one_arm_and_fixed_ones_too(tmp_path: Path) -> None:
    runs = [
        judged_run(
            tmp_path / f"{kind}-{seed}",
            seed=seed,
            ranking__source=f"voc2007-paper:{kind}:{seed if kind == 'shuffled' else 1}",
        )
        for kind in ("shuffled", "random")
        for seed in (0, 1, 2)
    ]
    plain = judged_run(tmp_path / "plain", ranking__source="voc2007-paper", ranking=MINE)
    groups = group_runs([*runs, plain])
    assert [(group.label, len(group.runs)) for group in groups] == [
        ("ranked r3, shuffled", 3),
        ("ranked r3, random 1", 3),
        ("ranked r3", 1),
    ]
    assert reference_ranking(groups) == plain.ranking


def test_all_are_judged_by_the_ranking_that_was_trained_with(tmp_path: Path) -> None:
    other = Ranking({"b": (Tier(("a",)),)}, "other")
    runs = [
        judged_run(tmp_path / "supcon", objective__method="supcon", ranking=other),
        judged_run(tmp_path / "control", ranking__source="mine:random:1", ranking=other),
    ]
    assert reference_ranking(group_runs(runs)) == other
    runs.append(judged_run(tmp_path / "ranked", ranking=MINE))
    assert reference_ranking(group_runs(runs)) == MINE
    silent = judged_run(tmp_path / "silent", objective__method="supcon")
    assert reference_ranking(group_runs([silent])).similar == {}


def test_a_seed_twice_is_another_arm_not_a_wider_one(tmp_path: Path) -> None:
    runs = arm(tmp_path, "one", 0.9, (0, 1)) + arm(tmp_path, "two", 0.8, (0,))
    assert [group.seeds for group in group_runs(runs)] == [(0, 1), (0,)]
    with pytest.raises(RunError, match="was given twice"):
        group_runs([runs[0], runs[0]])


def test_the_summary_is_the_runs_own_figures(tmp_path: Path) -> None:
    good = arm(tmp_path, "good", 0.95, (0, 1, 2), objective__method="supcon")
    bad = arm(tmp_path, "bad", 0.5, (0, 1, 2), objective__method="softmax")
    summary = summarize_groups(group_runs([*good, *bad]), "voc2007")
    expected = [(run.metrics() or {})["accuracy"] for run in good]
    supcon, softmax = summary.arms
    assert supcon.accuracy is not None
    assert supcon.auroc is not None
    np.testing.assert_allclose(supcon.accuracy.value_S, expected)
    aurocs = [(run.metrics() or {})["ood"]["auroc"] for run in good]
    assert supcon.auroc.mean == pytest.approx(np.mean(aurocs))
    assert supcon.auroc.sample_SR.mean() == pytest.approx(np.mean(aurocs), abs=0.01)
    assert supcon.compliance == pytest.approx(
        np.mean([(run.metrics() or {})["compliance"]["overall"] for run in good])
    )
    assert softmax.compliance is None
    assert (summary.known_count, summary.withheld_count) == (120, 60)
    better = summary.comparisons[0]
    assert better.distinguishable
    assert "SupCon has a higher accuracy than SoftMax" in str(better)
    assert len(summary.comparisons) == 2
    paper = summary.paper_row(supcon)
    assert paper is not None
    assert paper.accuracy == 0.6499


def test_tables(tmp_path: Path) -> None:
    good = arm(tmp_path, "good", 0.95, (0, 1), objective__method="supcon")
    groups = group_runs(good)
    summary = summarize_groups(groups)
    table = summary_table(summary)
    assert "AUROC [95 %]" in table.header
    assert not any("paper" in cell for cell in table.header)
    assert table.rows[0][:2] == ("SupCon", "2")
    assert comparison_table(summary).rows == ()
    assert [row[1] for row in run_table(groups).rows] == ["0", "1"]
    recall = recall_table(groups)
    assert recall.rows[0][:2] == ("a", "60")
    expected = np.mean([(run.metrics() or {})["per_class"]["a"]["recall"] for run in good])
    assert recall.rows[0][2] == f"{expected:.3f}"
    assert [recall.is_number(i) for i in range(3)] == [False, True, True]
    measures = dict(measures_table(groups, summary).rows)
    fpr95 = [(run.metrics() or {})["ood"]["fpr95"] for run in good]
    assert measures["FPR95"] == f"{np.mean(fpr95):.3f}"
    assert "retrieval R@1" not in measures, "these runs have no such figure"
    ranks = [np.where(p.label_N == p.predicted_N, 1, 2) for p in groups[0].predictions]
    known = [p.label_N >= 0 for p in groups[0].predictions]
    expected = np.mean([r[k].mean() for r, k in zip(ranks, known, strict=True)])
    assert measures["mean rank of the predicted class"] == f"{expected:.3f}"
    weighed = [  # The ranking has b at 0.5 for a, and nothing for b.
        np.where(r == 1, 1.0, np.where(p.label_N == 0, 0.5, 0.0))[k].mean()
        for r, k, p in zip(ranks, known, groups[0].predictions, strict=True)
    ]
    assert measures["accuracy weighed by similarity"] == f"{np.mean(weighed):.3f}"


def test_runs_judged_on_other_objects_are_refused(tmp_path: Path) -> None:
    runs = [judged_run(tmp_path / "a"), judged_run(tmp_path / "b", seed=1, images=40)]
    with pytest.raises(RunError, match="a and b were judged on different test objects"):
        summarize_groups(group_runs(runs))


def test_a_run_that_was_not_judged_is_refused(tmp_path: Path) -> None:
    run = judged_run(tmp_path / "a")
    (run.path / "metrics.json").unlink()
    with pytest.raises(RunError, match="has no metrics yet") as raised:
        group_runs([run])
    assert "akin evaluate" in raised.value.hint
