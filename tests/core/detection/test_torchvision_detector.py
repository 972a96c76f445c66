"""Faster R-CNN of torchvision: the same boxes as its plain loop, whatever the batch."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torchvision.ops.misc import FrozenBatchNorm2d

from core.data import open_dataset
from core.data.index import DatasetIndex
from core.detection.detector import Detector
from core.detection.networks import (
    STOCK,
    DetectorDescription,
    build_network,
    freezes,
    fuse_batch_norms,
    load_weights,
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
    del network.roi_heads  # The classification network is not needed.
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


@pytest.mark.parametrize("name", [MOBILENET, "fasterrcnn_resnet50_fpn"])
def test_batch_norms_of_published_weights_are_torchvisions(name: str):
    """torchvision's own builder, its download replaced: what it freezes, and how."""
    torch.manual_seed(0)
    plain = build_network(DetectorDescription(name, tuple(map(str, range(90)))))
    with pytest.MonkeyPatch.context() as patch:
        state = {k: v for k, v in plain.state_dict().items() if "num_batches" not in k}
        patch.setattr(STOCK[name], "get_state_dict", lambda _self, **_options: state)
        theirs = getattr(torchvision.models.detection, name)(weights="COCO_V1")
    description = DetectorDescription(name, tuple(map(str, range(90))), frozen=True)
    ours = build_network(description)
    norms = [[m for m in n.modules() if isinstance(m, FrozenBatchNorm2d)] for n in (ours, theirs)]
    assert len(norms[0]) == len(norms[1]) > 40
    assert [norm.eps for norm in norms[0]] == [norm.eps for norm in norms[1]]


@pytest.mark.parametrize(
    ("name", "classifier", "last"),
    [
        (MOBILENET, "mobilenet_v3_large", "features"),
        ("fasterrcnn_resnet50_fpn", "resnet50", "layer4"),
        ("fasterrcnn_resnet50_fpn_v2", "resnet50", "layer4"),
    ],
)
def test_a_backbone_takes_a_classifiers_weights(
    index: DatasetIndex, tmp_path: Path, name: str, classifier: str, last: str
):
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(classifier, weights=None)
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.uniform_(1e-2, 2)
            module.running_mean.uniform_(-0.1, 0.1)
    path = tmp_path / "imagenet.pth"
    torch.save(theirs.state_dict(), path)
    description = DetectorDescription(name, ("dog",), freezes(name, "IMAGENET1K_V1"))
    network = build_network(description)
    weights = read_weights(name, str(path))
    assert weights.is_classifier
    assert not load_weights(network, description, weights, str(path))
    seen: list[torch.Tensor] = []
    getattr(theirs, last).register_forward_hook(lambda _module, _in, output: seen.append(output))
    images = torch.rand(1, 3, 64, 64, dtype=torch.float64)
    with torch.inference_mode():
        theirs.double().eval()(images)
        found = list(network.double().eval().backbone.body(images).values())[-1]
    torch.testing.assert_close(found, seen[0], atol=0, rtol=1e-4)
    with pytest.raises(ConfigError, match="of a classifier of images"):
        open_torchvision_detector(index, f"torchvision:{name}", str(path), CPU)


def test_damaged_weights_are_a_sentence(tmp_path: Path):
    path = tmp_path / "weights.pt"
    for damaged in (b"", b"ab", b"\x80\x02}q\x00.", b"PK\x03\x04", b"0" * 300, b"}(\xff\xff"):
        path.write_bytes(damaged)
        with pytest.raises(ConfigError, match=r"weights\.pt (is damaged|holds no weights)"):
            read_weights(MOBILENET, str(path))


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
