"""How many of the objects a detector's proposals find, and which.

Shape suffixes: N objects or boxes of one image, M boxes of one image.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from core.data.index import DatasetIndex, IntArray
from core.detection.detections_io import DetectionSet
from core.evaluation.average_precision import Match, Matching, Truth, match_detections

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


def match_proposals(
    truth: Truth, proposals: DetectionSet, iou_threshold: float = IOU_THRESHOLD
) -> Matching:
    """Matches boxes of no class with objects of any: as for the recall, not the devkit.

    A proposal may find several objects; an object is found by the one with the highest score of
    those that overlap it enough. All proposals are Match.IGNORED: none is right or wrong.
    """
    alike = replace(truth, label_N=np.zeros_like(truth.label_N))
    nearest = match_detections(alike, proposals.as_one_class(), iou_threshold)
    by_image = nearest.order_M[np.argsort(proposals.image_index_M[nearest.order_M], kind="stable")]
    image_of_M = proposals.image_index_M[by_image]
    boxes_M4 = proposals.box_xyxy_M4
    object_xyxy_N4 = truth.box_xywh_N4.copy()
    object_xyxy_N4[:, 2:] += object_xyxy_N4[:, :2]
    found_by_N = np.full(len(truth.label_N), -1, dtype=np.int64)
    for image in np.unique(truth.image_index_N).tolist():
        first, last = np.searchsorted(truth.image_index_N, [image, image + 1])
        start, end = np.searchsorted(image_of_M, [image, image + 1])
        if end == start:
            continue
        rows = by_image[start:end]  # By falling score.
        reaches_NM = iou_matrix(object_xyxy_N4[first:last], boxes_M4[rows]) >= iou_threshold
        best_N = rows[reaches_NM.argmax(axis=1)]
        found_by_N[first:last] = np.where(reaches_NM.any(axis=1), best_N, -1)
    ignored_M = np.full(len(proposals), Match.IGNORED, dtype=np.int64)
    return replace(nearest, match_M=ignored_M, found_by_N=found_by_N)


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
