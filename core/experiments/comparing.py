"""Runs compared fairly: the same test objects, or not at all.

Shape suffixes: N objects.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.config import config_keys
from core.errors import RunError
from core.evaluation.class_comparison import ClassComparison, compare_classes
from core.evaluation.difference import holm_corrected
from core.evaluation.ood import max_softmax_score
from core.evaluation.ood_comparison import AurocComparison, compare_auroc
from core.evaluation.statistics import Comparison, compare_accuracy
from core.experiments.groups import RunGroup, group_runs, require_same_objects
from core.experiments.plan import MOVABLE_KEYS
from core.experiments.summary import Summary, summarize_groups
from core.predictions import Predictions
from core.runs import Run

SAME_FOR_ALL = ("data.folder", *MOVABLE_KEYS)


@dataclass(frozen=True)
class Flip:
    """An object that only one of two runs got right.

    Attributes:
        image_id: Its image.
        box_xyxy: Its box in pixels.
        true_class: As annotated.
        predicted_a: By the first run.
        predicted_b: By the second run.
    """

    image_id: str
    box_xyxy: tuple[float, float, float, float]
    true_class: str
    predicted_a: str
    predicted_b: str


@dataclass(frozen=True, eq=False)
class RunComparison:
    """What `akin runs compare` found.

    Attributes:
        runs: In the order given.
        differences: Configuration keys that differ, with each run's value; the ranking's content
            under "ranking.yaml".
        groups: Runs put together that differ in their seed only.
        summary: Mean, band and interval of each group, and groups compared.
        pairs: Every two runs on the same objects, p-values adjusted by Holm.
        flips: Of each pair, the objects that only one of them got right.
        classes: Of each pair, every class compared, p-values adjusted by Holm over the classes.
        aurocs: Every two runs' AUROCs by the largest softmax probability, p-values adjusted by
            Holm; empty where nothing was withheld.
    """

    runs: tuple[Run, ...]
    differences: dict[str, tuple[str, ...]]
    groups: tuple[RunGroup, ...]
    summary: Summary
    pairs: tuple[Comparison, ...]
    flips: tuple[tuple[Flip, ...], ...]
    classes: tuple[tuple[ClassComparison, ...], ...]
    aurocs: tuple[AurocComparison, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns everything as plain values."""
        return {
            "runs": [str(run.path) for run in self.runs],
            "differences": {key: list(values) for key, values in self.differences.items()},
            "summary": self.summary.to_json(),
            "pairs": [
                {
                    "a": pair.name_a,
                    "b": pair.name_b,
                    **pair.to_json(),
                    "only_a": pair.mcnemar.only_a,
                    "only_b": pair.mcnemar.only_b,
                    "identical": pair.identical,
                    "flips": [vars(flip) for flip in flips],
                    "classes": [row.to_json() for row in classes],
                }
                for pair, flips, classes in zip(self.pairs, self.flips, self.classes, strict=True)
            ],
            "aurocs": [
                {
                    "a": pair.name_a,
                    "b": pair.name_b,
                    "auroc_a": pair.delong.auroc_a,
                    "auroc_b": pair.delong.auroc_b,
                    **pair.to_json(),
                    "delong_interval": list(pair.delong.interval),
                    "identical": pair.identical,
                }
                for pair in self.aurocs
            ],
        }


def compare_runs(runs: Sequence[Run]) -> RunComparison:
    """Compares two or more runs.

    Raises:
        RunError: Fewer than two, one that has not been judged, or other test objects.
    """
    if len(runs) < 2:
        raise RunError("One run cannot be compared.", "Give two or more.")
    unique = list({run.path.resolve(): run for run in runs}.values())
    groups = group_runs(unique)
    require_same_objects(groups)
    found = {
        run.path.resolve(): predictions
        for group in groups
        for run, predictions in zip(group.runs, group.predictions, strict=True)
    }
    names = _names(runs)
    pairs, flips, classes = [], [], []
    aurocs: list[AurocComparison] = []
    for i, j in itertools.combinations(range(len(runs)), 2):
        a, b = found[runs[i].path.resolve()], found[runs[j].path.resolve()]
        pair = compare_accuracy(
            a.predicted_N,
            b.predicted_N,
            a.label_N,
            image_id_N=a.image_id_N,
            name_a=names[i],
            name_b=names[j],
        )
        pairs.append(pair)
        flips.append(_flips(pair, a, b))
        classes.append(compare_classes(a.predicted_N, b.predicted_N, a.label_N, a.classes))
        aurocs += _aurocs(a, b, names[i], names[j])
    return RunComparison(
        tuple(runs),
        _differences(runs),
        groups,
        summarize_groups(groups),
        holm_corrected(pairs),
        tuple(flips),
        tuple(classes),
        holm_corrected(aurocs),
    )


def _aurocs(a: Predictions, b: Predictions, name_a: str, name_b: str) -> list[AurocComparison]:
    known_N = a.label_N >= 0
    if min(known_N.sum(), (~known_N).sum()) < 2:
        return []
    return [
        compare_auroc(
            max_softmax_score(a.score_NC),
            max_softmax_score(b.score_NC),
            known_N,
            image_id_N=a.image_id_N,
            name_a=name_a,
            name_b=name_b,
        )
    ]


def _names(runs: Sequence[Run]) -> list[str]:
    """Returns the runs' names, with their directory where two are the same."""
    names = [run.title for run in runs]
    return [
        name if names.count(name) == 1 else f"{run.path.resolve().parent.name}/{run.name}"
        for run, name in zip(runs, names, strict=True)
    ]


def _differences(runs: Sequence[Run]) -> dict[str, tuple[str, ...]]:
    found = {}
    for key, _field in config_keys():
        values = tuple(str(run.config.value(key)) for run in runs)
        if key not in SAME_FOR_ALL and len(set(values)) > 1:
            found[key] = values
    if len({run.ranking.similar == runs[0].ranking.similar for run in runs}) > 1:
        found["ranking.yaml"] = tuple(
            f"{run.ranking.name}, {len(run.ranking.similar)} classes ranked" for run in runs
        )
    return found


def _flips(pair: Comparison, a: Predictions, b: Predictions) -> tuple[Flip, ...]:
    return tuple(
        Flip(
            str(a.image_id_N[n]),
            tuple(float(x) for x in a.box_xyxy_N4[n]),  # type: ignore[arg-type]
            str(a.true_name_N[n]),
            a.classes[a.predicted_N[n]],
            b.classes[b.predicted_N[n]],
        )
        for n in pair.flips
    )
