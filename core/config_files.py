"""Configuration files, built-in recipes and the command line's key=value words."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.config import ConfigTree, ExperimentConfig, config_from_tree, require_known_key
from core.errors import ConfigError
from core.plain_yaml import YamlError, read_yaml
from core.ranking import nearest

RECIPE_FOLDER = Path(__file__).parent.parent / "resources" / "recipes"


def load_config(path: Path) -> ExperimentConfig:
    """Reads a configuration from a YAML file.

    Raises:
        ConfigError: If it cannot be read or is not a configuration.
    """
    tree = read_tree(path)
    if isinstance(tree.get("similar"), dict):
        hint = f"Train on it with: akin train --data DIR --ranking {shlex.quote(str(path))}"
        raise ConfigError(f"{path} is a ranking, not a configuration.", hint)
    return config_from_tree(tree)


def recipe_names() -> tuple[str, ...]:
    """Returns the names of the built-in recipes."""
    return tuple(sorted(path.stem for path in RECIPE_FOLDER.glob("*.yaml")))


def load_recipe(name: str) -> ExperimentConfig:
    """Reads a built-in recipe.

    Raises:
        ConfigError: If there is none of that name.
    """
    if name not in recipe_names():
        hint = nearest(name, recipe_names(), "Choose one of the recipes")
        raise ConfigError(f"There is no recipe '{name}'.", hint)
    return load_config(RECIPE_FOLDER / f"{name}.yaml")


def parse_assignments(
    assignments: Iterable[str], of: type[ConfigTree] = ExperimentConfig
) -> dict[str, Any]:
    """Reads `key=value` words, the values as YAML.

    Args:
        assignments: The words.
        of: The tree whose keys they are.

    Raises:
        ConfigError: If a word has no `=`, an unknown key or a value that is no YAML.
    """
    values: dict[str, Any] = {}
    for word in assignments:
        key, equals, text = word.partition("=")
        if not equals:
            raise ConfigError(f"'{word}' sets nothing.", "Write --set key=value.")
        require_known_key(key, of)
        try:
            values[key] = read_yaml(text)
        except YamlError as error:
            raise ConfigError(
                f"{key}: '{text}' is not a value.", "Values are YAML.", key
            ) from error
        if isinstance(values[key], str) and _looks_like_number(values[key]):
            values[key] = float(values[key])
    return values


def read_tree(path: Path) -> dict[str, Any]:
    """Reads the nested mapping in a YAML file, without its description.

    Raises:
        ConfigError: If it cannot be read or is none.
    """
    try:
        tree = read_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigError(
            f"{path} cannot be read: {why}.", "Give a YAML file, or --recipe NAME."
        ) from error
    except YamlError as error:
        raise ConfigError(f"{path} {error}.", "Correct the file.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from error
    if not isinstance(tree, dict):
        raise ConfigError(
            f"{path} is not a configuration.", "It should hold keys such as training."
        )
    tree.pop("description", None)
    return tree


def _looks_like_number(text: str) -> bool:
    """YAML 1.1 reads 1e-3 as text."""
    try:
        float(text)
    except ValueError:
        return False
    return "e" in text.lower() and text.lower() not in {"e"}
