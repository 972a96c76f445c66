"""Whether the fused kernels can be had: they are tried once, on numbers that are known."""

from __future__ import annotations

import functools
import importlib.util
import warnings
from dataclasses import replace

import torch
from torch.nn.functional import normalize

from core.contrastive.candidates import Candidates
from core.contrastive.rank_table import RankTable
from core.contrastive.ranked_terms import terms_and_gradients

DEVICES = ("cuda",)  # those that have the kernels
ANCHORS, SLOTS, DIMENSIONS = 70, 150, 16
TOLERANCE = 1e-3


def fuses(device: torch.device, dtype: torch.dtype, forms: tuple[str, ...]) -> bool:
    """Tells whether a loss of these forms, one for each rank, goes over its candidates fused."""
    if device.type not in DEVICES or dtype != torch.float32:
        return False
    return _has_triton() and _works(device, forms)


@functools.cache
def _has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None


@functools.cache
def _works(device: torch.device, forms: tuple[str, ...]) -> bool:
    """Compares the kernels with torch's operations; a warning says what is wrong with them."""
    table, candidates = _example(device, len(forms))
    try:
        found, wanted = (
            terms_and_gradients(replace(candidates, fused=fused), table, forms, True)
            for fused in (True, False)
        )
        for one, other in zip((found[0], *found[2]), (wanted[0], *wanted[2]), strict=True):
            # Sync point: once for each device and ladder of ranks.
            torch.testing.assert_close(one, other, rtol=TOLERANCE, atol=TOLERANCE)
    except Exception as error:  # noqa: BLE001 - no C compiler, a new driver, other numbers, ...
        cause = str(error).strip().partition("\n")[0]
        warnings.warn(
            f"The ranked loss goes without its fused kernels: {type(error).__name__}: {cause}",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True


def _example(device: torch.device, ranks: int) -> tuple[RankTable, Candidates]:
    """Returns a table of so many ranks, and candidates of all ranks, negatives and empty slots."""
    g, classes = torch.Generator().manual_seed(0), ranks + 2
    query_BD, key_BD, bank_MD = (
        normalize(torch.randn(rows, DIMENSIONS, generator=g), dim=1).to(device)
        for rows in (ANCHORS, ANCHORS, SLOTS)
    )
    label_B = torch.randint(classes, (ANCHORS,), generator=g).to(device)
    bank_labels_M = torch.randint(-1, classes, (SLOTS,), generator=g).to(device)
    similarity_CC = torch.zeros(classes, classes)
    for rank in range(ranks):
        similarity_CC += (1 - rank / ranks) * torch.eye(classes).roll(rank, dims=1)
    table = RankTable.of(similarity_CC.to(device), (0.1, 0.6), torch.float32)
    bank = bank_MD, bank_labels_M
    return table, Candidates(query_BD, key_BD, label_B, *bank, True, classes, ranks)
