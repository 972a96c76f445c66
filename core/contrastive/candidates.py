"""The candidates of a batch of anchors, block by block, and sums of them class by class.

Shape suffixes: B anchors, D embedding, M bank slots, C classes, R ranks; k the rows of one block of
candidates.

Sums are by class: which classes belong to a rank is then a matter of an R x C x B mask. The
exponentials of all ranks of a block are made at once, to base 2 (on a CPU four times as fast as to
base e). For the gradient they are made anew; where the cosines are few those are kept, else they
are made anew too, so that nothing of size R x B x M, and not even B x M, ever is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from core.contrastive.products import row_products

# Exponentials in a block: on a CPU it should stay in cache, elsewhere few kernels should do.
BLOCK_ELEMENTS_CPU = 1 << 20
BLOCK_ELEMENTS = 1 << 25
# Candidates in a block, at most: a longer sum in float32 would round away its summands. On a CPU
# (`ADDS_ROWS`) they are added one after the other; a matrix product adds them in pieces.
BLOCK_ROWS_CPU = 1 << 10
BLOCK_ROWS = 1 << 14
# Cosines that may be kept for the gradient.
KEPT_ELEMENTS = 1 << 23
# Devices whose values the host can look at without waiting.
MAY_ASK = ("cpu",)
# Devices on which adding row by row beats a product with a one-hot matrix, but for few values. On a
# GPU it would be slow, and another sum each time.
ADDS_ROWS = ("cpu",)

LOG2_E = 1 / math.log(2)

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

    @cached_property
    def index_k(self) -> Tensor:
        """Their classes, empty slots as class 0."""
        return self.label_k.clamp_min(0)

    def cosine_kB(self, query_BD: Tensor) -> Tensor:
        """Returns the cosines; those of empty slots and of anchors' own keys are -inf."""
        return self.without_ignored(
            row_products(self.filled_kD(query_BD.dtype), query_BD), -torch.inf
        )

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

    def add_by_class(self, sum_CX: Tensor, value_kX: Tensor) -> None:
        """Adds each candidate's values to those of its class, in place; of empty slots, zeros."""
        if sum_CX.device.type in ADDS_ROWS:
            sum_CX += torch.zeros_like(sum_CX).index_add_(0, self.index_k, value_kX)
        else:
            class_C1 = torch.arange(len(sum_CX), device=self.label_k.device)[:, None]
            sum_CX.addmm_((class_C1 == self.index_k).to(value_kX.dtype), value_kX)


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
        blocks = []
        if self.bank_MD is not None and self.bank_labels_M is not None:
            has_empty = self._may_have_empty(self.bank_labels_M)
            for part in self._parts(len(self.bank_MD)):
                blocks.append(Block(self.bank_MD[part], self.bank_labels_M[part], None, has_empty))
        if self.include_batch:
            for part in self._parts(len(self.key_BD)):
                blocks.append(Block(self.key_BD[part], self.label_B[part], part.start, False))
        return tuple(blocks)

    def _parts(self, rows: int) -> Iterator[slice]:
        """Yields equal parts of so many candidates, but for the last."""
        adds_rows = self.query_BD.device.type in ADDS_ROWS
        elements = BLOCK_ELEMENTS_CPU if adds_rows else BLOCK_ELEMENTS
        most = min(
            BLOCK_ROWS_CPU if adds_rows else BLOCK_ROWS,
            elements // max(1, self.ranks * len(self.query_BD)),
        )
        parts = max(1, math.ceil(rows / max(1, most)))
        length = max(1, math.ceil(rows / parts))
        for start in range(0, rows, length):
            yield slice(start, start + length)

    @staticmethod
    def _may_have_empty(labels_M: Tensor) -> bool:
        return labels_M.device.type not in MAY_ASK or bool((labels_M < 0).any())

    def with_cosines(self) -> Iterator[tuple[Block, Tensor]]:
        """Yields every block and its cosines; those that are to be ignored are -inf."""
        kept = self._kept_cosines
        for number, block in enumerate(self.blocks):
            yield block, kept[number] if kept else block.cosine_kB(self.query_BD)

    @cached_property
    def _kept_cosines(self) -> tuple[Tensor, ...]:
        if len(self.query_BD) * sum(len(block.label_k) for block in self.blocks) > KEPT_ELEMENTS:
            return ()
        return tuple(block.cosine_kB(self.query_BD) for block in self.blocks)

    def room(self) -> Tensor:
        """Returns memory for a value of every rank, candidate and anchor of the longest block."""
        rows = max((len(block.label_k) for block in self.blocks), default=0)
        return self.query_BD.new_empty(self.ranks * rows * len(self.query_BD))

    def counts_CB(self) -> Tensor:
        """Returns how many candidates of each class an anchor has."""
        count_C = self.query_BD.new_zeros(1 + self.classes)
        for labels in (self.bank_labels_M, self.label_B if self.include_batch else None):
            if labels is not None:
                count_C.scatter_add_(0, labels + 1, torch.ones_like(labels, dtype=count_C.dtype))
        count_CB = count_C[1:, None].repeat(1, len(self.query_BD))
        if self.include_batch:
            class_C1 = torch.arange(self.classes, device=self.label_B.device)[:, None]
            count_CB -= (class_C1 == self.label_B).to(count_CB.dtype)
        return count_CB


@dataclass(frozen=True, eq=False)
class Exponents:
    """Turns cosines into exp(cosine / tau - shift), as 2^(cosine x slope - height).

    Attributes:
        shift_RB: Largest possible logit less the headroom, to half a bit.
        slope_RB: 1 / tau, in bits.
        below_RB: -height, a whole number of bits.
        room: Memory for those of one block.
    """

    shift_RB: Tensor
    slope_RB: Tensor
    below_RB: Tensor
    room: Tensor

    @classmethod
    def of(cls, candidates: Candidates, inverse_tau_RB: Tensor) -> Exponents:
        """Prepares them for the temperatures of each anchor's ranks."""
        below_RB = ((headroom(inverse_tau_RB.dtype) - inverse_tau_RB) * LOG2_E).round_()
        return cls(below_RB / -LOG2_E, inverse_tau_RB * LOG2_E, below_RB, candidates.room())

    def powers_kRB(self, cosine_kB: Tensor) -> Tensor:
        """Returns those of a block; the next call overwrites them."""
        (rows, anchors), ranks = cosine_kB.shape, len(self.slope_RB)
        out = self._room(rows, ranks, anchors)
        return torch.addcmul(self.below_RB, cosine_kB[:, None], self.slope_RB, out=out).exp2_()

    def powers_RkB(self, cosine_kB: Tensor) -> Tensor:
        """Returns those of a block, rank by rank; the next call overwrites them."""
        below_R1B, slope_R1B = self.below_RB[:, None], self.slope_RB[:, None]
        out = self._room(len(self.slope_RB), *cosine_kB.shape)
        return torch.addcmul(below_R1B, cosine_kB, slope_R1B, out=out).exp2_()

    def _room(self, *shape: int) -> Tensor:
        return self.room[: math.prod(shape)].view(shape)


@dataclass(frozen=True, eq=False)
class ClassSums:
    """Sums over the candidates of each class.

    Attributes:
        exp_RCB: Sum of exp(cosine / tau - shift).
        exponents: What made these exponentials.
        cosine_CB: Sum of the cosines.
    """

    exp_RCB: Tensor
    exponents: Exponents
    cosine_CB: Tensor

    @classmethod
    def of(cls, candidates: Candidates, inverse_tau_RB: Tensor, *, of_cosines: bool) -> ClassSums:
        """Sums in one pass.

        Args:
            candidates: What to sum over.
            inverse_tau_RB: 1 / tau of each rank.
            of_cosines: Whether the sums of the cosines are wanted; else they are 0.
        """
        ranks, anchors = inverse_tau_RB.shape
        exponents = Exponents.of(candidates, inverse_tau_RB)
        exp_CX = inverse_tau_RB.new_zeros(candidates.classes, ranks * anchors)  # X = R x B, as one
        cosine_CB = inverse_tau_RB.new_zeros(candidates.classes, anchors)
        for block, cosine_kB in candidates.with_cosines():
            block.add_by_class(exp_CX, exponents.powers_kRB(cosine_kB).flatten(1))
            if of_cosines:
                block.add_by_class(cosine_CB, block.without_ignored(cosine_kB.clone(), 0))
        exp_RCB = exp_CX.view(candidates.classes, ranks, anchors).transpose(0, 1)
        return cls(exp_RCB, exponents, cosine_CB)

    def logsumexp_RB(self, mask_RCB: Tensor) -> Tensor:
        """Returns log sum exp(cosine / tau) over some classes; -inf where they have nobody."""
        return (self.exp_RCB * mask_RCB).sum(dim=1).log_() + self.exponents.shift_RB
