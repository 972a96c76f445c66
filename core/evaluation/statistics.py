"""Are two runs different, or is it chance? Intervals, tests, and the answer in words.

Shape suffixes: N objects, I images, R resamples, S seeds, E epochs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import AkinError
from core.evaluation.difference import Difference

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_CHUNK_ELEMENTS = 1 << 20


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
    return _wilson(successes / count, count, NormalDist().inv_cdf((1 + level) / 2))


def accuracy_interval(
    right_N: BoolArray,
    image_id_N: npt.NDArray[Any] | Sequence[Any] | None = None,
    level: float = 0.95,
) -> tuple[float, float]:
    """Returns an interval of the share of objects judged right, whose units are images.

    Objects of one image are alike, so they say less than as many objects of other images. The
    Wilson interval is taken of as many independent objects as say the same: their number divided
    by the design effect, the variance of the share over images by that of independent objects
    (Rao and Scott 1992, "A simple method for the analysis of clustered binary data", section 2).
    It is never taken to be below 1. Where all are right, or none, as many as there are images.

    Args:
        right_N: Which objects were judged right, N > 0.
        image_id_N: Image of each object; None: each object is its own unit.
        level: Such as 0.95.
    """
    from statistics import NormalDist  # noqa: PLC0415 (this module has the same name)

    right = np.asarray(right_N, dtype=np.float64)
    count, share = len(right), float(np.mean(right_N))
    z = NormalDist().inv_cdf((1 + level) / 2)
    if image_id_N is None:
        return _wilson(share, count, z)
    _, image_N = np.unique(np.asarray(image_id_N), return_inverse=True)
    images = int(image_N.max()) + 1
    independent = share * (1 - share) / count
    if not 0 < share < 1 or images < 2:
        return _wilson(share, images, z)
    residual_I = np.bincount(image_N, weights=right - share)
    variance = images / (images - 1) * float(residual_I @ residual_I) / count**2
    return _wilson(share, count / max(1.0, variance / independent), z)


def _wilson(share: float, count: float, z: float) -> tuple[float, float]:
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


# ----- two runs -----


def paired_bootstrap(
    correct_a_N: BoolArray,
    correct_b_N: BoolArray,
    image_id_N: npt.NDArray[Any] | Sequence[Any] | None = None,
    *,
    seed: int = 0,
    resamples: int = 10_000,
) -> FloatArray:
    """Returns accuracy(a) - accuracy(b) of bootstrap resamples whose unit is the image.

    Args:
        correct_a_N: Which objects a got right.
        correct_b_N: The same of b, on the same objects.
        image_id_N: Image of each object; None: each object is its own unit.
        seed: The same seed gives the same resamples.
        resamples: R.

    Returns:
        difference_R, float64.
    """
    gain_N = np.asarray(correct_a_N, np.int64) - np.asarray(correct_b_N, np.int64)
    if image_id_N is None:
        image_N = np.arange(len(gain_N))
    else:
        _, image_N = np.unique(np.asarray(image_id_N), return_inverse=True)
    gain_I = np.bincount(image_N, weights=gain_N)
    count_I = np.bincount(image_N)
    rng = np.random.default_rng(seed)
    images = len(gain_I)
    difference_R = np.empty(resamples)
    block = max(1, _CHUNK_ELEMENTS // images)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = rng.integers(0, images, size=(size, images))
        difference_R[start : start + size] = gain_I[drawn].sum(axis=1) / count_I[drawn].sum(axis=1)
    return difference_R


@dataclass(frozen=True, kw_only=True)
class Comparison(Difference):
    """Two runs' accuracies on the same objects, by McNemar's mid-p; `str()` says it in words.

    The interval is of a paired bootstrap over images.

    Attributes:
        accuracy_a: Of the first run.
        accuracy_b: Of the second run.
        mcnemar: The counts and unadjusted p-values.
        identical: Whether every prediction is the same.
        flips: Indices of the objects that only one of them got right, ascending.
        count: How many objects.
    """

    accuracy_a: float
    accuracy_b: float
    mcnemar: McNemar
    identical: bool
    flips: tuple[int, ...]
    count: int

    def __str__(self) -> str:
        if self.identical:
            return (
                f"{self.name_a} and {self.name_b} are identical: "
                f"the same prediction for each of {self.count} objects."
            )
        return self.in_words(
            f"is better than {self.worse} by {self.size}",
            f"difference {self.size}",
            f"{self.count} objects",
        )


def compare_accuracy(
    predicted_a_N: IntArray,
    predicted_b_N: IntArray,
    label_N: IntArray,
    *,
    image_id_N: npt.NDArray[Any] | Sequence[Any] | None = None,
    name_a: str = "A",
    name_b: str = "B",
    seed: int = 0,
    resamples: int = 10_000,
) -> Comparison:
    """Compares two runs' predictions of the same objects.

    Two runs count as different only where the 95 % interval of the paired bootstrap over images
    leaves out 0 and McNemar's mid-p is below 0.05. Chance of training is not in it: that takes
    several seeds (`seed_band`).

    Args:
        predicted_a_N: Classes the first run predicts.
        predicted_b_N: Classes the second run predicts, for the same objects.
        label_N: True classes; -1 (withheld) is left out.
        image_id_N: Image of each object; None: each object is its own unit.
        name_a: What to call the first run.
        name_b: What to call the second run.
        seed: Of the bootstrap.
        resamples: Of the bootstrap.

    Raises:
        AkinError: There are no objects, or the runs have different numbers of them.
    """
    label_N = np.asarray(label_N)
    a, b = np.asarray(predicted_a_N), np.asarray(predicted_b_N)
    if not len(a) == len(b) == len(label_N):
        raise AkinError(
            f"{name_a} and {name_b} were judged on different objects.",
            "Only runs with the same data, split and withheld classes can be compared.",
        )
    known = np.flatnonzero(label_N >= 0)
    if not len(known):
        raise AkinError("There are no objects of known classes to compare on.")
    right_a, right_b = (a == label_N)[known], (b == label_N)[known]
    images = None if image_id_N is None else np.asarray(image_id_N)[known]
    samples = paired_bootstrap(right_a, right_b, images, seed=seed, resamples=resamples)
    low, high = np.quantile(samples, [0.025, 0.975])
    test = mcnemar(right_a, right_b)
    return Comparison(
        name_a=name_a,
        name_b=name_b,
        accuracy_a=float(right_a.mean()),
        accuracy_b=float(right_b.mean()),
        difference=float(right_a.mean() - right_b.mean()),
        interval=(float(low), float(high)),
        p_value=test.mid_p,
        raw_p_value=test.mid_p,
        mcnemar=test,
        identical=bool((a == b)[known].all()),
        flips=tuple(int(i) for i in known[right_a != right_b]),
        count=len(known),
    )


# ----- several seeds -----


@dataclass(frozen=True, eq=False)
class SeedBand:
    """A figure, or a curve, over the seeds of one configuration.

    Attributes:
        mean: Over the seeds, shape of one seed's values.
        low: The smallest seed's value.
        high: The largest seed's value.
        deviation: Standard deviation over the seeds (n - 1); NaN for a single seed.
        seeds: How many seeds have a value.
    """

    mean: FloatArray
    low: FloatArray
    high: FloatArray
    deviation: FloatArray
    seeds: int


def seed_band(values_SE: npt.ArrayLike) -> SeedBand:
    """Returns mean and band over seeds.

    Args:
        values_SE: One row a seed, of any further shape (S numbers, or S curves of E epochs).
    """
    values = np.asarray(values_SE, dtype=np.float64)
    seeds = len(values)
    if not seeds:
        raise ValueError("there must be at least one seed")
    alone = np.full(values.shape[1:], np.nan)
    return SeedBand(
        mean=np.asarray(values.mean(axis=0)),
        low=np.asarray(values.min(axis=0)),
        high=np.asarray(values.max(axis=0)),
        deviation=np.asarray(values.std(axis=0, ddof=1)) if seeds > 1 else alone,
        seeds=seeds,
    )
