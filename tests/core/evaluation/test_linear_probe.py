"""The linear probe against scikit-learn, and how its regularisation is chosen."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from core.evaluation import linear_probe as module
from core.evaluation.classification import predict
from core.evaluation.linear_probe import INVERSE_PENALTIES, linear_probe


def blobs(seed=0, count=300, classes=5, spread=1.5, noise=0):
    rng = np.random.default_rng(seed)
    centre_CD = np.random.default_rng(99).normal(size=(classes, 8))
    label_N = rng.integers(0, classes, count)
    signal = centre_CD[label_N] + rng.normal(scale=spread, size=(count, 8))
    return np.hstack([signal, rng.normal(size=(count, noise))]), label_N


def test_with_a_given_penalty_it_is_scikit_learns():
    train_MD, train_label_M = blobs(0)
    train_label_M = np.where(train_label_M == 2, -1, train_label_M)
    test_ND, _ = blobs(1, count=50)
    found = linear_probe(test_ND, train_MD, train_label_M, 5, penalties=[1.0])
    assert (found.inverse_penalty, found.accuracy_by_penalty) == (1.0, {})
    kept = train_label_M >= 0
    scaler = StandardScaler().fit(train_MD[kept])
    probe = LogisticRegression(max_iter=1000).fit(
        scaler.transform(train_MD[kept]), train_label_M[kept]
    )
    expected = probe.predict_log_proba(scaler.transform(test_ND))
    np.testing.assert_allclose(found.score_NC[:, [0, 1, 3, 4]], expected, rtol=1e-6)
    assert (found.score_NC[:, 2] == -np.inf).all()


def test_two_classes_are_scikit_learns_too():
    train_MD, train_label_M = blobs(0, classes=2)
    test_ND, _ = blobs(1, count=50, classes=2)
    found = linear_probe(test_ND, train_MD, train_label_M, 2, penalties=[0.1])
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(train_MD, train_label_M)
    np.testing.assert_allclose(found.score_NC, probe.predict_log_proba(test_ND), rtol=1e-6)


def test_the_penalty_is_the_best_of_a_cross_validation_by_images(monkeypatch):
    monkeypatch.setattr(module, "_folds", lambda image, _seed: image % 3)
    train_MD, train_label_M = blobs(0, count=240, spread=1.5, noise=60)
    image_M = np.arange(240) // 4
    test_ND, _ = blobs(1, count=40, noise=60)
    found = linear_probe(test_ND, train_MD, train_label_M, 5, train_image_M=image_M)
    assert list(found.accuracy_by_penalty) == list(INVERSE_PENALTIES)
    for penalty, accuracy in found.accuracy_by_penalty.items():
        right = 0
        for fold in range(3):
            held = image_M % 3 == fold
            probe = make_pipeline(
                StandardScaler(), LogisticRegression(C=penalty, max_iter=2000, tol=1e-8)
            ).fit(train_MD[~held], train_label_M[~held])
            right += int((probe.predict(train_MD[held]) == train_label_M[held]).sum())
        assert accuracy == pytest.approx(right / 240, abs=2 / 240), penalty
    best = max(found.accuracy_by_penalty.values())
    winners = [c for c, accuracy in found.accuracy_by_penalty.items() if accuracy == best]
    assert found.inverse_penalty == winners[0], "of equal ones the strongest regularisation"
    assert found.inverse_penalty < 1.0, "noise asks for more than the default"


def test_folds_share_no_image_and_the_seed_decides():
    image_M = np.random.default_rng(0).integers(0, 40, 200)
    fold_M = module._folds(image_M, 0)
    for image in np.unique(image_M):
        assert len(np.unique(fold_M[image_M == image])) == 1
    assert set(fold_M) == {0, 1, 2}
    assert (fold_M != module._folds(image_M, 1)).any()
    for held_out, _ in GroupKFold(3).split(image_M, groups=image_M):
        assert len(held_out) > 0


def test_what_is_judged_has_no_part_in_the_choice():
    train_MD, train_label_M = blobs(0)
    first = linear_probe(blobs(1)[0], train_MD, train_label_M, 5)
    other = linear_probe(1000 * blobs(2)[0], train_MD, train_label_M, 5)
    assert first.inverse_penalty == other.inverse_penalty
    assert first.accuracy_by_penalty == other.accuracy_by_penalty


def test_copies_of_an_image_do_not_choose_a_weak_penalty():
    """Near-copies in other folds would reward learning by heart; images keep them together."""
    rng = np.random.default_rng(3)
    label_M = rng.integers(0, 2, 60)
    train_MD = np.repeat(rng.normal(size=(60, 40)), 5, axis=0)
    label_M, image_M = np.repeat(label_M, 5), np.repeat(np.arange(60), 5)
    apart = linear_probe(train_MD[:1], train_MD, label_M, 2)
    together = linear_probe(train_MD[:1], train_MD, label_M, 2, train_image_M=image_M)
    assert max(apart.accuracy_by_penalty.values()) > 0.9
    assert max(together.accuracy_by_penalty.values()) < 0.75


def test_a_single_class_and_constant_features():
    found = linear_probe(np.ones((3, 2)), np.ones((4, 2)), np.full(4, 1), 3)
    assert predict(found.score_NC).tolist() == [1, 1, 1]
    found = linear_probe(np.ones((3, 2)), np.ones((6, 2)), np.array([0, 0, 0, 0, 1, 1]), 3)
    assert predict(found.score_NC).tolist() == [0, 0, 0]
    assert np.isfinite(found.score_NC[:, :2]).all()
