"""A pass over candidates in few kernels, on a GPU.

Shape suffixes: B anchors, D embedding, C classes, R ranks, S pieces of a block; k the rows of one
block of candidates.

A torch operation reads and writes its whole block: with five ranks that is dozens of times k x B
numbers. Triton's kernels read the cosines once and write sums, or the derivatives by the cosines;
the products of embeddings are left to torch.
"""

from __future__ import annotations

import functools
import importlib
import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from core.contrastive.candidates import Candidates
from core.contrastive.ranks import Ranks, Slopes

# A tile's anchors and candidates, and threads by 32: from sm_80 to sm_100 no registers are spilled.
ANCHORS, ROWS, SLOPE_ROWS, WARPS = 64, 64, 32, 8
PROGRAMS = 4  # for each processor of the GPU


class FusedPass:
    """Goes over the blocks of candidates; see `core.contrastive.ranks.Pass`."""

    def __init__(self, candidates: Candidates, ranks: Ranks) -> None:
        self._candidates, self._device = candidates, candidates.query_BD.device
        self._ranks, self._anchors = ranks.steep_RB.shape
        self._tables = ranks.rank_CB, ranks.slope_RB, ranks.below_RB, ranks.steep_RB

    def exp_sums(self) -> tuple[Tensor, Tensor]:
        return self._sums(self._tables[1], self._ranks, gaps=False)  # rest is not read there

    def gap_sums(self, rest_RB: Tensor, out: int) -> tuple[Tensor, Tensor]:
        return self._sums(rest_RB, out, gaps=True)

    def add_gradients(
        self, query_gradient_BD: Tensor, key_gradient_BD: Tensor, slopes: Slopes
    ) -> None:
        query_BD = self._candidates.query_BD
        factors = slopes.lower_RB, slopes.equal_RB, slopes.flat_RB, slopes.pull_RB
        settings = {"R": self._ranks, "OUT": slopes.out, "K": SLOPE_ROWS}
        for block, cosine_kB in self._candidates.with_cosines():
            slope_kB = torch.empty_like(cosine_kB)
            tables = (slopes.rest_RB, *factors, slope_kB)
            grid = (math.ceil(len(cosine_kB) / SLOPE_ROWS), self._tiles)
            self._launch("slopes", grid, cosine_kB, block.label_k, tables, (), settings)
            query_gradient_BD.addmm_(slope_kB.T, block.filled_kD(query_BD.dtype))
            if block.first is not None:
                part = slice(block.first, block.first + len(slope_kB))
                key_gradient_BD[part].addmm_(slope_kB, query_BD)

    def _sums(self, rest_RB: Tensor, ranks: int, *, gaps: bool) -> tuple[Tensor, Tensor]:
        sums_2RB = []
        padded = 1 << (ranks - 1).bit_length()
        settings = {"R": ranks, "PADDED_R": padded, "GAPS": gaps, "K": ROWS}
        for block, cosine_kB in self._candidates.with_cosines():
            pieces, piece = self._pieces(len(cosine_kB))
            sum_S2RB = rest_RB.new_empty(pieces, 2, ranks, self._anchors)
            tables, grid = (rest_RB, sum_S2RB), (pieces, self._tiles)
            self._launch("sums", grid, cosine_kB, block.label_k, tables, (piece,), settings)
            sums_2RB.append(sum_S2RB.sum(dim=0))
        if not sums_2RB:
            sums_2RB.append(rest_RB.new_zeros(2, ranks, self._anchors))
        sum_2RB = functools.reduce(torch.add, sums_2RB)
        return sum_2RB[0], sum_2RB[1]

    def _launch(
        self,
        name: str,
        grid: tuple[int, int],
        cosine_kB: Tensor,
        label_k: Tensor,
        tables: tuple[Tensor, ...],
        numbers: tuple[int, ...],
        settings: dict[str, int],
    ) -> None:
        if not self._anchors:
            return
        kernel = getattr(importlib.import_module("core.contrastive.fused_kernels"), name)
        rows = [label_k, *self._tables, *tables]
        with _chosen(self._device):
            kernel[grid](
                cosine_kB.contiguous(),
                *(table.contiguous() for table in rows),
                self._anchors,
                len(cosine_kB),
                *numbers,
                A=ANCHORS,
                num_warps=WARPS,
                **settings,
            )

    @property
    def _tiles(self) -> int:
        return math.ceil(self._anchors / ANCHORS)

    def _pieces(self, rows: int) -> tuple[int, int]:
        """Returns in how many pieces so many candidates are gone over, and how many they have."""
        tiles = max(1, math.ceil(rows / ROWS))
        wanted = math.ceil(PROGRAMS * _processors(self._device) / max(1, self._tiles))
        per_piece = math.ceil(tiles / min(tiles, wanted))
        return math.ceil(tiles / per_piece), per_piece * ROWS


def _chosen(device: torch.device) -> AbstractContextManager[object]:
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


@functools.cache
def _processors(device: torch.device) -> int:
    if device.type != "cuda":
        return 1
    count: int = torch.cuda.get_device_properties(device).multi_processor_count
    return count
