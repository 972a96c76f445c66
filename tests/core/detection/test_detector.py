"""The detector that knows the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.data import open_dataset
from core.data.demo import write_demo
from core.detection.detector import Detector, GroundTruthDetector
from core.detection.open_detector import open_detector
from core.errors import ConfigError


def test_ground_truth_returns_what_is_annotated(tmp_path: Path):
    write_demo(tmp_path, images=4)
    index = open_dataset(tmp_path)
    detector: Detector = GroundTruthDetector(index)
    assert detector.name == "ground truth"
    for image, found in zip((2, 0), detector.detect([2, 0]), strict=True):
        objects = index.objects_of_image(image)
        assert len(objects) > 0
        assert found.image_id == index.image_ids[image]
        np.testing.assert_array_equal(found.boxes_xyxy_N4, index.box_xyxy_N4[objects])
        np.testing.assert_array_equal(found.label_N, index.label_N[objects])
        np.testing.assert_array_equal(found.object_index_N, objects)
        assert found.score_N.tolist() == [1.0] * len(objects)
    (proposed,) = detector.proposals([2])
    assert set(proposed.label_N.tolist()) == {-1}
    np.testing.assert_array_equal(proposed.object_index_N, index.objects_of_image(2))


def test_annotated_boxes_have_no_weights(tmp_path: Path):
    write_demo(tmp_path, images=4)
    index, cpu = open_dataset(tmp_path), torch.device("cpu")
    assert open_detector(index, "ground-truth", None, cpu).name == "ground truth"
    with pytest.raises(ConfigError, match="have no weights"):
        open_detector(index, "ground-truth", "weights.pt", cpu)
