"""What finds objects in images: the Detector protocol, and the one that knows the truth.

Shape suffixes: N objects or boxes of one image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.data.index import DatasetIndex, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Detections:
    """The boxes found in one image.

    Attributes:
        image_id: As in DatasetIndex.image_ids.
        boxes_xyxy_N4: Pixels, 0-based, x2 and y2 exclusive, float32.
        label_N: Index into the data set's classes, int64; -1: not classified.
        score_N: Confidence or objectness in [0, 1], float32.
        object_index_N: The object of the DatasetIndex each box is, int64; -1: none.
    """

    image_id: str
    boxes_xyxy_N4: FloatArray
    label_N: IntArray
    score_N: FloatArray
    object_index_N: IntArray

    def __post_init__(self) -> None:
        count = len(self.boxes_xyxy_N4)
        assert self.boxes_xyxy_N4.shape == (count, 4)
        assert self.label_N.shape == self.score_N.shape == self.object_index_N.shape == (count,)


class Detector(Protocol):
    """Finds objects in the images of one data set."""

    @property
    def name(self) -> str:
        """What the window calls it."""
        ...

    def detect(self, image_indices: Sequence[int]) -> list[Detections]:
        """Returns classified boxes of each image, in the order asked for."""
        ...

    def proposals(self, image_indices: Sequence[int]) -> list[Detections]:
        """Returns boxes with objectness but no class (label -1) of each image."""
        ...


class GroundTruthDetector:
    """Returns the annotated boxes: a detector that makes no mistakes."""

    name = "ground truth"

    def __init__(self, index: DatasetIndex) -> None:
        self._index = index

    def detect(self, image_indices: Sequence[int]) -> list[Detections]:
        """Returns the annotated boxes and classes of each image, all with score 1."""
        return [self._annotated(image, classified=True) for image in image_indices]

    def proposals(self, image_indices: Sequence[int]) -> list[Detections]:
        """Returns the annotated boxes of each image without their classes."""
        return [self._annotated(image, classified=False) for image in image_indices]

    def _annotated(self, image_index: int, *, classified: bool) -> Detections:
        index = self._index
        objects = index.objects_of_image(image_index)
        labels = index.label_N[objects] if classified else np.full(len(objects), -1, np.int64)
        return Detections(
            image_id=index.image_ids[image_index],
            boxes_xyxy_N4=index.box_xyxy_N4[objects],
            label_N=labels,
            score_N=np.ones(len(objects), dtype=np.float32),
            object_index_N=objects,
        )
