"""Precision over recall of telling known from withheld objects.

Shape suffixes: N positive objects, M negative objects, T thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.evaluation.ood import roc_curve

Floats = npt.NDArray[np.floating[Any]]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve:
    """One point for each distinct score; no interpolation between them.

    Attributes:
        recall: Share of positives at or above each threshold, T, ascending to 1.
        precision: Share of positives among what is at or above each threshold, T.
        thresholds: T, descending.
    """

    recall: FloatArray
    precision: FloatArray
    thresholds: FloatArray

    @property
    def area(self) -> float:
        """The area as a step function: the average precision."""
        steps = np.diff(np.concatenate([[0.0], self.recall]))
        return float((steps * self.precision).sum())


def precision_recall_curve(
    positive_scores: Floats, negative_scores: Floats
) -> PrecisionRecallCurve:
    """Returns the whole curve; equal scores share a threshold.

    Args:
        positive_scores: N > 0, finite; higher means more likely positive.
        negative_scores: M > 0, finite.
    """
    roc = roc_curve(positive_scores, negative_scores)
    true_T = roc.tpr[1:] * len(positive_scores)
    false_T = roc.fpr[1:] * len(negative_scores)
    return PrecisionRecallCurve(roc.tpr[1:], true_T / (true_T + false_T), roc.thresholds[1:])
