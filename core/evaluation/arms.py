"""Figures of several seeds: their mean and its uncertainty, and two ways to train compared.

Two things make a figure uncertain: which test images there happen to be, and chance in training
(weights, batches, views). The first is measured by a bootstrap over images, the second by the
spread of the seeds, and both count.

Shape suffixes: N objects, I images, S seeds, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.evaluation.difference import Difference

FloatArray = npt.NDArray[np.float64]
RESAMPLES = 2000
ONE_SEED = "chance of training left out: another seed may differ as much"
_CHUNK_ELEMENTS = 1 << 22


@dataclass(frozen=True, eq=False)
class SeedFigure:
    """A figure of each seed of one arm, with bootstrap samples of it.

    Attributes:
        seeds: S, distinct.
        value_S: The figure of each seed.
        sample_SR: The same on resampled test images; sample r is of the same images in every seed
            and every arm.
    """

    seeds: tuple[int, ...]
    value_S: FloatArray
    sample_SR: FloatArray

    @property
    def mean(self) -> float:
        return float(self.value_S.mean())

    @property
    def deviation(self) -> float | None:
        """Standard deviation over the seeds (n - 1); None for a single seed."""
        return float(self.value_S.std(ddof=1)) if len(self.seeds) > 1 else None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean over images and seeds, within [0, 1]."""
        low, high = _interval(self.mean, *self._errors())
        return max(0.0, low), min(1.0, high)

    def _errors(self) -> tuple[float, float, int]:
        image_variance = float(self.sample_SR.mean(axis=0).var(ddof=1))
        return image_variance, _mean_variance(self.value_S), len(self.seeds)


@dataclass(frozen=True, kw_only=True)
class ArmComparison(Difference):
    """The means of two arms compared, over images and seeds; `str()` says it in words.

    Attributes:
        figure: What is compared, such as "accuracy".
        seeds: How many seeds each arm has (the smaller number).
    """

    figure: str
    seeds: int

    @property
    def caveat(self) -> str:
        return "" if self.seeds > 1 else ONE_SEED

    def __str__(self) -> str:
        return self.in_words(
            f"has a higher {self.figure} than {self.worse}, by {self.size}",
            f"difference {self.size}",
            f"{self.seeds} seed{'s' * (self.seeds > 1)}",
            self.figure,
        )


def bootstrap_accuracy(
    right_SN: npt.NDArray[np.bool_],
    image_id_N: npt.NDArray[Any] | Sequence[Any],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> FloatArray:
    """Returns the accuracy of each seed on resampled images.

    Args:
        right_SN: Which objects each seed got right.
        image_id_N: Image of each object, the unit that is drawn.
        seed: The same seed, and the same images, give the same resamples.
        resamples: R.

    Returns:
        sample_SR, float64.
    """
    _, image_N = np.unique(np.asarray(image_id_N), return_inverse=True)
    right_SI = np.stack([np.bincount(image_N, weights=row) for row in np.asarray(right_SN)])
    count_I = np.bincount(image_N).astype(np.float64)
    images, rng = len(count_I), np.random.default_rng(seed)
    sample_SR = np.empty((len(right_SI), resamples))
    block = max(1, _CHUNK_ELEMENTS // images)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        weight_RI = rng.multinomial(images, np.full(images, 1 / images), size=size).astype(float)
        sample_SR[:, start : start + size] = (right_SI @ weight_RI.T) / (weight_RI @ count_I)
    return sample_SR


def compare_arms(
    a: SeedFigure, b: SeedFigure, *, name_a: str, name_b: str, figure: str
) -> ArmComparison:
    """Compares the means of two arms on the same test objects.

    The variance of the difference is that of the paired bootstrap over images plus that of the
    seeds; seeds that both arms have are paired, since runs of one seed share their first weights
    and their batches. The test is Welch's t with the degrees of freedom of Satterthwaite (1946),
    the images counted as many. With a single seed only the images count.

    Raises:
        ValueError: If the samples are not of the same number of resamples.
    """
    if a.sample_SR.shape[1] != b.sample_SR.shape[1]:
        raise ValueError("the two arms were resampled differently")
    difference = a.mean - b.mean
    image_variance = float((a.sample_SR.mean(axis=0) - b.sample_SR.mean(axis=0)).var(ddof=1))
    if a.seeds == b.seeds:
        seed_variance = _mean_variance(a.value_S - b.value_S)
        smaller = len(a.seeds)
    else:
        seed_variance = _mean_variance(a.value_S) + _mean_variance(b.value_S)
        smaller = min(len(a.seeds), len(b.seeds))
    p_value = _p_value(difference, image_variance, seed_variance, smaller)
    return ArmComparison(
        name_a=name_a,
        name_b=name_b,
        figure=figure,
        difference=difference,
        interval=_interval(difference, image_variance, seed_variance, smaller),
        p_value=p_value,
        raw_p_value=p_value,
        seeds=smaller,
    )


# ----- the t distribution -----


def _mean_variance(value_S: FloatArray) -> float:
    return float(value_S.var(ddof=1) / len(value_S)) if len(value_S) > 1 else 0.0


def _freedom(image_variance: float, seed_variance: float, seeds: int) -> float:
    if seeds < 2 or seed_variance <= 0:
        return np.inf
    return (image_variance + seed_variance) ** 2 / (seed_variance**2 / (seeds - 1))


def _interval(
    centre: float, image_variance: float, seed_variance: float, seeds: int
) -> tuple[float, float]:
    from scipy.stats import t  # noqa: PLC0415 (slow to import)

    reach = float(t.ppf(0.975, _freedom(image_variance, seed_variance, seeds)))
    reach *= (image_variance + seed_variance) ** 0.5
    return centre - reach, centre + reach


def _p_value(difference: float, image_variance: float, seed_variance: float, seeds: int) -> float:
    from scipy.stats import t  # noqa: PLC0415 (slow to import)

    error = (image_variance + seed_variance) ** 0.5
    if error < 1e-12:
        return 1.0 if abs(difference) < 1e-12 else 0.0
    return float(2 * t.sf(abs(difference) / error, _freedom(image_variance, seed_variance, seeds)))
