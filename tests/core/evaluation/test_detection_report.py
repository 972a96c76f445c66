"""What is reported of detections in a split, and which requests make no sense."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from core.data import DatasetIndex, open_dataset
from core.detection.detections_io import DetectionSet
from core.errors import DataError
from core.evaluation.detection_report import detection_metrics


@pytest.fixture(scope="module")
def index(tiny_voc: Path) -> DatasetIndex:
    found = open_dataset(tiny_voc)
    difficult_N = np.arange(len(found.label_N)) % 6 == 0
    return dataclasses.replace(found, difficult_N=difficult_N)


def perfect(index: DatasetIndex, split: str) -> DetectionSet:
    objects = index.objects_of_split(split)
    boxes = index.box_xyxy_N4[objects].astype(np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    image, label = index.image_index_N[objects], index.label_N[objects]
    return DetectionSet(image, label, boxes, np.ones(len(objects)))


def test_the_truth_itself_is_perfect(index: DatasetIndex) -> None:
    metrics = detection_metrics(index, "test", perfect(index, "test"))
    for key in ("ap", "ap50", "ap75", "ar_100", "voc_11_point", "voc_all_point"):
        assert metrics[key] == pytest.approx(1.0, abs=1e-12), key
    objects = index.objects_of_split("test")
    assert metrics["objects"] == metrics["detections"] == len(objects)
    assert metrics["difficult"] == int(index.difficult_N[objects].sum())
    assert metrics["images"] == len(index.splits["test"])
    assert list(metrics["per_class"]) == list(index.classes)
    for label, name in enumerate(index.classes):
        figures = metrics["per_class"][name]
        count = int((index.label_N[objects] == label).sum())
        assert figures["objects"] == figures["detections"] == count
        assert figures["ap50"] == (pytest.approx(1.0) if count else None)
    json.dumps(metrics, allow_nan=False)


def test_means_are_those_of_the_classes_with_objects(index: DatasetIndex) -> None:
    found = perfect(index, "test")
    some = found.take(np.random.default_rng(0).random(len(found)) < 0.6)
    metrics = detection_metrics(index, "test", some)
    for key in ("ap", "ap50", "ap75", "voc_11_point", "voc_all_point"):
        values = [c[key] for c in metrics["per_class"].values() if c[key] is not None]
        assert metrics[key] == pytest.approx(np.mean(values), abs=1e-9)
        assert 0 < metrics[key] < 1
    assert metrics["voc_all_point"] != metrics["ap50"]


def test_nothing_found_is_zero(index: DatasetIndex) -> None:
    metrics = detection_metrics(index, "test", perfect(index, "test").take(np.arange(0)))
    assert metrics["ap"] == metrics["voc_11_point"] == metrics["ar_100"] == 0.0


def test_detections_outside_the_split_are_left_out_and_counted(index: DatasetIndex) -> None:
    both = [perfect(index, "test"), perfect(index, "train")]
    fields = ("image_index_M", "label_M", "box_xywh_M4", "score_M")
    together = DetectionSet(*(np.concatenate([getattr(p, f) for p in both]) for f in fields))
    metrics = detection_metrics(index, "test", together)
    assert metrics["outside_split"] == len(both[1])
    assert metrics["detections"] == len(both[0])
    assert metrics["ap"] == pytest.approx(1.0)


def test_requests_without_sense(index: DatasetIndex) -> None:
    found = perfect(index, "train")
    with pytest.raises(DataError, match="has no split 'tset'") as raised:
        detection_metrics(index, "tset", found)
    assert raised.value.hint == "Did you mean 'test'?"
    with pytest.raises(DataError, match=r"None of the .* detections is in an image of the split"):
        detection_metrics(index, "test", found)
    empty = dataclasses.replace(index, splits={"test": np.zeros(0, dtype=np.int64)})
    with pytest.raises(DataError, match=r"The split test of .* is empty"):
        detection_metrics(empty, "test", found)
    without = dataclasses.replace(index, splits={})
    with pytest.raises(DataError, match="has no split 'test'"):
        detection_metrics(without, "test", found)


def test_equal_scores_keep_the_order_of_the_splits_list(own_voc: Path) -> None:
    path = own_voc / "ImageSets" / "Main" / "test.txt"
    names = path.read_text().split()
    figures = []
    for listed in (names, names[::-1]):
        path.write_text("\n".join(listed))
        index = open_dataset(own_voc)
        assert index.splits["test"].tolist() == sorted(index.splits["test"].tolist())
        assert bool(index.split_lists) == (listed != names)
        found = perfect(index, "test")
        first = index.image_ids.index(names[0])
        # All that is in the first image by name is wrong: last in the list, it costs least.
        found.box_xywh_M4[found.image_index_M == first] += 1e4
        figures.append(detection_metrics(index, "test", found))
    wrong_first, wrong_last = figures
    assert wrong_first["ap50"] < wrong_last["ap50"]
    assert wrong_first["voc_all_point"] < wrong_last["voc_all_point"]
    assert wrong_first["ar_100"] == wrong_last["ar_100"]
