"""Curves of runs that differ in their seed only, put together: their mean and a band around it.

Shape suffixes: N points, R runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BandKind = Literal["lowest to highest", "± 1 standard deviation"]
BAND_KINDS: tuple[BandKind, ...] = get_args(BandKind)
SHORT: dict[BandKind, str] = {"lowest to highest": "min–max", "± 1 standard deviation": "± 1 sd"}


@dataclass(frozen=True, eq=False)
class Band:
    """A mean with what lies around it.

    Attributes:
        x_N: Where.
        mean_N: Over the runs.
        low_N: Lower edge of the band.
        high_N: Upper edge.
    """

    x_N: FloatArray
    mean_N: FloatArray
    low_N: FloatArray
    high_N: FloatArray


def seed_band(
    curves: Sequence[tuple[FloatArray, FloatArray]], kind: BandKind = "lowest to highest"
) -> Band | None:
    """Returns the mean and the band of several curves, as far as all of them have come.

    Args:
        curves: x_N (ascending) and y_N of each; values between their points are interpolated.
        kind: What the band says; the deviation is that of a sample (n - 1).

    Returns:
        On the points of the first curve; None where they have no part of the axis in common.
    """
    finite = [(x_N[np.isfinite(y_N)], y_N[np.isfinite(y_N)]) for x_N, y_N in curves]
    if not finite or any(not len(x_N) for x_N, _ in finite):
        return None
    start, end = max(x_N[0] for x_N, _ in finite), min(x_N[-1] for x_N, _ in finite)
    grid = finite[0][0]
    grid = grid[(grid >= start) & (grid <= end)]
    if not len(grid):
        return None
    y_RN = np.stack([np.interp(grid, x_N, y_N) for x_N, y_N in finite])
    mean_N = y_RN.mean(axis=0)
    if kind == "lowest to highest":
        return Band(grid, mean_N, y_RN.min(axis=0), y_RN.max(axis=0))
    spread_N = y_RN.std(axis=0, ddof=1) if len(y_RN) > 1 else np.zeros_like(mean_N)
    return Band(grid, mean_N, mean_N - spread_N, mean_N + spread_N)
