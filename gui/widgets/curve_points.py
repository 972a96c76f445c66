"""What of a curve is worth drawing, and how far its axis should reach.

Shape suffixes: N points.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
OUTLIER_PERCENT = 2.0
MOST_JUDGED = 4000


def thinned(
    x_N: FloatArray, y_N: FloatArray, pixels: int, *, peaks: bool, log_x: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Returns at most about two points a pixel of a curve that is drawn from left to right.

    Args:
        x_N: Ascending; positive where the axis is logarithmic.
        y_N: Values; NaNs are passed over where points are left out.
        pixels: Width of the plot.
        peaks: Keep the lowest and the highest of each piece, so that no spike is lost; else keep
            every n-th point and the last.
        log_x: The x axis is logarithmic, so that pieces grow to the right.
    """
    step = len(x_N) // pixels
    if step < 2:
        return x_N, y_N
    if log_x:
        edges = np.geomspace(x_N[0], x_N[-1], pixels)
        starts = np.unique(np.minimum(np.searchsorted(x_N, edges), len(x_N) - 1))
    else:
        starts = np.arange(0, len(x_N), step)
    if not peaks:
        kept = np.append(starts, len(x_N) - 1)
        return x_N[kept], y_N[kept]
    y_2P = np.stack([np.fmin.reduceat(y_N, starts), np.fmax.reduceat(y_N, starts)], axis=1)
    return np.repeat(x_N[starts], 2), y_2P.reshape(-1)


def log10_or_gap(values_N: FloatArray) -> FloatArray:
    """Returns the logarithm, NaN where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs: FloatArray = np.where(values_N > 0, np.log10(values_N), np.nan)
    return logs


def range_without_outliers(parts: list[FloatArray]) -> tuple[float, float] | None:
    """Returns the range of the middle 96 % of values, with a little room; None without any.

    Args:
        parts: The values of each curve; long ones are judged by a sample.
    """
    samples = [part[:: max(len(part) // MOST_JUDGED, 1)] for part in parts]
    values = np.concatenate(samples) if samples else np.zeros(0)
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.percentile(values, [OUTLIER_PERCENT, 100 - OUTLIER_PERCENT])
    room = 0.08 * (high - low) or max(abs(high), 1.0) * 0.05
    return float(low - room), float(high + room)
