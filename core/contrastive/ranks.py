"""The ranks of the anchors of a batch, and what a pass over candidates finds and is told of them.

Shape suffixes: B anchors, D embedding, C classes, R ranks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from core.contrastive.candidates import Candidates
from core.contrastive.rank_table import RankTable


@dataclass(frozen=True, eq=False)
class Ranks:
    """What the ranks of every anchor consist of.

    Attributes:
        steep_RB: 1 / tau: a logit is cosine / tau.
        shift_RB: What is taken off it before exp.
        slope_RB: exp(logit - shift) = 2^(cosine x slope + below).
        below_RB: See slope_RB.
        rank_CB: Rank of each class, from 0; R for negatives; int32.
        positive_RCB: Whether a class is of the rank.
        count_CB: Candidates of each class.
        count_RB: Positives at hand, the own key included for rank 1; 1 where there are none.
        has_RB: Whether there are any.
        weight_RB: 1 / number of anchors that have a positive; 0 for the others.
        anchors_R: Number of anchors that have a positive.
    """

    steep_RB: Tensor
    shift_RB: Tensor
    slope_RB: Tensor
    below_RB: Tensor
    rank_CB: Tensor
    positive_RCB: Tensor
    count_CB: Tensor
    count_RB: Tensor
    has_RB: Tensor
    weight_RB: Tensor
    anchors_R: Tensor

    @classmethod
    def of(cls, candidates: Candidates, table: RankTable) -> Ranks:
        """Looks them up for the anchors of a batch."""
        label_B = candidates.label_B
        rank_CB = table.rank_CC.T.index_select(1, label_B)
        steep_RB, shift_RB, slope_RB, below_RB = table.number_4RC.index_select(2, label_B)
        number_R11 = torch.arange(table.ranks, device=label_B.device)[:, None, None]
        positive_RCB = rank_CB == number_R11
        count_CB = candidates.counts_CB()
        count_RB = (count_CB * positive_RCB).sum(dim=1)
        count_RB[0] += 1
        has_RB = count_RB > 0
        anchors_R = has_RB.sum(dim=1).to(count_RB.dtype)
        return cls(
            steep_RB,
            shift_RB,
            slope_RB,
            below_RB,
            rank_CB,
            positive_RCB,
            count_CB,
            count_RB.clamp_min(1),
            has_RB,
            has_RB / anchors_R.clamp_min(1)[:, None],
            anchors_R,
        )

    @cached_property
    def rest_RCB(self) -> Tensor:
        """Whether a class is of a lower rank or a negative."""
        number_R11 = torch.arange(len(self.steep_RB), device=self.rank_CB.device)[:, None, None]
        return self.rank_CB > number_R11


@dataclass(frozen=True, eq=False)
class Slopes:
    """What makes the derivative of L by a candidate's cosine, for each anchor and rank.

    Attributes:
        lower_RB: By it over exp(logit - shift), where the candidate is of a lower rank or negative.
        equal_RB: The same where it is of the rank.
        flat_RB: What is added to it where it is of the rank.
        pull_RB: What is added to it there, times sigmoid(rest - logit).
        rest_RB: logsumexp of lower ranks and negatives.
        out: Of so many ranks, the first ones, pull is not 0.
        flat: Whether flat is not 0.
    """

    lower_RB: Tensor
    equal_RB: Tensor
    flat_RB: Tensor
    pull_RB: Tensor
    rest_RB: Tensor
    out: int
    flat: bool


class Pass(Protocol):
    """Goes over some of the candidates, once or several times."""

    def exp_sums(self) -> tuple[Tensor, Tensor]:
        """Sums exp(logit - shift) over the positives of each rank, and over all that is lower.

        Returns:
            Two R x B matrices.
        """

    def gap_sums(self, rest_RB: Tensor, out: int) -> tuple[Tensor, Tensor]:
        """Sums softplus and sigmoid of rest - logit over the positives of the first ranks.

        Args:
            rest_RB: logsumexp of lower ranks and negatives.
            out: How many ranks.

        Returns:
            Two matrices, out x B.
        """

    def add_gradients(
        self, query_gradient_BD: Tensor, key_gradient_BD: Tensor, slopes: Slopes
    ) -> None:
        """Adds the derivatives of L by queries and keys, in place."""
