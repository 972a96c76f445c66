"""Two random views of every crop, batched on the device the crops are on.

Shape suffixes: B batch, C channels (RGB), H W crop, S output side, I input side.

Matches torchvision's RandomResizedCrop, RandomHorizontalFlip, ColorJitter (with a probability) and
RandomGrayscale in distribution and, for given parameters, in pixels. All parameters come from a
generator on the CPU seeded by the caller, so a view is a function of its seed alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from core.contrastive.colour import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    grayscale,
)

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CROP_ATTEMPTS = 10
ADJUSTMENTS = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)


@dataclass(frozen=True)
class ViewSettings:
    """How views are drawn.

    Attributes:
        size: Side of a view, pixels.
        scale: Share of the crop's area that is kept, from and to.
        ratio: Aspect ratio of the part that is kept, from and to.
        flip_p: Probability of a horizontal flip.
        jitter: Strengths of brightness, contrast, saturation and hue.
        jitter_p: Probability of colour jitter.
        grayscale_p: Probability of a grey view.
        mean: Subtracted from each channel.
        std: Divides each channel.
    """

    size: int
    scale: tuple[float, float] = (0.9, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip_p: float = 0.5
    jitter: tuple[float, float, float, float] = (0.4, 0.4, 0.4, 0.1)
    jitter_p: float = 0.25
    grayscale_p: float = 0.2
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


@dataclass(frozen=True, eq=False)
class ViewParameters:
    """What was drawn for each of B views; on the CPU.

    Attributes:
        box_B4: Part that is kept: top, left, height, width, whole pixels; int64.
        flip_B: Whether it is mirrored.
        jitter_B: Whether its colours are jittered.
        order_B4: Order of the four adjustments: indices into `ADJUSTMENTS`.
        factor_B4: Strength of each adjustment, in the order of `ADJUSTMENTS`.
        gray_B: Whether it is made grey.
    """

    box_B4: Tensor
    flip_B: Tensor
    jitter_B: Tensor
    order_B4: Tensor
    factor_B4: Tensor
    gray_B: Tensor

    def of_rows(self, rows: slice) -> ViewParameters:
        """Returns those of some of the views."""
        values = (getattr(self, field.name) for field in fields(self))
        return ViewParameters(*(value[rows] for value in values))


def make_view(
    crops_BCHW: Tensor,
    settings: ViewSettings,
    seed: int,
    *,
    batch_size: int | None = None,
    rows: slice | None = None,
) -> Tensor:
    """Returns one random view of each crop, normalised float32, B x C x S x S.

    Args:
        crops_BCHW: uint8, square.
        settings: How to draw.
        seed: Fixes all that is random, whatever was drawn before.
        batch_size: Of a larger batch that the crops are a part of, where they are.
        rows: Their rows in it: they get the views that they would get there.
    """
    generator = torch.Generator().manual_seed(seed)
    count = len(crops_BCHW) if batch_size is None else batch_size
    drawn = sample_parameters(count, crops_BCHW.shape[-1], settings, generator)
    if rows is not None:
        drawn = drawn.of_rows(rows)
    return apply_parameters(crops_BCHW, settings, drawn)


def plain_view(crops_BCHW: Tensor, settings: ViewSettings) -> Tensor:
    """Returns the crops without augmentation, resized if need be, normalised float32."""
    images_BCHW = crops_BCHW.float() / 255
    if crops_BCHW.shape[-1] != settings.size:
        side = crops_BCHW.shape[-1]
        box_B4 = torch.tensor([[0, 0, side, side]]).expand(len(crops_BCHW), 4)
        images_BCHW = _resized_crop(images_BCHW, box_B4, None, settings.size)
    return _normalise(images_BCHW, settings)


def sample_parameters(
    count: int, side: int, settings: ViewSettings, generator: torch.Generator
) -> ViewParameters:
    """Draws the parameters of `count` views of square crops of the given side."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64) * (high - low) + low

    *strengths, hue = settings.jitter
    factors = [uniform(max(0.0, 1 - s), 1 + s, count) for s in strengths]
    factors.append(uniform(-hue, hue, count))
    return ViewParameters(
        box_B4=_sample_boxes(count, side, settings, generator),
        flip_B=uniform(0, 1, count) < settings.flip_p,
        jitter_B=uniform(0, 1, count) < settings.jitter_p,
        order_B4=uniform(0, 1, count, len(ADJUSTMENTS)).argsort(dim=1),
        factor_B4=torch.stack(factors, dim=1).float(),
        gray_B=uniform(0, 1, count) < settings.grayscale_p,
    )


def apply_parameters(crops_BCHW: Tensor, settings: ViewSettings, drawn: ViewParameters) -> Tensor:
    """Returns the views that the given parameters make."""
    images_BCHW = crops_BCHW.float() / 255
    images_BCHW = _resized_crop(images_BCHW, drawn.box_B4, drawn.flip_B, settings.size)
    _jitter_in_place(images_BCHW, drawn)
    gray = drawn.gray_B.nonzero()[:, 0].to(images_BCHW.device)
    if len(gray):
        images_BCHW[gray] = grayscale(images_BCHW[gray]).expand(-1, 3, -1, -1)
    return _normalise(images_BCHW, settings)


def _sample_boxes(
    count: int, side: int, settings: ViewSettings, generator: torch.Generator
) -> Tensor:
    """RandomResizedCrop: the first of ten random boxes that fits, else the whole crop."""
    shape = (count, CROP_ATTEMPTS)
    low, high = settings.scale
    area = torch.rand(shape, generator=generator, dtype=torch.float64) * (high - low) + low
    log_low, log_high = (math.log(value) for value in settings.ratio)
    log_ratio = torch.rand(shape, generator=generator, dtype=torch.float64)
    ratio = torch.exp(log_ratio * (log_high - log_low) + log_low)
    width = torch.round(side * torch.sqrt(area * ratio)).long()
    height = torch.round(side * torch.sqrt(area / ratio)).long()
    fits = (width > 0) & (width <= side) & (height > 0) & (height <= side)
    first = fits.to(torch.uint8).argmax(dim=1, keepdim=True)
    found = fits.any(dim=1)
    width_B = torch.where(found, width.gather(1, first)[:, 0], side)
    height_B = torch.where(found, height.gather(1, first)[:, 0], side)
    place = torch.rand((count, 2), generator=generator, dtype=torch.float64)
    top_B = (place[:, 0] * (side - height_B + 1)).long()
    left_B = (place[:, 1] * (side - width_B + 1)).long()
    return torch.stack([top_B, left_B, height_B, width_B], dim=1)


def _resized_crop(images_BCHW: Tensor, box_B4: Tensor, flip_B: Tensor | None, size: int) -> Tensor:
    """Cuts and resizes with antialiasing, as two batched matrix products."""
    side = images_BCHW.shape[-1]
    top_B, left_B, height_B, width_B = box_B4.unbind(dim=1)
    rows_BSI = _resample_weights(top_B, height_B, side, size)
    columns_BSI = _resample_weights(left_B, width_B, side, size)
    if flip_B is not None:
        columns_BSI = torch.where(flip_B[:, None, None], columns_BSI.flip(1), columns_BSI)
    device = images_BCHW.device
    rows = rows_BSI.to(device, non_blocking=True)[:, None]
    columns = columns_BSI.to(device, non_blocking=True)[:, None]
    return rows @ images_BCHW @ columns.transpose(-1, -2)


def _resample_weights(start_B: Tensor, length_B: Tensor, side: int, size: int) -> Tensor:
    """Returns triangle-filter weights_BSI from input pixels to output pixels.

    Bilinear where the part is enlarged; where it is reduced the triangle widens with it.
    """
    scale_B1 = length_B[:, None] / size
    support_B1 = scale_B1.clamp_min(1.0)
    centre_BS = start_B[:, None] + (torch.arange(size) + 0.5) * scale_B1
    pixel_I = torch.arange(side)
    distance_BSI = (pixel_I + 0.5 - centre_BS[..., None]) / support_B1[..., None]
    weight_BSI = (1 - distance_BSI.abs()).clamp_min_(0)
    inside_BI = (pixel_I >= start_B[:, None]) & (pixel_I < (start_B + length_B)[:, None])
    weight_BSI = weight_BSI * inside_BI[:, None]
    return (weight_BSI / weight_BSI.sum(dim=-1, keepdim=True)).float()


def _jitter_in_place(images_BCHW: Tensor, drawn: ViewParameters) -> None:
    """Applies the adjustments to the views that have them, each in its own order."""
    chosen = drawn.jitter_B.nonzero()[:, 0]
    if not len(chosen):
        return
    device = images_BCHW.device
    images = images_BCHW[chosen.to(device)]
    order, factor = drawn.order_B4[chosen], drawn.factor_B4[chosen]
    for position in range(len(ADJUSTMENTS)):
        for number, adjust in enumerate(ADJUSTMENTS):
            rows = (order[:, position] == number).nonzero()[:, 0]
            if len(rows):
                on_device = rows.to(device)
                images[on_device] = adjust(images[on_device], factor[rows, number].to(device))
    images_BCHW[chosen.to(device)] = images


def _normalise(images_BCHW: Tensor, settings: ViewSettings) -> Tensor:
    mean = torch.tensor(settings.mean, device=images_BCHW.device).view(1, 3, 1, 1)
    std = torch.tensor(settings.std, device=images_BCHW.device).view(1, 3, 1, 1)
    return (images_BCHW - mean) / std
