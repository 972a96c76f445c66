"""Colour changes for a batch of images, each image with its own strength.

Shape suffixes: B batch, C channels (RGB), H W image. Values are float in [0, 1]; factors are B.
Definitions as in torchvision.transforms.v2.functional on floating-point images.
"""

from __future__ import annotations

import torch
from torch import Tensor

GRAY_WEIGHTS = (0.2989, 0.587, 0.114)


def grayscale(images_BCHW: Tensor) -> Tensor:
    """Returns luma, one channel."""
    red, green, blue = images_BCHW.unbind(dim=1)
    r, g, b = GRAY_WEIGHTS
    return (r * red + g * green + b * blue).unsqueeze(1)


def adjust_brightness(images_BCHW: Tensor, factor_B: Tensor) -> Tensor:
    """Blends with black."""
    return (images_BCHW * _wide(factor_B)).clamp_(0, 1)


def adjust_contrast(images_BCHW: Tensor, factor_B: Tensor) -> Tensor:
    """Blends with the image's mean luma."""
    mean_B111 = grayscale(images_BCHW).mean(dim=(1, 2, 3), keepdim=True)
    return _blend(images_BCHW, mean_B111, factor_B)


def adjust_saturation(images_BCHW: Tensor, factor_B: Tensor) -> Tensor:
    """Blends with the image's luma."""
    return _blend(images_BCHW, grayscale(images_BCHW), factor_B)


def adjust_hue(images_BCHW: Tensor, shift_B: Tensor) -> Tensor:
    """Turns the hue by a share of the colour circle, -0.5 to 0.5."""
    hue, saturation, value = _to_hsv(images_BCHW)
    return _to_rgb((hue + shift_B.view(-1, 1, 1)) % 1.0, saturation, value)


def _blend(images_BCHW: Tensor, other: Tensor, factor_B: Tensor) -> Tensor:
    factor = _wide(factor_B)
    return (images_BCHW * factor + other * (1 - factor)).clamp_(0, 1)


def _wide(factor_B: Tensor) -> Tensor:
    return factor_B.view(-1, 1, 1, 1)


def _to_hsv(images_BCHW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns hue, saturation, value (each B x H x W, 0 to 1), by the hexcone model."""
    red, green, blue = images_BCHW.unbind(dim=1)
    value, which = images_BCHW.max(dim=1)
    chroma = value - images_BCHW.amin(dim=1)
    saturation = chroma / torch.where(value > 0, value, 1)
    safe = torch.where(chroma > 0, chroma, 1)
    from_red = (green - blue) / safe
    from_green = 2 + (blue - red) / safe
    from_blue = 4 + (red - green) / safe
    sextant = torch.where(which == 0, from_red, torch.where(which == 1, from_green, from_blue))
    return (sextant / 6) % 1.0, saturation, value


def _to_rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Inverse of `_to_hsv`: channel n is V - V S max(0, min(k, 4 - k, 1)), k = (n + 6 H) mod 6."""
    channels = []
    for n in (5, 3, 1):
        k = (n + 6 * hue) % 6
        channels.append(value - value * saturation * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(channels, dim=1)
