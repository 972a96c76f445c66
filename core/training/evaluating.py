"""Judging a finished run again: another split, another classifier, data that have moved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from core.errors import AkinError, ConfigError, DataError
from core.evaluation.classification import (
    class_means,
    knn_votes,
)
from core.evaluation.further import ood_by_score, threshold_by_score
from core.evaluation.linear_probe import linear_probe
from core.evaluation.report import run_metrics
from core.events import Emit, PhaseChanged, WarningRaised
from core.files import write_json
from core.runs import Run, default_cache
from core.training.checkpoint import load_checkpoint
from core.training.control import TrainingControl
from core.training.device import choose_device, choose_precision
from core.training.experiment import Experiment
from core.training.judging import (
    Crops,
    Embedded,
    as_judged,
    as_predictions,
    embed_split,
    features_of,
)
from core.training.learner import Learner
from core.training.same_data import name_of_other_data, other_data, require_data_there

Classifier = Literal["nearest-mean", "knn", "linear-probe", "softmax"]
CLASSIFIERS: tuple[Classifier, ...] = ("nearest-mean", "knn", "linear-probe", "softmax")


@dataclass(frozen=True)
class Request:
    """What to judge a run by.

    Attributes:
        split: Whose objects are judged; "" for the run's test split.
        classifier: Fitted on the run's training objects alone; "" for the run's own.
        folder: Where the run's data are now; None: where they were.
    """

    split: str = ""
    classifier: Classifier | Literal[""] = ""
    folder: Path | None = None


def evaluate_run(
    run: Run, request: Request, emit: Emit, control: TrainingControl
) -> tuple[dict[str, Any], Path]:
    """Judges a run's last checkpoint.

    Returns:
        Measures as in metrics.json, with `split`, `classifier`, `data` and `data_fingerprint`; and
        the file under RUN/evaluations that they were written to, another for other data.

    Raises:
        AkinError: If that cannot be done, or an image is both learned from and judged.
    """
    own = "softmax" if run.config.objective.method == "softmax" else "nearest-mean"
    classifier = request.classifier or own
    if classifier == "softmax" and own != "softmax":
        raise ConfigError(
            f"{run.name} has no softmax classifier: it was trained by contrast.",
            "Choose nearest-mean, knn or linear-probe.",
        )
    values: dict[str, Any] = {"data.test_split": request.split or run.config.data.test_split}
    if request.folder is not None:
        values["data.folder"] = str(request.folder.resolve())
    config = run.config.with_values(values)
    emit(PhaseChanged(phase="reading data"))
    if request.folder is None:
        require_data_there(run, "evaluate")
    experiment = Experiment.prepare(config, run.ranking, judging_only=True)
    _require_same_classes(run, experiment)
    index, split = experiment.index, config.data.test_split
    name, change = f"{split}-{classifier}", other_data(run, index)
    if change:
        name = f"{name}-{name_of_other_data(index)}"
        emit(WarningRaised(message=change, hint="Its figures are kept apart from the run's own."))
    device = choose_device(config.device)
    precision = choose_precision(config.training.precision, device)
    learner = Learner(config, torch.from_numpy(experiment.similarity_CC), device, precision)
    learner.load_state_dict(load_checkpoint(run.checkpoint_folder, device).state["learner"])
    bank = experiment.crops(config, default_cache() / "crops", emit, lambda: control.stop_requested)
    crops = Crops(bank.crops_NCHW, bank.object_index_N, device)
    emit(PhaseChanged(phase="judging"))
    train = embed_split(learner, experiment, crops, experiment.train)
    judged = embed_split(learner, experiment, crops, experiment.test)
    if not len(judged.objects_N):
        raise DataError(f"The split '{split}' has no object to judge.", "Choose another.")
    chosen: dict[str, Any] = {}
    if classifier == "linear-probe":
        score_NC, chosen = _probe(learner, experiment, crops, judged, train, config.seed)
    else:
        score_NC = _scores(classifier, judged, train, len(experiment.classes))
    found = as_predictions(experiment, judged.objects_N, score_NC, judged.embedding_ND)
    metrics = run_metrics(
        classes=found.classes,
        label_N=found.label_N,
        predicted_N=found.predicted_N,
        score_NC=score_NC,
        withheld=config.data.withheld,
        image_id_N=found.image_id_N,
        unseen_N=found.unseen_N,
        similarity_CC=experiment.judged_similarity_CC,
        seed=config.seed,
        objective=config.objective.method,
        by_class_means=classifier == "nearest-mean",
    )
    metrics |= {"split": split, "classifier": classifier, "data": index.name}
    metrics |= {"data_fingerprint": index.fingerprint}
    metrics |= chosen
    chooses = _of_other_images(experiment)
    by_own = as_judged(experiment, judged, train, embed_split(learner, experiment, crops, chooses))
    metrics["ood_scores"] = ood_by_score(by_own, config.seed)
    metrics["thresholds"] = threshold_by_score(by_own)
    path = run.path / "evaluations" / f"{name}.json"
    write_json(path, metrics)
    return metrics, path


def _require_same_classes(run: Run, experiment: Experiment) -> None:
    try:
        classes = run.predictions().classes
    except AkinError:  # The run was never judged: there is nothing to compare with.
        return
    if classes != experiment.classes:
        raise DataError(
            f"{experiment.index.folder} has other classes than {run.name} was trained on.",
            "Give the folder of the same data.",
        )


def _of_other_images(experiment: Experiment) -> npt.NDArray[np.int64]:
    """Returns the validation objects whose images are not judged: they may choose thresholds."""
    image_N = experiment.index.image_index_N
    is_judged = np.isin(image_N[experiment.validation], image_N[experiment.test])
    return experiment.validation[~is_judged]


def _scores(
    classifier: str, judged: Embedded, train: Embedded, num_classes: int
) -> npt.NDArray[np.floating[Any]]:
    if classifier == "softmax":
        assert judged.logits_NC is not None, "asked for where there is a classifier only"
        return judged.logits_NC
    if classifier == "nearest-mean":
        means_CD = class_means(train.embedding_ND, train.label_N, num_classes)
        return Embedded(judged.objects_N, judged.label_N, judged.embedding_ND, None).scores(
            means_CD
        )
    return knn_votes(judged.embedding_ND, train.embedding_ND, train.label_N, num_classes)


def _probe(
    learner: Learner,
    experiment: Experiment,
    crops: Crops,
    judged: Embedded,
    train: Embedded,
    seed: int,
) -> tuple[npt.NDArray[np.floating[Any]], dict[str, Any]]:
    """Returns scores by the features before the head, and how the probe was regularised."""
    probe = linear_probe(
        features_of(learner, crops, judged.objects_N),
        features_of(learner, crops, train.objects_N),
        train.label_N,
        len(experiment.classes),
        train_image_M=experiment.index.image_index_N[train.objects_N],
        seed=seed,
    )
    accuracies = {f"{penalty:g}": share for penalty, share in probe.accuracy_by_penalty.items()}
    chosen = {"inverse_penalty": probe.inverse_penalty, "accuracy_by_penalty": accuracies}
    return probe.score_NC, {"linear_probe": chosen | {"chosen_on": "training"}}
