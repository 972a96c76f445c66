"""Runs of one arm put together: everything but the seed is the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from core.config import ExperimentConfig, config_keys
from core.errors import RunError
from core.experiments.grid import Arm, ranking_labels
from core.experiments.plan import MOVABLE_KEYS
from core.predictions import Predictions
from core.ranking import Ranking
from core.ranking_controls import parse_source
from core.runs import Run

ARM_KEYS = ("objective.method", "ranking.source", "ranking.depth")


@dataclass(frozen=True, eq=False)
class RunGroup:
    """The runs of one arm, by seed.

    Attributes:
        label: What people call it.
        config: Of its first run.
        runs: Each of another seed.
    """

    label: str
    config: ExperimentConfig
    runs: tuple[Run, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.config.seed for run in self.runs)

    @cached_property
    def metrics(self) -> tuple[dict[str, Any], ...]:
        """metrics.json of each run."""
        return tuple(run.metrics() or {} for run in self.runs)

    @cached_property
    def predictions(self) -> tuple[Predictions, ...]:
        """The judged objects of each run."""
        return tuple(run.predictions() for run in self.runs)

    def values(self, *path: str) -> list[float]:
        """Returns a figure of metrics.json, of the runs that have it."""
        found: list[float] = []
        for metrics in self.metrics:
            node: Any = metrics
            for key in path:
                node = node.get(key) if isinstance(node, dict) else None
            if node is not None:
                found.append(float(node))
        return found


def group_runs(runs: Sequence[Run]) -> tuple[RunGroup, ...]:
    """Groups runs that differ in their seed only, in the order given.

    Raises:
        RunError: If a run has not been judged, or was given twice.
    """
    groups: dict[tuple[Any, ...], list[Run]] = {}
    sources = {}
    for run, source in zip(runs, _sources(runs), strict=True):
        if run.metrics() is None:
            raise RunError(
                f"{run.path} has no metrics yet.", f"Judge it with: akin evaluate {run.path}"
            )
        is_ranked = run.config.objective.method == "ranked"
        key = (_settings(run.config), source if is_ranked else "")
        group = groups.setdefault(key, [])
        sources[key] = source
        if any(other.path.resolve() == run.path.resolve() for other in group):
            raise RunError(f"{run.path} was given twice.", "Give each run once.")
        group.append(run)
    configs = [group[0].config for group in groups.values()]
    labels = _labels(configs, list(sources.values()))
    return tuple(
        RunGroup(label if turn == 0 else f"{label} ({turn + 1})", config, tuple(part))
        for label, config, group in zip(labels, configs, groups.values(), strict=True)
        for turn, part in enumerate(_repetitions(group))
    )


def _repetitions(runs: list[Run]) -> list[list[Run]]:
    """Splits runs so that no seed occurs twice in a part, by seed."""
    parts: list[list[Run]] = []
    for run in runs:
        for part in parts:
            if all(other.config.seed != run.config.seed for other in part):
                part.append(run)
                break
        else:
            parts.append([run])
    return [sorted(part, key=lambda run: run.config.seed) for part in parts]


def _sources(runs: Sequence[Run]) -> list[str]:
    """Returns each run's ranking source; `seed` for its number where all were drawn with theirs."""
    parsed = [parse_source(run.config.ranking.source) for run in runs]
    numbers: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    families = []
    for run, control in zip(runs, parsed, strict=True):
        name = f"{control.base}:{control.control}" if control else run.config.ranking.source
        families.append((name, _settings(run.config)))
        pair = (control.number, run.config.seed) if control else (0, 0)
        numbers.setdefault(families[-1], []).append(pair)
    drawn = {
        family: len(set(pairs)) > 1 and all(number == seed for number, seed in pairs)
        for family, pairs in numbers.items()
    }
    return [
        f"{family[0]}:seed" if drawn[family] else run.config.ranking.source
        for family, run in zip(families, runs, strict=True)
    ]


def _settings(config: ExperimentConfig) -> tuple[Any, ...]:
    """Returns what runs of one arm share, but for their ranking's source."""
    passed = {"seed", "ranking.source", *MOVABLE_KEYS}
    if config.objective.method != "ranked":
        passed.add("ranking.depth")
    return tuple(config.value(key) for key, _ in config_keys() if key not in passed)


def arm_key(config: ExperimentConfig, ranking: Ranking) -> str:
    """Returns what is the same for runs that differ in their seed only.

    Other than `group_runs` it goes by what the ranking says, not by where it came from.
    """
    ranked = ranking.to_yaml() if config.objective.method == "ranked" else ""
    return repr((_settings(config), ranked))


def _labels(configs: Sequence[ExperimentConfig], sources: Sequence[str]) -> list[str]:
    pairs = list(zip(configs, sources, strict=True))
    ranked = [source for config, source in pairs if config.objective.method == "ranked"]
    names = ranking_labels(dict.fromkeys(ranked))
    arms = [
        Arm(config.objective.method, source, config.ranking.depth, names.get(source, ""))
        for config, source in pairs
    ]
    passed = ("seed", *MOVABLE_KEYS, *ARM_KEYS)
    keys = [
        key
        for key, _ in config_keys()
        if key not in passed and len({str(c.value(key)) for c in configs}) > 1
    ]
    return [
        ", ".join([arm.label, *(f"{key} {config.value(key)}" for key in keys)])
        for arm, config in zip(arms, configs, strict=True)
    ]


def reference_ranking(groups: Sequence[RunGroup]) -> Ranking:
    """Returns the ranking by which all are judged.

    That of the first run trained with a ranking that is no control; where there is none, the
    first ranking that says something.
    """
    runs = [run for group in groups for run in group.runs]
    plain = [run for run in runs if parse_source(run.config.ranking.source) is None]
    ranked = [run for run in plain if run.config.objective.method == "ranked"]
    for run in (*ranked, *plain, *runs):
        if run.ranking.similar:
            return run.ranking
    return runs[0].ranking


def require_same_objects(groups: Sequence[RunGroup]) -> None:
    """Checks that all runs were judged on the same test objects.

    Raises:
        RunError: With the first two that were not.
    """
    runs = [(run, p) for g in groups for run, p in zip(g.runs, g.predictions, strict=True)]
    for (first, a), (other, b) in itertools.pairwise(runs):
        same = (
            a.classes == b.classes
            and np.array_equal(a.image_id_N, b.image_id_N)
            and np.array_equal(a.box_xyxy_N4, b.box_xyxy_N4)
            and np.array_equal(a.label_N, b.label_N)
        )
        if not same:
            names = (first.name, other.name)
            if first.name == other.name:
                names = (str(first.path), str(other.path))
            raise RunError(
                f"{names[0]} and {names[1]} were judged on different test objects.",
                "Only runs with the same data, split and withheld classes can be compared.",
            )
