"""Images as detectors take them: decoded ahead on threads, shrunk, and kept where they fit.

Shape suffixes: C channels (RGB), H height, W width.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from core.data.index import DatasetIndex, Problem
from core.errors import DataError

CACHE_BYTES = 1 << 30


class PixelSource:
    """Reads the images of a data set.

    Args:
        index: The data set.
        longest_side_px: To what larger images are shrunk; None: not at all.
        cache_bytes: How much may be kept in memory; 0: nothing is.

    Attributes:
        problems: The images that could not be decoded, each once.
    """

    def __init__(
        self, index: DatasetIndex, longest_side_px: int | None, *, cache_bytes: int = 0
    ) -> None:
        self._index = index
        self._longest_side_px = longest_side_px
        self._room = cache_bytes
        self._kept: dict[int, npt.NDArray[np.uint8]] = {}
        self._damaged: dict[int, Problem] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(self._damaged.values())

    def scale_of(self, image_index: int, pixels_CHW: Tensor) -> Any:
        """Returns image pixels per pixel given, x, y, x, y, float32."""
        width, height = self._index.image_size_I2[image_index]
        x, y = width / pixels_CHW.shape[2], height / pixels_CHW.shape[1]
        return np.array([x, y, x, y], dtype=np.float32)

    def read(self, image_indices: Sequence[int]) -> list[Tensor | None]:
        """Returns images as uint8, shape (3, H, W); None where one cannot be decoded."""
        if all(at in self._kept for at in image_indices):
            return [self._read(at) for at in image_indices]
        with ThreadPoolExecutor(max_workers=_threads(len(image_indices))) as pool:
            return list(pool.map(self._read, image_indices))

    def stream(
        self, image_indices: Sequence[int], batch_size: int
    ) -> Iterator[tuple[list[int], list[Tensor | None]]]:
        """Yields batches, the next being decoded while one is used."""
        batches = _batches(image_indices, batch_size)
        with ThreadPoolExecutor(max_workers=_threads(batch_size)) as pool:
            waiting = [(batch, pool.map(self._read, batch)) for batch in islice(batches, 2)]
            while waiting:
                batch, found = waiting.pop(0)
                images = list(found)
                waiting.extend((b, pool.map(self._read, b)) for b in islice(batches, 1))
                yield batch, images

    def _read(self, image_index: int) -> Tensor | None:
        kept = self._kept.get(image_index)
        if kept is not None:
            return torch.from_numpy(kept)
        if image_index in self._damaged:
            return None
        try:
            pixels_HWC = self._index.load_image(image_index, longest_side=self._longest_side_px)
        except DataError as error:
            path = self._index.image_paths[image_index]
            self._damaged[image_index] = Problem(path, f"{error.message} It was skipped.")
            return None
        pixels_CHW = np.ascontiguousarray(pixels_HWC.transpose(2, 0, 1))
        if pixels_CHW.nbytes <= self._room:
            self._room -= pixels_CHW.nbytes
            self._kept[image_index] = pixels_CHW
        return torch.from_numpy(pixels_CHW)


def _threads(batch_size: int) -> int:
    return max(1, min(batch_size, os.cpu_count() or 1, 16))


def _batches(image_indices: Iterable[int], size: int) -> Iterator[list[int]]:
    rest = iter(image_indices)
    while batch := list(islice(rest, size)):
        yield batch
