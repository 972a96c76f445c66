"""How fast average precision is: `python tests/benchmarks/bench_average_precision.py [--full]`.

COCO's figures of 100 detections an image, 20 classes: pycocotools, faster-coco-eval called plainly
and ours, each from detections in memory in its own form, in one run. 1,000 images take about ten
seconds; --full: 5,000 images, about a minute.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import faster_coco_eval
import pycocotools.coco
import pycocotools.cocoeval

from core.detection.detections_io import DetectionSet
from core.evaluation.average_precision import (
    Truth,
    match_detections,
    precision_recall,
    voc_all_point,
)
from core.evaluation.coco_figures import coco_figures

CLASSES, OBJECTS, DETECTIONS = 20, 7, 100


def make_case(images: int) -> tuple[Truth, DetectionSet]:
    """Objects of all sizes; a fifth of the detections lie near one."""
    rng = np.random.default_rng(0)
    count, many = images * OBJECTS, images * DETECTIONS
    corner_N2 = rng.uniform(0, 400, (count, 2))
    size_N2 = np.exp(rng.uniform(np.log(10), np.log(300), (count, 2)))
    image_N = np.repeat(np.arange(images), OBJECTS)
    label_N = rng.integers(0, CLASSES, count)
    image_M = np.repeat(np.arange(images), DETECTIONS)
    label_M = rng.integers(0, CLASSES, many)
    corner_M2 = rng.uniform(0, 400, (many, 2))
    size_M2 = np.exp(rng.uniform(np.log(10), np.log(300), (many, 2)))
    near = np.flatnonzero(rng.random(many) < 0.2)
    like = image_M[near] * OBJECTS + rng.integers(0, OBJECTS, len(near))
    label_M[near] = label_N[like]
    corner_M2[near] = corner_N2[like] + rng.normal(0, 0.1, (len(near), 2)) * size_N2[like]
    size_M2[near] = size_N2[like] * np.exp(rng.normal(0, 0.15, (len(near), 2)))
    truth = Truth(
        classes=tuple(f"class {label}" for label in range(CLASSES)),
        images=np.arange(images),
        object_N=np.arange(count),
        image_index_N=image_N,
        label_N=label_N,
        box_xywh_N4=np.concatenate([corner_N2, size_N2], axis=1),
        difficult_N=rng.random(count) < 0.1,
    )
    boxes = np.concatenate([corner_M2, size_M2], axis=1)
    return truth, DetectionSet(image_M, label_M, boxes, rng.random(many))


def as_coco(truth: Truth, found: DetectionSet) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The same as COCO's dictionaries."""
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
    columns = (
        found.image_index_M.tolist(),
        found.label_M.tolist(),
        found.box_xywh_M4.tolist(),
        found.score_M.tolist(),
    )
    results = [
        {"image_id": image + 1, "category_id": label + 1, "bbox": box, "score": score}
        for image, label, box, score in zip(*columns, strict=True)
    ]
    frame = {
        "info": {},
        "images": [{"id": int(image) + 1} for image in truth.images],
        "categories": [{"id": at + 1, "name": str(at)} for at in range(CLASSES)],
        "annotations": annotations,
    }
    return frame, results


def with_pycocotools(frame: dict[str, Any], results: list[dict[str, Any]]) -> float:
    with contextlib.redirect_stdout(io.StringIO()):
        gt = pycocotools.coco.COCO()
        gt.dataset = frame
        gt.createIndex()
        judged = pycocotools.cocoeval.COCOeval(gt, gt.loadRes(results), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return float(judged.stats[0])


def with_faster_coco_eval(frame: dict[str, Any], results: list[dict[str, Any]]) -> float:
    gt = faster_coco_eval.COCO(frame)
    judged = faster_coco_eval.COCOeval_faster(gt, gt.loadRes(results), "bbox")
    judged.run()
    return float(judged.stats[0])


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def main() -> None:
    images = 5000 if "--full" in sys.argv[1:] else 1000
    truth, found = make_case(images)
    print(f"{images} images x {DETECTIONS} detections, {CLASSES} classes:")
    ours, plain = [], []
    for _ in range(3):
        frame, results = as_coco(truth, found)
        plain.append(timed(lambda f=frame, r=results: with_faster_coco_eval(f, r)))
        ours.append(timed(lambda: coco_figures(truth, found).ap()))
    frame, results = as_coco(truth, found)
    slow, expected = timed(lambda: with_pycocotools(frame, results))
    (fast, ap), (engine, _) = min(ours), min(plain)
    assert abs(ap - expected) < 1e-9
    print(f"  pycocotools               {slow:.2f} s")
    print(f"  faster-coco-eval, plainly {engine:.2f} s, {slow / engine:.1f} times faster")
    print(f"  Akin                      {fast:.2f} s, {slow / fast:.1f} times faster,", end=" ")
    print(f"{engine / fast:.2f} times as fast as faster-coco-eval")

    def voc() -> list[float | None]:
        matching = match_detections(truth, found)
        return [voc_all_point(curve) for curve in precision_recall(truth, found, matching)]

    print(f"  VOC's rules, besides      {timed(voc)[0]:.2f} s")


if __name__ == "__main__":
    main()
