"""Are two runs different, or is it chance? Intervals, tests, and the answer in words.

Shape suffixes: N objects, R resamples, S seeds, E epochs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def wilson_interval(successes: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Returns the score interval of a share (Wilson 1927), which stays within [0, 1].

    Args:
        successes: How often it was right.
        count: Out of how many, above 0.
        level: Such as 0.95.
    """
    from statistics import NormalDist  # noqa: PLC0415 (this module has the same name)

    if count <= 0 or not 0 <= successes <= count:
        raise ValueError("0 <= successes <= count and count > 0 must hold")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * (share * (1 - share) / count + (z / (2 * count)) ** 2) ** 0.5
    return max(0.0, centre - reach), min(1.0, centre + reach)


@dataclass(frozen=True)
class McNemar:
    """McNemar's test on paired right and wrong answers.

    Attributes:
        only_a: Objects that only a got right.
        only_b: Objects that only b got right.
        exact_p: Two-sided binomial p-value (conservative).
        mid_p: The same less half the probability of what was seen (Fagerland et al. 2013, "The
            McNemar test for binary matched-pairs data"), closer to the nominal level.
    """

    only_a: int
    only_b: int
    exact_p: float
    mid_p: float


def mcnemar(correct_a_N: BoolArray, correct_b_N: BoolArray) -> McNemar:
    """Tests whether two classifiers are right equally often on the same objects."""
    from scipy.stats import binom  # noqa: PLC0415 (slow to import)

    correct_a_N, correct_b_N = np.asarray(correct_a_N, bool), np.asarray(correct_b_N, bool)
    only_a = int((correct_a_N & ~correct_b_N).sum())
    only_b = int((~correct_a_N & correct_b_N).sum())
    total, fewer = only_a + only_b, min(only_a, only_b)
    if total == 0:
        return McNemar(0, 0, 1.0, 1.0)
    tail = float(2 * binom.cdf(fewer, total, 0.5))
    seen = float(binom.pmf(fewer, total, 0.5))
    mid = 1.0 - seen if only_a == only_b else tail - seen
    return McNemar(only_a, only_b, min(1.0, tail), min(1.0, mid))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Returns p-values adjusted for being several (Holm 1979), in the order given."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    factors = len(p) - np.arange(len(p))
    adjusted = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    result = np.empty(len(p))
    result[order] = adjusted
    return tuple(float(x) for x in result)
