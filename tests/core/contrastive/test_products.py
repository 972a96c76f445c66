"""Products of rows, by convolution where that is faster."""

from __future__ import annotations

import pytest
import torch

from core.contrastive.products import row_products


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 4), (70, 1, 128), (33, 41, 129), (0, 4, 8)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("onednn", [True, False])
def test_row_products_are_those_of_the_definition(
    shape: tuple[int, int, int], dtype: torch.dtype, onednn: bool, monkeypatch
) -> None:
    rows, others, length = shape
    g = torch.Generator().manual_seed(0)
    left = torch.randn(rows, length, generator=g, dtype=dtype)
    right = torch.randn(others, length, generator=g, dtype=dtype)
    if not onednn:
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    found = row_products(left, right)
    wanted = (left.double()[:, None] * right.double()).sum(dim=2)
    assert found.dtype == dtype
    assert found.is_contiguous()
    most = 1e-4 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=most)


def test_rows_that_lie_apart_in_memory() -> None:
    left, right = torch.randn(6, 40)[:, ::2], torch.randn(20, 6).T
    torch.testing.assert_close(row_products(left, right), left @ right.T)
