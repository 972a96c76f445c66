"""How sure FPR95 and the areas under precision-recall are: resampled images.

Shape suffixes: N known objects, M withheld objects, T distinct scores, R resamples, B resamples
of one block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.evaluation.auroc import checked_scores
from core.evaluation.image_draw import ImageDraw, Images, image_units

Floats = npt.NDArray[np.floating[Any]]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OodSamples:
    """Figures of bootstrap resamples.

    Attributes:
        fpr95_R: Share of withheld objects accepted where 95 % of the known are.
        aupr_in_R: Average precision with known as positive.
        aupr_out_R: Average precision with withheld as positive.
    """

    fpr95_R: FloatArray
    aupr_in_R: FloatArray
    aupr_out_R: FloatArray


def bootstrap_ood(
    known_score_N: Floats,
    unknown_score_M: Floats,
    *,
    known_image_N: Images | None = None,
    unknown_image_M: Images | None = None,
    seed: int = 0,
    resamples: int = 1000,
    tpr: float = 0.95,
) -> OodSamples:
    """Returns the figures on resampled images, drawn as `bootstrap_auroc` draws them.

    The same seed draws the same images there and here. Equal scores share a threshold, as in
    `fpr_at_tpr` and `average_precision`.

    Args:
        known_score_N: Scores of known objects.
        unknown_score_M: Scores of withheld objects.
        known_image_N: Image of each known object; None: each object is its own unit.
        unknown_image_M: Image of each withheld object, in the same naming.
        seed: The same seed gives the same resamples.
        resamples: R.
        tpr: Share of known objects that is to be accepted.
    """
    known, unknown = checked_scores(known_score_N), checked_scores(unknown_score_M)
    n, m = len(known), len(unknown)
    known_unit_N, unknown_unit_M, sizes = image_units(n, m, known_image_N, unknown_image_M)
    score = np.concatenate([known, unknown])
    order = np.argsort(-score, kind="stable")
    unit = np.concatenate([known_unit_N, unknown_unit_M])[order]
    is_known = (order < n)[:, None]
    last_T = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    draw = ImageDraw(sizes, seed, 2 * (n + m))

    def figures_FB(weight_UB: npt.NDArray[Any]) -> FloatArray:
        weight = weight_UB[unit].astype(np.float64)
        weight_known = np.where(is_known, weight, 0.0)
        known_TB = np.cumsum(weight_known, axis=0)[last_T]
        unknown_TB = np.cumsum(weight - weight_known, axis=0)[last_T]
        return np.stack(_figures(known_TB, unknown_TB, tpr))

    return OodSamples(*draw.figures(figures_FB, resamples))


def _figures(
    known_TB: FloatArray, unknown_TB: FloatArray, tpr: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns FPR at a TPR and both average precisions.

    Args:
        known_TB: Known objects at or above each distinct score, the highest score first.
        unknown_TB: Withheld objects likewise.
        tpr: Share of known objects that is to be accepted.
    """
    all_known_B, all_unknown_B = known_TB[-1], unknown_TB[-1]
    enough_TB = known_TB >= np.ceil(tpr * all_known_B - 1e-9)
    first_B = enough_TB.argmax(axis=0)
    fpr_B = unknown_TB[first_B, np.arange(unknown_TB.shape[1])] / all_unknown_B
    in_B = average_precision_of_counts(known_TB, unknown_TB)
    below_known = all_known_B - np.vstack([np.zeros_like(all_known_B), known_TB[:-1]])
    below_unknown = all_unknown_B - np.vstack([np.zeros_like(all_unknown_B), unknown_TB[:-1]])
    out_B = average_precision_of_counts(below_unknown[::-1], below_known[::-1])
    return fpr_B, in_B, out_B


def average_precision_of_counts(positive_TB: FloatArray, negative_TB: FloatArray) -> FloatArray:
    """Returns the sum of (step of recall) x precision over thresholds, the strictest first.

    Args:
        positive_TB: Positives at or above each threshold, (T, B) or (T,).
        negative_TB: Negatives likewise.
    """
    step_TB = np.diff(positive_TB, axis=0, prepend=0.0) / positive_TB[-1]
    accepted_TB = np.maximum(positive_TB + negative_TB, 1.0)
    result: FloatArray = (step_TB * positive_TB / accepted_TB).sum(axis=0)
    return result
