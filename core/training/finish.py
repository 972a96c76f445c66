"""The end of a run: the test split judged once, and everything written into its directory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from core.evaluation.further import further_metrics
from core.evaluation.report import run_metrics
from core.events import Emit, EvaluationCompleted, PhaseChanged, WarningRaised
from core.files import write_json
from core.ranking import Ranking
from core.runs import Run
from core.training.experiment import Experiment
from core.training.judging import Crops, Judgement, judge_test
from core.training.learner import Learner
from core.training.tables import write_tables


def judge_and_write(
    run: Run,
    learner: Learner,
    experiment: Experiment,
    crops: Crops,
    timing: dict[str, float],
    emit: Emit,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any] | None:
    """Judges the test split and writes predictions.npz, metrics.json, tables and figures.

    Returns:
        The metrics; None where `should_stop` turned true (nothing is written then).
    """
    emit(PhaseChanged(phase="judging"))
    judgement = judge_test(learner, experiment, crops, should_stop)
    if judgement is None:
        return None
    metrics = metrics_of(run, judgement, experiment, timing)
    judgement.predictions.save(run.path / "predictions.npz")
    write_json(run.path / "metrics.json", metrics)
    write_tables(run, metrics)
    write_figures(run, metrics, experiment.index.name, emit)
    ood = metrics["ood"] or {}
    emit(
        EvaluationCompleted(
            split=run.config.data.test_split,
            accuracy=metrics["accuracy"],
            balanced_accuracy=metrics["balanced_accuracy"],
            majority_share=metrics["majority_share"],
            auroc=ood.get("auroc"),
        )
    )
    return metrics


def write_figures(run: Run, metrics: dict[str, Any], data_name: str, emit: Emit) -> None:
    """Draws the figures where there is matplotlib: a node that only computes may have none."""
    try:
        from core.training.figures import write_figures as draw  # noqa: PLC0415
    except ModuleNotFoundError as error:
        emit(_undrawn(error, f"Draw them where it is: akin evaluate {run.path}"))
        return
    draw(run, metrics, data_name)


def write_detector_figures(run: Run, data_name: str, emit: Emit) -> None:
    """Draws a detector's curves where there is matplotlib."""
    try:
        from core.training.figures import write_detector_figures as draw  # noqa: PLC0415
    except ModuleNotFoundError as error:
        emit(_undrawn(error))
        return
    draw(run, data_name)


def _undrawn(error: ModuleNotFoundError, hint: str = "") -> WarningRaised:
    message = f"No figures were drawn: {error.name} is not installed here."
    return WarningRaised(message=message, hint=hint)


def metrics_of(
    run: Run, judgement: Judgement, experiment: Experiment, timing: dict[str, float]
) -> dict[str, Any]:
    """Returns the content of metrics.json."""
    config, predictions = run.config, judgement.predictions
    metrics = run_metrics(
        classes=predictions.classes,
        label_N=predictions.label_N,
        predicted_N=predictions.predicted_N,
        score_NC=predictions.score_NC,
        withheld=config.data.withheld,
        image_id_N=predictions.image_id_N,
        unseen_N=predictions.unseen_N,
        similarity_CC=experiment.judged_similarity_CC,
        seed=config.seed,
        timing=timing,
        objective=config.objective.method,
    )
    similarity_CC = experiment.judged_similarity_CC
    near = near_classes(run.ranking, config.data.withheld)
    return metrics | further_metrics(
        judgement.judged, similarity_CC, near, config.seed, classes=predictions.classes
    )


def near_classes(ranking: Ranking, withheld: Sequence[str]) -> list[str]:
    """Returns the withheld classes for which the user ranked a class that is known."""
    return [name for name in withheld if set(ranking.ranked(name)) - set(withheld)]
