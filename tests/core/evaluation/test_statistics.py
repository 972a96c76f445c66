import numpy as np
import pytest
from scipy.stats import binomtest

from core.errors import AkinError
from core.evaluation.statistics import (
    accuracy_interval,
    compare_accuracy,
    mcnemar,
    paired_bootstrap,
    seed_band,
    wilson_interval,
)


@pytest.mark.parametrize(("right", "count"), [(0, 10), (10, 10), (37, 100), (4100, 14976)])
def test_wilson_agrees_with_scipy(right, count):
    expected = binomtest(right, count).proportion_ci(method="wilson")
    assert wilson_interval(right, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="count"):
        wilson_interval(0, 0)


def pair(both, only_a, only_b, neither):
    a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    b = np.repeat([True, False, True, False], [both, only_a, only_b, neither])
    return a, b


@pytest.mark.parametrize(("only_a", "only_b"), [(1, 0), (3, 12), (9, 9), (40, 22)])
def test_mcnemar_agrees_with_the_binomial_test(only_a, only_b):
    found = mcnemar(*pair(50, only_a, only_b, 20))
    assert (found.only_a, found.only_b) == (only_a, only_b)
    exact = binomtest(only_a, only_a + only_b, 0.5).pvalue
    assert found.exact_p == pytest.approx(exact, abs=1e-12)
    assert found.mid_p < found.exact_p


def test_mid_p_of_a_published_table():
    """Fagerland et al. 2013, table 1 (1 against 7): exact 0.0703, mid-p 0.0391."""
    found = mcnemar(*pair(1, 1, 7, 12))
    assert found.exact_p == pytest.approx(0.0703, abs=5e-5)
    assert found.mid_p == pytest.approx(0.0391, abs=5e-5)


def test_mcnemar_without_differences():
    found = mcnemar(*pair(5, 0, 0, 5))
    assert (found.exact_p, found.mid_p) == (1.0, 1.0)


def test_bootstrap_of_accuracy_has_the_spread_theory_says():
    a, b = pair(300, 80, 40, 80)
    found = paired_bootstrap(a, b, resamples=4000)
    gain = a.astype(float) - b
    assert found.mean() == pytest.approx(gain.mean(), abs=0.003)
    assert found.std() == pytest.approx(gain.std() / np.sqrt(500), rel=0.05)


def test_bootstrap_takes_images_as_units(monkeypatch):
    a, b = pair(300, 80, 40, 80)
    monkeypatch.setattr("core.evaluation.statistics._CHUNK_ELEMENTS", 5000)
    alone = paired_bootstrap(a, b, resamples=2000)
    images = np.repeat([f"{i:03}" for i in range(500)], 4)
    copies = paired_bootstrap(np.repeat(a, 4), np.repeat(b, 4), images, resamples=2000)
    assert copies.std() == pytest.approx(alone.std(), rel=0.08)
    uneven = paired_bootstrap(a, b, np.arange(500) // 3, resamples=50, seed=4)
    again = paired_bootstrap(a, b, np.arange(500) // 3, resamples=50, seed=4)
    np.testing.assert_array_equal(uneven, again)


def predictions(a_right, b_right):
    label = np.zeros(len(a_right), dtype=np.int64)
    return np.where(a_right, 0, 1), np.where(b_right, 0, 1), label


def test_better_in_words():
    text = str(compare_accuracy(*predictions(*pair(300, 80, 20, 100)), name_a="ranked"))
    assert text.startswith("ranked is better than B by 12.0 points (95 % interval +")
    assert "p < 0.001, 500 objects" in text
    worse = str(compare_accuracy(*predictions(*pair(300, 20, 80, 100)), name_a="ranked"))
    assert worse.startswith("B is better than ranked by 12.0 points (95 % interval +")


def test_not_distinguishable_in_words():
    found = compare_accuracy(*predictions(*pair(300, 21, 19, 100)))
    assert not found.distinguishable
    assert str(found).startswith("A and B are not distinguishable (difference 0.5 points, 95 %")


def test_identical_in_words():
    a, _, label = predictions(*pair(3, 1, 1, 1))
    assert str(compare_accuracy(a, a, label)) == (
        "A and B are identical: the same prediction for each of 6 objects."
    )
    both_wrong = np.where(label == 0, 2, 0)
    other = compare_accuracy(both_wrong, np.full(6, 3), label)
    assert not other.identical
    assert other.difference == 0


def test_flips_count_known_objects_only():
    label = np.array([0, -1, 1, 1, 0])
    found = compare_accuracy(np.array([0, 0, 0, 1, 0]), np.array([0, 1, 1, 1, 1]), label)
    assert found.flips == (2, 4)
    assert found.count == 4
    assert (found.mcnemar.only_a, found.mcnemar.only_b) == (1, 1)


def test_clustered_errors_are_not_taken_for_evidence():
    """Twenty objects that flip in one image are one observation, whatever McNemar says."""
    a, b = pair(300, 20, 0, 100)
    images = np.where(a != b, 0, np.arange(1, 421))
    found = compare_accuracy(*predictions(a, b), image_id_N=images)
    assert found.p_value < 0.001
    assert not found.distinguishable


def test_different_objects_do_not_compare():
    with pytest.raises(AkinError, match="different objects"):
        compare_accuracy(np.zeros(3), np.zeros(4), np.zeros(3))
    with pytest.raises(AkinError, match="no objects"):
        compare_accuracy(np.zeros(2), np.zeros(2), np.full(2, -1))


def test_seed_band():
    band = seed_band([[0.1, 0.5], [0.3, 0.5], [0.2, 0.8]])
    np.testing.assert_allclose(band.mean, [0.2, 0.6])
    np.testing.assert_allclose(band.low, [0.1, 0.5])
    np.testing.assert_allclose(band.high, [0.3, 0.8])
    np.testing.assert_allclose(band.deviation, [0.1, np.sqrt(0.03)])
    assert band.seeds == 3
    single = seed_band([0.4])
    assert float(single.mean) == 0.4
    assert np.isnan(single.deviation)


def test_accuracy_interval_of_objects_alone_is_wilsons():
    right = np.arange(200) < 130
    assert accuracy_interval(right) == pytest.approx(wilson_interval(130, 200))
    assert accuracy_interval(right, np.arange(200)) == pytest.approx(
        wilson_interval(130, 200), abs=1e-3
    )


def test_copies_of_an_object_in_an_image_say_no_more_than_one():
    right = np.random.default_rng(0).random(150) < 0.7
    once = accuracy_interval(right, np.arange(150))
    copied = accuracy_interval(np.repeat(right, 8), np.repeat(np.arange(150), 8))
    assert copied == pytest.approx(once, abs=1e-3)
    naive = accuracy_interval(np.repeat(right, 8))
    assert naive[1] - naive[0] < 0.4 * (once[1] - once[0])


def test_without_a_mistake_it_counts_images():
    assert accuracy_interval(np.ones(40, bool), np.arange(40) // 4) == wilson_interval(10, 10)
    assert accuracy_interval(np.zeros(3, bool), [7, 7, 7]) == wilson_interval(0, 1)


def test_accuracy_interval_covers_the_truth_where_images_agree():
    """600 simulated test splits of 60 images whose objects are right or wrong together."""
    rng = np.random.default_rng(1)
    size = rng.integers(1, 8, 60)
    image = np.repeat(np.arange(60), size)
    covered = naive = 0
    for _ in range(600):
        chance_I = rng.beta(1.4, 0.6, 60)  # Mean 0.7.
        right = rng.random(len(image)) < chance_I[image]
        low, high = accuracy_interval(right, image)
        covered += low <= 0.7 <= high
        low, high = wilson_interval(int(right.sum()), len(right))
        naive += low <= 0.7 <= high
    assert 0.925 <= covered / 600 <= 0.975
    assert naive / 600 < 0.9
