"""What finds objects in images: the Detector protocol, and the one that knows the truth.

Shape suffixes: N objects or boxes of one image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.data.index import DatasetIndex, FloatArray, IntArray, Problem
from core.detection.detections_io import DetectionSet


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

    def take(self, rows: IntArray) -> Detections:
        """Returns some of the boxes."""
        return Detections(
            self.image_id,
            self.boxes_xyxy_N4[rows],
            self.label_N[rows],
            self.score_N[rows],
            self.object_index_N[rows],
        )


class Detector(Protocol):
    """Finds objects in the images of one data set."""

    @property
    def name(self) -> str:
        """What the window calls it."""
        ...

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Images that could not be read so far; nothing was found in them."""
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
    problems: tuple[Problem, ...] = ()

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


def gathered(image_indices: Sequence[int], found: Sequence[Detections]) -> DetectionSet:
    """Returns what a detector found in some images as one set, in that order."""
    counts = [len(item.score_N) for item in found]
    boxes = [item.boxes_xyxy_N4.astype(np.float64) for item in found]
    box_xyxy_M4 = np.concatenate([np.zeros((0, 4)), *boxes])
    label_M = np.concatenate([np.zeros(0, np.int64), *(item.label_N for item in found)])
    score_M = np.concatenate([np.zeros(0), *(item.score_N.astype(np.float64) for item in found)])
    return DetectionSet(
        image_index_M=np.repeat(np.asarray(image_indices, dtype=np.int64), counts),
        label_M=label_M,
        box_xywh_M4=np.concatenate(
            [box_xyxy_M4[:, :2], box_xyxy_M4[:, 2:] - box_xyxy_M4[:, :2]], axis=1
        ),
        score_M=score_M,
    )
