"""Encoders: a residual network, its projection head, and an optional classifier.

Shape suffixes: B batch, C channels or classes, H W image, F features, D embedding.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
import torchvision
from torch import Tensor, nn

from core.errors import ConfigError
from core.torch_files import DAMAGED, UnreadableFileError, load_tensors

EncoderName = Literal["resnet18", "resnet34", "resnet50", "resnet101"]
Stem = Literal["small", "ordinary"]


class ContrastiveEncoder(nn.Module):
    """A residual network f, an MLP head g, and for SoftMax a linear classifier on f.

    Args:
        backbone: Returns features_BF.
        feature_size: F.
        embedding_size: D.
        num_classes: Outputs of the classifier; None: no classifier, but the head.
    """

    def __init__(
        self, backbone: nn.Module, feature_size: int, embedding_size: int, num_classes: int | None
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head: nn.Module | None = None
        self.classifier: nn.Module | None = None
        if num_classes is None:
            self.head = nn.Sequential(
                nn.Linear(feature_size, feature_size),
                nn.ReLU(inplace=True),
                nn.Linear(feature_size, embedding_size),
            )
        else:
            self.classifier = nn.Linear(feature_size, num_classes)

    def features(self, images_BCHW: Tensor) -> Tensor:
        """Returns features_BF of normalised images."""
        features_BF: Tensor = self.backbone(images_BCHW)
        return features_BF

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Returns z_BD on the unit sphere, float32 (of float64 weights: float64)."""
        assert self.head is not None, "an encoder with a classifier has no projection head"
        z_BD: Tensor = self.head(self.features(images_BCHW))
        return nn.functional.normalize(z_BD.to(_at_least_float32(z_BD)), dim=1)

    def logits(self, images_BCHW: Tensor) -> Tensor:
        """Returns the classifier's logits_BC."""
        return self.features_and_logits(images_BCHW)[1]

    def features_and_logits(self, images_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Returns features_BF and the classifier's logits_BC."""
        assert self.classifier is not None, "the encoder was built without a classifier"
        features_BF = self.features(images_BCHW)
        return features_BF, self.classifier(features_BF)


def _at_least_float32(values: Tensor) -> torch.dtype:
    return torch.promote_types(values.dtype, torch.float32)


def build_encoder(
    name: EncoderName,
    stem: Stem,
    embedding_size: int = 128,
    *,
    weights: str | None = None,
    num_classes: int | None = None,
) -> ContrastiveEncoder:
    """Builds an encoder with random or given weights.

    Args:
        name: The torchvision residual network.
        stem: "ordinary": 7x7 stride 2 and max-pool; "small": 3x3 stride 1 and none, for small
            crops (Khosla et al. 2020; the paper's).
        embedding_size: D.
        weights: A torchvision weights name, such as "IMAGENET1K_V2", or a local file: a state
            dict of the network, whatever classes its last layer, which is not used, knows.
        num_classes: With a classifier of so many outputs instead of the head.

    Raises:
        ConfigError: If the weights cannot be had or do not fit.
    """
    backbone = getattr(torchvision.models, name)(weights=None)
    feature_size = backbone.fc.in_features
    backbone.fc = nn.Identity()
    if weights:
        _load_weights(backbone, name, weights)
    if stem == "small":
        backbone.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
        nn.init.kaiming_normal_(backbone.conv1.weight, mode="fan_out", nonlinearity="relu")
        backbone.maxpool = nn.Identity()
    return ContrastiveEncoder(backbone, feature_size, embedding_size, num_classes)


def _load_weights(backbone: nn.Module, name: str, weights: str) -> None:
    state = _read_state(name, weights)
    try:
        backbone.load_state_dict(
            {key: value for key, value in state.items() if not key.startswith("fc.")}
        )
    except (RuntimeError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"The weights '{weights}' do not fit {name}.",
            "Choose weights of the same network.",
            "encoder.weights",
        ) from error


def _read_state(name: str, weights: str) -> dict[str, Tensor]:
    known = torchvision.models.get_model_weights(name)
    if weights in known.__members__:
        try:
            downloaded: dict[str, Tensor] = known[weights].get_state_dict(
                progress=False, check_hash=True
            )
        except DAMAGED as error:
            raise ConfigError(
                f"The weights '{weights}' of {name} could not be downloaded, or came damaged.",
                "Check the network, or give a local file.",
                "encoder.weights",
            ) from error
        return downloaded
    path = Path(weights)
    if not path.is_file():
        raise ConfigError(
            f"There are no weights '{weights}' for {name}.",
            f"Give a file, or one of: {', '.join(known.__members__)}.",
            "encoder.weights",
        )
    try:
        state: dict[str, Tensor] = load_tensors(path)
    except UnreadableFileError as error:
        raise ConfigError(
            f"{path} is no file of weights.", "Give a state dict saved by torch.", "encoder.weights"
        ) from error
    return state
