"""What all comparisons share: when they count, how they are said, and Holm's correction."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from core.evaluation.arms import ArmComparison, SeedFigure, compare_arms
from core.evaluation.class_comparison import compare_classes
from core.evaluation.difference import ONE_TRAINING, Difference, holm, holm_corrected, p_text
from core.evaluation.ood_comparison import AurocComparison, compare_auroc
from core.evaluation.statistics import Comparison, compare_accuracy


def accuracies(only_a: int, only_b: int) -> Comparison:
    """300 objects that both get right, 100 that neither does, and those given."""
    a = np.repeat([0, 0, 1, 1], [300, only_a, only_b, 100])
    b = np.repeat([0, 1, 0, 1], [300, only_a, only_b, 100])
    return compare_accuracy(a, b, np.zeros(len(a), dtype=np.int64))


def aurocs(gain: float) -> AurocComparison:
    rng = np.random.default_rng(7)
    known = np.arange(550) < 400
    shared = rng.normal(size=550) + known
    return compare_auroc(shared + 0.3 * rng.normal(size=550), shared + gain * known, known)


def arms(a: list[float], b: list[float]) -> ArmComparison:
    one, other = (
        SeedFigure(tuple(range(len(v))), np.array(v), np.repeat(np.array(v)[:, None], 50, axis=1))
        for v in (a, b)
    )
    return compare_arms(one, other, name_a="A", name_b="B", figure="accuracy")


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([0.6, 0.5]) == (1.0, 1.0)
    assert holm([0.2]) == (0.2,)
    assert holm([]) == ()


def test_holm_can_take_a_difference_back() -> None:
    one = accuracies(36, 18)
    assert one.distinguishable
    corrected = holm_corrected([one, one, one, one])
    assert corrected[0].p_value == pytest.approx(4 * one.p_value)
    assert not corrected[0].distinguishable


@pytest.mark.parametrize(
    "found",
    [
        [accuracies(36, 18), accuracies(21, 19), accuracies(80, 20)],
        [aurocs(gain) for gain in (0.05, 0.1, 0.9)],
        [
            arms([0.7, 0.71, 0.73], [0.6, 0.62, 0.61]),
            arms([0.7, 0.71, 0.73], [0.61, 0.60, 0.63]),
            arms([0.6, 0.62, 0.61], [0.61, 0.60, 0.63]),
        ],
    ],
    ids=["accuracies", "AUROCs", "arms"],
)
def test_every_kind_of_comparison_is_corrected_alike(found: list[Difference]) -> None:
    raw = [each.p_value for each in found]
    assert len(set(raw)) == 3
    once = holm_corrected(found)
    assert [each.p_value for each in once] == list(holm(raw))
    assert [each.raw_p_value for each in once] == raw
    assert min(each.p_value for each in once) == pytest.approx(3 * min(raw))
    assert holm_corrected(once) == once, "the raw p-values are what is adjusted"
    assert [type(each) for each in once] == [type(each) for each in found]
    for before, after in zip(found, once, strict=True):
        row = after.to_json()
        assert row["interval"] == list(before.interval)
        assert row["sentence"] == str(after)
        assert row["distinguishable"] == (row["p_value"] < 0.05 and np.prod(row["interval"]) > 0)
        json.dumps(row, allow_nan=False)


def test_classes_are_corrected_by_the_same_function() -> None:
    label = np.repeat([0, 1, 2], 60)
    b = label.copy()
    b[:9], b[60:63] = 1, 2
    found = compare_classes(label, b, label, ("cat", "dog", "cow"))
    assert holm_corrected(found) == found
    assert [row.p_value for row in found] == list(holm([row.raw_p_value for row in found]))


def test_an_interval_that_holds_0_takes_the_difference_back() -> None:
    found = accuracies(80, 20)
    assert found.distinguishable
    assert not replace(found, interval=(-0.01, 0.2)).distinguishable
    assert not replace(found, interval=(0.0, 0.2)).distinguishable
    assert replace(found, interval=(-0.2, -0.01)).distinguishable
    assert not replace(found, alpha=found.p_value).distinguishable


def test_words_of_each_kind() -> None:
    better, worse = accuracies(80, 20), accuracies(20, 80)
    low, high = (100 * end for end in better.interval)
    assert str(better) == (
        "A is better than B by 12.0 points "
        f"(95 % interval {low:+.1f} to {high:+.1f}, p < 0.001, 500 objects; {ONE_TRAINING})."
    )
    low, high = (100 * end for end in worse.interval)
    assert str(worse) == (
        "B is better than A by 12.0 points "
        f"(95 % interval {-high:+.1f} to {-low:+.1f}, p < 0.001, 500 objects; {ONE_TRAINING})."
    )
    alike = replace(accuracies(21, 19), interval=(-0.021, 0.03), p_value=0.756)
    assert str(alike) == (
        "A and B are not distinguishable "
        "(difference 0.5 points, 95 % interval -2.1 to +3.0, p = 0.756, 440 objects; "
        f"{ONE_TRAINING})."
    )
    found = aurocs(0.9)
    a, b = found.delong.auroc_a, found.delong.auroc_b
    low, high = found.interval
    measured = f"400 known and 150 withheld objects; {ONE_TRAINING}"
    assert str(found) == (
        f"B has a higher AUROC than A, by {b - a:.3f} "
        f"(95 % interval {-high:+.3f} to {-low:+.3f}, p < 0.001, {measured})."
    )
    assert str(replace(found, p_value=0.2)) == (
        f"A and B are not distinguishable in AUROC ({a:.3f} and {b:.3f}, "
        f"95 % interval {-high:+.3f} to {-low:+.3f}, p = 0.200, {measured})."
    )
    one = replace(arms([0.7, 0.71, 0.73], [0.6, 0.62, 0.61]), p_value=0.3)
    low, high = (100 * end for end in one.interval)
    assert str(one) == (
        f"A and B are not distinguishable in accuracy (difference {100 * one.difference:.1f} "
        f"points, 95 % interval {low:+.1f} to {high:+.1f}, p = 0.300, 3 seeds)."
    )


def test_single_trainings_are_compared_with_a_caveat_and_several_seeds_without() -> None:
    assert "another seed may differ as much" in ONE_TRAINING
    single = arms([0.7], [0.6])
    assert str(single).endswith(
        "1 seed; chance of training left out: another seed may differ as much)."
    )
    for found in (accuracies(80, 20), aurocs(0.9), single):
        assert found.caveat
        assert found.caveat in str(found)
        assert found.to_json()["caveat"] == found.caveat
    several = arms([0.7, 0.71, 0.73], [0.6, 0.62, 0.61])
    assert several.to_json()["caveat"] is None
    assert "another seed" not in str(several)


def test_p_values_in_words() -> None:
    assert (p_text(0.0312), p_text(0.00099), p_text(0.001)) == (
        "p = 0.031",
        "p < 0.001",
        "p = 0.001",
    )
