"""Faster R-CNN of torchvision: the same boxes as its plain loop, whatever the batch."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core.data import open_dataset
from core.data.index import DatasetIndex
from core.detection.detector import Detector
from core.detection.networks import (
    STOCK,
    DetectorDescription,
    build_network,
    fuse_batch_norms,
    propose,
    read_weights,
)
from core.detection.pixels import PixelSource
from core.detection.torchvision_detector import (
    TorchvisionDetector,
    open_torchvision_detector,
    output_labels,
)
from core.errors import ConfigError
from core.evaluation.proposal_recall import iou_matrix

CPU = torch.device("cpu")
MOBILENET = "fasterrcnn_mobilenet_v3_large_320_fpn"


@pytest.fixture(scope="module")
def index(tiny_voc: Path) -> DatasetIndex:
    return open_dataset(tiny_voc)


def unsettled(network: nn.Module) -> nn.Module:
    """Gives batch norms statistics that matter, and the outputs scores that differ."""
    torch.manual_seed(3)
    for module in network.modules():
        if hasattr(module, "running_var"):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    for name, parameter in network.named_parameters():
        if "cls_" in name or "bbox_" in name:
            nn.init.normal_(parameter.data, std=0.02)
    return network.eval()


def a_network(index: DatasetIndex, name: str = "small", frozen: bool = False):
    torch.manual_seed(0)
    description = DetectorDescription(name, index.classes, frozen)
    return unsettled(build_network(description)), description


@pytest.mark.parametrize("name", ["small", MOBILENET])
def test_the_boxes_are_those_of_torchvisions_plain_loop(index: DatasetIndex, name: str):
    network, description = a_network(index, name, frozen=name == MOBILENET)
    network.roi_heads.score_thresh = 0.0
    plain = copy.deepcopy(network)
    detector: Detector = TorchvisionDetector(index, network, description, CPU, batch_size=1)
    images = [3, 0, 5]
    found = detector.detect(images)
    source = PixelSource(index, description.longest_side_px)
    for image, ours in zip(images, found, strict=True):
        (pixels,) = source.read([image])
        assert pixels is not None
        with torch.inference_mode():
            (theirs,) = plain([pixels.float() / 255])
        scale = source.scale_of(image, pixels)
        assert ours.image_id == index.image_ids[image]
        assert len(ours.score_N) == len(theirs["scores"]) > 10
        np.testing.assert_allclose(ours.score_N, theirs["scores"].numpy(), atol=1e-5)
        # Equal scores may swap places, also across the end of the list.
        same = iou_matrix(ours.boxes_xyxy_N4, theirs["boxes"].numpy() * scale) > 0.98
        same &= ours.label_N[:, None] == theirs["labels"].numpy() - 1
        assert same.any(axis=1).mean() >= 0.97


def test_a_batch_finds_what_single_images_give(index: DatasetIndex):
    network, description = a_network(index)
    one = TorchvisionDetector(index, copy.deepcopy(network), description, CPU, batch_size=1)
    many = TorchvisionDetector(index, network, description, CPU, batch_size=4)
    images = list(range(6))
    for a, b in zip(one.proposals(images), many.proposals(images), strict=True):
        assert a.image_id == b.image_id
        assert set(b.label_N.tolist()) == {-1}
        # Padding differs between batches, so that border boxes may.
        best = min(len(a.score_N), len(b.score_N), 5)
        assert best == 5
        np.testing.assert_allclose(a.score_N[:best], b.score_N[:best], atol=0.05)


def test_proposals_are_those_of_torchvisions_region_proposal_network(index: DatasetIndex):
    network, description = a_network(index)
    (pixels,) = PixelSource(index, description.longest_side_px).read([2])
    assert pixels is not None
    images = [pixels.float() / 255]
    ((boxes_N4, score_N),) = propose(network, images)
    with torch.inference_mode():
        batch, _ = network.transform(images)
        (theirs,), _ = network.rpn(batch, network.backbone(batch.tensors))
    assert torch.equal(boxes_N4, theirs)
    assert (score_N.diff() <= 0).all()
    assert 0 < float(score_N.max()) < 1


def test_fusing_changes_no_result(index: DatasetIndex):
    network, _ = a_network(index)
    fused = copy.deepcopy(network.backbone)
    fuse_batch_norms(fused)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    images = torch.rand(2, 3, 96, 128)
    with torch.inference_mode():
        for a, b in zip(network.backbone(images).values(), fused(images).values(), strict=True):
            torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_labels_are_the_data_sets(index: DatasetIndex):
    coco = DetectorDescription(MOBILENET, ("airplane", "laptop", "tv"))
    labels = output_labels(coco, ("aeroplane", "dog", "tvmonitor"))
    assert labels.tolist() == [-2, 0, -2, 2]
    assert output_labels(DetectorDescription("small", ("object",)), index.classes).tolist() == [
        -1,
        -1,
    ]
    with pytest.raises(ConfigError, match="knows none of the data's classes"):
        output_labels(DetectorDescription("small", ("zebra", "yak")), index.classes)


def test_a_damaged_image_has_no_boxes_and_is_listed_once(own_voc: Path):
    index = open_dataset(own_voc)
    path = index.image_paths[1]
    path.write_bytes(path.read_bytes()[:-900])
    network, description = a_network(index)
    detector = TorchvisionDetector(index, network, description, CPU)
    found = [*detector.proposals([0, 1, 2]), *detector.proposals([1])]
    assert [len(item.score_N) > 0 for item in found] == [True, False, True, False]
    assert [problem.path for problem in detector.problems] == [path]


def test_a_file_of_torchvisions_own_weights(index: DatasetIndex, tmp_path: Path):
    path = tmp_path / "coco.pth"
    torch.manual_seed(0)
    plain = build_network(DetectorDescription(MOBILENET, tuple(map(str, range(90)))))
    torch.save(plain.state_dict(), path)
    detector = open_torchvision_detector(index, f"torchvision:{MOBILENET}", str(path), CPU)
    assert detector.name == f"torchvision {MOBILENET}"
    (found,) = detector.proposals([0])
    width, height = index.image_size_I2[0]
    assert len(found.score_N) > 20
    assert found.boxes_xyxy_N4.min() >= 0
    assert (found.boxes_xyxy_N4.max(axis=0) <= [width, height, width, height]).all()
    weights = read_weights(MOBILENET, str(path))
    assert weights.description is None


@pytest.mark.parametrize(
    ("source", "weights", "message"),
    [
        ("torchvision:small", None, "has no weights until it is trained"),
        ("torchvision:resnet", None, "There is no detector network 'resnet'"),
        (f"torchvision:{MOBILENET}", "nothing.pth", "There are no weights 'nothing.pth'"),
        ("nothing", None, "There is no detector 'nothing'"),
        ("nothing", "x.pth", "--weights do not go with"),
    ],
)
def test_detectors_that_cannot_be_had(
    index: DatasetIndex, source: str, weights: str | None, message: str
):
    with pytest.raises(ConfigError, match=message) as raised:
        open_torchvision_detector(index, source, weights, CPU)
    assert raised.value.hint


def test_a_corrupt_download_is_a_sentence(
    index: DatasetIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("torch.hub._hub_dir", str(tmp_path))
    name = Path(STOCK[MOBILENET].COCO_V1.url).name
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / name).write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(ConfigError, match="came damaged") as raised:
        open_torchvision_detector(index, f"torchvision:{MOBILENET}", "COCO_V1", CPU)
    assert str(tmp_path) in raised.value.hint
