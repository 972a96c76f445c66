"""The terms l_i of the ranked loss, and their gradient, which is computed along with them.

Shape suffixes: B anchors, D embedding, C classes, R ranks; k the rows of one block of candidates.

As the loss is a scalar, its gradient is known but for a factor as soon as the loss is: it is found
in a further pass over the candidates, and only two B x D matrices wait for the backward pass. The
bank may change in the meantime.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from core.contrastive.candidates import Block, Candidates, ClassSums
from core.contrastive.rank_table import RankTable


class RankedTerms(torch.autograd.Function):
    """L = sum of l_i, differentiable once by queries and keys.

    Inputs: query_BD and key_BD, with gradient; then what carries none: the candidates (of the same
    queries and keys), the table, of each rank its form ("in", "out" or "supcon"), and whether a
    gradient will be asked for.
    Outputs: L; and without gradient l_R (0 where no anchor has a positive) and anchors_R.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query_BD: Tensor,
        key_BD: Tensor,
        candidates: Candidates,
        table: RankTable,
        forms: tuple[str, ...],
        with_gradient: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ranks = _Ranks.of(candidates, table)
        sums = ClassSums.of(candidates, 1 / ranks.tau_RB, of_cosines="supcon" in forms)
        terms = _Terms.of(candidates, ranks, sums, forms)
        loss_R = (terms.loss_RB * ranks.weight_RB).sum(dim=1)
        if with_gradient:
            ctx.save_for_backward(*_gradients(candidates, ranks, terms, forms))
        ctx.mark_non_differentiable(loss_R, ranks.anchors_R)
        return loss_R.sum(), loss_R, ranks.anchors_R

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: Tensor, _loss_R: Tensor, _anchors_R: Tensor
    ) -> tuple[Tensor | None, ...]:
        query_BD, key_BD = ctx.saved_tensors
        return gradient * query_BD, gradient * key_BD, None, None, None, None


@dataclass(frozen=True, eq=False)
class _Ranks:
    """What the ranks of every anchor consist of.

    Attributes:
        tau_RB: Temperature.
        rank_CB: Rank of each class, from 0; R for negatives.
        positive_RCB: Whether a class is of the rank.
        rest_RCB: Whether a class is of a lower rank or a negative.
        present_CB: Whether there is a candidate of the class.
        count_RB: Positives at hand, the own key included for rank 1; 1 where there are none.
        has_RB: Whether there are any.
        weight_RB: 1 / number of anchors that have a positive; 0 for the others.
        anchors_R: Number of anchors that have a positive.
    """

    tau_RB: Tensor
    rank_CB: Tensor
    positive_RCB: Tensor
    rest_RCB: Tensor
    present_CB: Tensor
    count_RB: Tensor
    has_RB: Tensor
    weight_RB: Tensor
    anchors_R: Tensor

    @classmethod
    def of(cls, candidates: Candidates, table: RankTable) -> _Ranks:
        label_B = candidates.label_B
        rank_CB = table.rank_CC.T.index_select(1, label_B)
        number_R11 = torch.arange(table.ranks, device=label_B.device)[:, None, None]
        positive_RCB = rank_CB == number_R11
        count_CB = candidates.counts_CB()
        count_RB = (count_CB * positive_RCB).sum(dim=1)
        count_RB[0] += 1
        has_RB = count_RB > 0
        anchors_R = has_RB.sum(dim=1).to(count_RB.dtype)
        return cls(
            table.temperature_CR[label_B].T.contiguous(),
            rank_CB,
            positive_RCB,
            rank_CB > number_R11,
            count_CB > 0,
            count_RB.clamp_min(1),
            has_RB,
            has_RB / anchors_R.clamp_min(1)[:, None],
            anchors_R,
        )

    def of_classes_CB(self, value_RB: Tensor) -> Tensor:
        """Returns of each class the value of its rank; of negatives that of the last."""
        return value_RB.gather(0, self.rank_CB.clamp_max(len(value_RB) - 1))


@dataclass(frozen=True, eq=False)
class _Gaps:
    """Makes rest - logit of candidates that are positives of a rank that is "out".

    A candidate is of one rank at most, so there is one for each candidate and anchor.

    Attributes:
        rest_CB: logsumexp of what is lower than the class's rank; -inf of all other classes.
        slope_CB: 1 / tau of its rank.
    """

    rest_CB: Tensor
    slope_CB: Tensor

    @classmethod
    def of(cls, ranks: _Ranks, rest_RB: Tensor, forms: tuple[str, ...]) -> _Gaps:
        """Prepares them; `forms` of each rank."""
        out_R = [rank for rank, form in enumerate(forms) if form == "out"]
        others_CB = ~ranks.positive_RCB[: len(out_R)].any(dim=0)  # those that are come first
        rest_CB = ranks.of_classes_CB(rest_RB).masked_fill_(others_CB, -torch.inf)
        return cls(rest_CB, ranks.of_classes_CB(1 / ranks.tau_RB))

    def of_block_kB(self, block: Block, cosine_kB: Tensor) -> Tensor:
        """Returns those of a block; -inf of ignored candidates and all others."""
        rest_kB = self.rest_CB.index_select(0, block.index_k)
        slope_kB = self.slope_CB.index_select(0, block.index_k)
        gap_kB = rest_kB.addcmul_(cosine_kB, slope_kB, value=-1)
        return block.without_ignored(gap_kB, -torch.inf)

    def sums_RB(self, candidates: Candidates, ranks: _Ranks, rows: slice) -> tuple[Tensor, Tensor]:
        """Sums softplus and sigmoid of them over the positives of some ranks."""
        anchors = len(candidates.query_BD)
        sum_CX = self.rest_CB.new_zeros(candidates.classes, 2 * anchors)  # X = 2 x B, as one
        for block, cosine_kB in candidates.with_cosines():
            gap_kB = self.of_block_kB(block, cosine_kB)
            block.add_by_class(sum_CX, torch.cat([_softplus(gap_kB), gap_kB.sigmoid_()], dim=1))
        sum_2CB = sum_CX.view(candidates.classes, 2, anchors).transpose(0, 1)
        softplus_RB, sigmoid_RB = (
            (sum_CB * ranks.positive_RCB[rows]).sum(dim=1) for sum_CB in sum_2CB
        )
        return softplus_RB, sigmoid_RB


@dataclass(frozen=True, eq=False)
class _Terms:
    """l_i of every anchor and its derivatives by the logits, cosine / tau.

    Attributes:
        ranks: What the ranks consist of.
        sums: Sums over the candidates.
        own_RB: Logit of the own key, a positive of rank 1.
        rest_RB: logsumexp of lower ranks and negatives.
        gaps: What makes rest - logit of each positive, where ranks are "out".
        above_RB: logsumexp of the rank's positives.
        below_RB: logsumexp of both.
        loss_RB: l_i.
        factor_RCB: Derivative by a candidate's logit over exp(logit - shift), by its class.
        flat_RCB: What is added to it for every candidate of a class ("supcon").
        pull_RCB: What is added to it, times sigmoid(rest - logit) ("out").
        slope_B: Derivative by the own key's logit, of rank 1.
    """

    ranks: _Ranks
    sums: ClassSums
    own_RB: Tensor
    rest_RB: Tensor
    gaps: _Gaps | None
    above_RB: Tensor
    below_RB: Tensor
    loss_RB: Tensor
    factor_RCB: Tensor
    flat_RCB: Tensor
    pull_RCB: Tensor
    slope_B: Tensor

    @classmethod
    def of(
        cls, candidates: Candidates, ranks: _Ranks, sums: ClassSums, forms: tuple[str, ...]
    ) -> _Terms:
        own_RB = candidates.own_B / ranks.tau_RB
        rest_RB = sums.logsumexp_RB(ranks.rest_RCB)
        above_RB = sums.logsumexp_RB(ranks.positive_RCB)
        above_RB[0] = torch.logaddexp(above_RB[0], own_RB[0])
        below_RB = torch.logaddexp(above_RB, rest_RB)
        loss_RB, empty_RCB = torch.zeros_like(own_RB), torch.zeros_like(sums.exp_RCB)
        terms = cls(
            ranks,
            sums,
            own_RB,
            rest_RB,
            _Gaps.of(ranks, rest_RB, forms) if "out" in forms else None,
            above_RB,
            below_RB,
            loss_RB,
            empty_RCB,
            empty_RCB.clone() if "supcon" in forms else empty_RCB,
            empty_RCB.clone() if "out" in forms else empty_RCB,
            torch.zeros_like(candidates.own_B),
        )
        rows = [slice(0, 1), slice(1, None)] if len({*forms}) > 1 else [slice(0, None)]
        for part in rows:
            form = forms[part.start]
            if form == "in":
                terms._fill_in(part)
            elif form == "supcon":
                terms._fill_supcon(part)
            elif terms.gaps is not None:
                terms._fill_out(part, *terms.gaps.sums_RB(candidates, ranks, part))
        return terms

    def _fill_in(self, rows: slice) -> None:
        """Eq. 2: all positives of the rank in one numerator and in its denominator."""
        ranks, below_RB, above_RB = self.ranks, self.below_RB[rows], self.above_RB[rows]
        self.loss_RB[rows] = torch.where(ranks.has_RB[rows], below_RB - above_RB, 0)
        positive_RCB = ranks.positive_RCB[rows]
        self.factor_RCB[rows] = self._share_RCB(positive_RCB | ranks.rest_RCB[rows], below_RB, rows)
        self.factor_RCB[rows] -= self._share_RCB(positive_RCB, above_RB, rows)
        if rows.start == 0:
            own_B = self.own_RB[0]
            self.slope_B.copy_(torch.exp(own_B - below_RB[0]) - torch.exp(own_B - above_RB[0]))

    def _fill_supcon(self, rows: slice) -> None:
        """Each positive against all positives, lower ranks and negatives (Khosla et al., L_out)."""
        ranks, below_RB = self.ranks, self.below_RB[rows]
        positive_RCB, count_RB = ranks.positive_RCB[rows], ranks.count_RB[rows]
        sum_RB = (self.sums.cosine_CB * positive_RCB).sum(dim=1) / ranks.tau_RB[rows]
        if rows.start == 0:
            sum_RB[0] += self.own_RB[0]
            self.slope_B.copy_(torch.exp(self.own_RB[0] - below_RB[0]) - 1 / count_RB[0])
        self.loss_RB[rows] = torch.where(ranks.has_RB[rows], below_RB - sum_RB / count_RB, 0)
        self.factor_RCB[rows] = self._share_RCB(positive_RCB | ranks.rest_RCB[rows], below_RB, rows)
        self.flat_RCB[rows] = positive_RCB / -count_RB[:, None]

    def _fill_out(self, rows: slice, softplus_RB: Tensor, sigmoid_RB: Tensor) -> None:
        """Each positive alone against itself, lower ranks and negatives; mean of the positives."""
        ranks, rest_RB, count_RB = self.ranks, self.rest_RB[rows], self.ranks.count_RB[rows]
        if rows.start == 0:
            own_B = rest_RB[0] - self.own_RB[0]
            softplus_RB[0] += _softplus(own_B)
            sigmoid_RB[0] += own_B.sigmoid()
            self.slope_B.copy_(-own_B.sigmoid() / count_RB[0])
        self.loss_RB[rows] = softplus_RB / count_RB
        share_RCB = self._share_RCB(ranks.rest_RCB[rows], rest_RB, rows)
        self.factor_RCB[rows] = share_RCB * (sigmoid_RB / count_RB)[:, None]
        self.pull_RCB[rows] = ranks.positive_RCB[rows] / -count_RB[:, None]

    def _share_RCB(self, mask_RCB: Tensor, total_RB: Tensor, rows: slice) -> Tensor:
        """Returns what turns exp(logit - shift) of the masked classes into shares of exp(total)."""
        share_RB = torch.exp(self.sums.exponents.shift_RB[rows] - total_RB)
        return torch.where(mask_RCB & self.ranks.present_CB, share_RB[:, None], 0)


def _softplus(value: Tensor) -> Tensor:
    """Returns log(1 + exp(value)); a quarter of the time of torch's, and exact above 20 too."""
    halves = value.abs().sigmoid_().log2_()
    return torch.add(value.clamp_min(0), halves, alpha=-math.log(2))


def _gradients(
    candidates: Candidates, ranks: _Ranks, terms: _Terms, forms: tuple[str, ...]
) -> tuple[Tensor, Tensor]:
    """Returns the derivatives of L by queries and keys."""
    query_BD, key_BD = candidates.query_BD, candidates.key_BD
    scale_RB = ranks.weight_RB / ranks.tau_RB
    slope_B1 = (terms.slope_B * scale_RB[0])[:, None]
    query_gradient_BD, key_gradient_BD = slope_B1 * key_BD, slope_B1 * query_BD
    slopes = _Slopes(candidates, terms, scale_RB, forms)
    for block, cosine_kB in candidates.with_cosines():
        slope_kB = slopes.of_block_kB(block, cosine_kB)
        query_gradient_BD.addmm_(slope_kB.T, block.filled_kD(query_BD.dtype))
        if block.first is not None:
            part = slice(block.first, block.first + len(slope_kB))
            key_gradient_BD[part].addmm_(slope_kB, query_BD)
    return query_gradient_BD, key_gradient_BD


class _Slopes:
    """Derivatives of L by the cosines.

    Args:
        candidates: To whom the cosines are.
        terms: Derivatives by the logits.
        scale_RB: d L / d l_i over tau.
        forms: Of each rank.
    """

    def __init__(
        self, candidates: Candidates, terms: _Terms, scale_RB: Tensor, forms: tuple[str, ...]
    ) -> None:
        self._terms = terms
        self._factor_RCB = terms.factor_RCB * scale_RB[:, None]
        self._pull_CB = (terms.pull_RCB * scale_RB[:, None]).sum(dim=0)
        self._flat_CB = None
        if "supcon" in forms:
            self._flat_CB = (terms.flat_RCB * scale_RB[:, None]).sum(dim=0)

    def of_block_kB(self, block: Block, cosine_kB: Tensor) -> Tensor:
        """Returns the derivatives of one block."""
        index_k = block.index_k
        power_RkB = self._terms.sums.exponents.powers_RkB(cosine_kB)
        slope_kB = torch.zeros_like(cosine_kB)
        for factor_CB, power_kB in zip(self._factor_RCB, power_RkB, strict=True):
            slope_kB.addcmul_(factor_CB.index_select(0, index_k), power_kB)
        if self._terms.gaps is not None:
            gap_kB = self._terms.gaps.of_block_kB(block, cosine_kB)
            slope_kB.addcmul_(gap_kB.sigmoid_(), self._pull_CB.index_select(0, index_k))
        if self._flat_CB is not None:
            slope_kB += self._flat_CB.index_select(0, index_k)
            block.without_ignored(slope_kB, 0)
        return slope_kB
