"""An experiment file: methods x rankings x depths x seeds over one split, and the runs it asks for.

The file is YAML:

    name: does-my-ranking-help
    recipe: demo                      # what all runs share; `set` changes some of its keys
    set: {training.epochs: 6, data.withheld: [chair, motorbike]}
    methods: [softmax, supcon, rince, ranked]
    rankings: [voc2007-paper, "voc2007-paper:shuffled:seed"]
    depths: [3]
    seeds: [0, 1, 2]

Rankings and depths belong to `ranked`; the other methods are run once a seed. `seed` in place of
a control's number is the seed of the run, so that every run draws a ranking of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.config import ExperimentConfig, Method, require_known_key
from core.config_faults import reason_and_hint
from core.config_files import RECIPE_FOLDER, load_recipe
from core.errors import ConfigError
from core.evaluation.report import METHOD_NAMES
from core.plain_yaml import YamlError, read_yaml
from core.ranking import nearest
from core.ranking_controls import parse_source

EXPERIMENT_FOLDER = RECIPE_FOLDER / "experiments"
PLANNED_KEYS = ("seed", "objective.method", "ranking.source", "ranking.depth", "data.folder")


class Grid(BaseModel):
    """What an experiment file says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("experiment", pattern=r"^[\w.-]+$")
    description: str = ""
    data: str = ""
    recipe: str = ""
    values: dict[str, Any] = Field(default_factory=dict, alias="set")
    methods: tuple[Method, ...] = ("supcon", "ranked")
    rankings: tuple[str, ...] = ("voc2007-paper",)
    depths: tuple[int, ...] = (3,)
    seeds: tuple[int, ...] = (0, 1, 2)
    paper: Literal["", "voc2007", "cifar10"] = ""

    @field_validator("methods", "rankings", "depths", "seeds")
    @classmethod
    def _some_and_distinct(cls, values: Sequence[Any]) -> Sequence[Any]:
        if not values:
            raise ValueError("it is empty")
        if len(set(values)) < len(values):
            raise ValueError("an entry occurs twice")
        return values

    @field_validator("depths")
    @classmethod
    def _deep_enough(cls, values: Sequence[int]) -> Sequence[int]:
        if min(values) < 1:
            raise ValueError("the class itself is rank 1, so depths begin at 1")
        return values

    def base(self, folder: str) -> ExperimentConfig:
        """Returns what all runs share.

        Args:
            folder: Of the data.

        Raises:
            ConfigError: If the recipe or a key of `set` is unknown, or planned by the grid.
        """
        for key in self.values:
            require_known_key(key)
            if key in PLANNED_KEYS:
                raise ConfigError(
                    f"'{key}' cannot be set: the experiment plans it.",
                    "Use methods, rankings, depths, seeds and data.",
                    key,
                )
        config = load_recipe(self.recipe) if self.recipe else ExperimentConfig()
        return config.with_values(self.values | {"data.folder": folder})

    def arms(self) -> tuple[Arm, ...]:
        """Returns what is compared, in the order of the file; each is run once a seed.

        Arms without a ranking of their own carry the first one, by which they are judged.
        """
        found = []
        for method in self.methods:
            if method != "ranked":
                found.append(Arm(method, self.rankings[0], self.depths[0]))
                continue
            names = ranking_labels(self.rankings)
            for source in self.rankings:
                found += [Arm(method, source, depth, names[source]) for depth in self.depths]
        return tuple(found)

    def to_yaml(self) -> str:
        """Returns the file's text, every key written out."""
        tree = self.model_dump(mode="json", by_alias=True)
        return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


@dataclass(frozen=True)
class Arm:
    """One way to train: what the seeds of an experiment are averaged over.

    Attributes:
        method: As in the configuration.
        source: The ranking, perhaps with `seed` in place of a number.
        depth: Ranks used in training, the class itself counted.
        ranking_name: What the label has to say of the ranking; empty where there is but one.
    """

    method: Method
    source: str
    depth: int
    ranking_name: str = ""

    @property
    def label(self) -> str:
        """What people call it, such as "ranked r3" or "ranked r3, shuffled"."""
        if self.method != "ranked":
            return METHOD_NAMES[self.method]
        return f"ranked r{self.depth}{self.ranking_name}"

    @property
    def slug(self) -> str:
        """Part of its runs' folder names."""
        parts: list[str] = [self.method]
        if self.method == "ranked":
            parts += [f"r{self.depth}", Path(self.source.removesuffix(":seed")).name]
        return re.sub(r"[^\w.]+", "-", "-".join(parts)).strip("-")

    def config(self, base: ExperimentConfig, seed: int) -> ExperimentConfig:
        """Returns the configuration of its run of a seed."""
        source = re.sub(r":seed$", f":{seed}", self.source)
        return base.with_values(
            {
                "seed": seed,
                "objective.method": self.method,
                "ranking.source": source,
                "ranking.depth": self.depth,
            }
        )


def ranking_labels(sources: Collection[str]) -> dict[str, str]:
    """Returns what tells rankings apart, to be put behind a method's name.

    Where all are made from one ranking its name says nothing: "" and ", shuffled". Else
    " mine" and " mine, shuffled".
    """
    split = {source: _split_source(source) for source in sources}
    several = len({base for base, _ in split.values()}) > 1
    return {
        source: (f" {Path(base).stem}" if several else "") + (f", {words}" if words else "")
        for source, (base, words) in split.items()
    }


def _split_source(source: str) -> tuple[str, str]:
    """Returns a source's ranking and its controls in words: "mine", "shuffled 1"."""
    words: list[str] = []
    base = source.removesuffix(":seed")
    while (control := parse_source(base)) is not None:
        has_number = base.rpartition(":")[2].isdigit()
        words.insert(0, f"{control.control} {control.number}" if has_number else control.control)
        base = control.base
    return base, ", ".join(words)


def experiment_names() -> tuple[str, ...]:
    """Returns the names of the built-in experiments."""
    return tuple(sorted(path.stem for path in EXPERIMENT_FOLDER.glob("*.yaml")))


def load_grid(source: str) -> Grid:
    """Reads an experiment file, or a built-in experiment.

    Raises:
        ConfigError: If there is none, or it has an unknown key or an impossible value.
    """
    path = Path(source)
    if source in experiment_names():
        path = EXPERIMENT_FOLDER / f"{source}.yaml"
    elif not path.is_file():
        raise ConfigError(
            f"There is no experiment '{source}'.",
            nearest(source, experiment_names(), "Give a YAML file"),
        )
    try:
        tree = read_yaml(path.read_text(encoding="utf-8"))
    except YamlError as error:
        raise ConfigError(f"{path} {error}.", "Correct the file.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read.", "Give a YAML file.") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} is not an experiment.", "It should hold keys such as methods.")
    return grid_from_tree({"name": re.sub(r"[^\w.-]", "-", path.stem)} | tree)


def grid_from_tree(tree: Mapping[str, Any]) -> Grid:
    """Validates a mapping as read from YAML.

    Raises:
        ConfigError: For the first unknown key or impossible value.
    """
    fields = {field.alias or name: field for name, field in Grid.model_fields.items()}
    for key in tree:
        if key not in fields:
            hint = nearest(str(key), fields, "Remove it")
            raise ConfigError(f"An experiment has no key '{key}'.", hint, str(key))
    try:
        return Grid.model_validate(dict(tree))
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        reason, _ = reason_and_hint(first, fields.get(key))
        raise ConfigError(
            f"{key} is not possible: {reason}.",
            _EXAMPLES.get(key, "Correct the file."),
            key,
        ) from error


_EXAMPLES = {
    "name": "Use letters, digits, dots and hyphens.",
    "methods": "Write, for example:  methods: [softmax, supcon, rince, ranked]",
    "rankings": "Write, for example:  rankings: [voc2007-paper, 'voc2007-paper:shuffled:0']",
    "depths": "Write, for example:  depths: [3, 5]",
    "seeds": "Write, for example:  seeds: [0, 1, 2]",
    "set": "Write, for example:  set: {training.epochs: 6}",
    "paper": "Choose voc2007 or cifar10, or leave it out.",
}
