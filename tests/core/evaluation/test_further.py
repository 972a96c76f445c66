"""What metrics.json says beyond accuracy, against scikit-learn and cases worked by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import softmax
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from core.evaluation.classification import class_means, cosine_scores
from core.evaluation.further import Judged, further_metrics, threshold_by_score

Floats = npt.NDArray[np.floating[Any]]


def made(rng: np.random.Generator, *, withheld: int = 40, logits: bool = False) -> Judged:
    """Three classes in clusters, and withheld objects of two classes: near class 0, and random."""
    centres = np.eye(3, 8)
    train_label = np.repeat(np.arange(3), 30)
    train = centres[train_label] + 0.2 * rng.normal(size=(90, 8))
    label = np.concatenate([np.repeat(np.arange(3), 20), np.full(withheld, -1)])
    known = centres[label[:60]] + 0.3 * rng.normal(size=(60, 8))
    half = withheld // 2
    near = centres[0] + 0.5 * rng.normal(size=(half, 8))
    far = -centres[0] + 0.5 * rng.normal(size=(withheld - half, 8))
    embedding = np.concatenate([known, near, far])
    names = np.array(["a", "b", "c"])[np.maximum(label, 0)].astype("<U9")
    names[60 : 60 + half], names[60 + half :] = "near one", "far one"
    means = class_means(train, train_label, 3)
    validation = centres[train_label] + 0.3 * rng.normal(size=(90, 8))
    return Judged(
        label_N=label,
        true_name_N=names,
        image_id_N=np.arange(len(label)).astype(str),
        score_NC=cosine_scores(embedding, means),
        embedding_ND=embedding / np.linalg.norm(embedding, axis=1, keepdims=True),
        train_MD=train,
        train_label_M=train_label,
        validation_score_VC=cosine_scores(validation, means),
        validation_VD=validation,
        is_softmax=logits,
    )


@pytest.fixture
def judged() -> Judged:
    return made(np.random.default_rng(0))


RANKING = np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1.0]])


def test_every_score_has_its_auroc(judged: Judged) -> None:
    found = further_metrics(judged, RANKING, ["near one"])
    known = judged.label_N >= 0
    names = ["max softmax", "max cosine", "energy", "k-NN distance", "Mahalanobis"]
    assert list(found["ood_scores"]) == names
    for name, score in judged.scores.items():
        assert found["ood_scores"][name]["auroc"] == pytest.approx(roc_auc_score(known, score))
    assert found["ood_scores"]["max cosine"]["auroc"] > 0.8


def test_near_is_harder_than_far(judged: Judged) -> None:
    groups = further_metrics(judged, RANKING, ["near one"])["ood_groups"]
    assert groups["near"]["classes"] == ["near one"]
    assert groups["far"]["classes"] == ["far one"]
    score = judged.scores["max softmax"]
    for name in ("near", "far"):
        chosen = judged.true_name_N == f"{name} one"
        part = np.flatnonzero(chosen | (judged.label_N >= 0))
        expected = roc_auc_score(~chosen[part], score[part])
        assert groups[name]["auroc"] == pytest.approx(expected)
    assert groups["near"]["auroc"] < groups["far"]["auroc"]
    assert groups["near"]["unknown_count"] == groups["far"]["unknown_count"] == 20


def test_the_threshold_is_that_of_the_validation_split(judged: Judged) -> None:
    found = further_metrics(judged, RANKING)["threshold"]
    probability = softmax(judged.validation_score_VC, axis=1).max(axis=1)
    assert (probability >= found["value"] - 1e-12).mean() == pytest.approx(0.95, abs=1 / 90)
    test = judged.scores["max softmax"]
    known = judged.label_N >= 0
    assert found["known_accepted"] == pytest.approx((test[known] >= found["value"]).mean())
    assert found["withheld_accepted"] == pytest.approx((test[~known] >= found["value"]).mean())


def plain_scores(judged: Judged, score_NC: Floats, embedding_ND: Floats) -> dict[str, Floats]:
    """Every score by its definition, an object at a time, by scikit-learn where it has it."""
    train, label = judged.train_MD, judged.train_label_M
    train = train / np.linalg.norm(train, axis=1, keepdims=True)
    unit = embedding_ND / np.linalg.norm(embedding_ND, axis=1, keepdims=True)
    classes = [train[label == c] for c in range(3)]
    fitted = LedoitWolf(assume_centered=True)
    fitted.fit(np.concatenate([own - own.mean(axis=0) for own in classes]))
    inverse = np.linalg.inv(fitted.covariance_)
    offset = [[z - own.mean(axis=0) for own in classes] for z in unit]
    tenth = NearestNeighbors(n_neighbors=10, metric="cosine").fit(train).kneighbors(unit)[0][:, 9]
    return {
        "max softmax": softmax(score_NC, axis=1).max(axis=1),
        "max cosine": score_NC.max(axis=1),
        "energy": np.log(np.exp(score_NC).sum(axis=1)),
        "k-NN distance": 1 - tenth,
        "Mahalanobis": np.array([-min(d @ inverse @ d for d in row) for row in offset]),
    }


def test_every_score_has_a_threshold_of_validation_data(judged: Judged) -> None:
    found = further_metrics(judged, RANKING)["thresholds"]
    validation = plain_scores(judged, judged.validation_score_VC, judged.validation_VD)
    test = plain_scores(judged, judged.score_NC, judged.embedding_ND)
    assert list(found) == list(judged.scores) == list(validation)
    for name, score_V in validation.items():
        value = np.sort(score_V)[-86]  # 86 of 90 are the fewest that make 95 %.
        row = found[name]
        assert row["value"] == pytest.approx(value, rel=1e-6), name
        assert (row["score"], row["chosen_on"], row["kept_share"]) == (name, "validation", 0.95)
        # Of the test objects none is as near the threshold as rounding reaches.
        assert np.abs(test[name] - value).min() > 1e-5
        accepted = test[name] >= value
        assert row["known_accepted"] == accepted[judged.label_N >= 0].mean()
        assert row["withheld_accepted"] == accepted[judged.label_N < 0].mean()


def test_test_objects_do_not_move_a_threshold(judged: Judged) -> None:
    before = threshold_by_score(judged)
    half = replace(
        judged,
        label_N=judged.label_N[::2],
        score_NC=judged.score_NC[::2],
        embedding_ND=judged.embedding_ND[::2],
    )
    after = threshold_by_score(half)
    assert before is not None
    assert after is not None
    assert [row["value"] for row in after.values()] == [row["value"] for row in before.values()]


def test_a_single_training_object_has_no_distances(judged: Judged) -> None:
    one = replace(judged, train_MD=judged.train_MD[:1], train_label_M=judged.train_label_M[:1])
    assert list(threshold_by_score(one) or {}) == ["max softmax", "max cosine", "energy"]


def test_nothing_withheld_and_no_validation() -> None:
    judged = made(np.random.default_rng(1), withheld=0)
    without = replace(judged, validation_score_VC=np.zeros((0, 3)), validation_VD=np.zeros((0, 8)))
    found = further_metrics(without, RANKING)
    assert found["ood_scores"] is found["ood_groups"] is None
    assert found["threshold"] is found["thresholds"] is None
    thresholds = further_metrics(judged, RANKING)["thresholds"]
    assert all(row["withheld_accepted"] is None for row in thresholds.values())
    assert all(row["known_accepted"] > 0.8 for row in thresholds.values())
    assert found["retrieval"]["recall_at_1"] > 0.8
    assert found["compliance_train"]["overall"] > 0.5
    json.dumps(found, allow_nan=False)


def test_logits_have_no_compliance() -> None:
    found = further_metrics(made(np.random.default_rng(2), logits=True), RANKING)
    assert found["compliance_train"] is None
    assert "max logit" in found["ood_scores"]
