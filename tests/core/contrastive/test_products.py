"""Products of rows, by convolution where that is faster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from core.contrastive.products import row_products

SHAPES = [(1, 1, 1), (1, 5, 4), (70, 1, 128), (33, 41, 129), (0, 4, 8), (4, 0, 8)]
LARGE = [(409, 512, 128), (161, 500, 131), (1024, 65, 128)]
SMALL = [(161, 8, 128), (1024, 1, 128), (20_000, 400, 1)]  # by a matrix product


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    """Torch leaves no convolution to oneDNN where it has one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


def rows(shape: tuple[int, int, int], dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    count, others, length = shape
    g = torch.Generator().manual_seed(0)
    left = torch.randn(count, length, generator=g, dtype=dtype)
    return left, torch.randn(others, length, generator=g, dtype=dtype)


@pytest.mark.parametrize("shape", [*SHAPES, *LARGE, *SMALL])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_row_products_are_those_of_the_definition(
    shape: tuple[int, int, int], dtype: torch.dtype
) -> None:
    left, right = rows(shape, dtype)
    found = row_products(left, right)
    assert found.dtype == dtype
    assert found.is_contiguous()
    most = 1e-4 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(found.double(), left.double() @ right.double().T, rtol=0, atol=most)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
@pytest.mark.parametrize(
    ("shape", "by_onednn"),
    [*((shape, True) for shape in LARGE), *((shape, False) for shape in SMALL)],
)
def test_large_products_are_those_of_onednn(
    shape: tuple[int, int, int], by_onednn: bool, monkeypatch
) -> None:
    left, right = rows(shape, torch.float32)
    assert _ran_onednn(left, right) == by_onednn
    torch.set_num_threads(1)
    assert not _ran_onednn(left, right)
    torch.set_num_threads(2)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not _ran_onednn(left, right)


def _ran_onednn(left: torch.Tensor, right: torch.Tensor) -> bool:
    with profile(activities=[ProfilerActivity.CPU]) as watch:
        row_products(left, right)
    return any("mkldnn_convolution" in event.key for event in watch.key_averages())


@pytest.mark.parametrize("count", [6, 900])
def test_rows_that_lie_apart_in_memory(count: int) -> None:
    left, right = torch.randn(count, 260)[:, ::2], torch.randn(130, 120).T
    wanted = (left.double() @ right.double().T).float()
    torch.testing.assert_close(row_products(left, right), wanted, rtol=0, atol=1e-4)
