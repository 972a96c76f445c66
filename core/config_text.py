"""Values of a configuration as people write them."""

from __future__ import annotations

from typing import Any


def as_text(value: Any) -> str:
    """Returns a value as people write it: "nothing", "on", "0.1", "chair, sofa"."""
    if value is None or value in ((), ""):
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
