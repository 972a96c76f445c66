"""Numbers on their way into JSON: plain Python, and null where there is no finite value."""

from __future__ import annotations

import math


def number_or_none(value: float | None) -> float | None:
    """Returns a Python float, or None where the value is None, NaN or infinite."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)
