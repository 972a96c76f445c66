"""A pass over candidates block by block, with torch's own operations, on any device.

Shape suffixes: B anchors, D embedding, M bank slots, C classes, R ranks; k the rows of one block of
candidates.

Sums are by class: which classes belong to a rank is then a matter of an R x C x B mask. The
exponentials of all ranks of a block are made at once, to base 2 (on a CPU four times as fast as to
base e). For the gradient they are made anew; where the cosines are few those are kept, else they
are made anew too, so that nothing of size R x B x M, and not even B x M, ever is.
"""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor

from core.contrastive.candidates import Block, Candidates
from core.contrastive.ranks import Ranks, Slopes


class BlockPass:
    """Goes over the blocks of candidates; see `core.contrastive.ranks.Pass`."""

    def __init__(self, candidates: Candidates, ranks: Ranks) -> None:
        self._candidates, self._ranks = candidates, ranks

    def exp_sums(self) -> tuple[Tensor, Tensor]:
        ranks, classes = self._ranks, self._candidates.classes
        slope_RB, below_RB = ranks.slope_RB, ranks.below_RB
        exp_CX = slope_RB.new_zeros(classes, slope_RB.numel())  # X = R x B, as one
        for block, cosine_kB in self._candidates.with_cosines():
            power_kRB = self._room_for(len(cosine_kB), *slope_RB.shape)
            torch.addcmul(below_RB, cosine_kB[:, None], slope_RB, out=power_kRB).exp2_()
            block.add_by_class(exp_CX, power_kRB.flatten(1))
        exp_RCB = exp_CX.view(classes, *slope_RB.shape).transpose(0, 1)
        equal_RB, rest_RB = (
            (exp_RCB * mask_RCB).sum(dim=1) for mask_RCB in (ranks.positive_RCB, ranks.rest_RCB)
        )
        return equal_RB, rest_RB

    def gap_sums(self, rest_RB: Tensor, out: int) -> tuple[Tensor, Tensor]:
        gaps, (classes, anchors) = _Gaps(self._ranks, rest_RB, out), self._ranks.rank_CB.shape
        sum_CX = rest_RB.new_zeros(classes, 2 * anchors)  # X = 2 x B, as one
        for block, cosine_kB in self._candidates.with_cosines():
            gap_kB = gaps.of_block_kB(block, cosine_kB)
            block.add_by_class(sum_CX, torch.cat([softplus(gap_kB), gap_kB.sigmoid_()], dim=1))
        sum_2CB = sum_CX.view(classes, 2, anchors).transpose(0, 1)
        positive_RCB = self._ranks.positive_RCB[:out]
        softplus_RB, sigmoid_RB = ((sum_CB * positive_RCB).sum(dim=1) for sum_CB in sum_2CB)
        return softplus_RB, sigmoid_RB

    def add_gradients(
        self, query_gradient_BD: Tensor, key_gradient_BD: Tensor, slopes: Slopes
    ) -> None:
        query_BD = self._candidates.query_BD
        by_class = _SlopesByClass(self._ranks, slopes)
        for block, cosine_kB in self._candidates.with_cosines():
            slope_kB = by_class.of_block_kB(block, cosine_kB, self._powers_RkB(cosine_kB))
            query_gradient_BD.addmm_(slope_kB.T, block.filled_kD(query_BD.dtype))
            if block.first is not None:
                part = slice(block.first, block.first + len(slope_kB))
                key_gradient_BD[part].addmm_(slope_kB, query_BD)

    def _powers_RkB(self, cosine_kB: Tensor) -> Tensor:
        """Returns the exponentials of a block, rank by rank; the next call overwrites them."""
        slope_R1B, below_R1B = self._ranks.slope_RB[:, None], self._ranks.below_RB[:, None]
        power_RkB = self._room_for(len(slope_R1B), *cosine_kB.shape)
        return torch.addcmul(below_R1B, cosine_kB, slope_R1B, out=power_RkB).exp2_()

    def _room_for(self, *shape: int) -> Tensor:
        return self._room[: math.prod(shape)].view(shape)

    @cached_property
    def _room(self) -> Tensor:
        """Memory for a value of every rank, candidate and anchor of the longest block."""
        rows = max((len(block.label_k) for block in self._candidates.blocks), default=0)
        slope_RB = self._ranks.slope_RB
        return slope_RB.new_empty(rows * slope_RB.numel())


class _Gaps:
    """Makes rest - logit of candidates that are positives of one of the first ranks.

    A candidate is of one rank at most, so there is one for each candidate and anchor.
    """

    def __init__(self, ranks: Ranks, rest_RB: Tensor, out: int) -> None:
        rank_CB = ranks.rank_CB.clamp_max(len(rest_RB) - 1).long()
        others_CB = ~ranks.positive_RCB[:out].any(dim=0)
        self._rest_CB = rest_RB.gather(0, rank_CB).masked_fill_(others_CB, -torch.inf)
        self._steep_CB = ranks.steep_RB.gather(0, rank_CB)

    def of_block_kB(self, block: Block, cosine_kB: Tensor) -> Tensor:
        """Returns those of a block; -inf of ignored candidates and all others."""
        rest_kB = self._rest_CB.index_select(0, block.index_k)
        steep_kB = self._steep_CB.index_select(0, block.index_k)
        gap_kB = rest_kB.addcmul_(cosine_kB, steep_kB, value=-1)
        return block.without_ignored(gap_kB, -torch.inf)


class _SlopesByClass:
    """Derivatives of L by the cosines."""

    def __init__(self, ranks: Ranks, slopes: Slopes) -> None:
        present_CB = ranks.count_CB > 0
        lower_RCB = torch.where(
            ranks.rest_RCB & present_CB,
            slopes.lower_RB[:, None],
            slopes.lower_RB.new_zeros(()),
        )
        self._factor_RCB = torch.where(
            ranks.positive_RCB & present_CB, slopes.equal_RB[:, None], lower_RCB
        )
        self._flat_CB = self._pull_CB = self._gaps = None
        if slopes.flat:
            self._flat_CB = (ranks.positive_RCB * slopes.flat_RB[:, None]).sum(dim=0)
        if slopes.out:
            self._pull_CB = (ranks.positive_RCB * slopes.pull_RB[:, None]).sum(dim=0)
            self._gaps = _Gaps(ranks, slopes.rest_RB, slopes.out)

    def of_block_kB(self, block: Block, cosine_kB: Tensor, power_RkB: Tensor) -> Tensor:
        """Returns those of one block."""
        index_k = block.index_k
        slope_kB = torch.zeros_like(cosine_kB)
        for factor_CB, power_kB in zip(self._factor_RCB, power_RkB, strict=True):
            slope_kB.addcmul_(factor_CB.index_select(0, index_k), power_kB)
        if self._gaps is not None and self._pull_CB is not None:
            gap_kB = self._gaps.of_block_kB(block, cosine_kB)
            slope_kB.addcmul_(gap_kB.sigmoid_(), self._pull_CB.index_select(0, index_k))
        if self._flat_CB is not None:
            slope_kB += self._flat_CB.index_select(0, index_k)
            block.without_ignored(slope_kB, 0)
        return slope_kB


def softplus(value: Tensor) -> Tensor:
    """Returns log(1 + exp(value)); a quarter of the time of torch's, and exact above 20 too."""
    halves = value.abs().sigmoid_().log2_()
    return torch.add(value.clamp_min(0), halves, alpha=-math.log(2))
