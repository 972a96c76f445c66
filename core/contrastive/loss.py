"""The ranked supervised contrastive loss.

Shape suffixes: B anchors, D embedding, C classes, M bank slots, K candidates, R ranks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from core.contrastive.candidates import Candidates
from core.contrastive.fused_check import fuses
from core.contrastive.rank_table import (
    SMALLEST_FLOAT32_TEMPERATURE,
    SMALLEST_TEMPERATURE,
    RankTableCache,
)
from core.contrastive.ranked_terms import RankedTerms

Positives = Literal["in", "out", "out-in", "supcon"]


@dataclass(frozen=True, eq=False)
class LossDetail:
    """The loss and its terms.

    Attributes:
        total: L = sum of l_i; scalar with gradient.
        by_rank_R: l_i, detached; NaN where no anchor has a positive of the rank.
        anchors_R: Number of anchors that have a positive of the rank.
    """

    total: Tensor
    by_rank_R: Tensor
    anchors_R: Tensor


class RankedInfoNCE(nn.Module):
    """Ranked InfoNCE: recursive over ranks, temperature rising with rank.

    For an anchor q with positives P_1, P_2, ... by rank and negatives N, h the cosine,

        l_i = -log sum_{P_i} exp(h/tau_i) / (sum_{P_j, j >= i} exp(h/tau_i)
              + sum_N exp(h/tau_i))                                             (eq. 2, "in")

    and L = sum_i l_i, each l_i the mean over the anchors that have a positive of rank i. With one
    rank this is SupCon. Candidates of an anchor: the key of the same object (always of rank 1), the
    bank, and, where the batch takes part, the keys of the other objects.

    Args:
        temperature: tau_min (similarity 1) and tau_max (similarity 0).
        positives: "in": eq. 2. "out": each positive alone against itself, lower ranks and
            negatives, mean over the positives. "out-in": rank 1 "out", the others "in". "supcon":
            each positive against all positives of its rank too (Khosla et al. 2020, L_out; rank
            by rank where there are several).
    """

    def __init__(
        self, temperature: tuple[float, float] = (0.1, 0.6), positives: Positives = "in"
    ) -> None:
        super().__init__()
        low, high = temperature
        if not SMALLEST_TEMPERATURE <= low <= high:
            limits = f"{SMALLEST_TEMPERATURE} <= min <= max"
            raise ValueError(f"temperatures must satisfy {limits}, not {temperature}")
        if positives not in ("in", "out", "out-in", "supcon"):
            raise ValueError(f"positives must be in, out, out-in or supcon, not {positives!r}")
        self.temperature = temperature
        self.positives = positives
        self._tables = RankTableCache(temperature)

    def forward(
        self,
        query_BD: Tensor,
        key_BD: Tensor,
        labels_B: Tensor,
        similarity_CC: Tensor,
        bank_MD: Tensor | None = None,
        bank_labels_M: Tensor | None = None,
        *,
        include_batch: bool | None = None,
    ) -> Tensor:
        """Returns L, a scalar in at least float32.

        Args:
            query_BD: Embeddings of one view, on the unit sphere; any floating type.
            key_BD: Embeddings of the other view of the same objects.
            labels_B: Class of each object, int64.
            similarity_CC: Row = anchor class: 1 on the diagonal, 0 for negatives; the distinct
                positive values, descending, are its ranks (equal values tie).
            bank_MD: Keys remembered; no gradient flows into them.
            bank_labels_M: Their classes; -1 = empty slot, ignored everywhere.
            include_batch: Whether the other objects' keys are candidates; None: only without a
                bank.
        """
        detail = self.forward_detailed(
            query_BD,
            key_BD,
            labels_B,
            similarity_CC,
            bank_MD,
            bank_labels_M,
            include_batch=include_batch,
        )
        return detail.total

    def forward_detailed(
        self,
        query_BD: Tensor,
        key_BD: Tensor,
        labels_B: Tensor,
        similarity_CC: Tensor,
        bank_MD: Tensor | None = None,
        bank_labels_M: Tensor | None = None,
        *,
        include_batch: bool | None = None,
    ) -> LossDetail:
        """Returns the loss with its terms by rank; arguments as in `forward`."""
        assert query_BD.shape == key_BD.shape, (query_BD.shape, key_BD.shape)
        assert (bank_MD is None) == (bank_labels_M is None)
        if include_batch is None:
            include_batch = bank_MD is None
        with torch.autocast(query_BD.device.type, enabled=False):
            dtype = torch.promote_types(query_BD.dtype, torch.float32)
            if self.temperature[0] < SMALLEST_FLOAT32_TEMPERATURE:
                dtype = torch.float64
            query_BD, key_BD = query_BD.to(dtype), key_BD.to(dtype)
            table = self._tables.get(similarity_CC, dtype)
            forms = self._forms(table.ranks)
            candidates = Candidates(
                query_BD.detach(),
                key_BD.detach(),
                labels_B,
                None if bank_MD is None else bank_MD.detach(),
                bank_labels_M,
                include_batch,
                len(similarity_CC),
                table.ranks,
                fuses(query_BD.device, dtype, forms),
            )
            total, loss_R, anchors_R = RankedTerms.apply(
                query_BD,
                key_BD,
                candidates,
                table,
                forms,
                torch.is_grad_enabled(),
            )
            return LossDetail(total, loss_R.masked_fill(anchors_R == 0, torch.nan), anchors_R)

    def extra_repr(self) -> str:
        return f"temperature={self.temperature}, positives={self.positives!r}"

    def _forms(self, ranks: int) -> tuple[str, ...]:
        first, others = {"out-in": ("out", "in")}.get(self.positives, (self.positives,) * 2)
        return (first, *(others,) * (ranks - 1))
