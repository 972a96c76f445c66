"""The area under the ROC curve: its value, its uncertainty, and two of them compared.

Shape suffixes: N known (positive) objects, M withheld (negative) objects, U images, R resamples,
B resamples of one block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.evaluation.image_draw import ImageDraw, Images, image_units

Floats = npt.NDArray[np.floating[Any]]
FloatArray = npt.NDArray[np.float64]


def checked_scores(scores: Floats) -> FloatArray:
    """Returns scores as float64; raises ValueError where they are empty or not finite."""
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError("scores must be one-dimensional and not empty")
    if not np.isfinite(values).all():
        raise ValueError("scores must be finite")
    return values


def auroc(positive_scores: Floats, negative_scores: Floats) -> float:
    """Returns the probability that a positive scores higher than a negative, ties counted half."""
    positive, negative = checked_scores(positive_scores), np.sort(checked_scores(negative_scores))
    below = np.searchsorted(negative, positive, side="left").sum(dtype=np.int64)
    not_above = np.searchsorted(negative, positive, side="right").sum(dtype=np.int64)
    return float((int(below) + int(not_above)) / (2 * len(positive) * len(negative)))


# ----- bootstrap -----


def bootstrap_auroc(
    known_score_N: Floats,
    unknown_score_M: Floats,
    *,
    known_image_N: Images | None = None,
    unknown_image_M: Images | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> FloatArray:
    """Returns the AUROC of bootstrap resamples whose unit is the image, as `ImageDraw` draws them.

    Scores are sorted once; a resample then costs a cumulative count over the withheld objects.

    Args:
        known_score_N: Scores of known objects.
        unknown_score_M: Scores of withheld objects.
        known_image_N: Image of each known object; None: each object is its own unit.
        unknown_image_M: Image of each withheld object, in the same naming.
        seed: The same seed gives the same resamples.
        resamples: R.

    Returns:
        auroc_R, float64.
    """
    known, unknown = checked_scores(known_score_N), checked_scores(unknown_score_M)
    known_unit_N, unknown_unit_M, sizes = image_units(
        len(known), len(unknown), known_image_N, unknown_image_M
    )
    order_N, order_M = np.argsort(known, kind="stable"), np.argsort(unknown, kind="stable")
    known, known_unit_N = known[order_N], known_unit_N[order_N]
    unknown, unknown_unit_M = unknown[order_M], unknown_unit_M[order_M]
    below_N = np.searchsorted(unknown, known, side="left")
    not_above_N = np.searchsorted(unknown, known, side="right")
    has_ties = bool((below_N != not_above_N).any())

    draw = ImageDraw(sizes, seed, 16 * len(known) * len(unknown))
    kind = draw.weight_UB.dtype
    weight_NB = np.empty((len(known), ImageDraw.BLOCK), kind)
    weight_MB = np.empty((len(unknown), ImageDraw.BLOCK), kind)
    cumulative = np.zeros((len(unknown) + 1, ImageDraw.BLOCK), kind)
    wins_NB, ties_NB = np.empty_like(weight_NB), np.empty_like(weight_NB)

    def share_B(weight_UB: npt.NDArray[Any]) -> FloatArray:
        np.take(weight_UB, unknown_unit_M, axis=0, out=weight_MB, mode="clip")
        np.take(weight_UB, known_unit_N, axis=0, out=weight_NB, mode="clip")
        np.cumsum(weight_MB, axis=0, out=cumulative[1:])
        np.take(cumulative, below_N, axis=0, out=wins_NB, mode="clip")
        if has_ties:
            np.take(cumulative, not_above_N, axis=0, out=ties_NB, mode="clip")
            np.add(wins_NB, ties_NB, out=wins_NB)
        pairs_B = np.einsum("nb->b", weight_NB).astype(np.float64) * cumulative[-1]
        result: FloatArray = np.einsum("nb,nb->b", weight_NB, wins_NB) / pairs_B
        return result

    auroc_R = draw.figures(share_B, resamples)
    return auroc_R / 2 if has_ties else auroc_R


# ----- DeLong -----


@dataclass(frozen=True)
class DelongTest:
    """Two AUROCs on the same objects, compared.

    Attributes:
        auroc_a: The first score's.
        auroc_b: The second score's.
        difference: a - b.
        standard_error: Of the difference.
        interval: 95 % interval of the difference.
        p_value: Two-sided, of no difference.
    """

    auroc_a: float
    auroc_b: float
    difference: float
    standard_error: float
    interval: tuple[float, float]
    p_value: float


def delong_test(
    known_a_N: Floats, unknown_a_M: Floats, known_b_N: Floats, unknown_b_M: Floats
) -> DelongTest:
    """Tests whether two scores of the same objects have different AUROCs.

    DeLong, DeLong and Clarke-Pearson 1988, with the midranks of Sun and Xu 2014. Objects are taken
    as independent; where images hold several, prefer the bootstrap.

    Args:
        known_a_N: First score of the known objects, N > 1.
        unknown_a_M: First score of the withheld objects, M > 1.
        known_b_N: Second score of the same known objects, in the same order.
        unknown_b_M: Second score of the same withheld objects.
    """
    from scipy.stats import norm  # noqa: PLC0415 (slow to import)

    if len(known_a_N) != len(known_b_N) or len(unknown_a_M) != len(unknown_b_M):
        raise ValueError("the two scores are not of the same objects")
    v10_a, v01_a = _structural_components(known_a_N, unknown_a_M)
    v10_b, v01_b = _structural_components(known_b_N, unknown_b_M)
    auroc_a, auroc_b = float(v10_a.mean()), float(v10_b.mean())
    difference = auroc_a - auroc_b
    variance = np.var(v10_a - v10_b, ddof=1) / len(v10_a)
    variance += np.var(v01_a - v01_b, ddof=1) / len(v01_a)
    error = float(np.sqrt(variance))
    if error < 1e-12:
        p_value = 1.0 if abs(difference) < 1e-12 else 0.0
    else:
        p_value = float(2 * norm.sf(abs(difference) / error))
    reach = float(norm.ppf(0.975)) * error
    interval = (difference - reach, difference + reach)
    return DelongTest(auroc_a, auroc_b, difference, error, interval, p_value)


def _structural_components(known: Floats, unknown: Floats) -> tuple[FloatArray, FloatArray]:
    from scipy.stats import rankdata  # noqa: PLC0415 (slow to import)

    known, unknown = checked_scores(known), checked_scores(unknown)
    n, m = len(known), len(unknown)
    together = rankdata(np.concatenate([known, unknown]))
    v10_N = (together[:n] - rankdata(known)) / m
    v01_M = 1.0 - (together[n:] - rankdata(unknown)) / n
    return v10_N, v01_M
