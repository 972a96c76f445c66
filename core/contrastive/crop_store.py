"""Crops within reach of a device: all of them on it where they fit, else streamed batch by batch.

Shape suffixes: N crops, B batch, C channels, H W crop.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

# The network, its activations and the optimizer need the rest.
SHARE_OF_FREE_MEMORY = 0.25


class CropStore:
    """Hands out batches of crops on a device.

    Crops that stay on the CPU may be memory-mapped: of a streamed batch, only the rows asked for
    are read, into pinned memory, and copied while the device computes.

    Args:
        crops_NCHW: uint8; not copied on the CPU.
        device: Where batches are wanted.
        resident: Whether all crops move to the device; None: if they fit.

    Attributes:
        is_resident: Whether all crops are on the device.
    """

    def __init__(
        self,
        crops_NCHW: npt.NDArray[np.uint8],
        device: torch.device,
        *,
        resident: bool | None = None,
    ) -> None:
        crops = torch.from_numpy(np.ascontiguousarray(crops_NCHW))
        if resident is None:
            free = free_memory(device)
            resident = free is None or crops.nbytes <= SHARE_OF_FREE_MEMORY * free
        self.is_resident = resident
        self._device = device
        self._crops_NCHW = crops.to(device) if resident else crops

    def __getitem__(self, row_B: npt.NDArray[np.int64]) -> Tensor:
        """Returns crops_BCHW, uint8, on the device."""
        index_B = torch.from_numpy(row_B)
        if self.is_resident:
            on_device_B = index_B.to(self._device, non_blocking=True)
            return self._crops_NCHW.index_select(0, on_device_B)
        batch_BCHW = torch.empty(
            (len(row_B), *self._crops_NCHW.shape[1:]),
            dtype=torch.uint8,
            pin_memory=self._device.type == "cuda",
        )
        torch.index_select(self._crops_NCHW, 0, index_B, out=batch_BCHW)
        return batch_BCHW.to(self._device, non_blocking=True)


def free_memory(device: torch.device) -> int | None:
    """Returns the bytes that are free on a device; None where it shares the CPU's memory.

    What torch holds for later, of a run before this one, is free too.
    """
    if device.type != "cuda":
        return None
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + held
