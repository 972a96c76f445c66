"""What is wrong with a value of a configuration, in sentences for people."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from core.ranking import nearest

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_KINDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    tuple: "a list",
    dict: "a mapping of keys",
}


def reason_and_hint(fault: ErrorDetails, field: FieldInfo | None) -> tuple[str, str]:
    """Returns why a value is not possible, and what is.

    Args:
        fault: The first that validation found.
        field: Whose value it is; None for a group of keys.

    Returns:
        The end of a sentence that begins with the value, and a sentence.
    """
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"]), "Change one of the two."
    if field is None:
        return "it is a group of keys", "Set one of its keys."
    if choices := _choices(field.annotation):
        return "it is none of the choices", nearest(str(fault["input"]), choices, "Choose one")
    if fault["type"] == "string_pattern_mismatch":
        words = field.description
        return ("it is none of the choices", words) if words else ("it has other characters", "")
    if any(isinstance(part, int) for part in fault["loc"]):
        return "each of the list should be " + _entry(field.annotation), _quoted(fault["input"])
    return f"it should be {expected(field)}", _example(field, fault["input"])


def expected(field: FieldInfo) -> str:
    """Returns what a field takes, such as "a number, above 0 and at most 100"."""
    kinds = [_KINDS[kind] for kind in _types(field.annotation) if kind in _KINDS]
    pairs = ((m, name) for m in field.metadata for name in LIMITS)
    found = ((LIMITS[name], getattr(m, name, None)) for m, name in pairs)
    limits = [f"{words} {_number(value)}" for words, value in found if value is not None]
    text = " or ".join(kinds) + (", " + " and ".join(limits) if limits else "")
    return f"{text}, or null" if type(None) in _types(field.annotation) else text


def _types(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is None or origin in _KINDS:
        yield origin or annotation
        return
    for part in get_args(annotation):
        yield from _types(part)


def _choices(annotation: Any) -> Collection[str]:
    if get_origin(annotation) is tuple:
        annotation = get_args(annotation)[0]
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _entry(annotation: Any) -> str:
    return _KINDS.get(get_args(annotation)[0], "of another kind")


def _example(field: FieldInfo, value: Any) -> str:
    kinds = set(_types(field.annotation))
    if tuple in kinds and isinstance(value, str | int | float):
        return f"Write [{value}]."
    if str in kinds:
        return _quoted(value)
    default = field.get_default(call_default_factory=True)
    return "" if default is None else f"The default is {_number(default)}."


def _quoted(value: Any) -> str:
    if not isinstance(value, int | float):
        return ""
    return f'Write it in quotes: "{value}", in a shell \'"{value}"\'.'


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{int(value) if value == int(value) else value:,}"
    return str(value)
