"""Products of many short rows, as fast as the processor allows.

Shape suffixes: K and B rows, D their length.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d


def row_products(left_KD: Tensor, right_BD: Tensor) -> Tensor:
    """Returns the dot product of every row with every other, K x B.

    In float32 on a CPU it is computed as a 1 x 1 convolution of K pixels with D channels: that is
    oneDNN's, which on an AMD EPYC (Zen 5) takes half the time of MKL's matrix product.
    """
    if not (left_KD.numel() and right_BD.numel() and _suits_onednn(left_KD)):
        return left_KD @ right_BD.T
    pixels_1DK1 = left_KD.contiguous()[None, :, None].permute(0, 3, 1, 2)
    product_1BK1 = conv2d(pixels_1DK1, right_BD[:, :, None, None])
    return product_1BK1[0, :, :, 0].T


def _suits_onednn(value: Tensor) -> bool:
    if value.device.type != "cpu" or value.dtype != torch.float32:
        return False
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
