"""The index of an image data set: what is in it, where, and what is wrong with it.

Shape suffixes: I images, N objects, C channels (RGB), H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.data.images import PixelArray, decode, load_image, shrunk
from core.errors import DataError
from core.ranking import nearest

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
ALL = "all"
OBJECT = "object"


@dataclass(frozen=True)
class Problem:
    """Something that was skipped while indexing.

    Attributes:
        path: The file at fault.
        message: One sentence: what is wrong with it, and what was skipped for it.
    """

    path: Path
    message: str


@dataclass(frozen=True, eq=False)
class DatasetIndex:
    """Images, objects and splits of one data set; immutable and cheap to hand around.

    Attributes:
        name: What the window calls it, such as "VOC 2007 (1,500-image split)".
        folder: The folder that was opened.
        classes: Class names, sorted; a label is an index into them.
        image_ids: Identifier of each image (its file's stem), length I, no two the same.
        image_paths: File of each image, length I; where many images share a file, that file with
            the image's number in it below, such as data_batch_1/00042 (no file of its own).
        image_size_I2: Width and height in pixels, int64.
        image_index_N: Which image each object is in, int64, ascending.
        box_xyxy_N4: Boxes in pixels, 0-based, x2 and y2 exclusive, float32.
        label_N: Class of each object, int64.
        difficult_N: VOC's "difficult" flag.
        unseen_N: True for demo objects whose drawing never occurs in training.
        splits: Split name to ascending image indices, int64.
        problems: What was skipped, in file order.
        fingerprint: Hex digest of the annotations and image files (names, sizes, boxes, labels).
        pixels_ICHW: The images themselves, uint8 RGB, where they have no files of their own.
        split_lists: The same images in the order of the split's list, where that is another.
    """

    name: str
    folder: Path
    classes: tuple[str, ...]
    image_ids: tuple[str, ...]
    image_paths: tuple[Path, ...]
    image_size_I2: IntArray
    image_index_N: IntArray
    box_xyxy_N4: FloatArray
    label_N: IntArray
    difficult_N: BoolArray
    unseen_N: BoolArray
    splits: Mapping[str, IntArray]
    problems: tuple[Problem, ...]
    fingerprint: str
    pixels_ICHW: PixelArray | None = None
    split_lists: Mapping[str, IntArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert np.all(np.diff(self.image_index_N) >= 0), "objects are not ordered by image"

    def decode_image(self, image_index: int, *, reduce_by: int = 1) -> Image.Image:
        """Decodes one image to RGB; see `core.data.images.decode`.

        Raises:
            DataError: Its file is missing, truncated or damaged.
        """
        if self.pixels_ICHW is None:
            return decode(self.image_paths[image_index], reduce_by=reduce_by)
        pixels_CHW = self.pixels_ICHW[image_index]
        return Image.fromarray(np.ascontiguousarray(pixels_CHW.transpose(1, 2, 0)))

    def load_image(self, image_index: int, *, longest_side: int | None = None) -> PixelArray:
        """Returns the pixels of one image, uint8 RGB; see `core.data.images.load_image`.

        Raises:
            DataError: Its file is missing, truncated or damaged.
        """
        if self.pixels_ICHW is None:
            return load_image(self.image_paths[image_index], longest_side=longest_side)
        image = self.decode_image(image_index)
        if longest_side is not None:
            image = shrunk(image, longest_side, image.size)
        return np.asarray(image)

    def class_agnostic(self) -> DatasetIndex:
        """Returns the data set with all its objects of the one class "object"."""
        return replace(self, classes=(OBJECT,), label_N=np.zeros_like(self.label_N))

    def images_of(self, split: str) -> IntArray:
        """Returns the ascending images of a split; "all": every one.

        Raises:
            DataError: There is no such split.
        """
        if split in self.splits:
            return self.splits[split]
        if split != ALL:
            hint = nearest(split, (ALL, *self.splits), "Choose another split")
            raise DataError(f"{self.name} has no split '{split}'.", hint)
        return np.arange(len(self.image_ids), dtype=np.int64)

    def objects_of_split(self, split: str, *, include_difficult: bool = True) -> IntArray:
        """Returns the ascending indices of the objects in a split's images."""
        chosen = np.isin(self.image_index_N, self.splits[split])
        if not include_difficult:
            chosen &= ~self.difficult_N
        return np.flatnonzero(chosen).astype(np.int64)

    def objects_of_image(self, image_index: int) -> IntArray:
        """Returns the ascending indices of the objects in one image."""
        start, end = np.searchsorted(self.image_index_N, [image_index, image_index + 1])
        return np.arange(start, end, dtype=np.int64)
