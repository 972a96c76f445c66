"""Bootstrap samples whose unit is the image, of known and withheld objects.

Images are drawn with replacement within three strata: images with known objects only, with
withheld ones only, and with both; an image drawn twice counts its objects twice.

Shape suffixes: N known objects, M withheld objects, U images, R resamples, B resamples of one
block, F figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Images = npt.NDArray[Any] | Sequence[Any]


class ImageDraw:
    """Draws blocks of bootstrap samples into memory that is used again.

    A unit is floor(u * size / 2**32) of a uniform 32-bit u: no unit's probability is off by more
    than size / 2**32 of itself.

    Attributes:
        weight_UB: How often each unit is drawn; the rows of a stratum are adjacent and sum to its
            size. int32, or int64 where sums may grow beyond `largest`.
    """

    BLOCK = 8

    def __init__(self, sizes: Sequence[int], seed: int, largest: int) -> None:
        small = largest < np.iinfo(np.int32).max
        self.weight_UB: npt.NDArray[Any] = np.zeros(
            (sum(sizes), ImageDraw.BLOCK), dtype=np.int32 if small else np.int64
        )
        self._sizes = sizes
        self._rng = np.random.SFC64(seed)
        self._drawn = np.empty(max(sizes), dtype=np.uint64)
        self._weight_BU = np.empty(self.weight_UB.shape[::-1], dtype=self.weight_UB.dtype)

    def figures(self, of: Callable[[npt.NDArray[Any]], FloatArray], resamples: int) -> FloatArray:
        """Draws block after block and returns a figure, or several, of each sample.

        Args:
            of: From weight_UB the figure of each sample, shape (B,); F figures: (F, B).
            resamples: R, at least 1.

        Returns:
            Shape (R,) or (F, R).
        """
        found = []
        for _ in range(0, resamples, ImageDraw.BLOCK):
            self.next()
            found.append(of(self.weight_UB))
        return np.concatenate(found, axis=-1)[..., :resamples]

    def next(self) -> None:
        """Draws the next block."""
        first = 0
        for size in self._sizes:
            drawn = self._drawn[:size]
            units = drawn.view(np.int64)
            for weight_U in self._weight_BU[:, first : first + size]:
                u = self._rng.random_raw((size + 1) // 2).view(np.uint32)[:size]
                np.multiply(u, np.uint64(size), out=drawn)
                drawn >>= np.uint64(32)
                weight_U[:] = np.bincount(units, minlength=size)
            first += size
        np.copyto(self.weight_UB, self._weight_BU.T)


def image_units(
    n: int, m: int, known_image_N: Images | None, unknown_image_M: Images | None
) -> tuple[IntArray, IntArray, list[int]]:
    """Numbers the images so that each stratum's are adjacent; returns the strata's sizes too."""
    if known_image_N is None or unknown_image_M is None:
        units = np.arange(n + m, dtype=np.int64)
        return units[:n], units[n:], [n, m]
    if len(known_image_N) != n or len(unknown_image_M) != m:
        raise ValueError("each score needs its image")
    images = np.concatenate([np.asarray(known_image_N), np.asarray(unknown_image_M)])
    _, unit = np.unique(images, return_inverse=True)
    count = int(unit.max()) + 1
    kind_U = np.zeros(count, dtype=np.int64)
    kind_U[unit[:n]] |= 1
    kind_U[unit[n:]] |= 2
    order_U = np.argsort(kind_U, kind="stable")
    number_U = np.empty(count, dtype=np.int64)
    number_U[order_U] = np.arange(count)
    sizes = [int(size) for size in np.bincount(kind_U) if size]
    return number_U[unit[:n]], number_U[unit[n:]], sizes
