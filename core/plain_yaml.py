"""YAML of plain values, as people write it: every fault becomes one error that says where."""

from __future__ import annotations

from typing import Any

import yaml


class YamlError(ValueError):
    """Text that is no YAML; str() continues a sentence that begins with the file's name."""


class _Loader(yaml.SafeLoader):
    """Refuses a key that occurs twice in one mapping, which YAML would silently drop."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in seen:
                    line = key_node.start_mark.line + 1
                    raise YamlError(f"has the key '{key_node.value}' twice, again at line {line}")
                seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def read_yaml(text: str) -> object:
    """Reads YAML text.

    Raises:
        YamlError: If it is not valid, such as "is not valid YAML at line 3, column 7".
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except YamlError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise YamlError(f"is not valid YAML{where}") from error
