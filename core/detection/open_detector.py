"""Detectors by the words that name them on the command line and in configurations."""

from __future__ import annotations

import torch

from core.data.index import DatasetIndex
from core.detection.detector import Detector, GroundTruthDetector
from core.detection.detectron2_detector import open_detectron2_detector
from core.detection.torchvision_detector import open_torchvision_detector
from core.errors import ConfigError

GROUND_TRUTH = "ground-truth"


def open_detector(
    index: DatasetIndex,
    source: str,
    weights: str | None,
    device: torch.device,
    *,
    batch_size: int | None = None,
) -> Detector:
    """Opens a detector.

    Args:
        index: Whose images it will look at.
        source: "ground-truth"; a run of `akin detect train` or its checkpoint;
            "torchvision:NAME"; "detectron2:CONFIG".
        weights: Of the latter two: a name or a file; None: those published with the network.
        device: Where it runs.
        batch_size: Images at a time; None: what is fast there.

    Raises:
        ConfigError: With what is wrong and what to do.
    """
    if source == GROUND_TRUTH:
        if weights is not None:
            raise ConfigError("The annotated boxes have no weights.", "Leave --weights out.")
        return GroundTruthDetector(index)
    if source.startswith("detectron2:"):
        config = source.partition(":")[2]
        return open_detectron2_detector(index, config, weights, device, batch_size=batch_size)
    return open_torchvision_detector(index, source, weights, device, batch_size=batch_size)
