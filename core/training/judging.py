"""Judging a learner: live on the validation split, once on the test split at the end.

Shape suffixes: N objects, C known classes, D embedding.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from core.evaluation.classification import (
    class_means,
    classification_report,
    cosine_scores,
    predict,
)
from core.evaluation.compliance import rank_compliance
from core.runs import Predictions
from core.training.experiment import Experiment
from core.training.learner import Learner
from core.training.sampling import sample_per_class

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
EMBED_BATCH = 256
LIVE_OBJECTS_PER_CLASS = 32


class Crops:
    """The crops of a run by object index, on the device where they fit.

    Args:
        crops_NCHW: uint8, one row an object that could be read.
        object_index_N: Which object of the data set each row is; ascending.
        device: Where to.
    """

    def __init__(
        self, crops_NCHW: npt.NDArray[np.uint8], object_index_N: IntArray, device: torch.device
    ) -> None:
        self._crops = torch.from_numpy(np.ascontiguousarray(crops_NCHW)).to(device)
        self._object_index_N = object_index_N

    def readable(self, objects: IntArray) -> IntArray:
        """Returns those of the objects that have a crop."""
        return objects[np.isin(objects, self._object_index_N)]

    def __getitem__(self, objects: IntArray) -> Tensor:
        rows = np.searchsorted(self._object_index_N, objects)
        return self._crops[torch.from_numpy(rows).to(self._crops.device)]


@dataclass(frozen=True)
class Validation:
    """Live figures on the validation split's known objects."""

    accuracy: float | None
    balanced_accuracy: float | None
    compliance: float | None


def embed_objects(
    learner: Learner,
    crops: Crops,
    objects: IntArray,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[FloatArray, FloatArray | None]:
    """Embeds objects in batches.

    Returns:
        embedding_ND and, for SoftMax, logits_NC (else None). Where `should_stop` turned true
        they are shorter.
    """
    learner.train(False)
    embeddings, logits = [], []
    for start in range(0, len(objects), EMBED_BATCH):
        if should_stop():
            break
        z_ND, logits_NC = learner.embed(crops[objects[start : start + EMBED_BATCH]])
        embeddings.append(z_ND)
        if logits_NC is not None:
            logits.append(logits_NC)
    learner.train(True)
    if not embeddings:
        return np.zeros((0, 1), np.float32), None
    # Sync point: everything embedded comes to the CPU at once.
    return (
        torch.cat(embeddings).cpu().numpy(),
        torch.cat(logits).cpu().numpy() if logits else None,
    )


def validate(
    learner: Learner, experiment: Experiment, crops: Crops, seed: int
) -> Validation | None:
    """Judges the validation split's known objects; None if there are none.

    Class means are those of a fixed sample of training objects, at most 32 a class: live figures
    must be cheap.
    """
    label_N = experiment.label_N
    objects = crops.readable(experiment.validation)
    objects = objects[label_N[objects] >= 0]
    if not len(objects):
        return None
    embedding_ND, logits_NC = embed_objects(learner, crops, objects)
    score_NC: npt.NDArray[np.floating[Any]]
    if logits_NC is not None:
        score_NC = logits_NC
    else:
        train = crops.readable(experiment.train)
        train = train[sample_per_class(label_N[train], LIVE_OBJECTS_PER_CLASS, seed)]
        train_ND, _ = embed_objects(learner, crops, train)
        means_CD = class_means(train_ND, label_N[train], len(experiment.classes))
        score_NC = cosine_scores(embedding_ND, means_CD)
    truth = label_N[objects]
    report = classification_report(truth, predict(score_NC), experiment.classes)
    compliance = None
    if logits_NC is None:
        compliance = rank_compliance(score_NC, truth, experiment.judged_similarity_CC).overall
    return Validation(report.accuracy, report.balanced_accuracy, compliance)


def predict_test(
    learner: Learner,
    experiment: Experiment,
    crops: Crops,
    should_stop: Callable[[], bool] = lambda: False,
) -> Predictions | None:
    """Predicts every test object by nearest class mean (SoftMax: largest logit).

    The class means are of all training objects. None where `should_stop` turned true.
    """
    index, label_N = experiment.index, experiment.label_N
    objects = crops.readable(experiment.test)
    train = crops.readable(experiment.train)
    train_ND, _ = embed_objects(learner, crops, train, should_stop)
    embedding_ND, logits_NC = embed_objects(learner, crops, objects, should_stop)
    if should_stop():
        return None
    if not len(objects):
        embedding_ND = np.zeros((0, train_ND.shape[1]), np.float32)
    score_NC: npt.NDArray[np.floating[Any]]
    if logits_NC is not None:
        score_NC = logits_NC
    else:
        means_CD = class_means(train_ND, label_N[train], len(experiment.classes))
        score_NC = cosine_scores(embedding_ND, means_CD)
    images = index.image_index_N[objects]
    return Predictions(
        image_id_N=np.array([index.image_ids[i] for i in images], dtype=np.str_),
        box_xyxy_N4=index.box_xyxy_N4[objects],
        classes=experiment.classes,
        label_N=label_N[objects],
        predicted_N=predict(score_NC),
        score_NC=score_NC.astype(np.float32),
        embedding_ND=embedding_ND.astype(np.float32),
        true_name_N=np.array([index.classes[i] for i in index.label_N[objects]], dtype=np.str_),
        unseen_N=index.unseen_N[objects],
    )


def judging_duration_s(learner: Learner, experiment: Experiment, crops: Crops) -> float:
    """Estimates how long `predict_test` takes, from one batch."""
    some = crops.readable(experiment.train)[:EMBED_BATCH]
    start = time.perf_counter()
    embed_objects(learner, crops, some)
    per_object_s = (time.perf_counter() - start) / max(1, len(some))
    return per_object_s * (len(experiment.train) + len(experiment.test))
