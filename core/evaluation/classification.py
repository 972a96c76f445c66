"""Classification by class means or neighbours, and how well it did.

Shape suffixes: N objects, M training objects, D embedding, C classes. Labels are indices into the
classes. A class without a mean scores -inf everywhere and is never predicted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import AkinError
from core.evaluation.plain import number_or_none

Floats = npt.NDArray[np.floating[Any]]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

CHUNK_ELEMENTS = 1 << 23


@dataclass(frozen=True)
class PerClass:
    """One class's figures; None where undefined (no object of it, or never predicted).

    Attributes:
        precision: Share of the objects predicted as it that are of it.
        recall: Share of its objects that were predicted as it.
        f1: Harmonic mean of both, 2 TP / (2 TP + FP + FN).
        support: How many objects are of it.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True, eq=False)
class ClassificationReport:
    """What a set of predictions is worth.

    Attributes:
        classes: The C class names, in label order.
        accuracy: Share of objects predicted right; None without objects.
        balanced_accuracy: Mean recall over the classes that have objects.
        macro_f1: Mean F1 over the classes that have objects; 0 for one that is never predicted.
        majority_share: Share of the largest class: what always guessing it would score.
        per_class: Each class's figures, in label order.
        counts_CC: Confusion matrix, int64: rows true, columns predicted.
    """

    classes: tuple[str, ...]
    accuracy: float | None
    balanced_accuracy: float | None
    macro_f1: float | None
    majority_share: float | None
    per_class: Mapping[str, PerClass]
    counts_CC: IntArray

    @property
    def count(self) -> int:
        """How many objects were judged."""
        return int(self.counts_CC.sum())

    def to_json(self) -> dict[str, Any]:
        """Returns the keys of metrics.json; undefined figures are None."""
        return {
            "accuracy": self.accuracy,
            "balanced_accuracy": self.balanced_accuracy,
            "macro_f1": self.macro_f1,
            "majority_share": self.majority_share,
            "per_class": {
                name: {
                    "precision": row.precision,
                    "recall": row.recall,
                    "f1": row.f1,
                    "support": row.support,
                }
                for name, row in self.per_class.items()
            },
            "confusion": {"classes": list(self.classes), "counts": self.counts_CC.tolist()},
        }


# ----- nearest class mean -----


def normalised(embedding_ND: Floats) -> FloatArray:
    """Returns rows of length 1, float64; a row of zeros stays one."""
    rows = np.asarray(embedding_ND, dtype=np.float64)
    length_N1 = np.linalg.norm(rows, axis=1, keepdims=True)
    result: FloatArray = rows / np.where(length_N1 > 0, length_N1, 1.0)
    return result


def class_means(embedding_ND: Floats, label_N: IntArray, num_classes: int) -> FloatArray:
    """Returns the mean of each class's unit embeddings, put back on the sphere.

    Args:
        embedding_ND: Embeddings of training objects, of any length.
        label_N: Their classes; -1 (withheld) is left out.
        num_classes: C.

    Returns:
        means_CD, float64, rows of length 1; NaN for a class without objects (or whose objects
        cancel out exactly).
    """
    label_N = np.asarray(label_N)
    kept = label_N >= 0
    z_ND, label_N = normalised(embedding_ND)[kept], label_N[kept]
    means_CD = np.full((num_classes, np.shape(embedding_ND)[1]), np.nan)
    for label in np.unique(label_N):
        mean_D = z_ND[label_N == label].mean(axis=0)
        length = np.linalg.norm(mean_D)
        if length > 1e-12:
            means_CD[label] = mean_D / length
    return means_CD


def cosine_scores(embedding_ND: Floats, means_CD: Floats) -> FloatArray:
    """Returns the cosine of each object to each class mean.

    Returns:
        score_NC in [-1, 1], float64; -inf in the column of a class without a mean.
    """
    means: FloatArray = np.array(means_CD, dtype=np.float64)
    absent_C = np.flatnonzero(~np.isfinite(means).all(axis=1))
    means[absent_C] = 0.0
    score_NC = np.clip(normalised(embedding_ND) @ normalised(means).T, -1.0, 1.0)
    score_NC[:, absent_C] = -np.inf
    return score_NC


def predict(score_NC: Floats) -> IntArray:
    """Returns the class with the highest score; the first of several.

    Absent classes (-inf or NaN) never win.

    Raises:
        AkinError: An object has no finite score at all (the embeddings are not finite).
    """
    score = np.asarray(score_NC)
    if not len(score):
        return np.zeros(0, dtype=np.int64)
    finite_NC = np.isfinite(score)
    lost = int((~finite_NC.any(axis=1)).sum())
    if lost:
        raise AkinError(
            f"{lost} of {len(score)} objects have no finite score for any class.",
            "The training has diverged, or no class has training objects; try a lower learning "
            "rate.",
        )
    winner_N: IntArray = np.where(finite_NC, score, -np.inf).argmax(axis=1).astype(np.int64)
    return winner_N


# ----- how well it did -----


def confusion_matrix(label_N: IntArray, predicted_N: IntArray, num_classes: int) -> IntArray:
    """Returns counts_CC, int64: rows true, columns predicted; objects labelled -1 are left out."""
    label_N, predicted_N = np.asarray(label_N), np.asarray(predicted_N)
    known = label_N >= 0
    cell_N = label_N[known] * num_classes + predicted_N[known]
    counts = np.bincount(cell_N.astype(np.int64), minlength=num_classes * num_classes)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


def classification_report(
    label_N: IntArray, predicted_N: IntArray, classes: Sequence[str]
) -> ClassificationReport:
    """Judges predictions; objects labelled -1 (withheld) are left out.

    Args:
        label_N: True classes, indices into `classes`.
        predicted_N: Predicted classes.
        classes: The C class names.
    """
    counts_CC = confusion_matrix(label_N, predicted_N, len(classes))
    right_C = np.diag(counts_CC)
    support_C, predicted_C = counts_CC.sum(axis=1), counts_CC.sum(axis=0)
    per_class = {
        name: PerClass(
            precision=_share(right, predicted),
            recall=_share(right, support),
            f1=_share(2 * right, support + predicted),
            support=int(support),
        )
        for name, right, predicted, support in zip(
            classes, right_C, predicted_C, support_C, strict=True
        )
    }
    recalls = [row.recall for row in per_class.values() if row.recall is not None]
    f1s = [row.f1 for row in per_class.values() if row.support and row.f1 is not None]
    total = int(counts_CC.sum())
    return ClassificationReport(
        classes=tuple(classes),
        accuracy=_share(right_C.sum(), total),
        balanced_accuracy=float(np.mean(recalls)) if recalls else None,
        macro_f1=float(np.mean(f1s)) if f1s else None,
        majority_share=_share(support_C.max(initial=0), total),
        per_class=per_class,
        counts_CC=counts_CC,
    )


def top_k_accuracy(score_NC: Floats, label_N: IntArray, k: int) -> float | None:
    """Returns the share of objects whose class is among their k highest scores.

    Ties go to the class that comes first, as in `predict`; objects labelled -1 are left out. None
    without objects.
    """
    label_N = np.asarray(label_N)
    known = label_N >= 0
    score = np.asarray(score_NC, dtype=np.float64)[known]
    score = np.where(np.isfinite(score), score, -np.inf)
    label = label_N[known]
    if not len(label):
        return None
    own_N1 = score[np.arange(len(label)), label][:, None]
    earlier_NC = np.arange(score.shape[1]) < label[:, None]
    ahead_N = ((score > own_N1) | ((score == own_N1) & earlier_NC)).sum(axis=1)
    return float(((ahead_N < k) & np.isfinite(own_N1[:, 0])).mean())


# ----- neighbours -----


def knn_votes(
    embedding_ND: Floats,
    train_MD: Floats,
    train_label_M: IntArray,
    num_classes: int,
    *,
    k: int = 20,
    temperature: float | None = None,
) -> FloatArray:
    """Returns the votes of each object's k nearest training objects by cosine.

    Memory stays bounded: similarities are computed in blocks of about 8 million.

    Args:
        embedding_ND: Objects to classify.
        train_MD: Training objects; those labelled -1 are left out.
        train_label_M: Their classes.
        num_classes: C.
        k: Neighbours; at most as many as there are.
        temperature: None: each neighbour has one vote. Else it votes with
            exp(cosine / temperature) (Wu et al. 2018, "Unsupervised feature learning via
            non-parametric instance discrimination", section 3.4, who take 0.07).

    Returns:
        votes_NC, float64, rows summing to 1; -inf for classes without training objects. `predict`
        takes them.
    """
    label_M = np.asarray(train_label_M)
    train = normalised(np.asarray(train_MD)[label_M >= 0]).astype(np.float32)
    label_M = label_M[label_M >= 0]
    if not len(label_M):
        raise AkinError("There are no training objects to compare with.", "Check the train split.")
    query = normalised(embedding_ND).astype(np.float32)
    k = min(k, len(label_M))
    votes_NC = np.zeros((len(query), num_classes))
    block = max(1, CHUNK_ELEMENTS // len(label_M))
    for start in range(0, len(query), block):
        cosine_BM = query[start : start + block] @ train.T
        near_BK = np.argpartition(-cosine_BM, k - 1, axis=1)[:, :k]
        weight_BK = np.ones(near_BK.shape)
        if temperature is not None:
            near_cosine_BK = np.take_along_axis(cosine_BM, near_BK, axis=1).astype(np.float64)
            weight_BK = np.exp((near_cosine_BK - 1.0) / temperature)
        rows_B1 = np.arange(start, start + len(near_BK))[:, None]
        np.add.at(votes_NC, (np.broadcast_to(rows_B1, near_BK.shape), label_M[near_BK]), weight_BK)
    votes_NC /= votes_NC.sum(axis=1, keepdims=True)
    votes_NC[:, np.setdiff1d(np.arange(num_classes), label_M)] = -np.inf
    return votes_NC


def _share(part: float, whole: float) -> float | None:
    return number_or_none(part / whole) if whole else None
