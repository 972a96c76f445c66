"""Objects and detections made up for tests of average precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.detection.detections_io import DetectionSet
from core.evaluation.average_precision import Truth

Object = tuple[int, int, tuple[float, float, float, float], bool]
Detection = tuple[int, int, tuple[float, float, float, float], float]


def truth_from(objects: Sequence[Object], *, images: int = 3, classes: int = 2) -> Truth:
    """Objects as (image, label, (x1, y1, x2, y2), difficult), in any order."""
    ordered = sorted(objects, key=lambda item: item[0])
    boxes = np.array([item[2] for item in ordered], dtype=np.float64).reshape(-1, 4)
    return Truth(
        classes=tuple(f"class {label}" for label in range(classes)),
        images=np.arange(images, dtype=np.int64),
        object_N=np.arange(len(ordered), dtype=np.int64),
        image_index_N=np.array([item[0] for item in ordered], dtype=np.int64),
        label_N=np.array([item[1] for item in ordered], dtype=np.int64),
        box_xywh_N4=np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1),
        difficult_N=np.array([item[3] for item in ordered], dtype=np.bool_),
    )


def found_from(detections: Sequence[Detection]) -> DetectionSet:
    """Detections as (image, label, (x1, y1, x2, y2), score)."""
    boxes = np.array([item[2] for item in detections], dtype=np.float64).reshape(-1, 4)
    return DetectionSet(
        image_index_M=np.array([item[0] for item in detections], dtype=np.int64),
        label_M=np.array([item[1] for item in detections], dtype=np.int64),
        box_xywh_M4=np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1),
        score_M=np.array([item[3] for item in detections], dtype=np.float64),
    )


def random_case(
    seed: int,
    *,
    images: int = 20,
    classes: int = 4,
    objects: float = 4,
    detections: int = 300,
    score_steps: int = 0,
    whole_pixels: bool = False,
    side: float = 120,
) -> tuple[Truth, DetectionSet]:
    """Boxes of all sizes; half of the detections lie near an object; some reach outside.

    Args:
        seed: The same seed gives the same case.
        images: How many.
        classes: How many; the last has no object, the last but one no detection.
        objects: An image's, on average.
        detections: In all images together.
        score_steps: Scores are multiples of 1 / this; 0: all differ.
        whole_pixels: Boxes at whole pixels, so that overlaps are often exactly at a threshold.
        side: Of the largest boxes.
    """
    rng = np.random.default_rng(seed)
    count = rng.poisson(objects * images)
    image_N = np.sort(rng.integers(0, images, count))
    corner_N2 = rng.uniform(-10, 300, (count, 2))
    size_N2 = np.exp(rng.uniform(np.log(4), np.log(side), (count, 2)))
    label_N = rng.integers(0, classes - 1, count)
    if whole_pixels:
        corner_N2, size_N2 = corner_N2.round(), np.ceil(size_N2)
    image_M = rng.integers(0, images, detections)
    corner_M2 = rng.uniform(-20, 300, (detections, 2))
    size_M2 = np.exp(rng.uniform(np.log(4), np.log(side), (detections, 2)))
    label_M = rng.integers(0, classes, detections)
    if count:
        near = np.flatnonzero(rng.random(detections) < 0.5)
        like = rng.integers(0, count, len(near))
        image_M[near], label_M[near] = image_N[like], label_N[like]
        shift = rng.normal(0, 0.15, (len(near), 2)) * size_N2[like]
        corner_M2[near] = corner_N2[like] + shift
        size_M2[near] = size_N2[like] * np.exp(rng.normal(0, 0.2, (len(near), 2)))
        exact = rng.random(len(near)) < 0.2
        corner_M2[near[exact]], size_M2[near[exact]] = corner_N2[like[exact]], size_N2[like[exact]]
    label_M[label_M == classes - 2] = 0
    if whole_pixels:
        corner_M2, size_M2 = corner_M2.round(), size_M2.round()
    score_M = rng.random(detections)
    if score_steps:
        score_M = np.round(score_M * score_steps) / score_steps
    truth = Truth(
        classes=tuple(f"class {label}" for label in range(classes)),
        images=np.arange(images, dtype=np.int64),
        object_N=np.arange(count, dtype=np.int64),
        image_index_N=image_N.astype(np.int64),
        label_N=label_N.astype(np.int64),
        box_xywh_N4=np.concatenate([corner_N2, size_N2], axis=1),
        difficult_N=rng.random(count) < 0.2,
    )
    found = DetectionSet(
        image_M.astype(np.int64),
        label_M.astype(np.int64),
        np.concatenate([corner_M2, size_M2], axis=1),
        score_M,
    )
    return truth, found
