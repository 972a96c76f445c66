import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import softmax
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from core.evaluation.ood import (
    average_precision,
    evaluate_ood,
    fpr_at_tpr,
    knn_score,
    mahalanobis_score,
    max_cosine_score,
    max_softmax_score,
    roc_curve,
    threshold_at_tpr,
)


def two_groups(seed=0, n=300, m=120, decimals=None):
    rng = np.random.default_rng(seed)
    known, unknown = rng.normal(1, 1, n), rng.normal(0, 1, m)
    if decimals is not None:
        known, unknown = known.round(decimals), unknown.round(decimals)
    truth = np.r_[np.ones(n), np.zeros(m)]
    return known, unknown, truth, np.r_[known, unknown]


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_max_softmax_agrees_with_scipy(temperature):
    score_NC = np.random.default_rng(0).uniform(-1, 1, (50, 7))
    expected = softmax(score_NC / temperature, axis=1).max(axis=1)
    np.testing.assert_allclose(max_softmax_score(score_NC, temperature), expected, rtol=1e-12)


def test_absent_classes_take_no_part_in_the_scores():
    score_NC = np.random.default_rng(0).uniform(-1, 1, (9, 3))
    wide = np.c_[score_NC, np.full(9, -np.inf), np.full(9, np.nan)]
    np.testing.assert_array_equal(max_softmax_score(wide), max_softmax_score(score_NC))
    np.testing.assert_array_equal(max_cosine_score(wide), score_NC.max(axis=1))


def test_large_logits_do_not_overflow():
    assert max_softmax_score(np.array([[1e4, -1e4, 0.0]]))[0] == 1.0


def test_knn_score_agrees_with_a_full_sort(monkeypatch):
    rng = np.random.default_rng(0)
    query, train = rng.normal(size=(23, 5)), rng.normal(size=(40, 5))
    monkeypatch.setattr("core.evaluation.ood.CHUNK_ELEMENTS", 100)
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)  # noqa: E731
    expected = np.sort(unit(query) @ unit(train).T, axis=1)[:, -3]
    np.testing.assert_allclose(knn_score(query, train, 3), expected, atol=1e-6)


def ledoit_wolf_by_the_paper(rows):
    """Ledoit and Wolf 2004, lemmas 3.2 to 3.4, one object after the other."""
    count, size = rows.shape
    sample = sum(np.outer(row, row) for row in rows) / count
    mu = np.trace(sample) / size
    d2 = ((sample - mu * np.eye(size)) ** 2).sum() / size
    noise = sum(((np.outer(row, row) - sample) ** 2).sum() / size for row in rows) / count**2
    b2 = min(noise, d2)
    return b2 / d2 * mu * np.eye(size) + (d2 - b2) / d2 * sample


def test_mahalanobis_score_agrees_with_the_papers_formulas():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 60)
    train = 2 * np.eye(3, 6)[label] + rng.normal(size=(60, 6)) * np.linspace(0.2, 1, 6)
    query = rng.normal(size=(25, 6))
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)  # noqa: E731
    means = np.array([unit(train)[label == c].mean(axis=0) for c in range(3)])
    inverse = np.linalg.inv(ledoit_wolf_by_the_paper(unit(train) - means[label]))
    expected = -(cdist(unit(query), means, "mahalanobis", VI=inverse).min(axis=1) ** 2)
    np.testing.assert_allclose(mahalanobis_score(query, train, label), expected, rtol=1e-9)
    other = np.r_[train, rng.normal(size=(9, 6))]
    withheld = np.r_[label, np.full(9, -1)]
    np.testing.assert_allclose(mahalanobis_score(query, other, withheld), expected, rtol=1e-9)
    renamed = np.array([7, 0, 4])[label]
    np.testing.assert_allclose(mahalanobis_score(query, train, renamed), expected, rtol=1e-9)


def test_mahalanobis_knows_the_shape_of_a_class_where_the_cosine_does_not():
    rng = np.random.default_rng(1)
    at = lambda x, y: np.c_[np.ones(len(x)), x, y]  # noqa: E731
    train = at(rng.normal(0, 0.3, 200), rng.normal(0, 0.01, 200))
    along, across = at(np.array([0.2]), np.array([0.0])), at(np.array([0.0]), np.array([0.1]))
    label = np.zeros(200, int)
    assert mahalanobis_score(along, train, label) > mahalanobis_score(across, train, label) + 10
    assert along[0, 0] / np.linalg.norm(along) < across[0, 0] / np.linalg.norm(across)


def test_mahalanobis_score_of_identical_training_objects_is_finite():
    train = np.tile([[0.6, 0.8]], (4, 1))
    found = mahalanobis_score(np.array([[0.6, 0.8], [1.0, 0.0]]), train, np.array([0, 0, 1, 1]))
    assert np.isfinite(found).all()


@pytest.mark.parametrize("decimals", [None, 1, 0])
def test_curve_agrees_with_scikit_learn(decimals):
    known, unknown, truth, scores = two_groups(decimals=decimals)
    fpr, tpr, thresholds = sklearn_roc_curve(truth, scores, drop_intermediate=False)
    found = roc_curve(known, unknown)
    np.testing.assert_allclose(found.fpr, fpr, atol=1e-15)
    np.testing.assert_allclose(found.tpr, tpr, atol=1e-15)
    np.testing.assert_array_equal(found.thresholds, thresholds)
    assert found.area == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


@pytest.mark.parametrize("decimals", [None, 1, 0])
def test_report_agrees_with_scikit_learn(decimals):
    known, unknown, truth, scores = two_groups(decimals=decimals)
    report = evaluate_ood(known, unknown, resamples=10)
    assert report.auroc == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    assert report.aupr_in == pytest.approx(average_precision_score(truth, scores), abs=1e-12)
    assert report.aupr_out == pytest.approx(average_precision_score(1 - truth, -scores), abs=1e-12)
    fpr, tpr, _ = sklearn_roc_curve(truth, scores, drop_intermediate=False)
    assert report.fpr95 == pytest.approx(fpr[np.argmax(tpr >= 0.95)], abs=1e-12)
    assert (report.known_count, report.unknown_count) == (300, 120)


def test_hand_worked_case():
    known, unknown = np.array([0.9, 0.8, 0.4]), np.array([0.8, 0.1])
    # pairs won: 0.9 > both; 0.8 ties with one, beats one; 0.4 beats one: 2 + 1.5 + 1 of 6
    report = evaluate_ood(known, unknown, resamples=1)
    assert report.auroc == pytest.approx(4.5 / 6)
    # 95 % of three known objects are three: threshold 0.4, which accepts one of two
    assert threshold_at_tpr(known) == 0.4
    assert report.fpr95 == 0.5
    assert average_precision(known, unknown) == pytest.approx(1 / 3 + 2 / 3 / 3 + 3 / 4 / 3)


@pytest.mark.parametrize(("tpr", "expected"), [(0.95, 1), (0.951, 0), (1.0, 0), (0.05, 19)])
def test_threshold_is_the_highest_that_suffices(tpr, expected):
    assert threshold_at_tpr(np.arange(20.0), tpr) == expected


def test_perfect_and_useless_scores():
    assert fpr_at_tpr(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 0.0
    report = evaluate_ood(np.full(5, 0.3), np.full(4, 0.3), resamples=20)
    assert (report.auroc, report.fpr95, report.auroc_interval) == (0.5, 1.0, (0.5, 0.5))


@pytest.mark.parametrize("bad", [[], [np.nan], [np.inf]])
def test_scores_must_be_finite_and_there(bad):
    with pytest.raises(ValueError, match="scores must be"):
        evaluate_ood(np.array(bad, dtype=float), np.array([1.0]))


def test_json_has_the_keys_of_the_design():
    known, unknown, *_ = two_groups()
    found = evaluate_ood(known, unknown, resamples=50).to_json()
    assert {"auroc", "auroc_interval", "fpr95", "aupr_in", "aupr_out"} <= set(found)
    low, high = found["auroc_interval"]
    assert low < found["auroc"] < high
