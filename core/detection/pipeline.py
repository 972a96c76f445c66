"""Detector, crops, encoder, class: chunk by chunk, so that any number of images needs no memory.

Shape suffixes: N boxes of a chunk of images, C channels (RGB), H W crop side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torchvision.ops import nms

from core.data.crops import CropBank
from core.data.images import PixelArray
from core.data.index import OBJECT, DatasetIndex, FloatArray, IntArray, Problem
from core.detection.detections_io import UNKNOWN, Item
from core.detection.detector import Detections, Detector
from core.errors import DataError

CHUNK_IMAGES = 64
DUPLICATE_IOU = 0.5
SMALLEST_PX = 2.0
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Classes:
    """What crops are taken for.

    Attributes:
        label_N: Index into the classifier's classes, int64: the nearest, whatever its distance.
        confidence_N: In [0, 1], float64.
        is_known_N: False: similar to no class, out of distribution.
    """

    label_N: IntArray
    confidence_N: npt.NDArray[np.float64]
    is_known_N: npt.NDArray[np.bool_]


class Classifier(Protocol):
    """Tells what crops show."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes it knows."""
        ...

    @property
    def crop_size(self) -> int:
        """Side of the crops it takes, in pixels."""
        ...

    def __call__(self, crops_NCHW: PixelArray) -> Classes:
        """Classifies uint8 crops."""
        ...


@dataclass(frozen=True)
class BoxChoice:
    """Which of a detector's boxes are taken.

    Attributes:
        proposals: How many of the best proposals of an image; 0: its detections.
        least_score: What a box must score.
    """

    proposals: int = 0
    least_score: float = 0.05

    def find(
        self, detector: Detector, images: Sequence[int], *, distinct: bool = True
    ) -> list[Detections]:
        """Returns the boxes of images.

        Args:
            detector: Whose.
            images: Image indices.
            distinct: Leave out the worse of two that overlap much, whatever their classes.
        """
        find = detector.proposals if self.proposals else detector.detect
        found = find(images)
        return [self._best(item, distinct) for item in found]

    def _best(self, found: Detections, distinct: bool) -> Detections:
        boxes_N4 = found.boxes_xyxy_N4
        large_N = (boxes_N4[:, 2:] - boxes_N4[:, :2] >= SMALLEST_PX).all(axis=1)
        found = found.take(np.flatnonzero(large_N & (found.score_N >= self.least_score)))
        limit = self.proposals or len(found.score_N)
        if not distinct:
            return found.take(np.argsort(-found.score_N, kind="stable")[:limit])
        if (found.object_index_N >= 0).any():  # Annotated objects may overlap.
            return found
        boxes, scores = torch.from_numpy(found.boxes_xyxy_N4), torch.from_numpy(found.score_N)
        best = nms(boxes, scores, DUPLICATE_IOU).numpy()
        return found.take(best[:limit])


class Pipeline:
    """Finds objects in images and classifies them.

    Args:
        index: The data set.
        detector: Over its images.
        classifier: Of crops; None: the detector's own classes are taken.
        boxes: Which boxes.
        chunk_images: So many are looked at before progress is told.

    Attributes:
        problems: What was skipped so far.
    """

    def __init__(
        self,
        index: DatasetIndex,
        detector: Detector,
        classifier: Classifier | None = None,
        boxes: BoxChoice = BoxChoice(),
        *,
        chunk_images: int = CHUNK_IMAGES,
    ) -> None:
        self._index = index
        self._detector = detector
        self._classifier = classifier
        self._boxes = boxes
        self._chunk_images = chunk_images
        self._cut_problems: list[Problem] = []

    @property
    def problems(self) -> tuple[Problem, ...]:
        return (*self._detector.problems, *self._cut_problems)

    def run(
        self, images: Sequence[int], progress: Progress = lambda _done, _total: None
    ) -> Iterator[Item]:
        """Yields what is found, image by image, as items of a file of detections.

        Further keys than the format's: detector_score; with a classifier nearest (the class,
        also of what is unknown) and confidence. The score is the product of both.
        """
        ascending = sorted(images)
        for start in range(0, len(ascending), self._chunk_images):
            chunk = ascending[start : start + self._chunk_images]
            distinct = self._classifier is not None
            found = self._boxes.find(self._detector, chunk, distinct=distinct)
            if self._classifier is None:
                yield from self._as_detected(found)
            else:
                yield from self._classified(self._classifier, chunk, found)
            progress(min(start + self._chunk_images, len(ascending)), len(ascending))

    def _as_detected(self, found: Sequence[Detections]) -> Iterator[Item]:
        nobodys = OBJECT if OBJECT not in self._index.classes else UNKNOWN
        for item in found:
            for box, label, score in zip(
                item.boxes_xyxy_N4, item.label_N, item.score_N, strict=True
            ):
                category = self._index.classes[label] if label >= 0 else nobodys
                yield _item(item.image_id, category, box, float(score)) | {
                    "detector_score": float(score)
                }

    def _classified(
        self, classifier: Classifier, chunk: Sequence[int], found: Sequence[Detections]
    ) -> Iterator[Item]:
        boxes = index_of_boxes(self._index, chunk, found)
        count = len(boxes.image_index_N)
        if not count:
            return
        try:
            bank = CropBank.build(boxes, np.arange(count), classifier.crop_size)
        except DataError as error:
            path = self._index.image_paths[chunk[0]]
            self._cut_problems.append(Problem(path, error.message))
            return
        self._cut_problems += bank.problems
        score_N = np.concatenate([item.score_N for item in found])
        taken = classifier(bank.crops_NCHW)
        names = classifier.classes
        for row, at in enumerate(bank.object_index_N.tolist()):
            nearest = names[taken.label_N[row]]
            known = bool(taken.is_known_N[row]) and nearest in self._index.classes
            confidence, detected = float(taken.confidence_N[row]), float(score_N[at])
            image_id = self._index.image_ids[boxes.image_index_N[at]]
            category = nearest if known else UNKNOWN
            yield _item(image_id, category, boxes.box_xyxy_N4[at], confidence * detected) | {
                "detector_score": detected,
                "nearest": nearest,
                "confidence": confidence,
            }


def index_of_boxes(
    index: DatasetIndex, images: Sequence[int], found: Sequence[Detections]
) -> DatasetIndex:
    """Returns a data set whose objects are the boxes found in ascending images."""
    counts = [len(item.score_N) for item in found]
    total = sum(counts)
    return replace(
        index,
        image_index_N=np.repeat(np.asarray(images, dtype=np.int64), counts),
        box_xyxy_N4=np.concatenate(
            [np.zeros((0, 4), np.float32), *(item.boxes_xyxy_N4 for item in found)]
        ),
        label_N=np.concatenate([np.zeros(0, np.int64), *(item.label_N for item in found)]),
        difficult_N=np.zeros(total, dtype=np.bool_),
        unseen_N=np.zeros(total, dtype=np.bool_),
    )


def _item(image_id: str, category: str, box_xyxy: FloatArray, score: float) -> dict[str, Any]:
    x1, y1, x2, y2 = (round(float(value), 3) for value in box_xyxy)
    bbox = [x1, y1, round(x2 - x1, 3), round(y2 - y1, 3)]
    return {"image_id": image_id, "category": category, "bbox": bbox, "score": score}
