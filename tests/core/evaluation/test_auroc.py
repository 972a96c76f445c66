import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from core.evaluation.auroc import auroc, bootstrap_auroc, delong_test


def scores(seed=0, n=200, m=90, decimals=8):
    rng = np.random.default_rng(seed)
    return rng.normal(1, 1, n).round(decimals), rng.normal(0, 1, m).round(decimals)


def loop_bootstrap(known, unknown, known_image, unknown_image, resamples, seed):
    """Resample images within each stratum, one at a time, and ask scikit-learn."""
    rng = np.random.default_rng(seed)
    kinds = {}
    for image in np.unique(np.r_[known_image, unknown_image]):
        kind = (image in set(known_image), image in set(unknown_image))
        kinds.setdefault(kind, []).append(image)
    values = []
    for _ in range(resamples):
        drawn = np.concatenate([rng.choice(v, len(v)) for v in kinds.values()])
        pos = np.concatenate([known[known_image == i] for i in drawn])
        neg = np.concatenate([unknown[unknown_image == i] for i in drawn])
        truth = np.r_[np.ones(len(pos)), np.zeros(len(neg))]
        values.append(roc_auc_score(truth, np.r_[pos, neg]))
    return np.array(values)


@pytest.mark.parametrize("decimals", [8, 0])
def test_auroc_agrees_with_mann_whitney(decimals):
    known, unknown = scores(decimals=decimals)
    expected = mannwhitneyu(known, unknown).statistic / (len(known) * len(unknown))
    assert auroc(known, unknown) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("decimals", [8, 0])
def test_resampled_images_agree_with_a_loop_over_scikit_learn(decimals):
    known, unknown = scores(decimals=decimals)
    rng = np.random.default_rng(5)
    known_image, unknown_image = rng.integers(0, 80, 200), rng.integers(60, 110, 90)
    expected = loop_bootstrap(known, unknown, known_image, unknown_image, 400, 0)
    found = bootstrap_auroc(
        known,
        unknown,
        known_image_N=known_image,
        unknown_image_M=unknown_image,
        resamples=4000,
    )
    assert found.mean() == pytest.approx(expected.mean(), abs=4 * expected.std() / 20)
    assert found.std() == pytest.approx(expected.std(), rel=0.15)


def test_each_object_its_own_unit_has_the_spread_theory_says():
    known, unknown = scores(n=1000, m=400)
    found = bootstrap_auroc(known, unknown, resamples=3000)
    same = delong_test(known, unknown, np.zeros(1000), np.zeros(400))  # a constant score: 0.5
    assert found.mean() == pytest.approx(auroc(known, unknown), abs=0.002)
    assert found.std() == pytest.approx(same.standard_error, rel=0.08)


def test_images_that_hold_copies_widen_the_interval():
    known, unknown = scores()
    copies_known, copies_unknown = np.repeat(known, 9), np.repeat(unknown, 9)
    images_known = np.repeat(np.arange(200), 9)
    images_unknown = np.repeat(np.arange(1000, 1090), 9)
    right = bootstrap_auroc(
        copies_known,
        copies_unknown,
        known_image_N=images_known,
        unknown_image_M=images_unknown,
        resamples=2000,
    )
    alone = bootstrap_auroc(known, unknown, resamples=2000)
    naive = bootstrap_auroc(copies_known, copies_unknown, resamples=2000)
    assert right.std() == pytest.approx(alone.std(), rel=0.1)
    assert naive.std() == pytest.approx(alone.std() / 3, rel=0.1)


def test_every_resample_is_an_auroc_of_drawn_objects():
    """With one image a stratum, every resample is the whole."""
    known, unknown = scores(n=7, m=4, decimals=0)
    found = bootstrap_auroc(
        known, unknown, known_image_N=[3] * 7, unknown_image_M=[3] * 4, resamples=11
    )
    assert found.shape == (11,)
    np.testing.assert_allclose(found, auroc(known, unknown), atol=1e-15)


def test_the_seed_decides():
    known, unknown = scores()
    first = bootstrap_auroc(known, unknown, seed=1, resamples=30)
    np.testing.assert_array_equal(first, bootstrap_auroc(known, unknown, seed=1, resamples=30))
    assert (first != bootstrap_auroc(known, unknown, seed=2, resamples=30)).any()


def test_more_pairs_than_32_bits_count():
    n = 20_000
    known, unknown = np.arange(n) + 0.5, np.arange(n, dtype=float)
    found = bootstrap_auroc(known, unknown, resamples=8)
    assert found.mean() == pytest.approx(0.5, abs=0.01)


def test_a_score_without_its_image_is_an_error():
    with pytest.raises(ValueError, match="image"):
        bootstrap_auroc(np.ones(2), np.zeros(2), known_image_N=[1], unknown_image_M=[1, 2])


def naive_delong(known_a, unknown_a, known_b, unknown_b):
    """DeLong et al. 1988 by its definition: kernels over all pairs, covariance matrices."""

    def kernel(known, unknown):
        return np.array([[float(k > u) + 0.5 * float(k == u) for u in unknown] for k in known])

    kernels = [kernel(known_a, unknown_a), kernel(known_b, unknown_b)]
    s10 = np.cov([k.mean(axis=1) for k in kernels])
    s01 = np.cov([k.mean(axis=0) for k in kernels])
    covariance = s10 / len(known_a) + s01 / len(unknown_a)
    return np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])


@pytest.mark.parametrize("decimals", [8, 0])
def test_delong_agrees_with_its_definition(decimals):
    known_a, unknown_a = scores(0, 40, 25, decimals)
    known_b, unknown_b = scores(1, 40, 25, decimals)
    known_b, unknown_b = known_b + known_a, unknown_b + unknown_a
    found = delong_test(known_a, unknown_a, known_b, unknown_b)
    error = naive_delong(known_a, unknown_a, known_b, unknown_b)
    assert found.auroc_a == pytest.approx(auroc(known_a, unknown_a), abs=1e-12)
    assert found.difference == pytest.approx(found.auroc_a - auroc(known_b, unknown_b), abs=1e-12)
    assert found.standard_error == pytest.approx(error, abs=1e-12)
    assert found.interval[1] - found.difference == pytest.approx(1.959964 * error, rel=1e-6)


def test_delong_p_values_are_uniform_where_nothing_differs():
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(400):
        known, unknown = rng.normal(1, 1, 60), rng.normal(0, 1, 60)
        noise = rng.normal(0, 0.7, (4, 60))
        test = delong_test(
            known + noise[0], unknown + noise[1], known + noise[2], unknown + noise[3]
        )
        p_values.append(test.p_value)
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.03)


def test_delong_of_the_same_score():
    known, unknown = scores()
    found = delong_test(known, unknown, known, unknown)
    assert (found.difference, found.p_value) == (0.0, 1.0)


def test_delong_needs_the_same_objects():
    with pytest.raises(ValueError, match="same objects"):
        delong_test(np.ones(3), np.ones(2), np.ones(3), np.ones(4))
