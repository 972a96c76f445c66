"""The terms l_i of the ranked loss, and their gradient, which is computed along with them.

Shape suffixes: B anchors, D embedding, C classes, R ranks.

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

from core.contrastive.block_pass import BlockPass, softplus
from core.contrastive.candidates import Candidates
from core.contrastive.fused_pass import FusedPass
from core.contrastive.rank_table import RankTable
from core.contrastive.ranks import Pass, Ranks, Slopes


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
        loss_R, anchors_R, gradients = terms_and_gradients(candidates, table, forms, with_gradient)
        ctx.save_for_backward(*gradients)
        ctx.mark_non_differentiable(loss_R, anchors_R)
        return loss_R.sum(), loss_R, anchors_R

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: Tensor, _loss_R: Tensor, _anchors_R: Tensor
    ) -> tuple[Tensor | None, ...]:
        query_BD, key_BD = ctx.saved_tensors
        return gradient * query_BD, gradient * key_BD, None, None, None, None


def terms_and_gradients(
    candidates: Candidates, table: RankTable, forms: tuple[str, ...], with_gradient: bool
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """Returns l_R, anchors_R, and the derivatives of L by queries and keys, if they are wanted."""
    ranks = Ranks.of(candidates, table)
    over: Pass = (FusedPass if candidates.fused else BlockPass)(candidates, ranks)
    terms = _Terms.of(candidates, ranks, over, forms)
    loss_R = (terms.loss_RB * ranks.weight_RB).sum(dim=1)
    gradients = _gradients(candidates, ranks, terms, over, forms) if with_gradient else ()
    return loss_R, ranks.anchors_R, gradients


@dataclass(frozen=True, eq=False)
class _Terms:
    """l_i of every anchor and its derivatives by the logits, cosine / tau.

    Attributes:
        ranks: What the ranks consist of.
        own_RB: Logit of the own key, a positive of rank 1.
        rest_RB: logsumexp of lower ranks and negatives.
        above_RB: logsumexp of the rank's positives.
        below_RB: logsumexp of both.
        loss_RB: l_i.
        slope_4RB: Lower, equal, flat ("supcon") and pull ("out") as in `Slopes`, by the logit.
        slope_B: Derivative by the own key's logit, of rank 1.
    """

    ranks: Ranks
    own_RB: Tensor
    rest_RB: Tensor
    above_RB: Tensor
    below_RB: Tensor
    loss_RB: Tensor
    slope_4RB: Tensor
    slope_B: Tensor

    @classmethod
    def of(
        cls,
        candidates: Candidates,
        ranks: Ranks,
        over: Pass,
        forms: tuple[str, ...],
    ) -> _Terms:
        own_RB, shift_RB = candidates.own_B * ranks.steep_RB, ranks.shift_RB
        equal_RB, rest_RB = over.exp_sums()
        rest_RB, above_RB = rest_RB.log_() + shift_RB, equal_RB.log_() + shift_RB
        above_RB[0] = torch.logaddexp(above_RB[0], own_RB[0])
        below_RB = torch.logaddexp(above_RB, rest_RB)
        terms = cls(
            ranks,
            own_RB,
            rest_RB,
            above_RB,
            below_RB,
            torch.zeros_like(own_RB),
            own_RB.new_zeros(4, *own_RB.shape),
            slope_B=torch.zeros_like(candidates.own_B),
        )
        parts = [slice(0, 1), slice(1, None)] if len({*forms}) > 1 else [slice(0, None)]
        for part in parts:
            form = forms[part.start]
            if form == "in":
                terms._fill_in(part)
            elif form == "supcon":
                terms._fill_supcon(part, candidates.cosine_sums_CB())
            else:
                terms._fill_out(part, *over.gap_sums(rest_RB, forms.count("out")))
        return terms

    def _fill_in(self, rows: slice) -> None:
        """Eq. 2: all positives of the rank in one numerator and in its denominator."""
        below_RB, above_RB = self.below_RB[rows], self.above_RB[rows]
        self.loss_RB[rows] = torch.where(self.ranks.has_RB[rows], below_RB - above_RB, 0)
        lower_RB = self._share_RB(below_RB, rows)
        self.slope_4RB[0, rows] = lower_RB
        self.slope_4RB[1, rows] = lower_RB - self._share_RB(above_RB, rows)
        if rows.start == 0:
            own_B = self.own_RB[0]
            self.slope_B.copy_(torch.exp(own_B - below_RB[0]) - torch.exp(own_B - above_RB[0]))

    def _fill_supcon(self, rows: slice, cosine_CB: Tensor) -> None:
        """Each positive against all positives, lower ranks and negatives (Khosla et al., L_out)."""
        ranks, below_RB, count_RB = self.ranks, self.below_RB[rows], self.ranks.count_RB[rows]
        sum_RB = (cosine_CB * ranks.positive_RCB[rows]).sum(dim=1) * ranks.steep_RB[rows]
        if rows.start == 0:
            sum_RB[0] += self.own_RB[0]
            self.slope_B.copy_(torch.exp(self.own_RB[0] - below_RB[0]) - 1 / count_RB[0])
        self.loss_RB[rows] = torch.where(ranks.has_RB[rows], below_RB - sum_RB / count_RB, 0)
        self.slope_4RB[:2, rows] = self._share_RB(below_RB, rows)
        self.slope_4RB[2, rows] = -1 / count_RB

    def _fill_out(self, rows: slice, softplus_RB: Tensor, sigmoid_RB: Tensor) -> None:
        """Each positive alone against itself, lower ranks and negatives; mean of the positives."""
        rest_RB, count_RB = self.rest_RB[rows], self.ranks.count_RB[rows]
        if rows.start == 0:
            own_B = rest_RB[0] - self.own_RB[0]
            softplus_RB[0] += softplus(own_B)
            sigmoid_RB[0] += own_B.sigmoid()
            self.slope_B.copy_(-own_B.sigmoid() / count_RB[0])
        self.loss_RB[rows] = softplus_RB / count_RB
        self.slope_4RB[0, rows] = self._share_RB(rest_RB, rows) * (sigmoid_RB / count_RB)
        self.slope_4RB[3, rows] = -1 / count_RB

    def _share_RB(self, total_RB: Tensor, rows: slice) -> Tensor:
        """Returns what turns exp(logit - shift) into shares of exp(total)."""
        return torch.exp(self.ranks.shift_RB[rows] - total_RB)


def _gradients(
    candidates: Candidates,
    ranks: Ranks,
    terms: _Terms,
    over: Pass,
    forms: tuple[str, ...],
) -> tuple[Tensor, Tensor]:
    """Returns the derivatives of L by queries and keys."""
    query_BD, key_BD = candidates.query_BD, candidates.key_BD
    scale_RB = ranks.weight_RB * ranks.steep_RB  # d L / d cosine over d l_i / d logit
    slope_B1 = (terms.slope_B * scale_RB[0])[:, None]
    gradients = slope_B1 * key_BD, slope_B1 * query_BD
    lower_RB, equal_RB, flat_RB, pull_RB = terms.slope_4RB * scale_RB
    out, has_flat = forms.count("out"), "supcon" in forms
    slopes = Slopes(lower_RB, equal_RB, flat_RB, pull_RB, terms.rest_RB, out, has_flat)
    over.add_gradients(*gradients, slopes)
    return gradients
