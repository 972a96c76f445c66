"""How many of the objects a detector's proposals find.

Shape suffixes: N objects or boxes of one image, M boxes of one image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from core.data.index import DatasetIndex, IntArray
from core.detection.detections_io import DetectionSet

Floats = npt.NDArray[np.floating[Any]]
PROPOSALS = 50
IOU_THRESHOLD = 0.5


def proposal_recall(
    index: DatasetIndex,
    images: IntArray,
    proposals: DetectionSet,
    *,
    limit: int = PROPOSALS,
    iou_threshold: float = IOU_THRESHOLD,
) -> float | None:
    """Returns the share of objects that a proposal overlaps enough; None without objects.

    Args:
        index: The data set.
        images: Whose objects count; difficult ones are left out.
        proposals: In any order; their classes do not matter.
        limit: The proposals of an image that count: those with the highest scores.
        iou_threshold: What an overlap must reach.
    """
    order_M = np.lexsort((-proposals.score_M, proposals.image_index_M))
    image_of_M = proposals.image_index_M[order_M]
    boxes_M4 = proposals.box_xyxy_M4[order_M]
    found = total = 0
    for image in images.tolist():
        objects = index.objects_of_image(image)
        objects = objects[~index.difficult_N[objects]]
        start, end = np.searchsorted(image_of_M, [image, image + 1])
        total += len(objects)
        if end > start and len(objects):
            boxes = boxes_M4[start : min(end, start + limit)]
            iou_NM = iou_matrix(index.box_xyxy_N4[objects], boxes)
            found += int((iou_NM.max(axis=1) >= iou_threshold).sum())
    return found / total if total else None


def iou_matrix(boxes_N4: Floats, boxes_M4: Floats) -> Floats:
    """Returns iou_NM of boxes x1, y1, x2, y2 (x2 and y2 exclusive)."""
    low_NM2 = np.maximum(boxes_N4[:, None, :2], boxes_M4[None, :, :2])
    high_NM2 = np.minimum(boxes_N4[:, None, 2:], boxes_M4[None, :, 2:])
    shared_NM = np.clip(high_NM2 - low_NM2, 0, None).prod(axis=2)
    area_N = (boxes_N4[:, 2:] - boxes_N4[:, :2]).prod(axis=1)
    area_M = (boxes_M4[:, 2:] - boxes_M4[:, :2]).prod(axis=1)
    union_NM = area_N[:, None] + area_M[None, :] - shared_NM
    result: Floats = shared_NM / np.maximum(union_NM, 1e-12)
    return result
