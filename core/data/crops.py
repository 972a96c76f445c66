"""CropBank: every object of a data set cut out once, as uint8 pixels kept in a cache on disk.

Shape suffixes: N crops, C channels (RGB), H height, W width (both the crop size).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.data.images import PixelArray, reduction
from core.data.index import DatasetIndex, FloatArray, IntArray, Problem
from core.errors import DataError

Progress = Callable[[int, int], None]
ShouldStop = Callable[[], bool]

_CACHE_VERSION = 1


class BuildStopped(Exception):
    """The build was stopped by should_stop; nothing was kept."""


@dataclass(frozen=True, eq=False)
class CropBank:
    """Crops of objects, all of one size; immutable.

    Attributes:
        crops_NCHW: uint8 RGB, shape (N, 3, size, size); memory-mapped (copy on write) if cached.
        object_index_N: Which object of the DatasetIndex each crop is, int64, in the order asked.
        label_N: Class of each crop, int64.
        problems: Images that could not be decoded (their objects have no crop), and a warning if
            the cache could not be written.
    """

    crops_NCHW: PixelArray
    object_index_N: IntArray
    label_N: IntArray
    problems: tuple[Problem, ...]

    def __len__(self) -> int:
        return len(self.label_N)

    @classmethod
    def build(
        cls,
        index: DatasetIndex,
        object_indices: IntArray | Sequence[int],
        size: int,
        *,
        margin: float = 0.0,
        cache_folder: Path | None = None,
        progress: Progress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> CropBank:
        """Cuts out objects, or finds them already cut out in the cache.

        Args:
            index: The data set.
            object_indices: Which of its objects, in any order.
            size: Side of a crop in pixels; boxes are stretched to the square.
            margin: Share of the box's width and height added on each side, within the image.
            cache_folder: Where crops are kept; None: in memory only.
            progress: Called with images decoded and images in total; not called on a cache hit.
            should_stop: Asked between images.

        Raises:
            BuildStopped: should_stop returned True.
            DataError: None of the objects can be cut out.
        """
        objects = np.asarray(object_indices, dtype=np.int64)
        if len(objects) == 0:
            raise DataError("There are no objects to cut out.", "Choose a split with objects.")
        assert size > 0
        assert margin >= 0
        job = _Job(index, objects, size, margin, progress, should_stop)
        if cache_folder is None:
            return job.in_memory()
        key = _cache_key(job)
        cached = _load(cache_folder, key, job)
        if cached is not None:
            return cached
        try:
            return _build_cached(cache_folder, key, job)
        except OSError as error:
            sentence = f"Crops could not be cached in {cache_folder} ({error.strerror or error})."
            return job.in_memory(Problem(cache_folder, f"{sentence} They are kept in memory."))


def thumbnail_crop(index: DatasetIndex, object_index: int, size: int) -> PixelArray:
    """Returns a square picture of an object, undistorted, uint8, shape (size, size, 3).

    The box is grown to a square where the image allows, else cut to the image's shorter side.

    Raises:
        DataError: The image cannot be decoded.
    """
    image_index = int(index.image_index_N[object_index])
    width, height = (int(value) for value in index.image_size_I2[image_index])
    left, top, right, bottom = (float(value) for value in index.box_xyxy_N4[object_index])
    side = min(max(right - left, bottom - top), width, height)
    x = min(max((left + right - side) / 2, 0.0), width - side)
    y = min(max((top + bottom - side) / 2, 0.0), height - side)
    image = index.decode_image(image_index, reduce_by=reduction(side / size))
    box = np.array([x, y, x + side, y + side], dtype=np.float32)
    return np.asarray(_cut(image, box, (width, height), size))


@dataclass(frozen=True, eq=False)
class _Job:
    """One build: which objects, how, and whom to tell."""

    index: DatasetIndex
    objects: IntArray
    size: int
    margin: float
    progress: Progress | None
    should_stop: ShouldStop | None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return len(self.objects), 3, self.size, self.size

    def in_memory(self, *warnings: Problem) -> CropBank:
        crops = np.empty(self.shape, dtype=np.uint8)
        failed, problems = self.fill(crops)
        keep = self.kept_rows(failed, problems)
        chosen = crops if len(keep) == len(crops) else crops[keep]
        return self.bank(chosen, keep, (*warnings, *problems))

    def bank(self, crops: PixelArray, keep: IntArray, problems: tuple[Problem, ...]) -> CropBank:
        objects = self.objects[keep]
        return CropBank(crops, objects, self.index.label_N[objects], problems)

    def kept_rows(self, failed: list[int], problems: list[Problem]) -> IntArray:
        """Returns the rows that hold a crop; raises DataError if there is none."""
        keep = np.setdiff1d(np.arange(len(self.objects), dtype=np.int64), failed)
        if len(keep) == 0:
            raise DataError(
                f"No object could be cut out. {problems[0].message}",
                "Check the images with: akin data check.",
            )
        return keep

    def fill(self, crops_NCHW: PixelArray) -> tuple[list[int], list[Problem]]:
        """Writes every crop to its row; returns rows without a crop, and why."""
        image_of_row = self.index.image_index_N[self.objects]
        order = np.argsort(image_of_row, kind="stable")
        images, starts = np.unique(image_of_row[order], return_index=True)
        rows_of_image = np.split(order, starts[1:])
        failed: list[int] = []
        problems: list[Problem] = []
        todo = list(zip(images.tolist(), rows_of_image, strict=True))
        with ThreadPoolExecutor(max_workers=_threads()) as pool:
            for start in _chunks(len(todo)):
                chunk = todo[start]
                results = pool.map(lambda task: self._fill_image(crops_NCHW, *task), chunk)
                for (image, rows), error in zip(chunk, results, strict=True):
                    if error is not None:
                        failed.extend(rows.tolist())
                        path = self.index.image_paths[image]
                        problems.append(Problem(path, _skipped(error, len(rows))))
                if self.progress is not None:
                    self.progress(min(start.stop, len(todo)), len(todo))
                if self.should_stop is not None and self.should_stop():
                    raise BuildStopped
        return failed, problems

    def _fill_image(
        self, crops_NCHW: PixelArray, image_index: int, rows: IntArray
    ) -> DataError | None:
        size_xy = tuple(int(value) for value in self.index.image_size_I2[image_index])
        boxes = self.index.box_xyxy_N4[self.index.objects_of_image(image_index)]
        # The reduction depends on all objects of the image, so that a crop is the same in any bank.
        smallest = float((boxes[:, 2:] - boxes[:, :2]).min())
        reduce_by = reduction(smallest / self.size)
        try:
            image = self.index.decode_image(image_index, reduce_by=reduce_by)
        except DataError as error:
            return error
        for row in rows:
            box = _with_margin(self.index.box_xyxy_N4[self.objects[row]], self.margin, size_xy)
            pixels_HWC = np.asarray(_cut(image, box, (size_xy[0], size_xy[1]), self.size))
            crops_NCHW[row] = pixels_HWC.transpose(2, 0, 1)
        return None


def _skipped(error: DataError, objects: int) -> str:
    noun = "object" if objects == 1 else "objects"
    return f"{error.message} Its {objects} {noun} cannot be cut out: skipped."


def _threads() -> int:
    return min(32, os.cpu_count() or 1)


def _chunks(count: int) -> Iterator[slice]:
    step = 4 * _threads()
    return (slice(start, start + step) for start in range(0, count, step))


def _with_margin(box_xyxy: FloatArray, margin: float, size_xy: tuple[int, ...]) -> FloatArray:
    grow = margin * (box_xyxy[2:] - box_xyxy[:2])
    low = np.maximum(box_xyxy[:2] - grow, 0.0)
    high = np.minimum(box_xyxy[2:] + grow, np.array(size_xy, dtype=np.float32))
    return np.concatenate([low, high]).astype(np.float32)


def _cut(
    image: Image.Image, box_xyxy: FloatArray, size_xy: tuple[int, int], size: int
) -> Image.Image:
    """Cuts a box out and stretches it to a square; antialiased bilinear, no pixel from outside.

    Args:
        image: The decoded image, perhaps smaller than the file says.
        box_xyxy: The box, in pixels of the full-size image.
        size_xy: Width and height of the full-size image.
        size: Side of the square.
    """
    scale_x, scale_y = image.width / size_xy[0], image.height / size_xy[1]
    left, right = float(box_xyxy[0]) * scale_x, float(box_xyxy[2]) * scale_x
    top, bottom = float(box_xyxy[1]) * scale_y, float(box_xyxy[3]) * scale_y
    x1, y1 = math.floor(left), math.floor(top)
    x2, y2 = min(math.ceil(right), image.width), min(math.ceil(bottom), image.height)
    inner = (left - x1, top - y1, min(right, image.width) - x1, min(bottom, image.height) - y1)
    patch = image.crop((x1, y1, x2, y2))
    return patch.resize((size, size), Image.Resampling.BILINEAR, box=inner)


def _cache_key(job: _Job) -> str:
    """Returns a digest of the images' files, the boxes, the size and the margin."""
    digest = hashlib.sha256()
    settings = [_CACHE_VERSION, job.index.fingerprint, job.size, job.margin]
    digest.update(json.dumps(settings).encode())
    digest.update(job.objects.tobytes())
    digest.update(job.index.box_xyxy_N4[job.objects].tobytes())
    for image_index in np.unique(job.index.image_index_N[job.objects]):
        path = job.index.image_paths[image_index]
        digest.update(f"{path.name} {_modified(path)}\n".encode())
    return digest.hexdigest()[:32]


def _modified(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:  # no file of its own, or reported when the image is decoded
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _load(cache_folder: Path, key: str, job: _Job) -> CropBank | None:
    """Returns the cached crops, or None if they are absent or damaged."""
    try:
        record = json.loads((cache_folder / f"{key}.json").read_text(encoding="utf-8"))
        keep = np.array(record["rows"], dtype=np.int64)
        problems = tuple(Problem(Path(path), message) for path, message in record["problems"])
        crops = np.load(cache_folder / f"{key}.npy", mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    if crops.shape != (len(keep), *job.shape[1:]) or crops.dtype != np.uint8:
        return None
    return job.bank(crops, keep, problems)


def _build_cached(cache_folder: Path, key: str, job: _Job) -> CropBank:
    """Builds into a temporary file and renames it; the .json, renamed last, makes it valid."""
    cache_folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{key}.", suffix=".tmp", dir=cache_folder)
    os.close(handle)
    temporary = Path(name)
    try:
        crops = _allocate(temporary, job.shape)
        failed, problems = job.fill(crops)
        keep = job.kept_rows(failed, problems)
        if len(keep) < len(crops):
            kept = crops[keep]
            crops = _allocate(temporary, kept.shape)
            crops[:] = kept
        crops.flush()
        del crops
        _publish(temporary, cache_folder / f"{key}.npy")
    finally:
        temporary.unlink(missing_ok=True)
    record = {"rows": keep.tolist(), "problems": [[str(p.path), p.message] for p in problems]}
    note = cache_folder / f"{key}.json.{os.getpid()}.tmp"
    note.write_text(json.dumps(record), encoding="utf-8")
    _publish(note, cache_folder / f"{key}.json")
    loaded = _load(cache_folder, key, job)
    if loaded is None:
        raise OSError("what was written cannot be read back")
    return loaded


def _allocate(path: Path, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[np.uint8]]:
    """Returns a new .npy file mapped for writing, its space on the disk taken.

    Raises:
        OSError: The disk is full; without taking the space first, a full disk kills the process.
    """
    crops = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("rb+") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return crops


def _publish(temporary: Path, final: Path) -> None:
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, final)
