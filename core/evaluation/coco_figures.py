"""COCO's average precision and recall of boxes, counted by faster-coco-eval.

Every object counts as an ordinary one (no crowds), its area is its box's, and at most 100
detections of an image and class take part, as in pycocotools.

Shape suffixes: T thresholds of IoU, R of recall, C classes, A areas, L limits of detections.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.detection.detections_io import DetectionSet
from core.evaluation.average_precision import Truth

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

    Args:
        truth: Objects of the judged images.
        found: Detections in those images; those of no known class are left out.
    """
    from faster_coco_eval import COCO, COCOeval_faster  # noqa: PLC0415 (slow to import)

    frame = {
        "images": [{"id": image} for image in truth.images.tolist()],
        "categories": [{"id": at, "name": name} for at, name in enumerate(truth.classes)],
    }
    corner_N2, end_N2 = truth.box_xyxy_N4[:, :2], truth.box_xyxy_N4[:, 2:]
    box_xywh_N4 = np.concatenate([corner_N2, end_N2 - corner_N2], axis=1)
    objects = _annotations(truth.image_index_N, truth.label_N, box_xywh_N4)
    known = found.take(found.label_M >= 0)
    boxes = _annotations(known.image_index_M, known.label_M, known.box_xywh_M4)
    for box, score in zip(boxes, known.score_M.tolist(), strict=True):
        box["score"] = score
    both = []
    for items in (objects, boxes):
        coco = COCO()
        coco.dataset = frame | {"annotations": items}
        coco.createIndex()
        both.append(coco)
    counted = COCOeval_faster(*both, iouType="bbox")
    counted.evaluate()
    counted.accumulate()
    return CocoFigures(counted.eval["precision"], counted.eval["recall"])


def _annotations(
    image_index: npt.NDArray[np.int64], label: npt.NDArray[np.int64], box_xywh: FloatArray
) -> list[dict[str, Any]]:
    area = (box_xywh[:, 2] * box_xywh[:, 3]).tolist()
    columns = zip(image_index.tolist(), label.tolist(), box_xywh.tolist(), area, strict=True)
    return [
        {"id": at, "image_id": i, "category_id": c, "bbox": b, "area": a, "iscrowd": 0}
        for at, (i, c, b, a) in enumerate(columns, start=1)
    ]


def _mean(values: FloatArray) -> float | None:
    counted = values[values > -1]
    return float(counted.mean()) if counted.size else None
