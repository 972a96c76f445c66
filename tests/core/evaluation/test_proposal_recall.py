"""The share of objects that proposals find, on boxes worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.data import open_dataset
from core.detection.detections_io import DetectionSet
from core.detection.detector import GroundTruthDetector, gathered
from core.evaluation.average_precision import Match, truth_of
from core.evaluation.proposal_recall import iou_matrix, match_proposals, proposal_recall
from tests.core.evaluation.detection_cases import found_from, random_case, truth_from


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


def test_an_object_is_found_by_the_best_proposal_that_overlaps_it_enough():
    near, far = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)
    truth = truth_from(
        [(0, 1, near, False), (0, 0, (0.0, 0.0, 10.0, 11.0), True), (2, 0, far, False)]
    )
    found = found_from([(0, -1, near, 0.4), (0, -1, near, 0.8), (0, -1, far, 0.9), (1, -1, far, 1)])
    matching = match_proposals(truth, found)
    # One proposal finds both objects of the first image; another image's finds none.
    assert matching.found_by_N.tolist() == [1, 1, -1]
    assert set(matching.match_M.tolist()) == {Match.IGNORED}
    assert matching.iou_M.tolist() == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("seed", range(3))
def test_the_objects_found_are_those_of_the_recall(tiny_voc: Path, seed: int):
    index = open_dataset(tiny_voc)
    images = np.arange(len(index.image_ids))
    _, found = random_case(seed, images=len(images), detections=400, score_steps=5)
    found = replace(found, label_M=np.full(len(found), -1, dtype=np.int64))
    matching = match_proposals(truth_of(index, images), found)
    counts = ~index.difficult_N
    share = float((matching.found_by_N[counts] >= 0).mean())
    assert share == proposal_recall(index, images, found, limit=400)
    for at in np.flatnonzero(matching.found_by_N >= 0).tolist():
        here = np.flatnonzero(found.image_index_M == index.image_index_N[at])
        iou_M = iou_matrix(index.box_xyxy_N4[[at]], found.box_xyxy_M4[here])[0]
        assert found.score_M[matching.found_by_N[at]] == found.score_M[here[iou_M >= 0.5]].max()
