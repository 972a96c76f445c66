"""The memory bank of earlier keys, and the momentum encoder that makes them.

Shape suffixes: B batch, D embedding, M bank slots.
He et al. 2020, "Momentum contrast for unsupervised visual representation learning".
"""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor, nn


class MemoryBank(nn.Module):
    """A ring buffer of keys, written in place; its buffers travel in the checkpoint.

    Args:
        size: Slots M.
        embedding_size: D.
        device: Where it lives.

    Attributes:
        bank_MD: Keys, on the unit sphere; float32.
        labels_M: Class of each key; -1 = empty slot.
        cursor: Next slot to be written; int64 on the CPU, so that reading it waits for no device.
    """

    bank_MD: Tensor
    labels_M: Tensor
    cursor: Tensor

    def __init__(self, size: int, embedding_size: int, device: torch.device | str = "cpu") -> None:
        super().__init__()
        assert size > 0
        self.register_buffer("bank_MD", torch.zeros(size, embedding_size, device=device))
        self.register_buffer("labels_M", torch.full((size,), -1, dtype=torch.int64, device=device))
        self.register_buffer("cursor", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def enqueue(self, keys_BD: Tensor, labels_B: Tensor) -> None:
        """Writes keys over the oldest slots; of more keys than slots the last ones stay."""
        size = len(self.labels_M)
        keys_BD, labels_B = keys_BD[-size:], labels_B[-size:]
        start = int(self.cursor)
        before_end = min(len(labels_B), size - start)
        wrapped = len(labels_B) - before_end
        self.bank_MD[start : start + before_end] = keys_BD[:before_end].to(self.bank_MD.dtype)
        self.labels_M[start : start + before_end] = labels_B[:before_end]
        if wrapped:
            self.bank_MD[:wrapped] = keys_BD[before_end:].to(self.bank_MD.dtype)
            self.labels_M[:wrapped] = labels_B[before_end:]
        self.cursor.fill_((start + len(labels_B)) % size)


@torch.no_grad()
def momentum_update(target: nn.Module, source: nn.Module, momentum: float) -> None:
    """Moves a key encoder towards the encoder: target = m target + (1 - m) source, in place.

    Buffers (BatchNorm statistics) are copied. Few kernels do it all: those that copy a list take
    one of a single type.
    """
    torch._foreach_lerp_(
        list(target.parameters()), [p.detach() for p in source.parameters()], 1 - momentum
    )
    by_type: defaultdict[torch.dtype, tuple[list[Tensor], list[Tensor]]]
    by_type = defaultdict(lambda: ([], []))
    for ours, theirs in zip(target.buffers(), source.buffers(), strict=True):
        for buffers, buffer in zip(by_type[ours.dtype], (ours, theirs), strict=True):
            buffers.append(buffer)
    for of_target, of_source in by_type.values():
        torch._foreach_copy_(of_target, of_source)
