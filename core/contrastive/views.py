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
from torch.nn.functional import grid_sample

from core.contrastive.colour import grayscale, jitter

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CROP_ATTEMPTS = 10
# Devices on which pixels that are not reduced are sampled one by one, not by matrix products.
SAMPLES_PIXELS = ("cpu",)
CPU_PART_PIXELS = 1 << 19  # 128 crops of 64 x 64: up to 1.3 times as fast as 512 at once


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
        order_B4: Order of the adjustments: BRIGHTNESS, CONTRAST, SATURATION and HUE of `colour`.
        factor_B4: Strengths of brightness, contrast, saturation and hue, in this order.
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
    """Returns the crops without augmentation, resized if need be; else as `make_view`."""
    side = crops_BCHW.shape[-1]
    if side == settings.size:
        images_BCHW = crops_BCHW.float().div_(255)
    else:
        box_B4 = torch.tensor([[0, 0, side, side]]).expand(len(crops_BCHW), 4)
        flip_B = torch.zeros(len(crops_BCHW), dtype=torch.bool)
        images_BCHW = _resized_crop(crops_BCHW, box_B4, flip_B, settings.size)
    return _normalise_in_place(images_BCHW, settings)


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
        order_B4=uniform(0, 1, count, 4).argsort(dim=1),
        factor_B4=torch.stack(factors, dim=1).float(),
        gray_B=uniform(0, 1, count) < settings.grayscale_p,
    )


def apply_parameters(crops_BCHW: Tensor, settings: ViewSettings, drawn: ViewParameters) -> Tensor:
    """Returns the views that the given parameters make, on a CPU part by part: caches are small."""
    count, side = len(crops_BCHW), crops_BCHW.shape[-1]
    part = max(1, CPU_PART_PIXELS // (max(side, settings.size) ** 2))
    if crops_BCHW.device.type != "cpu" or count <= part:
        return _apply(crops_BCHW, settings, drawn)
    images_BCSS = torch.empty(count, crops_BCHW.shape[1], settings.size, settings.size)
    for start in range(0, count, part):
        rows = slice(start, start + part)
        images_BCSS[rows] = _apply(crops_BCHW[rows], settings, drawn.of_rows(rows))
    return images_BCSS


def _apply(crops_BCHW: Tensor, settings: ViewSettings, drawn: ViewParameters) -> Tensor:
    images_BCHW = _resized_crop(crops_BCHW, drawn.box_B4, drawn.flip_B, settings.size)
    _jitter_in_place(images_BCHW, drawn)
    gray = drawn.gray_B.nonzero()[:, 0].to(images_BCHW.device, non_blocking=True)
    if len(gray):
        gray_b1SS = grayscale(images_BCHW.index_select(0, gray))
        images_BCHW.index_copy_(0, gray, gray_b1SS.expand(-1, 3, -1, -1))
    return _normalise_in_place(images_BCHW, settings)


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


def _resized_crop(crops_BCHW: Tensor, box_B4: Tensor, flip_B: Tensor, size: int) -> Tensor:
    """Cuts, resizes with antialiasing, and mirrors.

    Args:
        crops_BCHW: uint8, square.
        box_B4: Part that is kept: top, left, height, width.
        flip_B: Whether it is mirrored.
        size: S.

    Returns:
        images_BCSS, float32 in [0, 1].
    """
    if crops_BCHW.device.type in SAMPLES_PIXELS and crops_BCHW.shape[-1] <= size:
        return _enlarged_crop(crops_BCHW, box_B4, flip_B, size)
    return _resampled_crop(crops_BCHW, box_B4, flip_B, size)


def _enlarged_crop(crops_BCHW: Tensor, box_B4: Tensor, flip_B: Tensor, size: int) -> Tensor:
    """Where nothing is reduced, and so nothing antialiased."""
    side = crops_BCHW.shape[-1]
    start_B21, length_B21 = box_B4[:, :2, None].float(), box_B4[:, 2:, None].float()
    place_S = torch.arange(size) + 0.5
    place_B2S = start_B21 + place_S * (length_B21 / size)  # 2: down, across
    place_B2S.clamp_(start_B21 + 0.5, start_B21 + length_B21 - 0.5).mul_(2 / side).sub_(1)
    down_BS, across_BS = place_B2S.unbind(dim=1)
    across_BS = torch.where(flip_B[:, None], across_BS.flip(1), across_BS)
    grid_2BSS = torch.empty(2, len(crops_BCHW), size, size)  # grid_sample reads it fastest so
    grid_2BSS[0], grid_2BSS[1] = across_BS[:, None], down_BS[:, :, None]
    images_BCHW, grid_BSS2 = crops_BCHW.float().div_(255), grid_2BSS.permute(1, 2, 3, 0)
    return grid_sample(images_BCHW, grid_BSS2, padding_mode="border", align_corners=False)


def _resampled_crop(crops_BCHW: Tensor, box_B4: Tensor, flip_B: Tensor, size: int) -> Tensor:
    """As two batched matrix products; in memory a row of all channels follows another."""
    device, (count, channels, height, width) = crops_BCHW.device, crops_BCHW.shape
    box_B5 = torch.cat([box_B4, flip_B[:, None]], dim=1).float().to(device, non_blocking=True)
    top_B, left_B, height_B, width_B, flip_B = box_B5.unbind(dim=1)
    rows_BSI = _resample_weights(top_B, height_B, torch.zeros_like(top_B), height, size)
    columns_BSI = _resample_weights(left_B, width_B, flip_B, width, size)
    images = crops_BCHW.transpose(1, 2).to(
        torch.float32, memory_format=torch.contiguous_format
    )  # B x H x C x W
    images = torch.bmm(rows_BSI.div_(255), images.view(count, height, channels * width))
    images = torch.bmm(images.view(count, size * channels, width), columns_BSI.transpose(1, 2))
    return images.view(count, size, channels, size).transpose(1, 2)


def _resample_weights(
    start_B: Tensor, length_B: Tensor, flip_B: Tensor, side: int, size: int
) -> Tensor:
    """Returns triangle-filter weights_BSI from input pixels to output pixels.

    Bilinear where the part is enlarged; where it is reduced the triangle widens with it. Few input
    pixels (T) count for an output pixel, so only their weights are computed.
    """
    device = start_B.device
    place_S = torch.arange(size, device=device) + 0.5
    flip_B1 = flip_B[:, None]
    place_BS = place_S * (1 - flip_B1) + (size - place_S) * flip_B1
    scale_B1 = length_B[:, None] / size
    support_B11 = scale_B1.clamp_min(1.0)[..., None]
    centre_BS1 = (start_B[:, None] + place_BS * scale_B1)[..., None]
    taps_T = torch.arange(math.ceil(2 * max(1.0, side / size)) + 1, device=device)
    pixel_BST = torch.floor(centre_BS1 - support_B11) + taps_T
    weight_BST = (1 - (pixel_BST + 0.5 - centre_BS1).abs_() / support_B11).clamp_min_(0)
    end_B11 = (start_B + length_B)[:, None, None]
    weight_BST *= (pixel_BST >= start_B[:, None, None]) & (pixel_BST < end_B11)
    weight_BST /= weight_BST.sum(dim=-1, keepdim=True)
    weights_BSI = torch.zeros(len(start_B), size, side, device=device)
    return weights_BSI.scatter_add_(2, pixel_BST.long().clamp_(0, side - 1), weight_BST)


def _jitter_in_place(images_BCHW: Tensor, drawn: ViewParameters) -> None:
    """Applies the adjustments to the views that have them, each in its own order."""
    chosen = drawn.jitter_B.nonzero()[:, 0]
    if not len(chosen):
        return
    row_b = chosen.to(images_BCHW.device, non_blocking=True)
    images_bCHW = images_BCHW.index_select(0, row_b)
    jittered_bCHW = jitter(images_bCHW, drawn.order_B4[chosen], drawn.factor_B4[chosen])
    images_BCHW.index_copy_(0, row_b, jittered_bCHW)


def _normalise_in_place(images_BCHW: Tensor, settings: ViewSettings) -> Tensor:
    std_C11 = torch.tensor(settings.std, dtype=torch.float64)[:, None, None]
    shift_C11 = -torch.tensor(settings.mean, dtype=torch.float64)[:, None, None] / std_C11
    device = images_BCHW.device
    images_BCHW *= (1 / std_C11).float().to(device, non_blocking=True)
    images_BCHW += shift_C11.float().to(device, non_blocking=True)
    return images_BCHW
