"""The configuration keys as the command line's help lists them, with defaults and limits."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, get_args

import yaml

from core.config import ConfigTree, config_keys

WIDTH = 78
SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def keys_help(defaults: ConfigTree, whose: str = "their defaults") -> str:
    """Returns one paragraph that click prints as it is: every key, its default and its help.

    Args:
        defaults: The configuration that holds where nothing is set.
        whose: What those values are.
    """
    lines = [f"Keys for --set and YAML files, with {whose}:"]
    for key, field in config_keys(type(defaults)):
        lines.append(f"  {key}={_plain(defaults.value(key))}")
        about = " ".join([field.description or "", *_limits(field.annotation, field.metadata)])
        indent = " " * 6
        lines += textwrap.wrap(about, WIDTH, initial_indent=indent, subsequent_indent=indent)
    return "\b\n" + "\n".join(lines)


def _plain(value: Any) -> str:
    value = list(value) if isinstance(value, tuple) else value
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def _limits(annotation: Any, metadata: list[Any]) -> Iterator[str]:
    choices = [choice for choice in get_args(annotation) if isinstance(choice, str)]
    if choices:
        yield f"One of: {', '.join(choices)}."
    found = [(sign, getattr(m, name, None)) for m in metadata for name, sign in SIGNS.items()]
    limits = [f"{sign} {value}" for sign, value in found if value is not None]
    if limits:
        yield f"({', '.join(limits)})"
