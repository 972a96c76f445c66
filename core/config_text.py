"""Values of a configuration as people write them."""

from __future__ import annotations

from typing import Any

from core.errors import AkinError


def as_text(value: Any) -> str:
    """Returns a value as people write it: "nothing", "on", "0.1", "chair, sofa"."""
    if value is None or value in ((), ""):
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def reason_alone(error: AkinError) -> str:
    """Returns the reason without the key, which stands beside it anyway."""
    if "none of the choices" in error.message:
        return error.hint
    reason = error.message.split("is not possible: ")[-1]
    return reason[:1].upper() + reason[1:]
