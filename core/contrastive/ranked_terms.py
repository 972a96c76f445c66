"""The terms l_i of the ranked loss over a matrix of cosines, with their gradient.

Shape suffixes: B anchors, K candidates (bank and batch), C classes, R ranks.

Every sum over candidates is first taken class by class, as a product with a one-hot matrix: which
classes belong to a rank is then a matter of a B x C mask, and no B x K mask is ever built. The
gradient is accumulated rank by rank into one matrix, so memory is O(B x K) whatever R is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from core.contrastive.rank_table import RankTable


@dataclass(frozen=True, eq=False)
class Candidates:
    """Who the anchors are compared with, besides their own keys.

    Attributes:
        label_K: Class of each candidate; -1 = empty slot, ignored everywhere.
        label_B: Class of each anchor.
        batch_start: Row at which the batch's keys begin (an anchor's own key there is left out);
            None where the batch takes no part.
    """

    label_K: Tensor
    label_B: Tensor
    batch_start: int | None


# exp is taken of values between about -147 and 60, so that a positive 147 tau below the largest
# cosine still counts in float32 (147 x 0.0136 = 2, the widest gap there is between cosines).
HEADROOM = 60.0
SMALLEST_FLOAT32_TEMPERATURE = 0.0136


@dataclass(frozen=True, eq=False)
class _ByClass:
    """Cosines of all candidates, shifted so that every anchor's largest is 0.

    Attributes:
        shifted_KB: cosine - largest cosine of the anchor; -inf where ignored.
        largest_B: Largest cosine of each anchor, its own key's included.
        count_CB: Candidates of each class.
        onehot_CK: 1 where a candidate is of a class.
        index_K: Class of each candidate, empty slots as class 0.
    """

    shifted_KB: Tensor
    largest_B: Tensor
    count_CB: Tensor
    onehot_CK: Tensor
    index_K: Tensor

    @classmethod
    def of(cls, cosine_KB: Tensor, own_B: Tensor, candidates: Candidates, classes: int) -> _ByClass:
        filled_K = candidates.label_K >= 0
        index_K = candidates.label_K.clamp_min(0)
        onehot_CK = functional.one_hot(index_K, classes).to(cosine_KB.dtype)
        onehot_CK = (onehot_CK * filled_K[:, None]).T.contiguous()
        shifted_KB = cosine_KB.masked_fill(~filled_K[:, None], -torch.inf)
        count_CB = onehot_CK.sum(dim=1, keepdim=True).expand(-1, len(own_B))
        if candidates.batch_start is not None:
            shifted_KB[candidates.batch_start :].fill_diagonal_(-torch.inf)
            own_CB = functional.one_hot(candidates.label_B, classes).to(cosine_KB.dtype).T
            count_CB = count_CB - own_CB
        largest_B = own_B
        if len(shifted_KB):
            largest_B = torch.maximum(own_B, shifted_KB.amax(dim=0))
        shifted_KB -= largest_B
        return cls(shifted_KB, largest_B, count_CB, onehot_CK, index_K)

    def exp_KB(self, tau_B: Tensor) -> Tensor:
        """Returns exp(shifted / tau + headroom); 0 where ignored."""
        return (self.shifted_KB / tau_B).add_(HEADROOM).exp_()

    def shift_B(self, tau_B: Tensor) -> Tensor:
        """Returns what `exp_KB` left out of the logits."""
        return self.largest_B / tau_B - HEADROOM

    def logsumexp_CB(self, tau_B: Tensor) -> Tensor:
        """Returns log sum exp(cosine / tau) over each class's candidates; -inf where none."""
        sums_CB = self.onehot_CK @ self.exp_KB(tau_B)
        return self.shift_B(tau_B) + sums_CB.log_()


@dataclass(frozen=True, eq=False)
class _Rank:
    """What one rank of every anchor consists of.

    Attributes:
        number: 0 for rank 1.
        tau_B: Its temperature.
        positive_CB: Classes of the rank.
        rest_CB: Classes of lower ranks and negatives.
        count_B: Positives at hand, the own key included for rank 1.
        weight_B: 1 / number of anchors that have a positive; 0 for the others.
        is_first: Whether it is rank 1, where the own key is a positive.
        anchors: Number of anchors that have a positive.
    """

    tau_B: Tensor
    positive_CB: Tensor
    rest_CB: Tensor
    count_B: Tensor
    weight_B: Tensor
    is_first: bool
    anchors: Tensor

    @classmethod
    def of(cls, number: int, table: RankTable, label_B: Tensor, count_CB: Tensor) -> _Rank:
        rank_CB = table.rank_CC[label_B].T
        positive_CB = rank_CB == number
        count_B = (count_CB * positive_CB).sum(dim=0)
        if number == 0:
            count_B = count_B + 1
        has_B = (count_B > 0).to(count_CB.dtype)
        anchors = has_B.sum()
        return cls(
            table.temperature_CR[label_B, number],
            positive_CB,
            rank_CB > number,
            count_B,
            has_B / anchors.clamp_min(1),
            number == 0,
            anchors,
        )


class RankedTerms(torch.autograd.Function):
    """l_i for every rank, as a function of the cosines.

    Inputs: cosine_KB, own_B (cosine to the anchor's own key), then what carries no gradient:
    candidates, table, and per rank the form ("in", "out" or "supcon").
    Outputs: l_R (0 where no anchor has a positive) and anchors_R.
    """

    @staticmethod
    def forward(
        ctx: Any,
        cosine_KB: Tensor,
        own_B: Tensor,
        candidates: Candidates,
        table: RankTable,
        forms: tuple[str, ...],
    ) -> tuple[Tensor, Tensor]:
        grouped = _ByClass.of(cosine_KB, own_B, candidates, len(table.rank_CC))
        losses, anchors, saved = [], [], []
        for number, form in enumerate(forms):
            rank = _Rank.of(number, table, candidates.label_B, grouped.count_CB)
            term = _FORMS[form](grouped, rank, own_B)
            losses.append((term.loss_B * rank.weight_B).sum())
            anchors.append(rank.anchors)
            saved.append((rank, term))
        ctx.grouped, ctx.saved_ranks = grouped, saved
        ctx.save_for_backward(own_B)
        ctx.mark_non_differentiable(stacked := torch.stack(anchors))
        return torch.stack(losses), stacked

    @staticmethod
    def backward(ctx: Any, gradient_R: Tensor, _anchors: Tensor) -> tuple[Tensor | None, ...]:
        grouped: _ByClass = ctx.grouped
        (own_B,) = ctx.saved_tensors
        total_KB = torch.zeros_like(grouped.shifted_KB)
        total_B = torch.zeros_like(own_B)
        for (rank, term), gradient in zip(ctx.saved_ranks, gradient_R, strict=True):
            scale_B = gradient * rank.weight_B / rank.tau_B
            term.add_gradient(grouped, rank, own_B, scale_B, total_KB, total_B)
        return total_KB, total_B, None, None, None


@dataclass(frozen=True, eq=False)
class _InTerm:
    """Eq. 2: all positives of the rank in one numerator and in its denominator."""

    loss_B: Tensor
    above_B: Tensor
    below_B: Tensor

    @classmethod
    def of(cls, grouped: _ByClass, rank: _Rank, own_B: Tensor) -> _InTerm:
        lse_CB = grouped.logsumexp_CB(rank.tau_B)
        above_B = _masked_logsumexp(lse_CB, rank.positive_CB)
        if rank.is_first:
            above_B = torch.logaddexp(above_B, own_B / rank.tau_B)
        below_B = torch.logaddexp(above_B, _masked_logsumexp(lse_CB, rank.rest_CB))
        return cls(torch.where(rank.count_B > 0, below_B - above_B, 0), above_B, below_B)

    def add_gradient(
        self,
        grouped: _ByClass,
        rank: _Rank,
        own_B: Tensor,
        scale_B: Tensor,
        total_KB: Tensor,
        total_B: Tensor,
    ) -> None:
        factor_CB = _share(grouped, rank, rank.positive_CB | rank.rest_CB, self.below_B)
        factor_CB = factor_CB - _share(grouped, rank, rank.positive_CB, self.above_B)
        _add_classwise(grouped, rank, factor_CB * scale_B, total_KB)
        if rank.is_first:
            own = own_B / rank.tau_B
            total_B += scale_B * (torch.exp(own - self.below_B) - torch.exp(own - self.above_B))


@dataclass(frozen=True, eq=False)
class _OutTerm:
    """Each positive alone against itself, all lower ranks and the negatives; their mean."""

    loss_B: Tensor
    rest_B: Tensor

    @classmethod
    def of(cls, grouped: _ByClass, rank: _Rank, own_B: Tensor) -> _OutTerm:
        rest_B = _masked_logsumexp(grouped.logsumexp_CB(rank.tau_B), rank.rest_CB)
        each_KB = functional.softplus(rest_B - _logits(grouped, rank))
        sums_CB = grouped.onehot_CK @ _without_ignored(grouped, each_KB)
        sum_B = (sums_CB * rank.positive_CB).sum(dim=0)
        if rank.is_first:
            sum_B = sum_B + functional.softplus(rest_B - own_B / rank.tau_B)
        return cls(sum_B / rank.count_B.clamp_min(1), rest_B)

    def add_gradient(
        self,
        grouped: _ByClass,
        rank: _Rank,
        own_B: Tensor,
        scale_B: Tensor,
        total_KB: Tensor,
        total_B: Tensor,
    ) -> None:
        scale_B = scale_B / rank.count_B.clamp_min(1)
        pull_KB = torch.sigmoid(self.rest_B - _logits(grouped, rank))
        pull_KB = _without_ignored(grouped, pull_KB)
        pull_KB *= rank.positive_CB.to(pull_KB.dtype)[grouped.index_K]
        sum_B = (grouped.onehot_CK @ pull_KB).sum(dim=0)
        total_KB -= pull_KB * scale_B
        if rank.is_first:
            own_pull_B = torch.sigmoid(self.rest_B - own_B / rank.tau_B)
            total_B -= own_pull_B * scale_B
            sum_B = sum_B + own_pull_B
        factor_CB = _share(grouped, rank, rank.rest_CB, self.rest_B) * sum_B
        _add_classwise(grouped, rank, factor_CB * scale_B, total_KB)


@dataclass(frozen=True, eq=False)
class _SupConTerm:
    """Each positive against all positives, lower ranks and negatives (Khosla et al., L_out)."""

    loss_B: Tensor
    below_B: Tensor

    @classmethod
    def of(cls, grouped: _ByClass, rank: _Rank, own_B: Tensor) -> _SupConTerm:
        lse_CB = grouped.logsumexp_CB(rank.tau_B)
        below_B = _masked_logsumexp(lse_CB, rank.positive_CB | rank.rest_CB)
        logits_KB = _without_ignored(grouped, _logits(grouped, rank))
        sum_B = ((grouped.onehot_CK @ logits_KB) * rank.positive_CB).sum(dim=0)
        if rank.is_first:
            below_B = torch.logaddexp(below_B, own_B / rank.tau_B)
            sum_B = sum_B + own_B / rank.tau_B
        loss_B = torch.where(rank.count_B > 0, below_B - sum_B / rank.count_B.clamp_min(1), 0)
        return cls(loss_B, below_B)

    def add_gradient(
        self,
        grouped: _ByClass,
        rank: _Rank,
        own_B: Tensor,
        scale_B: Tensor,
        total_KB: Tensor,
        total_B: Tensor,
    ) -> None:
        factor_CB = _share(grouped, rank, rank.positive_CB | rank.rest_CB, self.below_B)
        _add_classwise(grouped, rank, factor_CB * scale_B, total_KB)
        mean_B = scale_B / rank.count_B.clamp_min(1)
        even_CB = rank.positive_CB * mean_B
        total_KB -= _without_ignored(grouped, even_CB[grouped.index_K])
        if rank.is_first:
            total_B += scale_B * torch.exp(own_B / rank.tau_B - self.below_B) - mean_B


_Term = _InTerm | _OutTerm | _SupConTerm
_FORMS: dict[str, Callable[[_ByClass, _Rank, Tensor], _Term]] = {
    "in": _InTerm.of,
    "out": _OutTerm.of,
    "supcon": _SupConTerm.of,
}


def _masked_logsumexp(lse_CB: Tensor, mask_CB: Tensor) -> Tensor:
    return torch.logsumexp(lse_CB.masked_fill(~mask_CB, -torch.inf), dim=0)


def _logits(grouped: _ByClass, rank: _Rank) -> Tensor:
    return (grouped.shifted_KB + grouped.largest_B) / rank.tau_B


def _without_ignored(grouped: _ByClass, value_KB: Tensor) -> Tensor:
    """Sets empty slots and own keys to 0, so that they add nothing to a sum."""
    return value_KB.masked_fill(grouped.shifted_KB == -torch.inf, 0)


def _share(grouped: _ByClass, rank: _Rank, mask_CB: Tensor, total_B: Tensor) -> Tensor:
    """Returns what turns `exp_KB` of the masked classes into shares of exp(total); else 0."""
    used_CB = mask_CB & (grouped.count_CB > 0)
    exponent_B = grouped.shift_B(rank.tau_B) - total_B
    return torch.where(used_CB, exponent_B, -torch.inf).exp_()


def _add_classwise(grouped: _ByClass, rank: _Rank, factor_CB: Tensor, total_KB: Tensor) -> None:
    total_KB.addcmul_(grouped.exp_KB(rank.tau_B), factor_CB[grouped.index_K])
