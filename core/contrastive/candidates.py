"""The candidates of a batch of anchors, block by block, and sums of them class by class.

Shape suffixes: B anchors, D embedding, M bank slots, C classes, R ranks; k the rows of one block of
candidates.

A sum over candidates is a product with a one-hot matrix: which classes belong to a rank is then a
matter of an R x C x B mask. Cosines are computed anew for every pass over the blocks, so that
nothing of size B x M is ever kept, and a block stays in a CPU's cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

# Elements of a block of cosines: on a CPU it should stay in cache, elsewhere few kernels should do.
BLOCK_ELEMENTS_CPU = 1 << 18
BLOCK_ELEMENTS = 1 << 26
# Devices whose values the host can look at without waiting.
MAY_ASK = ("cpu",)

# exp is taken of values between about -147 and 60, so that a positive 147 tau below the largest
# cosine still counts in float32 (147 x 0.0136 = 2, the widest gap there is between cosines).
HEADROOM = 60.0
SMALLEST_FLOAT32_TEMPERATURE = 0.0136


@dataclass(frozen=True, eq=False)
class Block:
    """Some of the candidates.

    Attributes:
        key_kD: Their embeddings.
        label_k: Their classes; -1 = empty slot, ignored everywhere.
        first: Row of the batch whose key the first of them is; None for slots of the bank.
    """

    key_kD: Tensor
    label_k: Tensor
    first: int | None

    @property
    def index_k(self) -> Tensor:
        """Their classes, empty slots as class 0."""
        return self.label_k.clamp_min(0)

    def cosine_kB(self, query_BD: Tensor, ignored: float) -> Tensor:
        """Returns the cosines; those of empty slots and of anchors' own keys are `ignored`."""
        return self.without_ignored(self.filled_kD(query_BD.dtype) @ query_BD.T, ignored)

    def filled_kD(self, dtype: torch.dtype) -> Tensor:
        """Returns the embeddings; whatever is in empty slots, it becomes 0."""
        key_kD = self.key_kD.to(dtype)
        return key_kD.masked_fill((self.label_k < 0)[:, None], 0) if self._has_empty else key_kD

    def without_ignored(self, value_kB: Tensor, ignored: float) -> Tensor:
        """Sets the values of empty slots and of anchors' own keys, in place."""
        if self.first is not None:
            value_kB.diagonal(self.first).fill_(ignored)
        elif self._has_empty:
            value_kB.masked_fill_((self.label_k < 0)[:, None], ignored)
        return value_kB

    @cached_property
    def _has_empty(self) -> bool:
        """Whether there may be empty slots."""
        if self.first is not None:
            return False
        return self.label_k.device.type not in MAY_ASK or bool((self.label_k < 0).any())

    def onehot_Ck(self, classes: int, dtype: torch.dtype) -> Tensor:
        """Returns 1 where a candidate is of a class; an empty slot is of none."""
        class_C1 = torch.arange(classes, device=self.label_k.device)[:, None]
        return (class_C1 == self.label_k).to(dtype)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Whom the anchors are compared with, besides their own keys.

    Attributes:
        query_BD: Embeddings of the anchors.
        key_BD: Embeddings of the anchors' own keys.
        label_B: Class of each anchor.
        bank_MD: Keys remembered, of any floating type; None: no bank.
        bank_labels_M: Their classes; -1 = empty slot.
        include_batch: Whether the other anchors' keys are candidates.
        classes: C.
    """

    query_BD: Tensor
    key_BD: Tensor
    label_B: Tensor
    bank_MD: Tensor | None
    bank_labels_M: Tensor | None
    include_batch: bool
    classes: int

    @property
    def own_B(self) -> Tensor:
        """Cosine of each anchor to its own key."""
        return (self.query_BD * self.key_BD).sum(dim=1)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All candidates."""
        on_cpu = self.query_BD.device.type == "cpu"
        elements = BLOCK_ELEMENTS_CPU if on_cpu else BLOCK_ELEMENTS
        rows = max(1, elements // max(1, len(self.query_BD)))
        blocks = []
        if self.bank_MD is not None and self.bank_labels_M is not None:
            for start in range(0, len(self.bank_MD), rows):
                part = slice(start, start + rows)
                blocks.append(Block(self.bank_MD[part], self.bank_labels_M[part], None))
        if self.include_batch:
            for start in range(0, len(self.key_BD), rows):
                part = slice(start, start + rows)
                blocks.append(Block(self.key_BD[part], self.label_B[part], start))
        return tuple(blocks)

    def room_kB(self) -> Tensor:
        """Returns room for values of the longest block."""
        rows = max((len(block.label_k) for block in self.blocks), default=0)
        return self.query_BD.new_empty(rows, len(self.query_BD))

    def counts_CB(self) -> Tensor:
        """Returns how many candidates of each class an anchor has."""
        dtype, anchors = self.query_BD.dtype, len(self.query_BD)
        count_CB = torch.zeros(self.classes, anchors, dtype=dtype, device=self.query_BD.device)
        for block in self.blocks:
            count_CB += block.onehot_Ck(self.classes, dtype).sum(dim=1, keepdim=True)
        if self.include_batch:
            class_C1 = torch.arange(self.classes, device=self.label_B.device)[:, None]
            count_CB -= (class_C1 == self.label_B).to(dtype)
        return count_CB


@dataclass(frozen=True, eq=False)
class ClassSums:
    """Sums over the candidates of each class.

    Attributes:
        exp_RCB: Sum of exp(cosine / tau - shift).
        shift_RB: Largest logit of the anchor, its own key's included, less the headroom.
        cosine_CB: Sum of the cosines.
    """

    exp_RCB: Tensor
    shift_RB: Tensor
    cosine_CB: Tensor

    @classmethod
    def of(cls, candidates: Candidates, inverse_tau_RB: Tensor, *, of_cosines: bool) -> ClassSums:
        """Sums in one pass.

        Args:
            candidates: What to sum over.
            inverse_tau_RB: 1 / tau of each rank.
            of_cosines: Whether the sums of the cosines are wanted; else they are 0.
        """
        query_BD, classes = candidates.query_BD, candidates.classes
        ranks, anchors = inverse_tau_RB.shape
        exp_RCB = query_BD.new_zeros(ranks, classes, anchors)
        cosine_CB = query_BD.new_zeros(classes, anchors)
        largest_B = candidates.own_B
        room_kB = candidates.room_kB()
        for block in candidates.blocks:
            cosine_kB = block.cosine_kB(query_BD, -torch.inf)
            exp_kB = room_kB[: len(cosine_kB)]
            onehot_Ck = block.onehot_Ck(classes, query_BD.dtype)
            larger_B = torch.maximum(largest_B, cosine_kB.amax(dim=0))
            exp_RCB *= ((largest_B - larger_B) * inverse_tau_RB).exp_()[:, None]
            largest_B = larger_B
            bias_RB = HEADROOM - largest_B * inverse_tau_RB
            for sum_CB, bias_B, inverse_B in zip(exp_RCB, bias_RB, inverse_tau_RB, strict=True):
                torch.addcmul(bias_B, cosine_kB, inverse_B, out=exp_kB)
                sum_CB.addmm_(onehot_Ck, exp_kB.exp_())
            if of_cosines:
                cosine_CB.addmm_(onehot_Ck, block.without_ignored(cosine_kB, 0))
        return cls(exp_RCB, largest_B * inverse_tau_RB - HEADROOM, cosine_CB)

    def logsumexp_RB(self, mask_RCB: Tensor) -> Tensor:
        """Returns log sum exp(cosine / tau) over some classes; -inf where they have nobody."""
        return (self.exp_RCB * mask_RCB).sum(dim=1).log_() + self.shift_RB
