"""The terms l_i of the ranked loss, and their gradient, which is computed along with them.

Shape suffixes: B anchors, D embedding, C classes, R ranks; k the rows of one block of candidates.

As the loss is a scalar, its gradient is known but for a factor as soon as the loss is: it is found
in a further pass over the candidates, and only two B x D matrices wait for the backward pass. The
bank may change in the meantime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

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
        positive_RCB: Whether a class is of the rank.
        rest_RCB: Whether a class is of a lower rank or a negative.
        present_CB: Whether there is a candidate of the class.
        count_RB: Positives at hand, the own key included for rank 1; 1 where there are none.
        has_RB: Whether there are any.
        weight_RB: 1 / number of anchors that have a positive; 0 for the others.
        anchors_R: Number of anchors that have a positive.
    """

    tau_RB: Tensor
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
            positive_RCB,
            rank_CB > number_R11,
            count_CB > 0,
            count_RB.clamp_min(1),
            has_RB,
            has_RB / anchors_R.clamp_min(1)[:, None],
            anchors_R,
        )


@dataclass(frozen=True, eq=False)
class _Terms:
    """l_i of every anchor and its derivatives by the logits, cosine / tau.

    Attributes:
        ranks: What the ranks consist of.
        sums: Sums over the candidates.
        own_RB: Logit of the own key, a positive of rank 1.
        rest_RB: logsumexp of lower ranks and negatives.
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
            else:
                terms._fill_out(part, *_softplus_sums(candidates, ranks, rest_RB, part))
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
            softplus_RB[0] += softplus(own_B)
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


def _softplus_sums(
    candidates: Candidates, ranks: _Ranks, rest_RB: Tensor, rows: slice
) -> tuple[Tensor, Tensor]:
    """Sums softplus(rest - logit) and sigmoid(rest - logit) over the positives of some ranks."""
    positive_RCB, rest_RB = ranks.positive_RCB[rows], rest_RB[rows]
    inverse_tau_RB = 1 / ranks.tau_RB[rows]
    softplus_RB, sigmoid_RB = torch.zeros_like(rest_RB), torch.zeros_like(rest_RB)
    for block, cosine_kB in candidates.with_cosines():
        for rank, positive_CB in enumerate(positive_RCB):
            gap_kB = torch.addcmul(rest_RB[rank], cosine_kB, inverse_tau_RB[rank], value=-1)
            block.without_ignored(gap_kB, -torch.inf)  # adds nothing
            for sum_RB, value_kB in (
                (softplus_RB, softplus(gap_kB)),
                (sigmoid_RB, gap_kB.sigmoid()),
            ):
                sum_CB = torch.zeros_like(positive_CB, dtype=gap_kB.dtype)
                block.add_by_class(sum_CB, value_kB)
                sum_RB[rank] += (sum_CB * positive_CB).sum(dim=0)
    return softplus_RB, sigmoid_RB


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
        self._pull_RCB = terms.pull_RCB * scale_RB[:, None]
        self._out_ranks = [rank for rank, form in enumerate(forms) if form == "out"]
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
        if self._out_ranks:
            self._add_out(slope_kB, cosine_kB, index_k)
        if self._flat_CB is not None:
            slope_kB += self._flat_CB.index_select(0, index_k)
        if self._flat_CB is not None or self._out_ranks:
            block.without_ignored(slope_kB, 0)
        return slope_kB

    def _add_out(self, slope_kB: Tensor, cosine_kB: Tensor, index_k: Tensor) -> None:
        for rank in self._out_ranks:
            rest_B, tau_B = self._terms.rest_RB[rank], self._terms.ranks.tau_RB[rank]
            gap_kB = torch.addcmul(rest_B, cosine_kB, 1 / tau_B, value=-1)
            pull_kB = self._pull_RCB[rank].index_select(0, index_k)
            slope_kB.addcmul_(gap_kB.sigmoid_(), pull_kB)
