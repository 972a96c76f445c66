"""Detector, crops, class: what is written of it, and that it never runs ahead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.data import open_dataset
from core.data.images import PixelArray
from core.data.index import DatasetIndex
from core.detection.detections_io import read_detections, write_detections
from core.detection.detector import Detections, GroundTruthDetector
from core.detection.pipeline import BoxChoice, Classes, Pipeline


class ByBrightness:
    """Bright crops are cats, middling ones dogs, the darkest fifth unknown."""

    classes = ("cat", "dog")
    crop_size = 8

    def __call__(self, crops_NCHW: PixelArray) -> Classes:
        assert crops_NCHW.dtype == np.uint8
        assert crops_NCHW.shape[1:] == (3, 8, 8)
        bright_N = crops_NCHW.mean(axis=(1, 2, 3)) / 255
        return Classes((bright_N < 0.6).astype(np.int64), bright_N, bright_N > 0.5)


class Overlapping(GroundTruthDetector):
    """Proposes every object thrice, the copies shifted a little and less sure, and a sliver."""

    def proposals(self, image_indices: Sequence[int]) -> list[Detections]:
        found = []
        for item in super().proposals(image_indices):
            boxes_N4 = item.boxes_xyxy_N4
            sliver = np.array([[3, 3, 4, 30]], dtype=np.float32)
            boxes = np.concatenate([boxes_N4, boxes_N4 + 1, boxes_N4 - [1, 0, 1, 0], sliver])
            count = len(boxes_N4)
            score = np.repeat([0.9, 0.8, 0.7, 1.0], [count, count, count, 1])
            none = np.full(len(boxes), -1, dtype=np.int64)
            found.append(
                Detections(
                    item.image_id,
                    np.clip(boxes, 0, None).astype(np.float32),
                    none,
                    score.astype(np.float32),
                    none,
                )
            )
        return found


@pytest.fixture(scope="module")
def index(tiny_voc: Path) -> DatasetIndex:
    return open_dataset(tiny_voc)


def test_what_is_written_can_be_read_back(index: DatasetIndex, tmp_path: Path):
    pipeline = Pipeline(index, GroundTruthDetector(index), ByBrightness())
    items = list(pipeline.run([5, 2, 9]))
    objects = np.concatenate([index.objects_of_image(image) for image in (2, 5, 9)])
    assert len(items) == len(objects)
    assert {item["category"] for item in items} <= {"cat", "dog", "unknown"}
    for item in items:
        assert item["score"] == item["confidence"] * item["detector_score"]
        assert (item["category"] == "unknown") == (item["confidence"] <= 0.5)
        if item["category"] != "unknown":
            assert item["category"] == item["nearest"]
    assert write_detections(tmp_path / "found.json", items) == len(items)
    found = read_detections(tmp_path / "found.json", index)
    np.testing.assert_allclose(found.box_xyxy_M4, index.box_xyxy_N4[objects], atol=1e-3)
    assert (found.image_index_M == index.image_index_N[objects]).all()


def test_without_a_classifier_the_detectors_classes_are_taken(index: DatasetIndex):
    items = list(Pipeline(index, GroundTruthDetector(index)).run([3]))
    objects = index.objects_of_image(3)
    names = [index.classes[label] for label in index.label_N[objects]]
    assert [item["category"] for item in items] == names


def test_of_overlapping_proposals_the_best_are_kept(index: DatasetIndex):
    detector = Overlapping(index)
    objects = index.objects_of_image(4)
    (found,) = BoxChoice(proposals=50).find(detector, [4])
    assert sorted(map(tuple, found.boxes_xyxy_N4.tolist())) == sorted(
        map(tuple, index.box_xyxy_N4[objects].tolist())
    )
    (all_of_them,) = BoxChoice(proposals=50).find(detector, [4], distinct=False)
    assert len(all_of_them.score_N) == 3 * len(objects)
    assert (np.diff(all_of_them.score_N) <= 0).all()
    (few,) = BoxChoice(proposals=2).find(detector, [4])
    assert len(few.score_N) == 2
    (none,) = BoxChoice(proposals=50, least_score=0.95).find(detector, [4])
    assert len(none.score_N) == 0


def test_it_streams(index: DatasetIndex):
    asked: list[int] = []

    class Counting(GroundTruthDetector):
        def detect(self, image_indices: Sequence[int]) -> list[Detections]:
            asked.extend(image_indices)
            return super().detect(image_indices)

    done: list[tuple[int, int]] = []
    pipeline = Pipeline(index, Counting(index), ByBrightness(), chunk_images=4)
    items = pipeline.run(range(10), lambda *numbers: done.append(numbers))
    next(items)
    assert asked == [0, 1, 2, 3]
    assert len(list(items)) > 10
    assert done == [(4, 10), (8, 10), (10, 10)]


def test_a_damaged_image_is_skipped_and_told(own_voc: Path):
    index = open_dataset(own_voc)
    path = index.image_paths[1]
    path.write_bytes(path.read_bytes()[:-900])
    pipeline = Pipeline(index, GroundTruthDetector(index), ByBrightness())
    items = list(pipeline.run([0, 1, 2]))
    assert {item["image_id"] for item in items} == {index.image_ids[0], index.image_ids[2]}
    assert [problem.path for problem in pipeline.problems] == [path]
    assert list(Pipeline(index, GroundTruthDetector(index), ByBrightness()).run([1])) == []
