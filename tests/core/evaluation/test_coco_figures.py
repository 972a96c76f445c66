"""COCO's figures against pycocotools itself, to 1e-9."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from core.detection.detections_io import DetectionSet
from core.evaluation.average_precision import Truth
from core.evaluation.coco_figures import CocoFigures, coco_figures
from tests.core.evaluation.detection_cases import found_from, random_case, truth_from

STATS = (
    ("ap", "all"),
    ("ap50", ""),
    ("ap75", ""),
    ("ap", "small"),
    ("ap", "medium"),
    ("ap", "large"),
    ("ar", 1),
    ("ar", 10),
    ("ar", 100),
    ("ar", "small"),
    ("ar", "medium"),
    ("ar", "large"),
)


def oracle(truth: Truth, found: DetectionSet) -> Any:
    """pycocotools' own evaluation of the same boxes; ids start at 1, as in COCO."""
    annotations = [
        {
            "id": at + 1,
            "image_id": int(truth.image_index_N[at]) + 1,
            "category_id": int(truth.label_N[at]) + 1,
            "bbox": box,
            "area": box[2] * box[3],
            "iscrowd": 0,
        }
        for at, box in enumerate(truth.box_xywh_N4.tolist())
    ]
    results = [
        {"image_id": image + 1, "category_id": label + 1, "bbox": box, "score": score}
        for image, label, box, score in zip(
            found.image_index_M.tolist(),
            found.label_M.tolist(),
            found.box_xywh_M4.tolist(),
            found.score_M.tolist(),
            strict=True,
        )
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO()
        gt.dataset = {
            "info": {},
            "images": [{"id": int(image) + 1} for image in truth.images],
            "categories": [{"id": at + 1} for at in range(len(truth.classes))],
            "annotations": annotations,
        }
        gt.createIndex()
        if results:
            dt = gt.loadRes(results)
        else:
            dt = COCO()
            dt.dataset = gt.dataset | {"annotations": []}
            dt.createIndex()
        judged = COCOeval(gt, dt, "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return judged


def stat(figures: CocoFigures, name: str, which: Any) -> float:
    value = (
        getattr(figures, name)
        if name in {"ap50", "ap75"}
        else figures.ap(which)
        if name == "ap"
        else figures.ar(limit=which)
        if isinstance(which, int)
        else figures.ar(which)
    )
    return -1.0 if value is None else float(value)


def agrees(truth: Truth, found: DetectionSet) -> CocoFigures:
    """Asserts every figure and every point of every curve."""
    judged, figures = oracle(truth, found), coco_figures(truth, found)
    found_stats = [stat(figures, name, which) for name, which in STATS]
    assert found_stats == pytest.approx(judged.stats.tolist(), abs=1e-9)
    np.testing.assert_allclose(figures.precision_TRCAL, judged.eval["precision"], atol=1e-9)
    np.testing.assert_allclose(figures.recall_TCAL, judged.eval["recall"], atol=1e-9)
    return figures


@pytest.mark.parametrize("seed", range(6))
def test_random_boxes(seed: int) -> None:
    figures = agrees(*random_case(seed))
    assert figures.ap50 is not None
    assert 0.01 < figures.ap50 < 0.99


@pytest.mark.parametrize("seed", range(6))
def test_equal_scores_and_overlaps_at_the_threshold(seed: int) -> None:
    agrees(*random_case(seed, score_steps=4, whole_pixels=True, side=12, detections=600))


@pytest.mark.parametrize("seed", range(3))
def test_all_scores_equal(seed: int) -> None:
    agrees(*random_case(seed, score_steps=1, whole_pixels=True, images=5, objects=10))


def test_more_detections_than_count() -> None:
    agrees(*random_case(1, images=2, classes=3, objects=20, detections=900, score_steps=50))


def test_crowded_images_and_large_boxes() -> None:
    agrees(*random_case(2, images=3, objects=60, detections=400, side=500))


def test_a_single_image() -> None:
    agrees(*random_case(3, images=1, objects=5, detections=40))


def test_no_detections() -> None:
    truth, _ = random_case(4)
    figures = agrees(truth, found_from([]))
    assert figures.ap() == 0.0
    assert figures.ar() == 0.0


def test_no_objects() -> None:
    figures = agrees(truth_from([]), found_from([(0, 0, (0, 0, 5, 5), 0.5)]))
    assert figures.ap() is None
    assert figures.ar() is None


def test_neither() -> None:
    assert agrees(truth_from([]), found_from([])).ap() is None


def test_areas_at_the_limits_of_small_and_large() -> None:
    sides = (31, 32, 33, 95, 96, 97)
    objects = [(at % 3, 0, (0.0, 0.0, side, side), False) for at, side in enumerate(sides)]
    found = [(at % 3, 0, (0.0, 0.0, side, side), 0.5) for at, side in enumerate(sides)]
    agrees(truth_from(objects), found_from(found))


def test_boxes_without_area_and_far_outside() -> None:
    truth = truth_from([(0, 0, (0, 0, 10, 10), False), (1, 0, (5, 5, 40, 40), False)])
    found = [
        (0, 0, (2, 2, 2, 2), 0.9),
        (0, 0, (0, 0, 10, 10), 0.8),
        (1, 0, (-900, -900, -800, -800), 0.7),
        (1, 0, (-1e6, -1e6, 1e6, 1e6), 0.95),
    ]
    agrees(truth, found_from(found))


def test_difficult_objects_count_as_ordinary_ones() -> None:
    truth = truth_from([(0, 0, (0, 0, 10, 10), True)], images=1, classes=1)
    figures = agrees(truth, found_from([(0, 0, (0, 0, 10, 10), 0.5)]))
    assert figures.ap() == pytest.approx(1.0)


def test_detections_of_no_class_are_left_out() -> None:
    truth = truth_from([(0, 0, (0, 0, 10, 10), False)], images=1, classes=1)
    right, unknown = (0, 0, (0, 0, 10, 10), 0.5), (0, -1, (0, 0, 10, 10), 0.9)
    figures = coco_figures(truth, found_from([unknown, right]))
    assert figures.ap() == pytest.approx(1.0)
    assert figures.of_class(0).ap50 == pytest.approx(1.0)


def test_a_class_is_judged_by_its_own_boxes() -> None:
    truth, found = random_case(5)
    figures, judged = coco_figures(truth, found), oracle(truth, found)
    for label in range(len(truth.classes)):
        values = judged.eval["precision"][:, :, label, 0, 2]
        expected = values[values > -1].mean() if (values > -1).any() else None
        assert figures.of_class(label).ap() == (
            None if expected is None else pytest.approx(float(expected), abs=1e-9)
        )
