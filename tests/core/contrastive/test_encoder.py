from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision

from core.contrastive.encoder import build_encoder
from core.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "features"),
    [(f"resnet{depth}", 512 if depth < 50 else 2048) for depth in (18, 34, 50, 101)],
)
@pytest.mark.parametrize("stem", ["small", "ordinary"])
def test_shapes_and_unit_norm(name, stem, features: int) -> None:
    encoder = build_encoder(name, stem, 24).eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert encoder.features(images).shape == (2, features)
        z = encoder(images)
    assert z.shape == (2, 24)
    torch.testing.assert_close(z.norm(dim=1), torch.ones(2))


def test_the_small_stem_keeps_the_resolution() -> None:
    sides = {}
    for stem in ("small", "ordinary"):
        backbone = build_encoder("resnet18", stem).backbone
        image = torch.zeros(1, 3, 32, 32)
        early = backbone.maxpool(backbone.relu(backbone.bn1(backbone.conv1(image))))
        sides[stem] = early.shape[-1]
    assert sides == {"small": 32, "ordinary": 8}


def test_a_classifier_instead_of_the_head() -> None:
    encoder = build_encoder("resnet18", "ordinary", num_classes=7).eval()
    with torch.no_grad():
        assert encoder.logits(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    with pytest.raises(AssertionError, match="no projection head"):
        encoder(torch.zeros(2, 3, 32, 32))


def test_weights_from_a_file(tmp_path: Path) -> None:
    network = torchvision.models.resnet18()
    torch.save(network.state_dict(), tmp_path / "w.pt")
    encoder = build_encoder("resnet18", "ordinary", weights=str(tmp_path / "w.pt"))
    assert torch.equal(encoder.backbone.conv1.weight, network.conv1.weight)
    small = build_encoder("resnet18", "small", weights=str(tmp_path / "w.pt"))
    assert torch.equal(small.backbone.layer1[0].conv1.weight, network.layer1[0].conv1.weight)
    torch.save(torchvision.models.resnet18(num_classes=7).state_dict(), tmp_path / "seven.pt")
    build_encoder("resnet18", "ordinary", weights=str(tmp_path / "seven.pt"))


def test_weights_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There are no weights 'nothing"):
        build_encoder("resnet18", "ordinary", weights="nothing.pt")
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"not weights")
    with pytest.raises(ConfigError, match="is no file of weights"):
        build_encoder("resnet18", "ordinary", weights=str(broken))
    other = tmp_path / "other.pt"
    torch.save(torchvision.models.resnet34().state_dict(), other)
    with pytest.raises(ConfigError, match="do not fit resnet18") as raised:
        build_encoder("resnet18", "ordinary", weights=str(other))
    assert raised.value.key == "encoder.weights"
