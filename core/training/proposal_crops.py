"""Training on what a detector proposes, in place of the annotated boxes.

Shape suffixes: N objects, M proposals of them, K proposals of the background.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from core.config import ExperimentConfig
from core.data.crops import BuildStopped
from core.data.index import DatasetIndex, FloatArray, IntArray
from core.detection.detector import Detector
from core.detection.open_detector import open_detector
from core.detection.pipeline import CHUNK_IMAGES, BoxChoice
from core.errors import ConfigError, DataError
from core.evaluation.proposal_recall import IOU_THRESHOLD, iou_matrix
from core.events import Emit, PhaseChanged, WarningRaised
from core.training.experiment import Experiment

BACKGROUND_IOU = 0.3


@dataclass(frozen=True, eq=False)
class Proposed:
    """What is taken of a detector's proposals.

    Attributes:
        box_M4: Boxes that overlap a training object.
        object_M: The objects.
        background_K4: Boxes that overlap no object of any kind.
        image_K: Their images.
    """

    box_M4: FloatArray
    object_M: IntArray
    background_K4: FloatArray
    image_K: IntArray


def with_proposals(
    experiment: Experiment,
    config: ExperimentConfig,
    device: torch.device,
    emit: Emit,
    should_stop: Callable[[], bool],
) -> Experiment:
    """Returns the experiment with the training crops that crops.source asks for.

    A proposal is of the object that it overlaps most, if their IoU is at least 0.5; others are
    left out, but for crops.background of each image, drawn among those whose IoU with every
    annotated object is below 0.3. Validation and test stay the annotated objects, so that figures
    compare.

    Raises:
        AkinError: The detector cannot be had, or finds no training object.
        BuildStopped: should_stop returned True.
    """
    _require_sense(config)
    if config.crops.source == "ground-truth":
        return experiment
    detector = open_detector(experiment.index, config.crops.detector, None, device)
    proposed = _propose(experiment, config, detector, emit, should_stop)
    if len(proposed.object_M) < 2:
        raise DataError(
            f"None of the proposals of {detector.name} overlaps a training object enough.",
            "Train the detector on such images, or set crops.source to ground-truth.",
        )
    if config.crops.background and not len(proposed.image_K):
        warning = WarningRaised(
            message="Every proposal overlaps an object; there are no background crops.",
            hint="A larger crops.proposals offers more.",
        )
        experiment = replace(experiment, warnings=(*experiment.warnings, warning))
    return _extended(experiment, proposed)


def _require_sense(config: ExperimentConfig) -> None:
    crops = config.crops
    if crops.background and crops.source == "ground-truth":
        raise ConfigError(
            "Background crops are proposals, and crops.source is ground-truth.",
            "Set crops.source to proposals, or crops.background to 0.",
            "crops.background",
        )
    if crops.background and config.objective.method == "softmax":
        raise ConfigError(
            "SoftMax has no negatives, which is all that background crops are.",
            "Choose another method, or set crops.background to 0.",
            "crops.background",
        )
    if crops.source == "proposals" and not crops.detector:
        raise ConfigError(
            "Crops from proposals need a detector.",
            "Set crops.detector to a run of akin detect train, or torchvision:NAME.",
            "crops.detector",
        )


def _propose(
    experiment: Experiment,
    config: ExperimentConfig,
    detector: Detector,
    emit: Emit,
    should_stop: Callable[[], bool],
) -> Proposed:
    index, choice = experiment.index, BoxChoice(config.crops.proposals, least_score=0.0)
    images = np.unique(index.image_index_N[experiment.train])
    boxes: list[FloatArray] = [np.zeros((0, 4), np.float32)]
    objects: list[IntArray] = [np.zeros(0, np.int64)]
    background: list[FloatArray] = [np.zeros((0, 4), np.float32)]
    counts: list[int] = []
    for start in range(0, len(images), CHUNK_IMAGES):
        if should_stop():
            raise BuildStopped
        chunk = images[start : start + CHUNK_IMAGES].tolist()
        for image, found in zip(chunk, choice.find(detector, chunk), strict=True):
            learned = np.intersect1d(index.objects_of_image(image), experiment.train)
            rows, matched = _matched(index, learned, found.boxes_xyxy_N4)
            boxes.append(found.boxes_xyxy_N4[rows])
            objects.append(matched)
            background.append(_background(index, image, found.boxes_xyxy_N4, config))
            counts.append(len(background[-1]))
        done = min(len(images), start + CHUNK_IMAGES)
        emit(PhaseChanged(phase="proposing crops", done=done, total=len(images)))
    image_K = np.repeat(images, np.asarray(counts, dtype=np.int64))
    return Proposed(
        np.concatenate(boxes), np.concatenate(objects), np.concatenate(background), image_K
    )


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


def _background(
    index: DatasetIndex, image: int, boxes_M4: FloatArray, config: ExperimentConfig
) -> FloatArray:
    """Draws boxes that overlap no object of the image; a function of the run's seed."""
    most, objects = config.crops.background, index.objects_of_image(image)
    if not most or not len(boxes_M4):
        return boxes_M4[:0]
    iou_MN = iou_matrix(boxes_M4, index.box_xyxy_N4[objects])
    rows = np.flatnonzero(iou_MN.max(axis=1, initial=0.0) < BACKGROUND_IOU)
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([config.seed, 5, image])))
    drawn: FloatArray = boxes_M4[np.sort(random.permutation(rows)[:most])]
    return drawn


def _extended(experiment: Experiment, proposed: Proposed) -> Experiment:
    """Returns the experiment with proposals as further objects, which alone are trained on."""
    index = experiment.index
    count, taken, spare = len(index.label_N), len(proposed.object_M), len(proposed.image_K)
    # Of each object: itself, or its match; the background's is never looked at but here.
    source = np.concatenate([np.arange(count), proposed.object_M, np.zeros(spare, np.int64)])
    is_background = np.arange(len(source)) >= count + taken
    image = index.image_index_N[source]
    image[is_background] = proposed.image_K
    order = np.argsort(image, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    source, is_background = source[order], is_background[order]
    boxes = (index.box_xyxy_N4, proposed.box_M4, proposed.background_K4)
    extended = replace(
        index,
        image_index_N=image[order],
        box_xyxy_N4=np.concatenate(boxes)[order],
        label_N=index.label_N[source],
        difficult_N=index.difficult_N[source] & ~is_background,
        unseen_N=index.unseen_N[source] & ~is_background,
    )
    return replace(
        experiment,
        index=extended,
        label_N=np.where(is_background, -1, experiment.label_N[source]),
        train=np.sort(place[count : count + taken]),
        validation=place[experiment.validation],
        test=place[experiment.test],
        background=np.sort(place[count + taken :]),
    )
