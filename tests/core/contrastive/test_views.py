"""Views against torchvision's reference transforms on the same parameters, and in distribution."""

from __future__ import annotations

import itertools

import pytest
import torch
from scipy import stats
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as reference

from core.contrastive import views
from core.contrastive.colour import HUE, grayscale, jitter
from core.contrastive.views import (
    ViewParameters,
    ViewSettings,
    apply_parameters,
    make_view,
    plain_view,
    sample_parameters,
)

REFERENCES = (
    reference.adjust_brightness,
    reference.adjust_contrast,
    reference.adjust_saturation,
    reference.adjust_hue,
)
RAW = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def crops(count: int, side: int = 32) -> torch.Tensor:
    g = torch.Generator().manual_seed(count)
    coarse = torch.rand(count, 3, 6, 6, generator=g)
    smooth = torch.nn.functional.interpolate(coarse, size=side, mode="bicubic").clamp(0, 1)
    return (smooth * 255).to(torch.uint8)


def reference_view(crop: torch.Tensor, size: int, drawn: ViewParameters, row: int) -> torch.Tensor:
    top, left, height, width = drawn.box_B4[row].tolist()
    image = reference.resized_crop(
        crop.float() / 255, top, left, height, width, [size, size], antialias=True
    )
    if drawn.flip_B[row]:
        image = reference.horizontal_flip(image)
    if drawn.jitter_B[row]:
        for number in drawn.order_B4[row].tolist():
            image = REFERENCES[number](image, float(drawn.factor_B4[row, number]))
    return reference.rgb_to_grayscale(image, 3) if drawn.gray_B[row] else image


@pytest.mark.parametrize("device", ["cpu", "as on a GPU"])
@pytest.mark.parametrize(("side", "size"), [(32, 20), (32, 32), (32, 48), (7, 64)])
@pytest.mark.parametrize("scale", [(0.05, 0.3), (0.2, 1.0), (0.9, 1.0)])
def test_pixels_are_those_of_torchvision(
    side: int, size: int, scale: tuple[float, float], device: str, monkeypatch
) -> None:
    if device != "cpu":
        monkeypatch.setattr(views, "SAMPLES_PIXELS", ())
    settings = ViewSettings(size, scale=scale, jitter_p=0.7, grayscale_p=0.3, **RAW)
    images = crops(40, side)
    drawn = sample_parameters(40, side, settings, torch.Generator().manual_seed(9))
    found = apply_parameters(images, settings, drawn)
    for row in range(40):
        wanted = reference_view(images[row], size, drawn, row)
        torch.testing.assert_close(found[row], wanted, atol=2e-5, rtol=0)


NEUTRAL = (1.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize("kind", range(4), ids=["brightness", "contrast", "saturation", "hue"])
def test_each_adjustment_over_its_range(kind: int) -> None:
    images = crops(1).float() / 255
    images[..., :3, :3] = 0
    images[..., 3:6, :3] = 1
    low, high = (-0.5, 0.5) if kind == HUE else (0.0, 2.0)
    for factor in torch.linspace(low, high, 21).tolist():
        factors = torch.tensor([[*NEUTRAL[:kind], factor, *NEUTRAL[kind + 1 :]]])
        found = jitter(images, torch.arange(4)[None], factors)
        torch.testing.assert_close(found, REFERENCES[kind](images, factor), atol=1e-5, rtol=0)


def test_every_order_of_the_adjustments() -> None:
    orders = torch.tensor(list(itertools.permutations(range(4))))
    images = crops(len(orders)).float() / 255
    g = torch.Generator().manual_seed(3)
    factors = torch.rand(len(orders), 4, generator=g) + 0.5
    factors[:, HUE] -= 1
    found = jitter(images, orders, factors)
    for row, order in enumerate(orders.tolist()):
        wanted = images[row]
        for kind in order:
            wanted = REFERENCES[kind](wanted, float(factors[row, kind]))
        torch.testing.assert_close(found[row], wanted, atol=2e-5, rtol=0)
    torch.testing.assert_close(grayscale(images), reference.rgb_to_grayscale(images))


@pytest.mark.parametrize("scale", [(0.2, 1.0), (0.9, 1.0)])
def test_boxes_are_distributed_as_torchvisions(scale: tuple[float, float]) -> None:
    count = 3000
    settings = ViewSettings(64, scale=scale)
    ours = sample_parameters(count, 64, settings, torch.Generator().manual_seed(1)).box_B4
    torch.manual_seed(2)
    transform = v2.RandomResizedCrop(64, scale=scale, antialias=True)
    blank = torch.zeros(3, 64, 64)
    drawn = [transform.make_params([blank]) for _ in range(count)]
    theirs = torch.tensor([[p[k] for k in ("top", "left", "height", "width")] for p in drawn])
    for column in range(4):
        test = stats.ks_2samp(ours[:, column].numpy(), theirs[:, column].numpy())
        assert test.pvalue > 0.001, (column, test)
    assert int((ours[:, 0] + ours[:, 2]).max()) <= 64
    assert int((ours[:, 1] + ours[:, 3]).max()) <= 64


def test_frequencies_and_strengths() -> None:
    settings = ViewSettings(32, flip_p=0.3, jitter_p=0.25, grayscale_p=0.2)
    drawn = sample_parameters(20_000, 32, settings, torch.Generator().manual_seed(0))
    for flags, wanted in ((drawn.flip_B, 0.3), (drawn.jitter_B, 0.25), (drawn.gray_B, 0.2)):
        assert stats.binomtest(int(flags.sum()), 20_000, wanted).pvalue > 0.001
    for column, (low, high) in enumerate([(0.6, 1.4)] * 3 + [(-0.1, 0.1)]):
        uniform = stats.uniform(low, high - low)
        assert stats.kstest(drawn.factor_B4[:, column].numpy(), uniform.cdf).pvalue > 0.001
    orders, counts = drawn.order_B4.unique(dim=0, return_counts=True)
    assert len(orders) == 24
    assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_a_view_is_a_function_of_its_seed() -> None:
    settings, images = ViewSettings(32, jitter_p=0.5), crops(16)
    first = make_view(images, settings, 5)
    torch.rand(7)
    make_view(crops(3), settings, 6)
    assert torch.equal(make_view(images, settings, 5), first)
    assert not torch.equal(make_view(images, settings, 6), first)
    assert images.dtype == torch.uint8
    assert torch.equal(images, crops(16)), "the crops are left as they were"


def test_plain_view_only_normalises() -> None:
    images = crops(2)
    settings = ViewSettings(32)
    wanted = reference.normalize(images.float() / 255, list(settings.mean), list(settings.std))
    torch.testing.assert_close(plain_view(images, settings), wanted)
    small = plain_view(images, ViewSettings(16, **RAW))
    wanted = reference.resize(images.float() / 255, [16, 16], antialias=True)
    torch.testing.assert_close(small, wanted, atol=1e-5, rtol=0)
