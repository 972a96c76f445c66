"""The candidates of a batch of anchors, block by block, and sums of them class by class.

Shape suffixes: B anchors, D embedding, M bank slots, C classes, R ranks; k the rows of one block of
candidates.

A sum over candidates is a product with a one-hot matrix: which classes belong to a rank is then a
matter of an R x C x B mask. The exponentials of all ranks of a block are made at once. Where they
are few they are kept for the gradient; else they are made anew for it, so that nothing of size
R x B x M, and not even B x M, ever is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

# Exponentials in a block: on a CPU it should stay in cache, elsewhere few kernels should do.
BLOCK_ELEMENTS_CPU = 1 << 19
BLOCK_ELEMENTS = 1 << 25
# Exponentials that may be kept for the gradient.
KEPT_ELEMENTS = 1 << 23
# Devices whose values the host can look at without waiting.
MAY_ASK = ("cpu",)

# Cosines are at most 1, so exp(cosine / tau - (1 / tau - headroom)) does not overflow, e^28 of them
# added up neither; and of cosines of -1 it does not vanish down to these temperatures.
SMALLEST_FLOAT32_TEMPERATURE = 0.015
SMALLEST_TEMPERATURE = 0.002


def headroom(dtype: torch.dtype) -> float:
    """Returns the largest logarithm of a summand."""
    return math.log(torch.finfo(dtype).max) - 28


@dataclass(frozen=True, eq=False)
class Block:
    """Some of the candidates.

    Attributes:
        key_kD: Their embeddings.
        label_k: Their classes; -1 = empty slot, ignored everywhere.
        first: Row of the batch whose key the first of them is; None for slots of the bank.
        has_empty: Whether there may be empty slots.
    """

    key_kD: Tensor
    label_k: Tensor
    first: int | None
    has_empty: bool

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
        return key_kD.masked_fill((self.label_k < 0)[:, None], 0) if self.has_empty else key_kD

    def without_ignored(self, value_kB: Tensor, ignored: float) -> Tensor:
        """Sets the values of empty slots and of anchors' own keys, in place."""
        if self.first is not None:
            value_kB.diagonal(self.first).fill_(ignored)
        elif self.has_empty:
            value_kB.masked_fill_((self.label_k < 0)[:, None], ignored)
        return value_kB

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
        ranks: R.
    """

    query_BD: Tensor
    key_BD: Tensor
    label_B: Tensor
    bank_MD: Tensor | None
    bank_labels_M: Tensor | None
    include_batch: bool
    classes: int
    ranks: int

    @property
    def own_B(self) -> Tensor:
        """Cosine of each anchor to its own key."""
        return (self.query_BD * self.key_BD).sum(dim=1)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All candidates."""
        on_cpu = self.query_BD.device.type == "cpu"
        elements = BLOCK_ELEMENTS_CPU if on_cpu else BLOCK_ELEMENTS
        rows = max(1, elements // max(1, self.ranks * len(self.query_BD)))
        blocks = []
        if self.bank_MD is not None and self.bank_labels_M is not None:
            has_empty = self._may_have_empty(self.bank_labels_M)
            for start in range(0, len(self.bank_MD), rows):
                part = slice(start, start + rows)
                blocks.append(Block(self.bank_MD[part], self.bank_labels_M[part], None, has_empty))
        if self.include_batch:
            for start in range(0, len(self.key_BD), rows):
                part = slice(start, start + rows)
                blocks.append(Block(self.key_BD[part], self.label_B[part], start, False))
        return tuple(blocks)

    @staticmethod
    def _may_have_empty(labels_M: Tensor) -> bool:
        return labels_M.device.type not in MAY_ASK or bool((labels_M < 0).any())

    @property
    def exponentials(self) -> int:
        """How many there are, of all ranks."""
        return self.ranks * len(self.query_BD) * sum(len(block.label_k) for block in self.blocks)

    def room_kRB(self) -> Tensor:
        """Returns room for values of the longest block."""
        rows = max((len(block.label_k) for block in self.blocks), default=0)
        return self.query_BD.new_empty(rows, self.ranks, len(self.query_BD))

    def counts_CB(self) -> Tensor:
        """Returns how many candidates of each class an anchor has."""
        dtype, anchors = self.query_BD.dtype, len(self.query_BD)
        count_C = torch.zeros(1 + self.classes, dtype=dtype, device=self.query_BD.device)
        for block in self.blocks:
            ones_k = torch.ones_like(block.label_k, dtype=dtype)
            count_C.scatter_add_(0, block.label_k + 1, ones_k)
        count_CB = count_C[1:, None].repeat(1, anchors)
        if self.include_batch:
            class_C1 = torch.arange(self.classes, device=self.label_B.device)[:, None]
            count_CB -= (class_C1 == self.label_B).to(dtype)
        return count_CB


@dataclass(frozen=True, eq=False)
class ClassSums:
    """Sums over the candidates of each class.

    Attributes:
        exp_RCB: Sum of exp(cosine / tau - shift).
        inverse_tau_RB: 1 / tau.
        shift_RB: Largest possible logit, less the headroom.
        cosine_CB: Sum of the cosines.
        kept: The summands of each block, k x R x B; None where they are too many.
    """

    exp_RCB: Tensor
    inverse_tau_RB: Tensor
    shift_RB: Tensor
    cosine_CB: Tensor
    kept: tuple[Tensor, ...] | None

    @classmethod
    def of(
        cls, candidates: Candidates, inverse_tau_RB: Tensor, *, of_cosines: bool, keep: bool
    ) -> ClassSums:
        """Sums in one pass.

        Args:
            candidates: What to sum over.
            inverse_tau_RB: 1 / tau of each rank.
            of_cosines: Whether the sums of the cosines are wanted; else they are 0.
            keep: Whether the summands will be wanted again.
        """
        query_BD, classes = candidates.query_BD, candidates.classes
        ranks, anchors = inverse_tau_RB.shape
        shift_RB = inverse_tau_RB - headroom(query_BD.dtype)
        exp_CX = query_BD.new_zeros(classes, ranks * anchors)  # X = R x B, as one
        cosine_CB = query_BD.new_zeros(classes, anchors)
        keep = keep and candidates.exponentials <= KEPT_ELEMENTS
        room_kRB = candidates.room_kRB()
        kept = []
        for block in candidates.blocks:
            cosine_kB = block.cosine_kB(query_BD, -torch.inf)
            exp_kRB = room_kRB[: len(cosine_kB)]
            if keep:
                exp_kRB = torch.empty_like(exp_kRB)
                kept.append(exp_kRB)
            exponentials(cosine_kB, inverse_tau_RB, shift_RB, out=exp_kRB)
            onehot_Ck = block.onehot_Ck(classes, query_BD.dtype)
            exp_CX.addmm_(onehot_Ck, exp_kRB.view(len(cosine_kB), -1))
            if of_cosines:
                cosine_CB.addmm_(onehot_Ck, block.without_ignored(cosine_kB, 0))
        exp_RCB = exp_CX.view(classes, ranks, anchors).transpose(0, 1)
        return cls(exp_RCB, inverse_tau_RB, shift_RB, cosine_CB, tuple(kept) if keep else None)

    def logsumexp_RB(self, mask_RCB: Tensor) -> Tensor:
        """Returns log sum exp(cosine / tau) over some classes; -inf where they have nobody."""
        return (self.exp_RCB * mask_RCB).sum(dim=1).log_() + self.shift_RB


def exponentials(
    cosine_kB: Tensor, inverse_tau_RB: Tensor, shift_RB: Tensor, *, out: Tensor
) -> Tensor:
    """Writes exp(cosine / tau - shift) of every rank into k x R x B."""
    return torch.addcmul(-shift_RB, cosine_kB[:, None], inverse_tau_RB, out=out).exp_()
