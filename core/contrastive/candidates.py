"""The candidates of a batch of anchors, block by block.

Shape suffixes: B anchors, D embedding, M bank slots, C classes, R ranks; k the rows of one block of
candidates.
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


@dataclass(frozen=True, eq=False)
class Block:
    """Some of the candidates.

    Attributes:
        key_kD: Their embeddings.
        label_k: Their classes; -1 = empty slot, ignored everywhere.
        first: Row of the batch whose key the first of them is; None for slots of the bank.
        has_empty: Whether there may be empty slots.
        by_label: Whether whoever goes over it tells empty slots by their label.
    """

    key_kD: Tensor
    label_k: Tensor
    first: int | None
    has_empty: bool
    by_label: bool = False

    @cached_property
    def index_k(self) -> Tensor:
        """Their classes, empty slots as class 0."""
        return self.label_k.clamp_min(0)

    def cosine_kB(self, query_BD: Tensor) -> Tensor:
        """Returns the cosines; those of anchors' own keys and of empty slots are -inf.

        Empty slots that are told by their label have others.
        """
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
        elif self.has_empty and not self.by_label:
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
        fused: Whether they are gone over in few kernels, by `core.contrastive.fused_pass`.
    """

    query_BD: Tensor
    key_BD: Tensor
    label_B: Tensor
    bank_MD: Tensor | None
    bank_labels_M: Tensor | None
    include_batch: bool
    classes: int
    ranks: int
    fused: bool = False

    @property
    def own_B(self) -> Tensor:
        """Cosine of each anchor to its own key."""
        return (self.query_BD * self.key_BD).sum(dim=1)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All candidates."""
        return (*self._blocks_of_bank(), *self._blocks_of_batch())

    def _blocks_of_bank(self) -> tuple[Block, ...]:
        if self.bank_MD is None or self.bank_labels_M is None:
            return ()
        has_empty = self._may_have_empty(self.bank_labels_M)
        return tuple(
            Block(self.bank_MD[part], self.bank_labels_M[part], None, has_empty, self.fused)
            for part in self._parts(len(self.bank_MD))
        )

    def _blocks_of_batch(self) -> tuple[Block, ...]:
        if not self.include_batch:
            return ()
        return tuple(
            Block(self.key_BD[part], self.label_B[part], part.start, False)
            for part in self._parts(len(self.key_BD))
        )

    def _parts(self, rows: int) -> Iterator[slice]:
        """Yields equal parts of so many candidates, but for the last."""
        anchors = max(1, len(self.query_BD))
        if self.fused:
            most = BLOCK_ELEMENTS // anchors
        elif self.query_BD.device.type in ADDS_ROWS:
            most = min(BLOCK_ROWS_CPU, BLOCK_ELEMENTS_CPU // (self.ranks * anchors))
        else:
            most = min(BLOCK_ROWS, BLOCK_ELEMENTS // (self.ranks * anchors))
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
        most = BLOCK_ELEMENTS if self.fused else KEPT_ELEMENTS
        if len(self.query_BD) * sum(len(block.label_k) for block in self.blocks) > most:
            return ()
        return tuple(block.cosine_kB(self.query_BD) for block in self.blocks)

    def counts_CB(self) -> Tensor:
        """Returns how many candidates of each class an anchor has."""
        count_C = self.query_BD.new_zeros(self.classes)
        for labels in (self.bank_labels_M, self.label_B if self.include_batch else None):
            if labels is not None:
                count_C += self._counts_of(labels)
        count_CB = count_C[:, None].repeat(1, len(self.query_BD))
        return count_CB - self._own_CB if self.include_batch else count_CB

    def cosine_sums_CB(self) -> Tensor:
        """Returns the sums of the cosines to the candidates of each class."""
        key_CD = self.query_BD.new_zeros(self.classes, self.query_BD.shape[1])
        for block in self.blocks:
            block.add_by_class(key_CD, block.filled_kD(key_CD.dtype))
        cosine_CB = key_CD @ self.query_BD.T
        return cosine_CB - self.own_B * self._own_CB if self.include_batch else cosine_CB

    @property
    def _own_CB(self) -> Tensor:
        """1 at the class of each anchor, else 0."""
        class_C1 = torch.arange(self.classes, device=self.label_B.device)[:, None]
        return (class_C1 == self.label_B).to(self.query_BD.dtype)

    def _counts_of(self, labels: Tensor) -> Tensor:
        if labels.device.type in ADDS_ROWS:
            count_C = self.query_BD.new_zeros(1 + self.classes)
            ones = torch.ones_like(labels, dtype=count_C.dtype)
            return count_C.scatter_add_(0, labels + 1, ones)[1:]
        class_C1 = torch.arange(self.classes, device=labels.device)[:, None]
        return (class_C1 == labels).sum(dim=1).to(self.query_BD.dtype)
