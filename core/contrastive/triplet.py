"""The triplet loss, a baseline: of two candidates the one of the anchor's class is to be nearer.

Shape suffixes: B anchors, D embedding, M bank slots, K candidates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class TripletLoss(nn.Module):
    """Triplet loss with semi-hard negatives (Schroff, Kalenichenko and Philbin 2015, FaceNet).

    For an anchor q, a positive p and a negative n, all on the unit sphere, with the squared
    distance d = 2 - 2 cos:  max(0, d(q, p) - d(q, n) + margin), the mean over all pairs (q, p).
    The negative of a pair is the nearest that is farther away than p; where all are nearer, the
    farthest. Candidates are those of the ranked loss: the key of the same object (always a
    positive), the bank, and, where the batch takes part, the keys of the other objects. Anchors
    without a negative are left out.

    Args:
        margin: By how much the negative is to be farther, as a squared distance.
    """

    def __init__(self, margin: float = 0.2) -> None:
        super().__init__()
        if margin <= 0:
            raise ValueError(f"the margin must be positive, not {margin}")
        self.margin = margin

    def forward(
        self,
        query_BD: Tensor,
        key_BD: Tensor,
        labels_B: Tensor,
        bank_MD: Tensor | None = None,
        bank_labels_M: Tensor | None = None,
        *,
        include_batch: bool | None = None,
    ) -> Tensor:
        """Returns the loss, a scalar in at least float32; arguments as of the ranked loss."""
        if include_batch is None:
            include_batch = bank_MD is None
        with torch.autocast(query_BD.device.type, enabled=False):
            dtype = torch.promote_types(query_BD.dtype, torch.float32)
            own_BB = torch.eye(len(labels_B), dtype=torch.bool, device=labels_B.device)
            takes_part_BK = torch.ones_like(own_BB) if include_batch else own_BB
            label_K, key_KD = labels_B, key_BD.to(dtype)
            if bank_MD is not None and bank_labels_M is not None:
                filled_M = bank_labels_M >= 0
                slots_MD = bank_MD.detach().to(dtype).masked_fill(~filled_M[:, None], 0)
                label_K, key_KD = torch.cat([label_K, bank_labels_M]), torch.cat([key_KD, slots_MD])
                filled_BM = filled_M.expand(len(labels_B), -1)
                takes_part_BK = torch.cat([takes_part_BK, filled_BM], dim=1)
            is_alike_BK = labels_B[:, None] == label_K
            cosine_BK = query_BD.to(dtype) @ key_KD.T
            return self._mean(cosine_BK, takes_part_BK & is_alike_BK, takes_part_BK & ~is_alike_BK)

    def _mean(self, cosine_BK: Tensor, positive_BK: Tensor, negative_BK: Tensor) -> Tensor:
        # Negatives by cosine, ascending: the last below a positive's is its semi-hard one.
        sorted_BK = cosine_BK.masked_fill(~negative_BK, torch.inf).sort(dim=1).values
        place_BK = torch.searchsorted(sorted_BK.detach(), cosine_BK.detach()) - 1
        chosen_BK = sorted_BK.gather(1, place_BK.clamp_min(0))
        excess_BK = functional.relu(self.margin + 2 * (chosen_BK - cosine_BK))
        pair_BK = positive_BK & negative_BK.any(dim=1, keepdim=True)
        return excess_BK.masked_fill(~pair_BK, 0).sum() / pair_BK.sum().clamp_min(1)

    def extra_repr(self) -> str:
        return f"margin={self.margin}"
