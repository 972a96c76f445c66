"""The ranks and temperatures of every class, derived once from a similarity matrix.

Shape suffixes: C classes, R ranks.
"""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass

import torch
from torch import Tensor

LOG2_E = 1 / math.log(2)

# Cosines are at most 1, so exp(cosine / tau - (1 / tau - headroom)) does not overflow, e^28 of them
# added up neither; and of cosines of -1 it does not vanish down to these temperatures.
SMALLEST_FLOAT32_TEMPERATURE = 0.015
SMALLEST_TEMPERATURE = 0.002


def headroom(dtype: torch.dtype) -> float:
    """Returns the largest logarithm of a summand."""
    return math.log(torch.finfo(dtype).max) - 28


@dataclass(frozen=True, eq=False)
class RankTable:
    """Ranks by class pair, and temperatures by class and rank.

    Attributes:
        rank_CC: int32; rank_CC[c, k] = 0 for rank 1 of anchor class c, 1 for rank 2, ...; R for
            negatives.
        number_4RC: Of each rank of each anchor class, with tau = 1 where it has no such rank:
            1 / tau; the shift, which is the largest possible logit less the headroom, to half a
            bit; and what makes exp(logit - shift) out of a cosine, 2^(cosine x slope + below): the
            slope, and below, a whole number of bits.
        ranks: R, of the longest ladder.
    """

    rank_CC: Tensor
    number_4RC: Tensor
    ranks: int

    @classmethod
    def of(
        cls, similarity_CC: Tensor, temperature: tuple[float, float], dtype: torch.dtype
    ) -> RankTable:
        """Builds the table: tau = tau_min + (1 - s)(tau_max - tau_min).

        Args:
            similarity_CC: Row = anchor class; its distinct positive values, descending, are its
                ranks (equal values tie); 0 is a negative.
            temperature: tau_min and tau_max.
            dtype: Of the temperatures.
        """
        low, high = temperature
        # Sync point: the number of ranks comes to the CPU, once for each similarity matrix.
        rows = similarity_CC.detach().to("cpu", torch.float64).tolist()
        ladders = [sorted({value for value in row if value > 0}, reverse=True) for row in rows]
        ranks = max((len(ladder) for ladder in ladders), default=0)
        rank_CC = [
            [ladder.index(value) if value > 0 else ranks for value in row]
            for row, ladder in zip(rows, ladders, strict=True)
        ]
        temperature_CR = [
            [low + (1 - value) * (high - low) for value in ladder] + [1.0] * (ranks - len(ladder))
            for ladder in ladders
        ]
        steep_RC = 1 / torch.tensor(temperature_CR, dtype=torch.float64).view(-1, ranks).T
        below_RC = ((headroom(dtype) - steep_RC) * LOG2_E).round()
        number_4RC = torch.stack([steep_RC, below_RC / -LOG2_E, steep_RC * LOG2_E, below_RC])
        device = similarity_CC.device
        return cls(
            torch.tensor(rank_CC, dtype=torch.int32, device=device),
            number_4RC.to(device, dtype),
            ranks,
        )


class RankTableCache:
    """Keeps the table of the similarity matrix seen last.

    Args:
        temperature: tau_min and tau_max.
    """

    def __init__(self, temperature: tuple[float, float]) -> None:
        self._temperature = temperature
        self._source: weakref.ref[Tensor] | None = None
        self._version = -1
        self._table: RankTable | None = None

    def get(self, similarity_CC: Tensor, dtype: torch.dtype) -> RankTable:
        """Returns the table, built anew where the matrix is another or was changed in place."""
        table = self._table
        known = self._source() if self._source is not None else None
        if (
            table is None
            or known is not similarity_CC
            or self._version != similarity_CC._version
            or table.number_4RC.dtype != dtype
        ):
            table = RankTable.of(similarity_CC, self._temperature, dtype)
            self._table, self._source = table, weakref.ref(similarity_CC)
            self._version = similarity_CC._version
        return table
