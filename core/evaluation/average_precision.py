"""Which detections found which objects, and average precision by the rules of VOC's devkit.

The devkit's boxes are inclusive, so that it takes xmax - xmin + 1 for a width. Boxes here are
0-based with x2 exclusive: x2 - x1 is that same number, and no pixel is added again.

Shape suffixes: N objects, M detections, C classes, K detections of one class that count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from core.data.index import BoolArray, DatasetIndex, IntArray
from core.detection.detections_io import DetectionSet

FloatArray = npt.NDArray[np.float64]
IOU_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Truth:
    """The annotated objects of the images that are judged.

    Attributes:
        classes: Class names; a label is an index into them.
        images: The images' indices in the data set, ascending, int64; some may hold no object.
        object_N: The objects' indices in the data set, int64.
        image_index_N: Image of each object, int64, ascending.
        label_N: Class of each object, int64.
        box_xywh_N4: Left, top, width and height in pixels, 0-based, float64.
        difficult_N: VOC's flag.
    """

    classes: tuple[str, ...]
    images: IntArray
    object_N: IntArray
    image_index_N: IntArray
    label_N: IntArray
    box_xywh_N4: FloatArray
    difficult_N: BoolArray


def truth_of(index: DatasetIndex, images: IntArray) -> Truth:
    """Returns the objects of some images of a data set.

    Args:
        index: The data set.
        images: Ascending image indices, such as a split's.
    """
    object_N = np.flatnonzero(np.isin(index.image_index_N, images)).astype(np.int64)
    box_N4 = index.box_xyxy_N4[object_N].astype(np.float64)
    box_N4[:, 2:] -= box_N4[:, :2]
    return Truth(
        classes=index.classes,
        images=images,
        object_N=object_N,
        image_index_N=index.image_index_N[object_N],
        label_N=index.label_N[object_N],
        box_xywh_N4=box_N4,
        difficult_N=index.difficult_N[object_N],
    )


def in_list_order(
    truth: Truth, found: DetectionSet, images: IntArray
) -> tuple[Truth, DetectionSet]:
    """Numbers images by their place in a list, so that equal scores keep its order.

    Args:
        truth: Objects of these images.
        found: Detections in these images.
        images: Image indices, in the order of the list.
    """
    place_I = np.zeros(int(images.max(initial=-1)) + 1, dtype=np.int64)
    place_I[images] = np.arange(len(images))
    image_index_N = place_I[truth.image_index_N]
    order_N = np.argsort(image_index_N, kind="stable")
    listed = Truth(
        classes=truth.classes,
        images=np.arange(len(images), dtype=np.int64),
        object_N=truth.object_N[order_N],
        image_index_N=image_index_N[order_N],
        label_N=truth.label_N[order_N],
        box_xywh_N4=truth.box_xywh_N4[order_N],
        difficult_N=truth.difficult_N[order_N],
    )
    return listed, replace(found, image_index_M=place_I[found.image_index_M])


# ----- matching -----


class Match(IntEnum):
    """What a detection comes to."""

    FALSE_POSITIVE = 0
    TRUE_POSITIVE = 1
    IGNORED = 2


@dataclass(frozen=True, eq=False)
class Matching:
    """Detections laid over objects.

    Attributes:
        match_M: A Match of each detection, int64. IGNORED: its best object is difficult, or it is
            of no known class.
        best_M: The object of its image and class that it overlaps most, the first of equals, as
            a row of the Truth; -1: it overlaps none.
        iou_M: Their intersection over union; 0 where there is none.
        found_by_N: The detection that is an object's true positive; -1: the object was missed.
            Difficult objects have none.
        order_M: Detections by falling score; equal scores in the order of images, then as given.
    """

    match_M: IntArray
    best_M: IntArray
    iou_M: FloatArray
    found_by_N: IntArray
    order_M: IntArray


def match_detections(
    truth: Truth, found: DetectionSet, iou_threshold: float = IOU_THRESHOLD
) -> Matching:
    """Matches detections with objects as VOC's devkit does.

    Each detection looks at the one object of its image and class that it overlaps most. If that
    overlap reaches the threshold, a difficult object makes it ignored; another object makes the
    detection with the highest score a true positive and all others false positives, even where a
    second object would be free. Since scores only order the detections, those that score less than
    some threshold can be left out afterwards: the other matches stay.

    Source: VOCdevkit, VOCevaldet.m (2007 and later).

    Args:
        truth: Objects of the judged images.
        found: Detections in those images.
        iou_threshold: What an overlap must reach.
    """
    count = len(found)
    best_M, iou_M = _best_objects(truth, found)
    order_M = np.lexsort((np.arange(count), found.image_index_M, -found.score_M)).astype(np.int64)
    reaches_M = (best_M >= 0) & (iou_M >= iou_threshold)
    difficult_M = np.zeros(count, dtype=np.bool_)
    difficult_M[reaches_M] = truth.difficult_N[best_M[reaches_M]]
    match_M = np.full(count, Match.FALSE_POSITIVE, dtype=np.int64)
    match_M[difficult_M | (found.label_M < 0)] = Match.IGNORED
    candidates = order_M[(reaches_M & ~difficult_M)[order_M]]
    objects, first = np.unique(best_M[candidates], return_index=True)
    winners = candidates[first]
    match_M[winners] = Match.TRUE_POSITIVE
    found_by_N = np.full(len(truth.label_N), -1, dtype=np.int64)
    found_by_N[objects] = winners
    return Matching(match_M, best_M, iou_M, found_by_N, order_M)


def _best_objects(truth: Truth, found: DetectionSet) -> tuple[IntArray, FloatArray]:
    """Returns the best overlapping object of each detection (-1: none), and the overlap."""
    best_M = np.full(len(found), -1, dtype=np.int64)
    iou_M = np.zeros(len(found))
    width = len(truth.classes) + 1
    key_N = truth.image_index_N * width + truth.label_N
    key_M = found.image_index_M * width + np.where(found.label_M < 0, width - 1, found.label_M)
    by_key = np.argsort(key_N, kind="stable")
    first_M = np.searchsorted(key_N[by_key], key_M, side="left")
    pairs_M = np.searchsorted(key_N[by_key], key_M, side="right") - first_M
    some = np.flatnonzero(pairs_M)
    if not len(some):
        return best_M, iou_M
    pairs = pairs_M[some]
    start = np.cumsum(pairs) - pairs
    detection_P = np.repeat(some, pairs)
    within_P = np.arange(len(detection_P)) - np.repeat(start, pairs)
    object_P = by_key[np.repeat(first_M[some], pairs) + within_P]
    iou_P = paired_iou(found.box_xywh_M4[detection_P], truth.box_xywh_N4[object_P])
    most = np.maximum.reduceat(iou_P, start)
    is_most_P = iou_P == np.repeat(most, pairs)
    _, at = np.unique(detection_P[is_most_P], return_index=True)
    overlaps = most > 0
    best_M[some[overlaps]] = object_P[is_most_P][at][overlaps]
    iou_M[some] = most
    return best_M, iou_M


def paired_iou(box_a_xywh_P4: FloatArray, box_b_xywh_P4: FloatArray) -> FloatArray:
    """Returns intersection over union of boxes, pair by pair; 0 for two boxes without area."""
    corner_a, size_a = box_a_xywh_P4[:, :2], box_a_xywh_P4[:, 2:]
    corner_b, size_b = box_b_xywh_P4[:, :2], box_b_xywh_P4[:, 2:]
    shared_P2 = np.minimum(corner_a + size_a, corner_b + size_b) - np.maximum(corner_a, corner_b)
    shared = np.prod(np.clip(shared_P2, 0, None), axis=1)
    union = np.prod(size_a, axis=1) + np.prod(size_b, axis=1) - shared
    result: FloatArray = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


# ----- precision and recall -----


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """The curve of one class, a point for each detection that counts, by falling score.

    Attributes:
        objects: Objects of the class that are not difficult.
        detection_K: The detections.
        score_K: Their scores.
        true_K: True positives among the first 1, 2, ... K.
        precision_K: Their share.
        recall_K: The share of the objects that they found; NaN without objects.
    """

    objects: int
    detection_K: IntArray
    score_K: FloatArray
    true_K: IntArray
    precision_K: FloatArray
    recall_K: FloatArray


def precision_recall(
    truth: Truth, found: DetectionSet, matching: Matching
) -> tuple[PrecisionRecall, ...]:
    """Returns the curve of each class; what is difficult neither counts nor punishes."""
    counts_C = np.bincount(truth.label_N[~truth.difficult_N], minlength=len(truth.classes)).tolist()
    counting = matching.order_M[(matching.match_M != Match.IGNORED)[matching.order_M]]
    label = found.label_M[counting]
    by_class = np.argsort(label, kind="stable")
    ends = np.searchsorted(label[by_class], np.arange(len(counts_C) + 1))
    curves = []
    for at, objects in enumerate(counts_C):
        detection_K = counting[by_class[ends[at] : ends[at + 1]]]
        is_true_K = matching.match_M[detection_K] == Match.TRUE_POSITIVE
        true_K = np.cumsum(is_true_K).astype(np.int64)
        curves.append(
            PrecisionRecall(
                objects=objects,
                detection_K=detection_K,
                score_K=found.score_M[detection_K],
                true_K=true_K,
                precision_K=true_K / np.arange(1, len(true_K) + 1),
                recall_K=true_K / objects if objects else np.full(len(true_K), np.nan),
            )
        )
    return tuple(curves)


def voc_11_point(curve: PrecisionRecall) -> float | None:
    """Returns VOC 2007's average precision: the best precision at a recall of 0, 0.1, ... 1.

    Recall is compared as the fraction it is: found / objects reaches k / 10 where 10 x found >=
    k x objects, whatever 0.3 is in floating point. None without objects.
    """
    if not curve.objects:
        return None
    total = 0.0
    best_from_K = np.maximum.accumulate(curve.precision_K[::-1])[::-1]
    for k in range(11):
        at = int(np.searchsorted(10 * curve.true_K, k * curve.objects, side="left"))
        total += float(best_from_K[at]) if at < len(best_from_K) else 0.0
    return total / 11


def voc_all_point(curve: PrecisionRecall) -> float | None:
    """Returns VOC 2010's average precision: the area under the falling envelope of the curve.

    None without objects.
    """
    if not curve.objects:
        return None
    best_from_K = np.maximum.accumulate(curve.precision_K[::-1])[::-1]
    gained_K = np.diff(curve.true_K, prepend=0) / curve.objects
    return float(np.sum(gained_K * best_from_K))
