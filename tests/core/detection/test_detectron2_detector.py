"""detectron2's adapter, against objects shaped as detectron2's own, and the real one if installed.

The recorded shapes are those of detectron2 0.6: GeneralizedRCNN.inference gives one
{"instances": Instances} an image in the image's own pixels, the proposal generator Instances in
the pixels of the resized image with proposal_boxes and objectness_logits.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.data import open_dataset
from core.data.index import DatasetIndex
from core.detection.detectron2_detector import (
    PAPER_CONFIG,
    Detectron2Detector,
    open_detectron2_detector,
)
from core.detection.open_detector import open_detector
from core.errors import ConfigError

CPU = torch.device("cpu")
COCO_CONFIG = "COCO-Detection/faster_rcnn_R_50_FPN_3x"
HAS_DETECTRON2 = importlib.util.find_spec("detectron2") is not None


class Boxes(SimpleNamespace):
    tensor: torch.Tensor


class Instances(SimpleNamespace):
    def to(self, _device: str) -> Instances:
        return self


class RecordedModel:
    """Finds the brightest and the darkest quarter of what it is shown, as detectron2 would."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def inference(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self.seen += inputs
        found = []
        for item in inputs:
            width, height = item["width"], item["height"]
            boxes = torch.tensor([[0, 0, width / 2, height / 2], [-5, 10, width + 9, height]])
            instances = Instances(
                pred_boxes=Boxes(tensor=boxes.float()),
                scores=torch.tensor([0.9, 0.4]),
                pred_classes=torch.tensor([1, 0]),
            )
            found.append({"instances": instances})
        return found

    def preprocess_image(self, inputs: list[dict[str, Any]]) -> SimpleNamespace:
        self.seen += inputs
        return SimpleNamespace(tensor=[item["image"] for item in inputs])

    def backbone(self, images: list[torch.Tensor]) -> list[torch.Tensor]:
        return images

    def proposal_generator(self, _images: Any, features: Any, _targets: None) -> Any:
        proposed = []
        for image in features:
            height, width = image.shape[-2:]
            proposed.append(
                SimpleNamespace(
                    image_size=(height, width),
                    proposal_boxes=Boxes(tensor=torch.tensor([[0.0, 0.0, width / 2, height]])),
                    objectness_logits=torch.tensor([0.0]),
                )
            )
        return proposed, {}


@pytest.fixture(scope="module")
def index(tiny_voc: Path) -> DatasetIndex:
    return open_dataset(tiny_voc)


def a_detector(index: DatasetIndex) -> tuple[Detectron2Detector, RecordedModel]:
    model = RecordedModel()

    def halve(pixels_HWC: np.ndarray) -> np.ndarray:
        return pixels_HWC[::2, ::2]

    classes = ("laptop", "dog")
    return Detectron2Detector(index, model, classes, halve, "detectron2 x", CPU, 2), model


def test_boxes_are_those_of_the_image_and_classes_those_of_the_data(index: DatasetIndex):
    detector, model = a_detector(index)
    found = detector.detect([4, 1, 7])
    assert [item.image_id for item in found] == [index.image_ids[i] for i in (4, 1, 7)]
    for item, image in zip(found, (4, 1, 7), strict=True):
        width, height = index.image_size_I2[image]
        # The laptop is no class of the data.
        np.testing.assert_allclose(item.boxes_xyxy_N4, [[0, 0, width / 2, height / 2]])
        assert item.label_N.tolist() == [index.classes.index("dog")]
        assert item.score_N.tolist() == [pytest.approx(0.9)]
    first = model.seen[0]
    bgr = first["image"].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(bgr[:, :, ::-1], index.load_image(4)[::2, ::2])
    assert (first["width"], first["height"]) == tuple(index.image_size_I2[4])


def test_proposals_are_scaled_back_to_the_image(index: DatasetIndex):
    detector, _ = a_detector(index)
    (found,) = detector.proposals([3])
    width, height = index.image_size_I2[3]
    np.testing.assert_allclose(found.boxes_xyxy_N4, [[0, 0, width / 2, height]], atol=1)
    assert found.label_N.tolist() == [-1]
    assert found.score_N.tolist() == [0.5]


def test_a_damaged_image_has_no_boxes(own_voc: Path):
    index = open_dataset(own_voc)
    path = index.image_paths[1]
    path.write_bytes(path.read_bytes()[:-900])
    detector, _ = a_detector(index)
    assert [len(item.score_N) for item in detector.detect([0, 1, 2])] == [1, 0, 1]
    assert [problem.path for problem in detector.problems] == [path]


@pytest.mark.skipif(HAS_DETECTRON2, reason="detectron2 is installed")
def test_without_detectron2_a_sentence_says_so(index: DatasetIndex):
    with pytest.raises(ConfigError, match="detectron2 is not installed") as raised:
        open_detector(index, f"detectron2:{PAPER_CONFIG}", None, CPU)
    assert "torchvision:NAME" in raised.value.hint


@pytest.mark.filterwarnings("default")  # detectron2's own
@pytest.mark.skipif(not HAS_DETECTRON2, reason="detectron2 is not installed")
def test_the_papers_network_proposes_and_detects(index: DatasetIndex, tmp_path: Path):
    from detectron2 import model_zoo
    from detectron2.config import get_cfg
    from detectron2.modeling import build_model

    cfg = get_cfg()
    cfg.merge_from_file(model_zoo.get_config_file(f"{PAPER_CONFIG}.yaml"))
    cfg.MODEL.DEVICE = "cpu"
    torch.manual_seed(0)
    weights = tmp_path / "weights.pth"
    model = build_model(cfg)
    # Of random weights: proposals are the anchors themselves.
    torch.nn.init.zeros_(model.proposal_generator.rpn_head.anchor_deltas.weight)
    torch.save({"model": model.state_dict()}, weights)
    detector = open_detectron2_detector(index, PAPER_CONFIG, str(weights), CPU)
    (proposed,) = detector.proposals([0])
    assert len(proposed.score_N) > 100
    assert 0 <= proposed.score_N.min() <= proposed.score_N.max() <= 1
    width, height = index.image_size_I2[0]
    assert (proposed.boxes_xyxy_N4.max(axis=0) <= [width, height, width, height]).all()
    (found,) = detector.detect([0])
    assert set(found.label_N.tolist()) <= set(range(-1, len(index.classes)))
    with pytest.raises(ConfigError, match="RetinaNet, not a Faster R-CNN"):
        open_detectron2_detector(index, "COCO-Detection/retinanet_R_50_FPN_1x", str(weights), CPU)
    with pytest.raises(ConfigError, match=r"another network or class list: .*cls_score"):
        open_detectron2_detector(index, COCO_CONFIG, str(weights), CPU)
    cfg.MODEL.WEIGHTS = ""
    (tmp_path / "own.yaml").write_text(cfg.dump())
    with pytest.raises(ConfigError, match="names no weights"):
        open_detectron2_detector(index, str(tmp_path / "own.yaml"), None, CPU)
    (tmp_path / "damaged.pth").write_bytes(weights.read_bytes()[:9000])
    with pytest.raises(ConfigError, match="cannot be loaded"):
        open_detectron2_detector(index, PAPER_CONFIG, str(tmp_path / "damaged.pth"), CPU)
    with pytest.raises(ConfigError, match="no usable configuration"):
        open_detectron2_detector(index, "nothing", None, CPU)
    with pytest.raises(ConfigError, match="no file of weights"):
        open_detectron2_detector(index, PAPER_CONFIG, "nothing.pth", CPU)
    with pytest.raises(ConfigError, match="no trained weights"):
        open_detectron2_detector(index, PAPER_CONFIG, None, CPU)
