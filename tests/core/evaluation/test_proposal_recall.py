"""The share of objects that proposals find, on boxes worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.data import open_dataset
from core.detection.detections_io import DetectionSet
from core.detection.detector import GroundTruthDetector, gathered
from core.evaluation.proposal_recall import iou_matrix, proposal_recall


def proposals(rows: list[tuple[int, tuple[float, ...], float]]) -> DetectionSet:
    return DetectionSet(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.full(len(rows), -1, dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.float64).reshape(-1, 4),
        np.array([row[2] for row in rows], dtype=np.float64),
    )


def test_overlaps_by_hand():
    one = np.array([[0.0, 0.0, 10.0, 10.0]])
    others = np.array([[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0], [20.0, 0.0, 30.0, 10.0]])
    assert iou_matrix(one, others).tolist() == [[1.0, pytest.approx(1 / 3), 0.0]]


def test_recall_counts_the_best_proposals_only(tiny_voc: Path):
    index = open_dataset(tiny_voc)
    images = np.array([0, 1])
    objects = [index.objects_of_image(image) for image in (0, 1)]
    total = sum(map(len, objects))
    x1, y1, x2, y2 = index.box_xyxy_N4[objects[0][0]].tolist()
    box = (x1, y1, x2 - x1, y2 - y1)
    miss = (0.0, 0.0, 1.0, 1.0)
    found = proposals([(0, box, 0.2), (0, miss, 0.9), (1, miss, 0.5)])
    assert proposal_recall(index, images, found) == pytest.approx(1 / total)
    assert proposal_recall(index, images, found, limit=1) == 0.0
    assert proposal_recall(index, images, proposals([])) == 0.0
    everything = gathered([0, 1], GroundTruthDetector(index).proposals([0, 1]))
    assert proposal_recall(index, images, everything) == 1.0
    all_difficult = replace(index, difficult_N=np.ones_like(index.difficult_N))
    assert proposal_recall(all_difficult, images, everything) is None
