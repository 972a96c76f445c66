"""What is reported of detections: COCO's and VOC's average precision, and the paper's beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.data.index import OBJECT, DatasetIndex
from core.detection.detections_io import DetectionSet
from core.errors import DataError
from core.evaluation.average_precision import (
    in_list_order,
    match_detections,
    precision_recall,
    truth_of,
    voc_11_point,
    voc_all_point,
)
from core.evaluation.coco_figures import CocoFigures, coco_figures

PAPER_TABLE_1 = {"ap": 0.45254, "ap50": 0.72746, "ap75": 0.49338}
PAPER_DETECTOR = "Table 1: Faster R-CNN, ResNet-50 FPN, VOC 2007 trainval -> test"


def detection_metrics(index: DatasetIndex, split: str, found: DetectionSet) -> dict[str, Any]:
    """Judges detections on the images of a split.

    COCO's figures take difficult objects as ordinary ones and a box's area for its object's, as in
    the paper's Table 1. VOC's are at IoU 0.5 and leave difficult objects out. Where no detection
    has a class, all of them and all objects are taken for the one class "object".

    Args:
        index: The data set.
        split: Which of its splits; "all": every image.
        found: Detections in any of its images; those outside the split are left out and counted.

    Returns:
        A JSON object: ap, ap50, ap75, ap_small, ap_medium, ap_large, ar_1, ar_10, ar_100, ar_small,
        ar_medium, ar_large, voc_11_point, voc_all_point (fractions; None where nothing of the kind
        is annotated), per_class, class_agnostic (whether all are of one class), and counts.

    Raises:
        DataError: There is no such split, it is empty, or all detections are outside of it.
    """
    images = index.images_of(split)
    if not len(images):
        raise DataError(f"The split {split} of {index.name} is empty.", "Choose another split.")
    inside = found.take(np.isin(found.image_index_M, images))
    if len(found) and not len(inside):
        raise DataError(
            f"None of the {len(found):,} detections is in an image of the split {split}.",
            f"Give the split that they were made on: {', '.join(index.splits)}.",
        )
    unknown = int(np.count_nonzero(inside.label_M < 0))
    if found.is_class_agnostic:
        index, inside = index.class_agnostic(), inside.as_one_class()
    truth = truth_of(index, images)
    if split in index.split_lists:
        truth, inside = in_list_order(truth, inside, index.split_lists[split])
    coco = coco_figures(truth, inside)
    curves = precision_recall(truth, inside, match_detections(truth, inside))
    per_class = {
        name: {
            **_three(coco.of_class(label)),
            "voc_11_point": voc_11_point(curves[label]),
            "voc_all_point": voc_all_point(curves[label]),
            "objects": int(np.count_nonzero(truth.label_N == label)),
            "difficult": int(np.count_nonzero(truth.difficult_N[truth.label_N == label])),
            "detections": int(np.count_nonzero(inside.label_M == label)),
        }
        for label, name in enumerate(index.classes)
    }
    return {
        **_three(coco),
        **{f"ap_{area}": coco.ap(area) for area in ("small", "medium", "large")},
        **{f"ar_{limit}": coco.ar(limit=limit) for limit in (1, 10, 100)},
        **{f"ar_{area}": coco.ar(area) for area in ("small", "medium", "large")},
        **{
            rule: _mean([figures[rule] for figures in per_class.values()])
            for rule in ("voc_11_point", "voc_all_point")
        },
        "per_class": per_class,
        "data": index.name,
        "split": split,
        "images": len(images),
        "objects": len(truth.label_N),
        "difficult": int(truth.difficult_N.sum()),
        "detections": len(inside),
        "class_agnostic": index.classes == (OBJECT,),
        "unknown": unknown,
        "outside_split": len(found) - len(inside),
    }


def _three(figures: CocoFigures) -> dict[str, float | None]:
    return {"ap": figures.ap(), "ap50": figures.ap50, "ap75": figures.ap75}


def _mean(values: list[Any]) -> float | None:
    counted = [value for value in values if value is not None]
    return float(np.mean(counted)) if counted else None
