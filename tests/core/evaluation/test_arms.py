"""Means over seeds and their comparison, against scipy's tests and hand-worked cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.evaluation.arms import (
    ArmComparison,
    SeedFigure,
    bootstrap_accuracy,
    compare_arms,
)


def certain(values: list[float], seeds: tuple[int, ...] | None = None) -> SeedFigure:
    """A figure whose images are no source of uncertainty."""
    value_S = np.array(values)
    seeds = tuple(range(len(values))) if seeds is None else seeds
    return SeedFigure(seeds, value_S, np.repeat(value_S[:, None], 50, axis=1))


def compare(a: SeedFigure, b: SeedFigure) -> ArmComparison:
    return compare_arms(a, b, name_a="A", name_b="B", figure="accuracy")


def test_with_certain_images_it_is_the_paired_t_test() -> None:
    a, b = [0.71, 0.68, 0.74, 0.70], [0.66, 0.67, 0.69, 0.69]
    found, oracle = compare(certain(a), certain(b)), stats.ttest_rel(a, b)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-9)
    assert found.interval == pytest.approx(tuple(oracle.confidence_interval()), rel=1e-9)
    assert found.seeds == 4


def test_other_seeds_are_not_paired() -> None:
    a, b = [0.71, 0.68, 0.74], [0.66, 0.67, 0.69]
    found = compare(certain(a), certain(b, (3, 4, 5)))
    error = (np.var(a, ddof=1) / 3 + np.var(b, ddof=1) / 3) ** 0.5
    assert found.p_value == pytest.approx(2 * stats.t.sf(found.difference / error, 2))


def test_a_mean_of_certain_images_has_students_interval() -> None:
    values = [0.71, 0.68, 0.74]
    low, high = certain(values).interval
    oracle = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert (low, high) == pytest.approx(oracle)


def test_a_single_seed_counts_the_images_only() -> None:
    rng = np.random.default_rng(0)
    right_SN = rng.random((2, 400)) < np.array([[0.7], [0.6]])
    samples = bootstrap_accuracy(right_SN, np.arange(400), resamples=4000)
    a, b = (SeedFigure((0,), right_SN[i : i + 1].mean(axis=1), samples[i : i + 1]) for i in (0, 1))
    gain = right_SN[0].astype(float) - right_SN[1]
    z = gain.mean() / (gain.std() / 20)
    found = compare(a, b)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(z)), rel=0.3)
    assert "1 seed; chance of training left out" in str(found)
    assert a.deviation is None


def test_the_bootstrap_draws_images_not_objects() -> None:
    rng = np.random.default_rng(1)
    right_I = rng.random(100) < 0.5
    right_SN = np.repeat(right_I, 4)[None]
    by_object = bootstrap_accuracy(right_SN, np.arange(400))
    by_image = bootstrap_accuracy(right_SN, np.repeat(np.arange(100), 4))
    assert by_image.std() == pytest.approx(0.05, rel=0.1)
    assert by_object.std() == pytest.approx(0.025, rel=0.1)


def test_the_same_images_are_drawn_for_every_arm() -> None:
    right_SN = np.random.default_rng(2).random((3, 200)) < 0.5
    images = [f"image {i // 3}" for i in range(200)]
    np.testing.assert_array_equal(
        bootstrap_accuracy(right_SN, images)[1], bootstrap_accuracy(right_SN[1:2], images)[0]
    )


def test_an_arm_compared_with_itself_is_not_distinguishable() -> None:
    arm = certain([0.7, 0.71, 0.69])
    found = compare(arm, arm)
    assert found.p_value == 1.0
    assert found.difference == 0.0
    assert "A and B are not distinguishable in accuracy" in str(found)


def test_words_name_the_better_one_and_turn_the_interval() -> None:
    found = compare(certain([0.60, 0.61, 0.62]), certain([0.70, 0.71, 0.72]))
    assert str(found).startswith("B has a higher accuracy than A, by 10.0 points (95 % interval +")


def test_chance_is_called_a_difference_about_one_time_in_twenty() -> None:
    """Arms alike: objects of differing difficulty, seeds that shift the whole accuracy."""
    rng = np.random.default_rng(3)
    difficulty_N, called = rng.random(300), 0
    for _ in range(300):
        test_N = rng.choice(difficulty_N, 300)
        figures = []
        for _arm in range(2):
            skill_S1 = rng.normal(0.6, 0.03, (3, 1))
            right_SN = rng.random((3, 300)) < np.clip(skill_S1 + 0.3 * (test_N - 0.5), 0, 1)
            samples = bootstrap_accuracy(right_SN, np.arange(300), resamples=100)
            figures.append(SeedFigure((0, 1, 2), right_SN.mean(axis=1), samples))
        called += compare(*figures).distinguishable
    assert 0 < called <= 24


def test_other_resamples_are_refused() -> None:
    one = SeedFigure((0,), np.array([0.5]), np.zeros((1, 10)))
    with pytest.raises(ValueError, match="resampled differently"):
        compare(one, certain([0.5]))
