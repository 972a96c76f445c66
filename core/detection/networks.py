"""Faster R-CNN networks by name, with random, COCO's, ImageNet's or a file's weights.

Weights of COCO, and of ImageNet for the backbone alone, come from torchvision; a file is a state
dict of torchvision's, or a checkpoint that `akin detect train` wrote, which also says its network
and classes.

Shape suffixes: B images, N boxes of one image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, hub, nn
from torchvision.models import WeightsEnum, detection, get_model_weights
from torchvision.models.detection import FasterRCNN
from torchvision.ops.misc import FrozenBatchNorm2d

from core.data.index import OBJECT
from core.detection.small_network import LONGEST_SIDE_PX, small_network
from core.errors import ConfigError
from core.ranking import nearest
from core.torch_files import DAMAGED, UnreadableFileError, load_tensors

SMALL = "small"
STOCK = {
    name: get_model_weights(name)
    for name in (
        "fasterrcnn_resnet50_fpn",
        "fasterrcnn_resnet50_fpn_v2",
        "fasterrcnn_mobilenet_v3_large_320_fpn",
    )
}
NETWORKS = (SMALL, *STOCK)


class _Backbone(NamedTuple):
    """A classifier of images whose layers a network's backbone has.

    Attributes:
        classifier: Torchvision's name of it.
        start: What the names of these layers start with.
        epsilon: Of its batch norms.
    """

    classifier: str
    start: str
    epsilon: float


_RESNET = _Backbone("resnet50", "", 1e-5)
_BACKBONES = {
    "fasterrcnn_resnet50_fpn": _RESNET,
    "fasterrcnn_resnet50_fpn_v2": _RESNET,
    "fasterrcnn_mobilenet_v3_large_320_fpn": _Backbone("mobilenet_v3_large", "features.", 1e-3),
}
# The epsilon of the batch norms that torchvision freezes: that of COCO's weights.
_FROZEN = {"fasterrcnn_resnet50_fpn": 0.0, "fasterrcnn_mobilenet_v3_large_320_fpn": 1e-5}
_STEM = ("backbone.body.conv1", "backbone.body.bn1", "backbone.body.layer1")
_HEAD = "roi_heads.box_predictor."


@dataclass(frozen=True)
class DetectorDescription:
    """What a checkpoint says about its network.

    Attributes:
        network: One of NETWORKS.
        classes: What its labels 1, 2, ... mean; 0 is the background.
        frozen: Batch norms never learn, as in torchvision's networks with given weights.
    """

    network: str
    classes: tuple[str, ...]
    frozen: bool = False

    @property
    def class_agnostic(self) -> bool:
        """Whether all objects are one class."""
        return self.classes == (OBJECT,)

    @property
    def longest_side_px(self) -> int | None:
        """To what images are shrunk before the network sees them; None: it does so itself."""
        return LONGEST_SIDE_PX if self.network == SMALL else None

    def to_plain(self) -> dict[str, Any]:
        """Returns it as a checkpoint holds it."""
        return asdict(self) | {"classes": list(self.classes)}


@dataclass(frozen=True, eq=False)
class Weights:
    """A state dict, and what is known about it.

    Attributes:
        state: By parameter name.
        description: What the file says of its network; None for torchvision's own files.
    """

    state: Mapping[str, Tensor]
    description: DetectorDescription | None = None

    @property
    def is_classifier(self) -> bool:
        """Whether they are of a classifier of images: a backbone's, without a detector's."""
        return not any(name.startswith("backbone.") for name in self.state)


def require_network(name: str) -> None:
    """Raises ConfigError if there is no network of that name."""
    if name not in NETWORKS:
        hint = nearest(name, NETWORKS, "Choose another")
        raise ConfigError(f"There is no detector network '{name}'.", hint, "detector.network")


def build_network(description: DetectorDescription) -> FasterRCNN:
    """Builds a network with random weights and an output for each class.

    Raises:
        ConfigError: If there is none of that name.
    """
    require_network(description.network)
    outputs = len(description.classes) + 1
    if description.network == SMALL:
        return small_network(outputs)
    build = getattr(detection, description.network)
    network: FasterRCNN = build(weights=None, weights_backbone=None, num_classes=outputs)
    if description.frozen:
        _freeze_batch_norms(network.backbone, _FROZEN[description.network])
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(not name.startswith(_STEM))
    return network


def freezes(network: str, weights: str | None) -> bool:
    """Tells whether torchvision freezes the batch norms of a network with such weights."""
    return weights is not None and network in _FROZEN


# ----- weights -----


def read_weights(network: str, source: str) -> Weights:
    """Reads weights by COCO's name or from a file.

    Args:
        network: For which.
        source: Such as "COCO_V1", "DEFAULT" or "IMAGENET1K_V1", or a file.

    Raises:
        ConfigError: If there are none, they cannot be downloaded, or the file is damaged.
    """
    known = _published(network)
    if source in known:
        try:
            state = known[source].get_state_dict(progress=False, check_hash=True)
        except DAMAGED as error:
            raise ConfigError(
                f"The weights '{source}' of {network} could not be downloaded, or came damaged.",
                f"Check the network and delete what is in {hub.get_dir()}/checkpoints, or give a "
                "local file with --weights.",
                "detector.weights",
            ) from error
        return Weights(state)
    path = Path(source)
    if not path.is_file():
        names = ", ".join(known)
        hint = f"Give a file, or one of: {names}." if names else "Give the checkpoint of a run."
        message = f"There are no weights '{source}' for {network}."
        raise ConfigError(message, hint, "detector.weights")
    return read_weights_file(path)


def _published(network: str) -> dict[str, WeightsEnum]:
    if network not in STOCK:
        return {}
    of_backbone = get_model_weights(_BACKBONES[network].classifier)
    found = dict(of_backbone.__members__) | dict(STOCK[network].__members__)
    return {name: found[name] for name in sorted(found)}


def read_weights_file(path: Path) -> Weights:
    """Reads a checkpoint of `akin detect train` or a plain state dict.

    Raises:
        ConfigError: If it is missing, damaged or something else.
    """
    try:
        loaded = load_tensors(path)
    except UnreadableFileError as error:
        there = "is damaged or holds no weights" if path.exists() else "is missing"
        raise ConfigError(
            f"{path} {there}.",
            "Give a checkpoint of akin detect train, or torchvision's weights, copied whole.",
            "detector.weights",
        ) from error
    if isinstance(loaded, Mapping) and isinstance(loaded.get("detector"), Mapping):
        told = loaded["detector"]
        try:
            description = DetectorDescription(
                str(told["network"]), tuple(map(str, told["classes"])), bool(told["frozen"])
            )
            return Weights(loaded["model"], description)
        except (KeyError, TypeError):
            pass
    elif isinstance(loaded, Mapping) and all(isinstance(v, Tensor) for v in loaded.values()):
        return Weights(loaded)
    raise ConfigError(
        f"{path} holds no weights of a detector.",
        "A run of akin train is none; train one with akin detect train.",
        "detector.weights",
    )


def load_weights(
    network: FasterRCNN, description: DetectorDescription, weights: Weights, source: str
) -> bool:
    """Gives a network weights; those of its last layer only where the classes are the same.

    Args:
        network: Changed in place.
        description: Of it.
        weights: From `read_weights`.
        source: Their name, for messages.

    Returns:
        Whether the last layer's weights were taken too; a classifier's are for the backbone alone.

    Raises:
        ConfigError: If they are another network's.
    """
    told = weights.description
    if told is not None and told.network != description.network:
        raise ConfigError(
            f"The weights '{source}' are of the network {told.network}, not of "
            f"{description.network}.",
            f"Choose --detector torchvision:{told.network}, or other weights.",
            "detector.weights",
        )
    classes = told.classes if told is not None else classes_of_state(weights.state)
    same = classes == description.classes
    state = dict(weights.state)
    own = network.state_dict()
    if weights.is_classifier and description.network in _BACKBONES:
        state = own | _backbone_state(description, weights.state)
    elif not same:
        state = {k: v for k, v in state.items() if not k.startswith(_HEAD)}
        state |= {k: v for k, v in own.items() if k.startswith(_HEAD)}
    try:
        network.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"The weights '{source}' do not fit {description.network}.",
            "Choose weights of the same network.",
            "detector.weights",
        ) from error
    return same


def _backbone_state(
    description: DetectorDescription, state: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    backbone = _BACKBONES[description.network]
    found = {
        f"backbone.body.{name.removeprefix(backbone.start)}": value
        for name, value in state.items()
        if name.startswith(backbone.start) and not name.startswith("fc.")
    }
    if description.frozen:  # What the classifier's batch norms add, and frozen ones do not.
        missing = backbone.epsilon - _FROZEN[description.network]
        variances = [name for name in found if name.endswith("running_var")]
        found |= {name: found[name] + missing for name in variances}
        found = {k: v for k, v in found.items() if not k.endswith("num_batches_tracked")}
    return found


def classes_of_state(state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Returns the classes of torchvision's own weights: COCO's 90 by number, else numbers."""
    bias = state.get(f"{_HEAD}cls_score.bias")
    count = len(bias) - 1 if bias is not None else 0
    coco = detection.FasterRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
    if count == len(coco) - 1:
        return tuple(coco[1:])
    return tuple(f"class {number}" for number in range(1, count + 1))


def _freeze_batch_norms(module: nn.Module, epsilon: float) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            frozen = FrozenBatchNorm2d(child.num_features, eps=epsilon)
            frozen.load_state_dict(child.state_dict())
            setattr(module, name, frozen)
        else:
            _freeze_batch_norms(child, epsilon)


# ----- running -----


@torch.inference_mode()
def propose(network: FasterRCNN, images_B: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Runs the region proposal network alone, without the classification network.

    Args:
        network: In evaluation mode.
        images_B: float32 in [0, 1], shape (3, H, W) each.

    Returns:
        For each image boxes_N4 in its pixels and objectness_N in [0, 1], best first.
    """
    sizes = [(int(image.shape[-2]), int(image.shape[-1])) for image in images_B]
    batch, _ = network.transform(images_B)
    features = list(network.backbone(batch.tensors).values())
    rpn = network.rpn
    objectness, deltas = rpn.head(features)
    anchors = rpn.anchor_generator(batch, features)
    counts = [int(level[0].numel()) for level in objectness]
    objectness, deltas = detection.rpn.concat_box_prediction_layers(objectness, deltas)
    boxes = rpn.box_coder.decode(deltas, anchors).view(len(anchors), -1, 4)
    found, scores = rpn.filter_proposals(boxes, objectness, batch.image_sizes, counts)
    plain = network.transform.postprocess(
        [{"boxes": boxes_N4} for boxes_N4 in found], batch.image_sizes, sizes
    )
    return [(item["boxes"], score_N) for item, score_N in zip(plain, scores, strict=True)]


def fuse_batch_norms(module: nn.Module) -> None:
    """Folds every batch norm into the convolution before it: the same results, sooner.

    Args:
        module: In evaluation mode, never trained again; changed in place.
    """
    children = list(module.named_children())
    for (name, first), (next_name, second) in pairwise(children):
        if not isinstance(first, nn.Conv2d):
            continue
        if isinstance(second, nn.BatchNorm2d | FrozenBatchNorm2d):
            setattr(module, name, _folded(first, second))
            setattr(module, next_name, nn.Identity())
    for _, child in children:
        fuse_batch_norms(child)


def _folded(conv: nn.Conv2d, norm: nn.BatchNorm2d | FrozenBatchNorm2d) -> nn.Conv2d:
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    weight, bias = nn.utils.fusion.fuse_conv_bn_weights(
        conv.weight, conv.bias, mean, variance, norm.eps, norm.weight, norm.bias
    )
    fused = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        cast(Any, conv.kernel_size),
        cast(Any, conv.stride),
        cast(Any, conv.padding),
        cast(Any, conv.dilation),
        conv.groups,
    )
    fused.weight, fused.bias = weight, bias
    return fused
