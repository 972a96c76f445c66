"""Memory that ran out, whoever says so, and work that is cut in halves until it fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

T = TypeVar("T")
_SIGNS = ("DefaultCPUAllocator", "bad_alloc", "CUDA error: out of memory", "_ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """Tells whether an error means that a device had no memory left."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def in_halves(work: Callable[[slice], T], start: int, end: int) -> list[T]:
    """Does some work on rows at once or, where memory runs out, on either half of them.

    Args:
        work: Given the rows; what it does must not depend on how many they are.
        start: The first row.
        end: After the last row.

    Returns:
        What it returned, in the order of the rows.
    """
    try:
        return [work(slice(start, end))]
    except Exception as error:
        if end - start < 2 or not is_out_of_memory(error):
            raise
    # Out of the handler, so that what the failed try held is free.
    middle = (start + end) // 2
    return in_halves(work, start, middle) + in_halves(work, middle, end)
