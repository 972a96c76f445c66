"""Colour jitter for a batch of images, each image with its own order and strengths.

Shape suffixes: B batch, C channels (RGB), H W image, P its pixels, X columns of numbers. Values
are float in [0, 1].
Definitions as in torchvision.transforms.v2.functional on floating-point images.
"""

from __future__ import annotations

import torch
from torch import Tensor

GRAY_WEIGHTS = (0.2989, 0.587, 0.114)
BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)


def grayscale(images_BCHW: Tensor) -> Tensor:
    """Returns luma, one channel."""
    red, green, blue = images_BCHW.unbind(dim=1)
    r, g, b = GRAY_WEIGHTS
    return (red * r).add_(green, alpha=g).add_(blue, alpha=b).unsqueeze(1)


def jitter(images_BCHW: Tensor, order_B4: Tensor, factor_B4: Tensor) -> Tensor:
    """Makes the four adjustments to each image, in the image's own order.

    Images are sorted by when their hue turns: all hues can then turn at once, between adjustments
    that each concern the last or the first of the images.

    Args:
        images_BCHW: On any device.
        order_B4: BRIGHTNESS, CONTRAST, SATURATION and HUE as they follow; int64 on the CPU.
        factor_B4: Strengths of brightness, contrast and saturation, and the share of the colour
            circle by which the hue turns, -0.5 to 0.5; on the CPU.
    """
    count, device = len(images_BCHW), images_BCHW.device
    hue_at_B = (order_B4 == HUE).to(torch.uint8).argmax(dim=1)
    sorted_B = hue_at_B.argsort(stable=True)
    hue_at_B, order_B4, factor_B4 = hue_at_B[sorted_B], order_B4[sorted_B], factor_B4[sorted_B]
    others_B3 = order_B4[order_B4 != HUE].view(count, 3)
    blends = _blends_B3CX(others_B3, factor_B4.gather(1, others_B3))
    starts = torch.searchsorted(hue_at_B, torch.arange(4)).tolist()  # first row of each hue_at
    # All that is needed goes to the device at once: a copy takes as long as a kernel.
    row_2B = torch.stack([sorted_B, sorted_B.argsort()]).to(device, non_blocking=True)
    number_BX = torch.cat([blends.flatten(1), factor_B4[:, HUE:]], dim=1)
    number_BX = number_BX.to(device, non_blocking=True)
    blends_B3CX, shift_B = number_BX[:, :-1].view(blends.shape), number_BX[:, -1]
    images_BCHW = images_BCHW.index_select(0, row_2B[0])
    for place in range(3):
        late = slice(starts[place + 1], count)
        _blend_in_place(images_BCHW[late], blends_B3CX[late, place])
    images_BCHW = _turn_hue(images_BCHW, shift_B)
    for place in range(3):
        early = slice(0, starts[place + 1])
        _blend_in_place(images_BCHW[early], blends_B3CX[early, place])
    return images_BCHW.index_select(0, row_2B[1])


def _blends_B3CX(kind_B3: Tensor, own_B3: Tensor) -> Tensor:
    """Returns blends with black, the mean luma or the luma, each in the place it has.

    Args:
        kind_B3: BRIGHTNESS, CONTRAST or SATURATION; on the CPU.
        own_B3: Weight of the image itself; on the CPU.

    Returns:
        A 3 x 3 matrix each, and beside it the weights of the mean of each channel.
    """
    luma_C = torch.tensor(GRAY_WEIGHTS)
    other_B3C = (1 - own_B3)[..., None] * luma_C
    matrix_B3CC = torch.eye(len(luma_C)) * own_B3[..., None, None]
    matrix_B3CC += other_B3C[:, :, None] * (kind_B3 == SATURATION)[..., None, None]
    mean_B3C = other_B3C * (kind_B3 == CONTRAST)[..., None]
    return torch.cat([matrix_B3CC, mean_B3C[..., None]], dim=-1)


def _blend_in_place(images_BCHW: Tensor, blend_BCX: Tensor) -> None:
    """Blends images as `_blends_B3CX` says.

    Args:
        images_BCHW: Contiguous.
        blend_BCX: Of one place.
    """
    count, channels, height, width = images_BCHW.shape
    if not count:
        return
    flat_BCP = images_BCHW.view(count, channels, height * width)
    matrix_BCC, mean_BC = blend_BCX[..., :channels], blend_BCX[..., channels]
    mean_B11 = (flat_BCP.mean(dim=2) * mean_BC).sum(dim=1)[:, None, None]
    flat_BCP.copy_(torch.bmm(matrix_BCC, flat_BCP).add_(mean_B11).clamp_(0, 1))


def _turn_hue(images_BCHW: Tensor, shift_B: Tensor) -> Tensor:
    """Turns hues in the hexcone model, value and chroma being kept.

    Channel n of hue H is V - chroma max(0, min(k, 4 - k, 1)), k = (n + 6 H) mod 6. For k between -1
    and 11 that is V - chroma clamp(2 - ||k - 5| - 3|), which spares a modulus for each channel.
    """
    red, green, blue = images_BCHW.unbind(dim=1)
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    # Choices are made by lerp with weights 0 and 1, on CPUs several times faster than where.
    not_red, not_green = (value - red).sign_(), (value - green).sign_()
    from_green = (blue - red).add_(chroma, alpha=2)
    from_blue = (red - green).add_(chroma, alpha=4)
    from_others = from_green.lerp_(from_blue, not_green)
    sextant = (green - blue).lerp_(from_others, not_red)
    sextant.div_(chroma.clamp_min(1e-12)).add_(6 * shift_B[:, None, None])
    sextant.sub_(torch.floor(sextant / 6), alpha=6)
    turned_BCHW = torch.empty_like(images_BCHW)
    for channel, n in enumerate((5, 3, 1)):
        part = (sextant + (n - 5)).abs_().sub_(3).abs_().neg_().add_(2).clamp_(0, 1)
        torch.addcmul(value, chroma, part, value=-1, out=turned_BCHW[:, channel])
    return turned_BCHW
