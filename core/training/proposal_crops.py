"""Training on what a detector proposes, in place of the annotated boxes.

Shape suffixes: N objects, M proposals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from core.config import ExperimentConfig
from core.data.crops import BuildStopped
from core.data.index import DatasetIndex, FloatArray, IntArray
from core.detection.open_detector import open_detector
from core.detection.pipeline import CHUNK_IMAGES, BoxChoice
from core.errors import ConfigError, DataError
from core.evaluation.proposal_recall import IOU_THRESHOLD, iou_matrix
from core.events import Emit, PhaseChanged
from core.training.experiment import Experiment


def with_proposals(
    experiment: Experiment,
    config: ExperimentConfig,
    device: torch.device,
    emit: Emit,
    should_stop: Callable[[], bool],
) -> Experiment:
    """Returns the experiment with the training crops that crops.source asks for.

    A proposal is of the object that it overlaps most, if their IoU is at least 0.5; others are
    left out. Validation and test stay the annotated objects, so that figures compare.

    Raises:
        AkinError: The detector cannot be had, or finds no training object.
        BuildStopped: should_stop returned True.
    """
    if config.crops.source == "ground-truth":
        return experiment
    if not config.crops.detector:
        raise ConfigError(
            "Crops from proposals need a detector.",
            "Set crops.detector to a run of akin detect train, or torchvision:NAME.",
            "crops.detector",
        )
    index = experiment.index
    detector = open_detector(index, config.crops.detector, None, device)
    choice = BoxChoice(config.crops.proposals, least_score=0.0)
    images = np.unique(index.image_index_N[experiment.train])
    boxes: list[FloatArray] = [np.zeros((0, 4), np.float32)]
    objects: list[IntArray] = [np.zeros(0, np.int64)]
    for start in range(0, len(images), CHUNK_IMAGES):
        if should_stop():
            raise BuildStopped
        chunk = images[start : start + CHUNK_IMAGES].tolist()
        for image, found in zip(chunk, choice.find(detector, chunk), strict=True):
            learned = np.intersect1d(index.objects_of_image(image), experiment.train)
            rows, matched = _matched(index, learned, found.boxes_xyxy_N4)
            boxes.append(found.boxes_xyxy_N4[rows])
            objects.append(matched)
        done = min(len(images), start + CHUNK_IMAGES)
        emit(PhaseChanged(phase="proposing crops", done=done, total=len(images)))
    box_M4, object_M = np.concatenate(boxes), np.concatenate(objects)
    if len(object_M) < 2:
        raise DataError(
            f"None of the proposals of {detector.name} overlaps a training object enough.",
            "Train the detector on such images, or set crops.source to ground-truth.",
        )
    return _extended(experiment, box_M4, object_M)


def _matched(
    index: DatasetIndex, objects: IntArray, boxes_M4: FloatArray
) -> tuple[IntArray, IntArray]:
    """Returns the rows of the boxes that overlap an object enough, and those objects."""
    if not len(objects) or not len(boxes_M4):
        none = np.zeros(0, dtype=np.int64)
        return none, none
    iou_MN = iou_matrix(boxes_M4, index.box_xyxy_N4[objects])
    rows = np.flatnonzero(iou_MN.max(axis=1) >= IOU_THRESHOLD)
    return rows, objects[iou_MN.argmax(axis=1)[rows]]


def _extended(experiment: Experiment, box_M4: FloatArray, object_M: IntArray) -> Experiment:
    """Returns the experiment with proposals as further objects, which alone are trained on."""
    index = experiment.index
    count = len(index.label_N)
    source = np.concatenate([np.arange(count), object_M])  # Of each object: itself, or its match.
    order = np.argsort(index.image_index_N[source], kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    source = source[order]
    extended = replace(
        index,
        image_index_N=index.image_index_N[source],
        box_xyxy_N4=np.concatenate([index.box_xyxy_N4, box_M4])[order],
        label_N=index.label_N[source],
        difficult_N=index.difficult_N[source],
        unseen_N=index.unseen_N[source],
    )
    return replace(
        experiment,
        index=extended,
        label_N=experiment.label_N[source],
        train=np.sort(place[count:]),
        validation=place[experiment.validation],
        test=place[experiment.test],
    )
