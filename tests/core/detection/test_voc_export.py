"""Detections as VOC annotations, read again by the VOC reader."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from defusedxml.ElementTree import parse

from core.data import DatasetIndex, open_dataset
from core.detection.detections_io import DetectionSet
from core.detection.voc_export import write_voc_annotations
from core.errors import DataError


@pytest.fixture(scope="module")
def index(tiny_voc: Path) -> DatasetIndex:
    return open_dataset(tiny_voc)


def as_found(index: DatasetIndex) -> DetectionSet:
    boxes = index.box_xyxy_N4.astype(np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    score = np.linspace(0.1, 0.9, len(boxes))
    return DetectionSet(index.image_index_N, index.label_N, boxes, score)


def test_what_is_written_is_the_same_data(index: DatasetIndex, tmp_path: Path) -> None:
    root = tmp_path / "VOC2007"
    shutil.copytree(index.image_paths[0].parent, root / "JPEGImages")
    count = write_voc_annotations(root / "Annotations", index, as_found(index))
    assert count == len(np.unique(index.image_index_N))
    again = open_dataset(root)
    kept = [again.image_ids[i] for i in again.image_index_N]
    assert kept == [index.image_ids[i] for i in index.image_index_N]
    np.testing.assert_array_equal(again.box_xyxy_N4, index.box_xyxy_N4.round())
    assert [again.classes[i] for i in again.label_N] == [index.classes[i] for i in index.label_N]
    assert not [p for p in again.problems if p.path.suffix == ".xml"]


def test_boxes_are_cut_at_the_image_and_unknown_is_said(
    index: DatasetIndex, tmp_path: Path
) -> None:
    width, height = index.image_size_I2[0].tolist()
    found = DetectionSet(
        np.zeros(2, dtype=np.int64),
        np.full(2, -1),
        np.array([[-20.0, -20.0, 5000.0, 5000.0], [width + 5.0, 3.0, 9.0, 9.0]]),
        np.array([0.25, 0.5]),
    )
    assert write_voc_annotations(tmp_path / "new", index, found) == 1
    tree = parse(tmp_path / "new" / f"{index.image_ids[0]}.xml")
    objects = tree.findall("object")
    assert [item.findtext("name") for item in objects] == ["unknown"]
    assert objects[0].findtext("score") == "0.25"
    corners = [objects[0].findtext(f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")]
    assert corners == ["1", "1", str(width), str(height)]


def test_nothing_is_written_over_or_half(index: DatasetIndex, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="holds something already"):
        write_voc_annotations(tmp_path / "full", index, as_found(index))
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DataError, match="cannot be written"):
        write_voc_annotations(tmp_path / "file" / "below", index, as_found(index))
    assert {path.name for path in tmp_path.iterdir()} == {"full", "file"}
