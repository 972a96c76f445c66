"""A Faster R-CNN that two CPU cores can train: a small residual pyramid on images of 192 pixels.

Shape suffixes: B batch, C channels, H W map.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign

LONGEST_SIDE_PX = 192
_ANCHORS_PX = ((16, 24, 36), (54, 80, 128))
_ASPECTS = (0.5, 1.0, 2.0)
_ROI_SIDE = 5
_HEAD_FEATURES = 256
_DIVISOR = 32
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_Found = list[dict[str, Tensor]]


class SmallBackbone(nn.Module):
    """Residual stages up to stride 32, and a pyramid of the maps at strides 8 and 16."""

    out_channels = 96

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_Step(3, 24, 2), _Step(24, 32, 2))
        self.stage8 = nn.Sequential(_Block(32, 64, 2), _Block(64, 64))
        self.stage16 = nn.Sequential(_Block(64, 128, 2), _Block(128, 128))
        self.stage32 = nn.Sequential(_Block(128, 192, 2))
        width = self.out_channels
        self.inner = nn.ModuleList([nn.Conv2d(size, width, 1) for size in (64, 128, 192)])
        self.outer = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(2)])

    def forward(self, images_BCHW: Tensor) -> OrderedDict[str, Tensor]:
        """Returns the maps at strides 8 and 16, named "0" and "1"."""
        map8 = self.stage8(self.stem(images_BCHW))
        map16 = self.stage16(map8)
        map32 = self.stage32(map16)
        top16 = self.inner[1](map16) + _enlarged(self.inner[2](map32), map16)
        top8 = self.inner[0](map8) + _enlarged(top16, map8)
        return OrderedDict([("0", self.outer[0](top8)), ("1", self.outer[1](top16))])


class _Step(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = _Step(inputs, outputs, stride)
        self.second = nn.Sequential(
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)
        )
        self.shortcut = (
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
            if stride > 1 or inputs != outputs
            else nn.Identity()
        )

    def forward(self, maps_BCHW: Tensor) -> Tensor:
        result: Tensor = self.second(self.first(maps_BCHW)) + self.shortcut(maps_BCHW)
        return functional.relu(result, inplace=True)


def _enlarged(maps_BCHW: Tensor, like_BCHW: Tensor) -> Tensor:
    return functional.interpolate(maps_BCHW, size=like_BCHW.shape[-2:], mode="nearest")


class _Pad(nn.Module):
    """Normalises images that have their size already, and pads them to one batch."""

    mean_C11: Tensor
    std_C11: Tensor

    def __init__(self) -> None:
        super().__init__()
        mean, std = torch.tensor(_MEAN).view(3, 1, 1), torch.tensor(_STD).view(3, 1, 1)
        self.register_buffer("mean_C11", mean, persistent=False)
        self.register_buffer("std_C11", std, persistent=False)

    def forward(
        self, images: list[Tensor], targets: list[dict[str, Tensor]] | None = None
    ) -> tuple[ImageList, list[dict[str, Tensor]] | None]:
        sizes = [(int(image.shape[1]), int(image.shape[2])) for image in images]
        height, width = (-(-max(side) // _DIVISOR) * _DIVISOR for side in zip(*sizes, strict=True))
        batch_BCHW = images[0].new_zeros((len(images), 3, height, width))
        for image, place_CHW, (h, w) in zip(images, batch_BCHW, sizes, strict=True):
            torch.sub(image, self.mean_C11, out=place_CHW[:, :h, :w]).div_(self.std_C11)
        batch_BCHW = batch_BCHW.contiguous(memory_format=torch.channels_last)
        return ImageList(batch_BCHW, sizes), targets

    def postprocess(self, result: _Found, _sizes: object, _original_sizes: object) -> _Found:
        return result


def small_network(outputs: int) -> FasterRCNN:
    """Builds it with random weights.

    Args:
        outputs: Classes, the background counted.
    """
    backbone = SmallBackbone()
    width = backbone.out_channels
    settings: dict[str, Any] = {
        "rpn_anchor_generator": AnchorGenerator(_ANCHORS_PX, (_ASPECTS,) * len(_ANCHORS_PX)),
        "rpn_pre_nms_top_n_train": 400,
        "rpn_pre_nms_top_n_test": 300,
        "rpn_post_nms_top_n_train": 200,
        "rpn_post_nms_top_n_test": 100,
        "rpn_fg_iou_thresh": 0.6,
        "rpn_batch_size_per_image": 128,
        "box_batch_size_per_image": 64,
        "box_roi_pool": MultiScaleRoIAlign(["0", "1"], _ROI_SIDE, 2),
        "box_head": TwoMLPHead(width * _ROI_SIDE**2, _HEAD_FEATURES),
        "box_predictor": FastRCNNPredictor(_HEAD_FEATURES, outputs),
    }
    network = FasterRCNN(backbone, **settings)
    network.transform = _Pad()
    return network
