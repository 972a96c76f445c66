"""Judging a learner: live on the validation split, once on the test split at the end.

Shape suffixes: N objects, C known classes, D embedding.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from core.contrastive.crop_store import CropStore
from core.evaluation.classification import (
    class_means,
    classification_report,
    cosine_scores,
    predict,
)
from core.evaluation.compliance import Compliance, rank_compliance
from core.evaluation.further import KNN, MAHALANOBIS, Judged
from core.memory import in_halves
from core.predictions import Predictions
from core.training.experiment import Experiment
from core.training.learner import Learner
from core.training.sampling import sample_per_class

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
EMBED_BATCH = 256
LIVE_OBJECTS_PER_CLASS = 32


class Crops:
    """The crops of a run by object index, all on the device if they fit, else streamed.

    Args:
        crops_NCHW: uint8, one row an object that could be read.
        object_index_N: Which object of the data set each row is; ascending.
        device: Where to.
    """

    def __init__(
        self, crops_NCHW: npt.NDArray[np.uint8], object_index_N: IntArray, device: torch.device
    ) -> None:
        self._store = CropStore(crops_NCHW, device)
        self._object_index_N = object_index_N

    def readable(self, objects: IntArray) -> IntArray:
        """Returns those of the objects that have a crop."""
        return objects[np.isin(objects, self._object_index_N)]

    def __getitem__(self, objects: IntArray) -> Tensor:
        return self._store[np.searchsorted(self._object_index_N, objects)]


@dataclass(frozen=True, eq=False)
class Validation:
    """The validation split's known objects, live.

    Attributes:
        accuracy: By class means of a sample of the training objects, or logits.
        balanced_accuracy: Likewise.
        compliance: Of the ranking; None for SoftMax.
        compliance_train: Share of its pairs that hold for the sample of training objects.
        objects_N: Indices into the data set.
        embedding_ND: Unit vectors.
        predicted_N: Index into the known classes.
    """

    accuracy: float | None
    balanced_accuracy: float | None
    compliance: Compliance | None
    compliance_train: float | None
    objects_N: IntArray
    embedding_ND: FloatArray
    predicted_N: IntArray


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
    embeddings: list[Tensor] = []
    logits: list[Tensor] = []
    for start in range(0, len(objects), EMBED_BATCH):
        if should_stop():
            break
        end = min(start + EMBED_BATCH, len(objects))
        found = in_halves(lambda rows: learner.embed(crops[objects[rows]]), start, end)
        embeddings += [z_ND for z_ND, _ in found]
        logits += [logits_NC for _, logits_NC in found if logits_NC is not None]
    learner.train(True)
    if not embeddings:
        return np.zeros((0, 1), np.float32), None
    # Sync point: everything embedded comes to the CPU at once.
    return (
        torch.cat(embeddings).cpu().numpy(),
        torch.cat(logits).cpu().numpy() if logits else None,
    )


def features_of(learner: Learner, crops: Crops, objects: IntArray) -> FloatArray:
    """Returns the features of objects before the projection head, in batches."""
    learner.train(False)
    parts = []
    for start in range(0, len(objects), EMBED_BATCH):
        end = min(start + EMBED_BATCH, len(objects))
        parts += in_halves(lambda rows: learner.features(crops[objects[rows]]), start, end)
    learner.train(True)
    return torch.cat(parts).cpu().numpy()  # Sync point.


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
    truth = label_N[objects]
    similarity_CC = experiment.judged_similarity_CC
    score_NC: npt.NDArray[np.floating[Any]]
    compliance, on_train = None, None
    if logits_NC is not None:
        score_NC = logits_NC
    else:
        train = crops.readable(experiment.train)
        train = train[sample_per_class(label_N[train], LIVE_OBJECTS_PER_CLASS, seed)]
        train_ND, _ = embed_objects(learner, crops, train)
        means_CD = class_means(train_ND, label_N[train], len(experiment.classes))
        score_NC = cosine_scores(embedding_ND, means_CD)
        compliance = rank_compliance(score_NC, truth, similarity_CC, experiment.classes)
        train_score_MC = cosine_scores(train_ND, means_CD)
        on_train = rank_compliance(train_score_MC, label_N[train], similarity_CC).overall
    predicted_N = predict(score_NC)
    report = classification_report(truth, predicted_N, experiment.classes)
    return Validation(
        report.accuracy,
        report.balanced_accuracy,
        compliance,
        on_train,
        objects,
        embedding_ND,
        predicted_N,
    )


@dataclass(frozen=True, eq=False)
class Embedded:
    """Objects through the encoder.

    Attributes:
        objects_N: Indices into the data set.
        label_N: Index into the known classes; -1 if withheld.
        embedding_ND: Unit vectors.
        logits_NC: Of SoftMax; else None.
    """

    objects_N: IntArray
    label_N: IntArray
    embedding_ND: FloatArray
    logits_NC: FloatArray | None

    def scores(self, means_CD: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        """Returns the logits, else the cosines to class means."""
        if self.logits_NC is not None:
            return self.logits_NC
        return cosine_scores(self.embedding_ND, means_CD)


@dataclass(frozen=True, eq=False)
class Judgement:
    """The test split judged by nearest class mean (SoftMax: largest logit).

    Attributes:
        predictions: For predictions.npz.
        judged: The same and what is beside it, for the measures.
    """

    predictions: Predictions
    judged: Judged


def embed_split(
    learner: Learner,
    experiment: Experiment,
    crops: Crops,
    objects_N: IntArray,
    should_stop: Callable[[], bool] = lambda: False,
) -> Embedded:
    """Embeds those of the objects that could be read."""
    objects_N = crops.readable(objects_N)
    embedding_ND, logits_NC = embed_objects(learner, crops, objects_N, should_stop)
    if logits_NC is None and learner.is_softmax:
        logits_NC = np.zeros((0, len(experiment.classes)), np.float32)
    return Embedded(objects_N, experiment.label_N[objects_N], embedding_ND, logits_NC)


def judge_test(
    learner: Learner,
    experiment: Experiment,
    crops: Crops,
    should_stop: Callable[[], bool] = lambda: False,
) -> Judgement | None:
    """Judges every test object; the class means are of all training objects.

    None where `should_stop` turned true.
    """
    train, test, validation = (
        embed_split(learner, experiment, crops, objects_N, should_stop)
        for objects_N in (experiment.train, experiment.test, experiment.validation)
    )
    if should_stop():
        return None
    judged = as_judged(experiment, test, train, validation)
    predictions = as_predictions(experiment, test.objects_N, judged.score_NC, judged.embedding_ND)
    predictions = replace(
        predictions,
        knn_score_N=judged.scores.get(KNN),
        mahalanobis_score_N=judged.scores.get(MAHALANOBIS),
    )
    return Judgement(predictions, judged)


def as_judged(
    experiment: Experiment, test: Embedded, train: Embedded, validation: Embedded
) -> Judged:
    """Returns judged objects by the run's own classifier, with what the measures need beside.

    Args:
        experiment: Whose objects they are.
        test: What is judged.
        train: Gives the class means, and is what the k-NN and Mahalanobis scores are fitted on.
        validation: Its known objects choose thresholds; may be empty.
    """
    means_CD = class_means(train.embedding_ND, train.label_N, len(experiment.classes))
    width = means_CD.shape[1]
    test, validation = (
        part
        if len(part.objects_N)
        else replace(part, embedding_ND=np.zeros((0, width), np.float32))
        for part in (test, validation)
    )
    known_V = validation.label_N >= 0
    return Judged(
        label_N=test.label_N,
        true_name_N=_true_names(experiment, test.objects_N),
        image_id_N=_image_ids(experiment, test.objects_N),
        score_NC=test.scores(means_CD),
        embedding_ND=test.embedding_ND,
        train_MD=train.embedding_ND,
        train_label_M=train.label_N,
        validation_score_VC=validation.scores(means_CD)[known_V],
        validation_VD=validation.embedding_ND[known_V],
        is_softmax=test.logits_NC is not None,
    )


def as_predictions(
    experiment: Experiment,
    objects_N: IntArray,
    score_NC: npt.NDArray[np.floating[Any]],
    embedding_ND: npt.NDArray[np.floating[Any]],
) -> Predictions:
    """Returns what predictions.npz holds of objects: the class with the highest score."""
    index = experiment.index
    return Predictions(
        image_id_N=_image_ids(experiment, objects_N),
        box_xyxy_N4=index.box_xyxy_N4[objects_N],
        classes=experiment.classes,
        label_N=experiment.label_N[objects_N],
        predicted_N=predict(score_NC),
        score_NC=score_NC.astype(np.float32),
        embedding_ND=embedding_ND.astype(np.float32),
        true_name_N=_true_names(experiment, objects_N),
        unseen_N=index.unseen_N[objects_N],
    )


def _image_ids(experiment: Experiment, objects_N: IntArray) -> npt.NDArray[np.str_]:
    index = experiment.index
    return np.array([index.image_ids[i] for i in index.image_index_N[objects_N]], dtype=np.str_)


def _true_names(experiment: Experiment, objects_N: IntArray) -> npt.NDArray[np.str_]:
    index = experiment.index
    return np.array([index.classes[i] for i in index.label_N[objects_N]], dtype=np.str_)


def judging_duration_s(learner: Learner, experiment: Experiment, crops: Crops) -> float:
    """Estimates how long `judge_test` takes, from one batch."""
    some = crops.readable(experiment.train)[:EMBED_BATCH]
    start = time.perf_counter()
    embed_objects(learner, crops, some)
    per_object_s = (time.perf_counter() - start) / max(1, len(some))
    return per_object_s * (
        len(experiment.train) + len(experiment.test) + len(experiment.validation)
    )
