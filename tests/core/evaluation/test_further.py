"""What metrics.json says beyond accuracy, against scikit-learn and cases worked by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core.evaluation.classification import class_means, cosine_scores
from core.evaluation.further import Judged, further_metrics


def made(rng: np.random.Generator, *, withheld: int = 40, softmax: bool = False) -> Judged:
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
        is_softmax=softmax,
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
    exponential = np.exp(judged.validation_score_VC)
    softmax = (exponential / exponential.sum(axis=1, keepdims=True)).max(axis=1)
    assert (softmax >= found["value"]).mean() == pytest.approx(0.95, abs=1 / 90)
    test = judged.scores["max softmax"]
    known = judged.label_N >= 0
    assert found["known_accepted"] == pytest.approx((test[known] >= found["value"]).mean())
    assert found["withheld_accepted"] == pytest.approx((test[~known] >= found["value"]).mean())


def test_every_score_of_the_classes_has_a_threshold_of_validation_data(judged: Judged) -> None:
    found = further_metrics(judged, RANKING)["thresholds"]
    assert list(found) == ["max softmax", "max cosine", "energy"]
    largest = judged.validation_score_VC.max(axis=1)
    energy = np.log(np.exp(judged.validation_score_VC).sum(axis=1))
    for name, score in (("max cosine", largest), ("energy", energy)):
        value = found[name]["value"]
        assert (score >= value - 1e-9).mean() == pytest.approx(0.95, abs=1 / 90)
        accepted = (judged.scores[name][judged.label_N >= 0] >= value).mean()
        assert found[name]["known_accepted"] == pytest.approx(accepted)


def test_nothing_withheld_and_no_validation() -> None:
    judged = made(np.random.default_rng(1), withheld=0)
    judged = replace(judged, validation_score_VC=np.zeros((0, 3)))
    found = further_metrics(judged, RANKING)
    assert found["ood_scores"] is found["ood_groups"] is found["threshold"] is None
    assert found["retrieval"]["recall_at_1"] > 0.8
    assert found["compliance_train"]["overall"] > 0.5
    json.dumps(found, allow_nan=False)


def test_logits_have_no_compliance() -> None:
    found = further_metrics(made(np.random.default_rng(2), softmax=True), RANKING)
    assert found["compliance_train"] is None
    assert "max logit" in found["ood_scores"]
