"""Severity: how bad are the errors, by the user's own ranking?

Shape suffixes: N objects, C classes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.evaluation.compliance import ranks_of

Floats = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Severity:
    """How bad the errors are, by the user's own ranking.

    Attributes:
        errors: How many objects were predicted wrong.
        on_ranked: Share of the errors that fall on a class ranked for the true one.
        on_ranked_by_chance: What that share would be if each error fell on any other class alike.
        mean_rank: Mean rank of the predicted class, right predictions (rank 1) included;
            negatives count as one rank below the anchor's last.
        weighted_accuracy: Mean similarity of the predicted to the true class.
    """

    errors: int
    on_ranked: float | None
    on_ranked_by_chance: float | None
    mean_rank: float | None
    weighted_accuracy: float | None

    def to_json(self) -> dict[str, Any]:
        """Returns the figures for metrics.json."""
        return asdict(self)


def severity(label_N: IntArray, predicted_N: IntArray, similarity_CC: Floats) -> Severity:
    """Judges errors by the ranking; objects labelled -1 are left out.

    Args:
        label_N: True classes.
        predicted_N: Predicted classes.
        similarity_CC: The ranking: row = anchor = true class.
    """
    label_N, predicted_N = np.asarray(label_N), np.asarray(predicted_N)
    known = label_N >= 0
    label, predicted = label_N[known], predicted_N[known]
    if not len(label):
        return Severity(0, None, None, None, None)
    rank_CC = ranks_of(similarity_CC)
    below_C1 = rank_CC.max(axis=1, keepdims=True) + 1
    rank_N = np.where(rank_CC == 0, below_C1, rank_CC)[label, predicted]
    wrong = label != predicted
    ranked_C = (rank_CC > 1).sum(axis=1) / max(1, len(rank_CC) - 1)
    on_ranked = rank_CC[label, predicted][wrong] > 1
    return Severity(
        errors=int(wrong.sum()),
        on_ranked=float(on_ranked.mean()) if wrong.any() else None,
        on_ranked_by_chance=float(ranked_C[label[wrong]].mean()) if wrong.any() else None,
        mean_rank=float(rank_N.mean()),
        weighted_accuracy=float(np.asarray(similarity_CC)[label, predicted].mean()),
    )
