"""What a judgement says beyond accuracy: other scores, near and far, a threshold, retrieval.

Shape suffixes: N judged objects, M training objects, V validation objects, C known classes,
D embedding.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from core.evaluation.classification import class_means, cosine_scores
from core.evaluation.compliance import compliance_to_json
from core.evaluation.ood import (
    energy_score,
    evaluate_ood,
    knn_score,
    mahalanobis_score,
    max_cosine_score,
    max_softmax_score,
    threshold_at_tpr,
)
from core.evaluation.report import OOD_SCORE
from core.evaluation.retrieval import evaluate_retrieval

Floats = npt.NDArray[np.floating[Any]]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

KEPT_SHARE = 0.95
KNN, MAHALANOBIS = "k-NN distance", "Mahalanobis"


@dataclass(frozen=True, eq=False)
class Judged:
    """A run's judged objects, and the training and validation objects beside them.

    Attributes:
        label_N: Index into the known classes; -1 for withheld objects.
        true_name_N: The class as annotated.
        image_id_N: Image of each object.
        score_NC: Cosine to each class mean; logits for SoftMax.
        embedding_ND: Unit vectors.
        train_MD: Embeddings of the training objects.
        train_label_M: Their classes.
        validation_score_VC: Scores of the validation split's known objects.
        validation_VD: Their embeddings.
        is_softmax: Whether the scores are logits.
    """

    label_N: IntArray
    true_name_N: npt.NDArray[np.str_]
    image_id_N: npt.NDArray[np.str_]
    score_NC: Floats
    embedding_ND: Floats
    train_MD: Floats
    train_label_M: IntArray
    validation_score_VC: Floats
    validation_VD: Floats
    is_softmax: bool

    @cached_property
    def scores(self) -> Mapping[str, FloatArray]:
        """Every score that tells known from unknown objects by name, larger = more known."""
        return self._scores(self.score_NC, self.embedding_ND)

    @cached_property
    def validation_scores(self) -> Mapping[str, FloatArray]:
        """The same of the validation split's known objects; none where it has none."""
        if not len(self.validation_score_VC):
            return {}
        return self._scores(self.validation_score_VC, self.validation_VD)

    def _scores(self, score_NC: Floats, embedding_ND: Floats) -> dict[str, FloatArray]:
        scores = {OOD_SCORE: max_softmax_score(score_NC)}
        largest = "max logit" if self.is_softmax else "max cosine"
        scores[largest] = max_cosine_score(score_NC)
        scores["energy"] = energy_score(score_NC)
        if (self.train_label_M >= 0).sum() > 1:
            scores[KNN] = knn_score(embedding_ND, self.train_MD)
            scores[MAHALANOBIS] = mahalanobis_score(embedding_ND, self.train_MD, self.train_label_M)
        return scores


def further_metrics(
    judged: Judged,
    similarity_CC: Floats,
    near_classes: Collection[str] = (),
    seed: int = 0,
    *,
    classes: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Returns the entries of metrics.json that need more than predictions.

    Args:
        judged: What was judged.
        similarity_CC: The user's ranking of the known classes: row = anchor.
        near_classes: Withheld classes for which the user ranked a known class.
        seed: Of the bootstraps.
        classes: Names of the known classes; None: labels as text.

    Returns:
        `ood_scores` {score: AUROC and so on}, `ood_groups` {near, far}, `threshold` (chosen on the
        validation split, of the largest softmax probability) and `thresholds` (of every score),
        `compliance_train` and `retrieval`; None where there is nothing to say.
    """
    thresholds = threshold_by_score(judged)
    names = [str(label) for label in range(len(similarity_CC))] if classes is None else classes
    return {
        "ood_scores": ood_by_score(judged, seed),
        "ood_groups": _near_and_far(judged, judged.scores[OOD_SCORE], near_classes, seed),
        "threshold": thresholds[OOD_SCORE] if thresholds else None,
        "thresholds": thresholds,
        "compliance_train": _compliance_of_training(judged, similarity_CC, names),
        "retrieval": evaluate_retrieval(
            judged.embedding_ND, judged.label_N, similarity_CC
        ).to_json(),
    }


def ood_by_score(judged: Judged, seed: int = 0) -> dict[str, dict[str, Any]] | None:
    """Returns {score: AUROC and so on}; None where nothing is withheld."""
    known_N = judged.label_N >= 0
    if known_N.all() or not known_N.any():
        return None
    return {name: _ood(judged, score_N, ~known_N, seed) for name, score_N in judged.scores.items()}


def _near_and_far(
    judged: Judged, score_N: FloatArray, near_classes: Collection[str], seed: int
) -> dict[str, dict[str, Any]] | None:
    known_N = judged.label_N >= 0
    if known_N.all() or not known_N.any():
        return None
    near_N = np.isin(judged.true_name_N, list(near_classes))
    groups = {"near": ~known_N & near_N, "far": ~known_N & ~near_N}
    return {
        name: {"classes": _names(judged.true_name_N[chosen_N])}
        | _ood(judged, score_N, chosen_N, seed)
        for name, chosen_N in groups.items()
        if chosen_N.any()
    }


def _ood(
    judged: Judged, score_N: FloatArray, unknown_N: npt.NDArray[np.bool_], seed: int
) -> dict[str, Any]:
    known_N = judged.label_N >= 0
    return evaluate_ood(
        score_N[known_N],
        score_N[unknown_N],
        known_image_N=judged.image_id_N[known_N],
        unknown_image_M=judged.image_id_N[unknown_N],
        seed=seed,
    ).to_json()


def threshold_by_score(judged: Judged) -> dict[str, dict[str, Any]] | None:
    """Chooses each score's threshold on the validation split and counts what it accepts.

    Returns:
        {score: threshold and accepted shares of the judged objects}; None without validation
        objects.
    """
    known_N = judged.label_N >= 0
    found = {}
    for name, validation_V in judged.validation_scores.items():
        value = threshold_at_tpr(validation_V, KEPT_SHARE)
        accepted_N = judged.scores[name] >= value
        found[name] = {
            "score": name,
            "value": value,
            "chosen_on": "validation",
            "kept_share": KEPT_SHARE,
            "known_accepted": _share(accepted_N[known_N]),
            "withheld_accepted": _share(accepted_N[~known_N]),
        }
    return found or None


def _share(accepted_N: npt.NDArray[np.bool_]) -> float | None:
    return float(accepted_N.mean()) if len(accepted_N) else None


def _compliance_of_training(
    judged: Judged, similarity_CC: Floats, classes: Sequence[str]
) -> dict[str, Any] | None:
    """Returns the training objects' compliance; each is part of its own class's mean."""
    if judged.is_softmax or not len(judged.train_MD):
        return None
    means_CD = class_means(judged.train_MD, judged.train_label_M, len(similarity_CC))
    score_MC = cosine_scores(judged.train_MD, means_CD)
    return compliance_to_json(score_MC, judged.train_label_M, similarity_CC, classes)


def _names(true_name_N: npt.NDArray[np.str_] | Sequence[str]) -> list[str]:
    return [str(name) for name in np.unique(np.asarray(true_name_N))]
