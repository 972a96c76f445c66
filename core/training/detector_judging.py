"""Judging a detector: AP and the recall of its proposals, live and at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.data.index import DatasetIndex, IntArray
from core.detection.detections_io import DetectionSet
from core.detection.detector import Detections, Detector, gathered
from core.evaluation.average_precision import truth_of
from core.evaluation.coco_figures import coco_figures
from core.evaluation.proposal_recall import proposal_recall

_AT_ONCE = 64
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Judged:
    """What a detector found in some images, and what that is worth.

    Attributes:
        found: Its detections.
        ap: COCO's AP on these images; None without objects.
        ap50: At IoU 0.5.
        proposal_recall: Share of the objects that one of 50 proposals finds at IoU 0.5.
    """

    found: DetectionSet
    ap: float | None
    ap50: float | None
    proposal_recall: float | None


def judge(
    index: DatasetIndex,
    images: IntArray,
    detector: Detector,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Progress = lambda _done, _total: None,
) -> Judged | None:
    """Judges a detector on images; None where `should_stop` turned true."""
    found: list[Detections] = []
    proposed: list[Detections] = []
    for start in range(0, len(images), _AT_ONCE):
        if should_stop():
            return None
        chunk = images[start : start + _AT_ONCE].tolist()
        found += detector.detect(chunk)
        proposed += detector.proposals(chunk)
        progress(min(len(images), start + _AT_ONCE), len(images))
    ordered = np.sort(images)
    detections = gathered(images.tolist(), found)
    figures = coco_figures(truth_of(index, ordered), detections)
    recall = proposal_recall(index, ordered, gathered(images.tolist(), proposed))
    return Judged(detections, figures.ap(), figures.ap50, recall)
