import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)
from sklearn.metrics import (
    confusion_matrix as sklearn_confusion_matrix,
)
from sklearn.neighbors import KNeighborsClassifier

from core.errors import AkinError
from core.evaluation.classification import (
    class_means,
    classification_report,
    confusion_matrix,
    cosine_scores,
    knn_votes,
    predict,
    top_k_accuracy,
)

CLASSES = ("bird", "boat", "cat", "dog", "sofa")


def blobs(seed=0, count=300, classes=5, spread=1.5):
    rng = np.random.default_rng(seed)
    centre_CD = np.random.default_rng(99).normal(size=(classes, 8))
    label_N = rng.integers(0, classes, count)
    return centre_CD[label_N] + rng.normal(scale=spread, size=(count, 8)), label_N


def test_class_means_by_hand():
    embedding_ND = np.array([[2.0, 0.0], [0.0, 5.0], [0.0, -1.0], [7.0, 7.0]])
    means_CD = class_means(embedding_ND, np.array([0, 0, 2, -1]), 4)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(means_CD[0], [half, half])
    np.testing.assert_allclose(means_CD[2], [0, -1])
    assert np.isnan(means_CD[[1, 3]]).all()


def test_objects_that_cancel_out_have_no_mean():
    means_CD = class_means(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([0, 0]), 1)
    assert np.isnan(means_CD).all()


def test_cosine_scores_by_hand_whatever_the_length():
    means_CD = np.array([[1.0, 0.0], [np.nan, np.nan], [0.0, 3.0]])
    score_NC = cosine_scores(np.array([[10.0, 10.0], [-1e-3, 0.0], [0.0, 0.0]]), means_CD)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(score_NC[:, [0, 2]], [[half, half], [-1, 0], [0, 0]], atol=1e-15)
    assert (score_NC[:, 1] == -np.inf).all()


def test_float32_embeddings_are_judged_in_float64():
    embedding_ND, label_N = blobs()
    narrow = embedding_ND.astype(np.float32)
    wide = cosine_scores(embedding_ND, class_means(embedding_ND, label_N, 5))
    found = cosine_scores(narrow, class_means(narrow, label_N, 5))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, wide, atol=1e-6)


@pytest.mark.parametrize("absent", [-np.inf, np.nan])
def test_an_absent_class_never_wins(absent):
    score_NC = np.array([[absent, -0.9, -0.8], [absent, 0.2, 0.2]])
    assert predict(score_NC).tolist() == [2, 1]


def test_a_class_without_objects_is_never_predicted():
    embedding_ND, label_N = blobs()
    means_CD = class_means(embedding_ND[label_N != 3], label_N[label_N != 3], 5)
    predicted_N = predict(cosine_scores(-embedding_ND, means_CD))
    assert set(predicted_N) == {0, 1, 2, 4}


def test_predicting_without_any_finite_score_is_an_error():
    with pytest.raises(AkinError, match="1 of 2 objects"):
        predict(np.array([[np.nan, np.nan], [0.0, 1.0]]))
    assert predict(np.zeros((0, 3))).shape == (0,)


def test_report_agrees_with_scikit_learn():
    rng = np.random.default_rng(1)
    label_N, predicted_N = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    predicted_N[:120] = label_N[:120]  # class 4 has no object and is never predicted
    report = classification_report(label_N, predicted_N, CLASSES)
    assert report.accuracy == pytest.approx(accuracy_score(label_N, predicted_N))
    assert report.balanced_accuracy == pytest.approx(balanced_accuracy_score(label_N, predicted_N))
    assert report.majority_share == pytest.approx(np.bincount(label_N).max() / 200)
    f1 = f1_score(label_N, predicted_N, average="macro", labels=range(4))
    assert report.macro_f1 == pytest.approx(f1)
    expected = sklearn_confusion_matrix(label_N, predicted_N, labels=range(5))
    np.testing.assert_array_equal(report.counts_CC, expected)
    columns = precision_recall_fscore_support(label_N, predicted_N, labels=range(4))
    for name, *figures in zip(CLASSES, *columns, strict=False):
        row = report.per_class[name]
        assert (row.precision, row.recall, row.f1, row.support) == pytest.approx(figures)
    nothing = report.per_class["sofa"]
    assert (nothing.precision, nothing.recall, nothing.f1, nothing.support) == (None,) * 3 + (0,)


def test_a_class_that_is_never_predicted_counts_zero_and_one_without_objects_not_at_all():
    label_N, predicted_N = np.array([0, 0, 0, 1]), np.array([0, 0, 2, 0])
    report = classification_report(label_N, predicted_N, ("a", "one object", "none"))
    assert report.per_class["none"].f1 == 0.0  # Predicted once, wrongly.
    assert report.per_class["one object"].precision is None
    assert report.macro_f1 == pytest.approx((2 * 2 / (3 + 3) + 0) / 2)
    expected = f1_score(label_N, predicted_N, average="macro", labels=[0, 1], zero_division=0)
    assert report.macro_f1 == pytest.approx(expected)
    assert report.balanced_accuracy == pytest.approx((2 / 3 + 0) / 2)


def test_withheld_objects_are_left_out():
    label_N, predicted_N = np.array([0, 1, -1, -1]), np.array([0, 0, 1, 0])
    report = classification_report(label_N, predicted_N, ("a", "b"))
    assert (report.accuracy, report.count) == (0.5, 2)
    assert confusion_matrix(label_N, predicted_N, 2).tolist() == [[1, 0], [1, 0]]


def test_report_of_nothing():
    nothing = np.zeros(0, dtype=np.int64)
    report = classification_report(nothing, nothing, CLASSES)
    assert (report.accuracy, report.balanced_accuracy, report.majority_share) == (None,) * 3
    assert report.macro_f1 is None
    assert report.to_json()["confusion"]["counts"] == [[0] * 5] * 5


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_agrees_with_scikit_learn(k):
    rng = np.random.default_rng(2)
    score_NC, label_N = rng.normal(size=(150, 6)), rng.integers(0, 6, 150)
    expected = top_k_accuracy_score(label_N, score_NC, k=k)
    assert top_k_accuracy(score_NC, label_N, k) == pytest.approx(expected)


def test_top_1_is_accuracy_also_with_ties_and_absent_classes():
    rng = np.random.default_rng(3)
    score_NC, label_N = rng.integers(0, 3, (200, 5)).astype(float), rng.integers(-1, 5, 200)
    score_NC[:, 2] = -np.inf
    known = label_N >= 0
    expected = (predict(score_NC) == label_N)[known].mean()
    assert top_k_accuracy(score_NC, label_N, 1) == pytest.approx(expected)
    assert top_k_accuracy(score_NC, label_N, 5) == pytest.approx((label_N[known] != 2).mean())


def test_knn_agrees_with_scikit_learn_in_blocks(monkeypatch):
    train_MD, train_label_M = blobs(0)
    test_ND, _ = blobs(1, count=101)
    neighbours = KNeighborsClassifier(7, metric="cosine").fit(train_MD, train_label_M)
    monkeypatch.setattr("core.evaluation.classification.CHUNK_ELEMENTS", 3000)
    votes_NC = knn_votes(test_ND, train_MD, train_label_M, 6, k=7)
    np.testing.assert_allclose(votes_NC[:, :5], neighbours.predict_proba(test_ND), atol=1e-12)
    assert (votes_NC[:, 5] == -np.inf).all()
    assert predict(votes_NC).tolist() == neighbours.predict(test_ND).tolist()


def test_knn_with_a_temperature_weighs_by_hand():
    train_MD = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [1.0, 0.0]])
    votes_NC = knn_votes(
        np.array([[1.0, 0.0]]), train_MD, np.array([0, 1, 1, -1]), 2, k=9, temperature=0.5
    )
    weights = np.exp(np.array([1.0, 0.0, -1.0]) / 0.5)
    np.testing.assert_allclose(votes_NC[0, 0], weights[0] / weights.sum(), rtol=1e-6)


def test_knn_without_training_objects_is_an_error():
    with pytest.raises(AkinError, match="no training objects"):
        knn_votes(np.ones((1, 2)), np.ones((1, 2)), np.array([-1]), 2)
