"""COCO's average precision and recall of boxes, counted by faster-coco-eval.

Every object counts as an ordinary one (no crowds), its area is its box's, and at most 100
detections of an image and class take part, as in pycocotools.

Shape suffixes: T thresholds of IoU, R of recall, C classes, A areas, L limits of detections,
N objects, M detections, P pairs of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.data.index import IntArray
from core.detection.detections_io import DetectionSet
from core.evaluation.average_precision import Truth, paired_iou

FloatArray = npt.NDArray[np.float64]
AREAS = ("all", "small", "medium", "large")
LIMITS = (1, 10, 100)
_AT_50, _AT_75 = 0, 5


@dataclass(frozen=True, eq=False)
class CocoFigures:
    """Precision and recall as COCO counts them; -1 where there is no object.

    Attributes:
        precision_TRCAL: IoU 0.5, 0.55, ... 0.95; recall 0, 0.01, ... 1; areas as in AREAS (limits
            at 32 and 96 pixels squared); detections of an image as in LIMITS.
        recall_TCAL: The same without recalls.
    """

    precision_TRCAL: FloatArray
    recall_TCAL: FloatArray

    def ap(self, area: str = "all") -> float | None:
        """Mean over IoU 0.5 to 0.95 and classes."""
        return _mean(self.precision_TRCAL[:, :, :, AREAS.index(area), -1])

    @property
    def ap50(self) -> float | None:
        """At IoU 0.5."""
        return _mean(self.precision_TRCAL[_AT_50, :, :, 0, -1])

    @property
    def ap75(self) -> float | None:
        """At IoU 0.75."""
        return _mean(self.precision_TRCAL[_AT_75, :, :, 0, -1])

    def ar(self, area: str = "all", limit: int = 100) -> float | None:
        """Mean recall over IoU 0.5 to 0.95 and classes."""
        return _mean(self.recall_TCAL[:, :, AREAS.index(area), LIMITS.index(limit)])

    def of_class(self, label: int) -> CocoFigures:
        """Returns the figures of one class."""
        one = slice(label, label + 1)
        return CocoFigures(self.precision_TRCAL[:, :, one], self.recall_TCAL[:, one])


def coco_figures(truth: Truth, found: DetectionSet) -> CocoFigures:
    """Counts precision and recall.

    The library is given the boxes and their overlaps themselves: the dictionaries that it would
    make of them, and its overlaps one image and class at a time, cost a quarter of its time.

    Args:
        truth: Objects of the judged images.
        found: Detections in those images; those of no known class are left out.
    """
    from faster_coco_eval import COCOeval_faster  # noqa: PLC0415 (slow to import)

    known = found.take(found.label_M >= 0)

    class Counter(COCOeval_faster):  # type: ignore[misc]  # The library is not typed.
        """Counts what it is given, by the library's own compiled code."""

        def _prepare(self) -> None:
            _hand_over(
                self.gt_dataset, truth.image_index_N, truth.label_N, truth.box_xywh_N4[:, 2:]
            )
            _hand_over(
                self.dt_dataset,
                known.image_index_M,
                known.label_M,
                known.box_xywh_M4[:, 2:],
                known.score_M,
            )
            self._overlaps = _overlaps(truth, known)
            self._nonempty_iou_pairs = self._overlaps.keys()

        def computeIoU(self, image: int, label: int) -> FloatArray | list[float]:
            return self._overlaps.get((image, label), [])

    counter = Counter(iouType="bbox")
    counter.params.imgIds = truth.images.tolist()
    counter.params.catIds = list(range(len(truth.classes)))
    counter.params.maxDets = list(LIMITS)
    counter.evaluate()
    counter.accumulate()
    return CocoFigures(counter.eval["precision"], counter.eval["recall"])


def _hand_over(
    library_side: Any,
    image_index: IntArray,
    label: IntArray,
    size: FloatArray,
    score: FloatArray | None = None,
) -> None:
    areas = (size[:, 0] * size[:, 1]).tolist()
    scores = [1.0] * len(areas) if score is None else score.tolist()
    columns = zip(image_index.tolist(), label.tolist(), areas, scores, strict=True)
    for at, (image, category, area, confidence) in enumerate(columns, start=1):
        box = {"id": at, "area": area, "score": confidence, "iscrowd": 0, "ignore": 0}
        library_side.append_ref(image, category, box)


def _overlaps(truth: Truth, found: DetectionSet) -> dict[tuple[int, int], FloatArray]:
    """Returns intersection over union of the boxes of each image and class that has both.

    Rows are its detections by falling score, at most 100; columns are its objects.
    """
    classes = len(truth.classes)
    key_N = truth.image_index_N * classes + truth.label_N
    key_M = found.image_index_M * classes + found.label_M
    by_N, by_M = np.argsort(key_N, kind="stable"), np.lexsort((-found.score_M, key_M))
    keys, first_N, columns = np.unique(key_N[by_N], return_index=True, return_counts=True)
    first_M = np.searchsorted(key_M[by_M], keys, side="left")
    rows = np.searchsorted(key_M[by_M], keys, side="right") - first_M
    rows = np.minimum(rows, LIMITS[-1])
    sizes = rows * columns
    ends = np.cumsum(sizes)
    starts = ends - sizes
    within_P = np.arange(sizes.sum()) - np.repeat(starts, sizes)
    row_P, column_P = np.divmod(within_P, np.repeat(columns, sizes))
    detection_P = by_M[np.repeat(first_M, sizes) + row_P]
    object_P = by_N[np.repeat(first_N, sizes) + column_P]
    iou_P = paired_iou(found.box_xywh_M4[detection_P], truth.box_xywh_N4[object_P])
    return {
        divmod(key, classes): iou_P[start:end].reshape(height, -1)
        for key, start, end, height in zip(
            keys.tolist(), starts.tolist(), ends.tolist(), rows.tolist(), strict=True
        )
        if height
    }


def _mean(values: FloatArray) -> float | None:
    counted = values[values > -1]
    return float(counted.mean()) if counted.size else None
