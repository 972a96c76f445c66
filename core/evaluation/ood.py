"""Out of distribution: telling withheld classes from known ones by a score.

Shape suffixes: N known objects, M withheld (unknown) objects, C known classes, T thresholds,
D embedding. Known is the positive class throughout; higher scores mean "more likely known".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.evaluation.auroc import auroc, bootstrap_auroc, checked_scores
from core.evaluation.classification import CHUNK_ELEMENTS, normalised
from core.evaluation.ood_bootstrap import average_precision_of_counts, bootstrap_ood
from core.evaluation.plain import number_or_none

Floats = npt.NDArray[np.floating[Any]]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


# ----- scores -----


def max_softmax_score(score_NC: Floats, temperature: float = 1.0) -> FloatArray:
    """Returns the largest softmax probability of each object, in (0, 1].

    Hendrycks and Gimpel 2017, "A baseline for detecting misclassified and out-of-distribution
    examples"; the paper takes the cosines to the class means as logits, at temperature 1. Absent
    classes (-inf or NaN) take no part.
    """
    logit_NC = np.asarray(score_NC, dtype=np.float64) / temperature
    logit_NC = np.where(np.isfinite(logit_NC), logit_NC, -np.inf)
    top_N1 = logit_NC.max(axis=1, keepdims=True)
    result: FloatArray = 1.0 / np.exp(logit_NC - top_N1).sum(axis=1)
    return result


def max_cosine_score(score_NC: Floats) -> FloatArray:
    """Returns the cosine to the nearest class mean."""
    score = np.asarray(score_NC, dtype=np.float64)
    result: FloatArray = np.where(np.isfinite(score), score, -np.inf).max(axis=1)
    return result


def energy_score(score_NC: Floats) -> FloatArray:
    """Returns the log of the sum of exponentials: the negative free energy, at temperature 1.

    Liu et al. 2020, "Energy-based out-of-distribution detection", eq. 4, over logits; over cosines
    it is the same formula with less spread. Absent classes (-inf or NaN) take no part.
    """
    logit_NC = np.asarray(score_NC, dtype=np.float64)
    logit_NC = np.where(np.isfinite(logit_NC), logit_NC, -np.inf)
    result: FloatArray = np.logaddexp.reduce(logit_NC, axis=1)
    return result


def knn_score(embedding_ND: Floats, train_MD: Floats, k: int = 10) -> FloatArray:
    """Returns the cosine to the k-th nearest training object, computed in bounded memory.

    It orders objects as the negative k-NN distance of Sun et al. 2022, "Out-of-distribution
    detection with deep nearest neighbors", does on the unit sphere.
    """
    train = normalised(train_MD).astype(np.float32)
    query = normalised(embedding_ND).astype(np.float32)
    k = min(k, len(train))
    result_N = np.empty(len(query))
    block = max(1, CHUNK_ELEMENTS // max(1, len(train)))
    for start in range(0, len(query), block):
        cosine_BM = query[start : start + block] @ train.T
        at = len(train) - k
        result_N[start : start + block] = np.partition(cosine_BM, at, axis=1)[:, at]
    return result_N


def mahalanobis_score(
    embedding_ND: Floats, train_MD: Floats, train_label_M: IntArray
) -> FloatArray:
    """Returns minus the squared Mahalanobis distance to the nearest class.

    Lee et al. 2018, "A simple unified framework for detecting out-of-distribution samples and
    adversarial attacks", eq. 2: class means, and one covariance that all classes share. It is
    shrunk as Ledoit and Wolf 2004 do, since unit vectors never fill their space.

    Args:
        embedding_ND: Objects to score; put on the unit sphere.
        train_MD: Training objects; those labelled -1 are left out.
        train_label_M: Their classes; at least two objects are known.
    """
    from sklearn.covariance import ledoit_wolf  # noqa: PLC0415 (slow to import)

    label_M = np.asarray(train_label_M)
    train = normalised(train_MD)[label_M >= 0]
    present, label_M = np.unique(label_M[label_M >= 0], return_inverse=True)
    means_CD = np.array([train[label_M == label].mean(axis=0) for label in range(len(present))])
    covariance_DD, _ = ledoit_wolf(train - means_CD[label_M], assume_centered=True)
    value_D, axes_DD = np.linalg.eigh(covariance_DD)
    # Directions without any spread say nothing: they are left out, as in a pseudo-inverse.
    kept_D = value_D > value_D.max() * len(value_D) * np.finfo(np.float64).eps
    whitening_DK = axes_DD[:, kept_D] / np.sqrt(value_D[kept_D])
    query_NK, means_CK = normalised(embedding_ND) @ whitening_DK, means_CD @ whitening_DK
    nearest_N = np.full(len(query_NK), np.inf)
    for mean_K in means_CK:
        np.minimum(nearest_N, ((query_NK - mean_K) ** 2).sum(axis=1), out=nearest_N)
    return -nearest_N


# ----- curves -----


@dataclass(frozen=True, eq=False)
class RocCurve:
    """A ROC curve with one point for each distinct score; ties move along the diagonal.

    Attributes:
        fpr: Share of negatives at or above each threshold, T, ascending from 0 to 1.
        tpr: Share of positives at or above each threshold, T, ascending from 0 to 1.
        thresholds: T, descending; the first is +inf: nothing is accepted.
    """

    fpr: FloatArray
    tpr: FloatArray
    thresholds: FloatArray

    @property
    def area(self) -> float:
        """The area under the curve by trapezoids: exactly the AUROC, ties counted half."""
        return float((np.diff(self.fpr) * (self.tpr[1:] + self.tpr[:-1]) / 2).sum())


def roc_curve(positive_scores: Floats, negative_scores: Floats) -> RocCurve:
    """Returns the whole ROC curve, exact in ties (Fawcett 2006, algorithm 1).

    Args:
        positive_scores: Scores of positives, N > 0, finite.
        negative_scores: Scores of negatives, M > 0, finite.
    """
    positive, negative = checked_scores(positive_scores), checked_scores(negative_scores)
    values_T = np.unique(np.concatenate([positive, negative]))[::-1]
    tp = len(positive) - np.searchsorted(np.sort(positive), values_T, side="left")
    fp = len(negative) - np.searchsorted(np.sort(negative), values_T, side="left")
    return RocCurve(
        fpr=np.concatenate([[0.0], fp / len(negative)]),
        tpr=np.concatenate([[0.0], tp / len(positive)]),
        thresholds=np.concatenate([[np.inf], values_T]),
    )


def average_precision(positive_scores: Floats, negative_scores: Floats) -> float:
    """Returns the area under precision over recall as a step function (no interpolation).

    AP = sum over thresholds of (recall_t - recall_(t-1)) * precision_t; equal scores share a
    threshold. This is scikit-learn's average_precision_score.
    """
    curve = roc_curve(positive_scores, negative_scores)
    tp_T = curve.tpr[1:] * len(positive_scores)
    fp_T = curve.fpr[1:] * len(negative_scores)
    return float(average_precision_of_counts(tp_T, fp_T))


def threshold_at_tpr(known_scores: Floats, tpr: float = 0.95) -> float:
    """Returns the highest threshold that still accepts (score >= threshold) this share of known.

    Choose it on validation data: on the test split it would be chosen to please.
    """
    descending = np.sort(checked_scores(known_scores))[::-1]
    needed = max(1, int(np.ceil(tpr * len(descending) - 1e-9)))
    return float(descending[needed - 1])


def fpr_at_tpr(known_scores: Floats, unknown_scores: Floats, tpr: float = 0.95) -> float:
    """Returns the share of unknown objects accepted where this share of known ones is."""
    threshold = threshold_at_tpr(known_scores, tpr)
    return float((checked_scores(unknown_scores) >= threshold).mean())


# ----- the report -----


@dataclass(frozen=True, eq=False)
class OodReport:
    """How well a score tells known from withheld objects.

    Attributes:
        auroc: Probability that a known object scores higher than a withheld one.
        auroc_interval: Low and high of the bootstrap's percentile interval.
        level: Of the interval, such as 0.95.
        fpr95: Share of withheld objects accepted where 95 % of the known are.
        aupr_in: Average precision with known as positive.
        aupr_out: Average precision with withheld as positive and the scores negated.
        roc: The curve.
        known_count: N.
        unknown_count: M.
        resamples: Of the bootstrap.
        fpr95_interval: As auroc_interval.
        aupr_in_interval: Likewise.
        aupr_out_interval: Likewise.
    """

    auroc: float
    auroc_interval: tuple[float, float]
    level: float
    fpr95: float
    aupr_in: float
    aupr_out: float
    roc: RocCurve
    known_count: int
    unknown_count: int
    resamples: int
    fpr95_interval: tuple[float, float]
    aupr_in_interval: tuple[float, float]
    aupr_out_interval: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """Returns the figures for metrics.json (not the curve, which predictions.npz gives)."""
        return {
            "auroc": number_or_none(self.auroc),
            "auroc_interval": [number_or_none(x) for x in self.auroc_interval],
            "fpr95": number_or_none(self.fpr95),
            "fpr95_interval": [number_or_none(x) for x in self.fpr95_interval],
            "aupr_in": number_or_none(self.aupr_in),
            "aupr_in_interval": [number_or_none(x) for x in self.aupr_in_interval],
            "aupr_out": number_or_none(self.aupr_out),
            "aupr_out_interval": [number_or_none(x) for x in self.aupr_out_interval],
            "known_count": self.known_count,
            "unknown_count": self.unknown_count,
            "resamples": self.resamples,
        }


def evaluate_ood(
    known_score_N: Floats,
    unknown_score_M: Floats,
    *,
    known_image_N: npt.NDArray[Any] | Sequence[Any] | None = None,
    unknown_image_M: npt.NDArray[Any] | Sequence[Any] | None = None,
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> OodReport:
    """Judges a score on known (positive) and withheld objects.

    Args:
        known_score_N: Scores of known objects, N > 0, finite.
        unknown_score_M: Scores of withheld objects, M > 0, finite.
        known_image_N: Image of each known object, for the bootstrap; None: each its own.
        unknown_image_M: Image of each withheld object, in the same naming.
        seed: Of the bootstrap.
        resamples: Of the bootstrap.
        level: Of the interval.
    """
    known, unknown = checked_scores(known_score_N), checked_scores(unknown_score_M)
    drawn: dict[str, Any] = {
        "known_image_N": known_image_N,
        "unknown_image_M": unknown_image_M,
        "seed": seed,
        "resamples": resamples,
    }
    more = bootstrap_ood(known, unknown, **drawn)

    def interval(samples_R: FloatArray) -> tuple[float, float]:
        low, high = np.quantile(samples_R, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    return OodReport(
        auroc=auroc(known, unknown),
        auroc_interval=interval(bootstrap_auroc(known, unknown, **drawn)),
        level=level,
        fpr95=fpr_at_tpr(known, unknown),
        aupr_in=average_precision(known, unknown),
        aupr_out=average_precision(-unknown, -known),
        roc=roc_curve(known, unknown),
        known_count=len(known),
        unknown_count=len(unknown),
        resamples=resamples,
        fpr95_interval=interval(more.fpr95_R),
        aupr_in_interval=interval(more.aupr_in_R),
        aupr_out_interval=interval(more.aupr_out_R),
    )
