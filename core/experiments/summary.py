"""What an experiment found: every arm's figures with their uncertainty, and the arms compared.

Shape suffixes: N objects, S seeds, R resamples.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.evaluation.arms import (
    RESAMPLES,
    ArmComparison,
    SeedFigure,
    bootstrap_accuracy,
    compare_arms,
)
from core.evaluation.auroc import bootstrap_auroc
from core.evaluation.compliance import rank_compliance
from core.evaluation.difference import holm_corrected
from core.evaluation.ood import max_softmax_score
from core.evaluation.report import (
    FIXED_DEPTH,
    METHOD_NAMES,
    PAPER_FIGURES,
    PAPER_FIGURES_CIFAR,
    FigureRow,
)
from core.evaluation.severity import severity
from core.experiments.groups import RunGroup, reference_ranking, require_same_objects
from core.predictions import Predictions
from core.ranking import Ranking

PAPERS: dict[str, tuple[FigureRow, ...]] = {
    "voc2007": PAPER_FIGURES,
    "cifar10": PAPER_FIGURES_CIFAR,
}


@dataclass(frozen=True, eq=False)
class ArmSummary:
    """One arm's figures on the test split.

    Attributes:
        label: What people call the arm.
        method: As in the configuration.
        depth: Ranks used in training; None where it means nothing.
        runs: Names of its runs.
        accuracy: None where there is nothing to judge.
        auroc: None where nothing was withheld.
        balanced_accuracy: Mean over the seeds.
        compliance: Share of the reference ranking's ordered pairs that hold; None for SoftMax.
        tau_b: Mean Kendall's tau-b by the reference ranking; None for SoftMax.
        on_ranked: Share of the errors that fall on classes the reference ranks.
        mean_rank: Mean rank of the predicted class by the reference.
        weighted_accuracy: Mean similarity of the predicted to the true class by the reference.
        epochs: Trained.
        training_s: Mean training time.
    """

    label: str
    method: str
    depth: int | None
    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    accuracy: SeedFigure | None
    auroc: SeedFigure | None
    balanced_accuracy: float | None
    compliance: float | None
    tau_b: float | None
    on_ranked: float | None
    mean_rank: float | None
    weighted_accuracy: float | None
    epochs: int
    training_s: float | None

    def to_json(self) -> dict[str, Any]:
        plain = {
            key: getattr(self, key)
            for key in ("label", "method", "depth", "epochs", "balanced_accuracy")
        }
        return plain | {
            "runs": list(self.runs),
            "seeds": list(self.seeds),
            "accuracy": _figure_to_json(self.accuracy),
            "auroc": _figure_to_json(self.auroc),
            "compliance": self.compliance,
            "tau_b": self.tau_b,
            "errors_on_ranked": self.on_ranked,
            "mean_rank": self.mean_rank,
            "weighted_accuracy": self.weighted_accuracy,
            "training_s": self.training_s,
        }


@dataclass(frozen=True, eq=False)
class Summary:
    """An experiment's result.

    Attributes:
        arms: In the order of the experiment.
        comparisons: Every pair of arms, by accuracy and, where classes were withheld, by AUROC;
            each family's p-values adjusted by Holm.
        reference: The ranking that compliance and errors are judged by.
        majority_share: What always guessing the largest class would score.
        known_count: Test objects of known classes.
        withheld_count: Test objects of withheld classes.
        paper: Published figures to lay beside; empty where there are none.
    """

    arms: tuple[ArmSummary, ...]
    comparisons: tuple[ArmComparison, ...]
    reference: Ranking
    majority_share: float | None
    known_count: int
    withheld_count: int
    paper: tuple[FigureRow, ...] = ()

    def paper_row(self, arm: ArmSummary) -> FigureRow | None:
        """Returns the published figures of the same method and depth."""
        for row in self.paper:
            is_alike = row.depth == arm.depth or arm.method != "ranked"
            if row.method == METHOD_NAMES[arm.method] and is_alike:
                return row
        return None

    def to_json(self) -> dict[str, Any]:
        """Returns the `summary` entry of experiment.json."""
        return {
            "arms": [arm.to_json() for arm in self.arms],
            "comparisons": [
                {"name_a": c.name_a, "name_b": c.name_b, "figure": c.figure, **c.to_json()}
                for c in self.comparisons
            ],
            "reference_ranking": self.reference.name,
            "majority_share": self.majority_share,
            "known_count": self.known_count,
            "withheld_count": self.withheld_count,
        }


def summarize_groups(
    groups: Sequence[RunGroup], paper: str = "", resamples: int = RESAMPLES
) -> Summary:
    """Sums up runs that were judged on the same test objects.

    Args:
        groups: At least one.
        paper: Whose published figures to lay beside: "voc2007", "cifar10" or none.
        resamples: Of the bootstrap over images.

    Raises:
        RunError: If the runs were judged on different test objects.
    """
    require_same_objects(groups)
    reference = reference_ranking(groups)
    arms = tuple(_arm(group, reference, resamples) for group in groups)
    first = groups[0].predictions[0]
    majority = groups[0].values("majority_share")
    return Summary(
        arms,
        (
            *_compare_all(arms, "accuracy", lambda arm: arm.accuracy),
            *_compare_all(arms, "AUROC", lambda arm: arm.auroc),
        ),
        reference,
        majority[0] if majority else None,
        int((first.label_N >= 0).sum()),
        int((first.label_N < 0).sum()),
        PAPERS.get(paper, ()),
    )


def _arm(group: RunGroup, reference: Ranking, resamples: int) -> ArmSummary:
    config = group.config
    method = config.objective.method
    depth = {"ranked": config.ranking.depth, **FIXED_DEPTH}.get(method)
    similarity_CC = reference.without_classes(config.data.withheld).similarity_matrix(
        group.predictions[0].classes
    )
    errors, orders = [], []
    for found in group.predictions:
        errors.append(severity(found.label_N, found.predicted_N, similarity_CC))
        if method != "softmax":
            orders.append(rank_compliance(found.score_NC, found.label_N, similarity_CC))
    return ArmSummary(
        label=group.label,
        method=method,
        depth=depth,
        runs=tuple(run.name for run in group.runs),
        seeds=group.seeds,
        accuracy=_accuracy(group, resamples),
        auroc=_auroc(group, resamples),
        balanced_accuracy=_mean(group.values("balanced_accuracy")),
        compliance=_mean([order.overall for order in orders]),
        tau_b=_mean([order.tau_b for order in orders]),
        on_ranked=_mean([error.on_ranked for error in errors]),
        mean_rank=_mean([error.mean_rank for error in errors]),
        weighted_accuracy=_mean([error.weighted_accuracy for error in errors]),
        epochs=config.training.epochs,
        training_s=_mean(group.values("timing", "training_s")),
    )


def _accuracy(group: RunGroup, resamples: int) -> SeedFigure | None:
    known_N = group.predictions[0].label_N >= 0
    if not known_N.any():
        return None
    right_SN = np.stack([(p.predicted_N == p.label_N)[known_N] for p in group.predictions])
    images = group.predictions[0].image_id_N[known_N]
    samples = bootstrap_accuracy(right_SN, images, resamples=resamples)
    return SeedFigure(group.seeds, right_SN.mean(axis=1), samples)


def _auroc(group: RunGroup, resamples: int) -> SeedFigure | None:
    values = group.values("ood", "auroc")
    if len(values) < len(group.runs):
        return None
    samples = np.stack([_auroc_samples(p, resamples) for p in group.predictions])
    return SeedFigure(group.seeds, np.array(values), samples)


def _auroc_samples(found: Predictions, resamples: int) -> Any:
    known_N, score_N = found.label_N >= 0, max_softmax_score(found.score_NC)
    return bootstrap_auroc(
        score_N[known_N],
        score_N[~known_N],
        known_image_N=found.image_id_N[known_N],
        unknown_image_M=found.image_id_N[~known_N],
        resamples=resamples,
    )


def _compare_all(
    arms: Sequence[ArmSummary], name: str, figure: Callable[[ArmSummary], SeedFigure | None]
) -> tuple[ArmComparison, ...]:
    found = []
    for one, other in itertools.combinations(arms, 2):
        a, b = figure(one), figure(other)
        if a is not None and b is not None:
            found.append(compare_arms(a, b, name_a=one.label, name_b=other.label, figure=name))
    return holm_corrected(found)


def _mean(values: Sequence[float | None]) -> float | None:
    given = [value for value in values if value is not None]
    return float(np.mean(given)) if given else None


def _figure_to_json(figure: SeedFigure | None) -> dict[str, Any] | None:
    if figure is None:
        return None
    return {
        "mean": figure.mean,
        "interval": list(figure.interval),
        "deviation": figure.deviation,
        "by_seed": [float(value) for value in figure.value_S],
    }
