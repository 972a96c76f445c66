"""Faster R-CNN in torchvision, in batches.

Shape suffixes: B images, N boxes of one image, C channels (RGB), H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN

from core.data.index import DatasetIndex, IntArray, Problem
from core.detection.detector import Detections
from core.detection.networks import (
    STOCK,
    DetectorDescription,
    build_network,
    classes_of_state,
    freezes,
    fuse_batch_norms,
    load_weights,
    propose,
    read_weights,
    read_weights_file,
    require_network,
)
from core.detection.pixels import PixelSource
from core.errors import ConfigError
from core.memory import in_halves
from core.ranking import nearest

Found = tuple[Tensor, Tensor, Tensor]
COCO_NAMES = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}


class TorchvisionDetector:
    """A trained network over the images of one data set.

    Args:
        index: The data set.
        network: Not trained any more: it is put into evaluation mode, and changed for speed.
        description: Of the network.
        device: Where it runs.
        batch_size: Images at a time; None: what is fast there.
        keep: Leave the network as it is: it will be trained on.
        source: Where the pixels come from; None: a new one.
    """

    def __init__(
        self,
        index: DatasetIndex,
        network: FasterRCNN,
        description: DetectorDescription,
        device: torch.device,
        *,
        batch_size: int | None = None,
        keep: bool = False,
        source: PixelSource | None = None,
    ) -> None:
        self._index = index
        self._description = description
        self._device = device
        self._batch_size = batch_size or fast_batch_size(description, device)
        self._source = source or PixelSource(index, description.longest_side_px)
        self._label_of_output = output_labels(description, index.classes)
        self._network = network.to(device).eval()
        if not keep:
            fuse_batch_norms(self._network.backbone)
            self._network.to(memory_format=torch.channels_last)

    @property
    def name(self) -> str:
        """What the window calls it."""
        return f"torchvision {self._description.network}"

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Images that could not be read so far."""
        return self._source.problems

    def detect(self, image_indices: Sequence[int]) -> list[Detections]:
        """Returns the classified boxes of each image, best first; none where it is damaged.

        Boxes of classes that the data set lacks are left out; a class-agnostic network's have
        label -1.
        """
        return self._run(image_indices, self._detect)

    def proposals(self, image_indices: Sequence[int]) -> list[Detections]:
        """Returns the region proposals of each image with their objectness, best first."""
        return self._run(image_indices, self._propose)

    def _run(
        self, image_indices: Sequence[int], find: Callable[[list[Tensor]], list[Found]]
    ) -> list[Detections]:
        # Images of one shape go together, so that little of a batch is padding.
        size_I2 = self._index.image_size_I2
        together = sorted(image_indices, key=lambda at: float(size_I2[at, 0] / size_I2[at, 1]))
        result: dict[int, Detections] = {}
        for batch, images in self._source.stream(together, self._batch_size):
            readable = [image for image in images if image is not None]
            found = iter(self._found(readable, find) if readable else ())
            for at, image in zip(batch, images, strict=True):
                if image is None:
                    result[at] = nothing(self._index.image_ids[at])
                    continue
                boxes_N4, score_N, output_N = (part.numpy() for part in next(found))
                label_N = np.where(output_N >= 0, self._label_of_output[output_N], -1)
                boxes_N4 = boxes_N4 * self._source.scale_of(at, image)
                result[at] = detections_from(self._index, at, boxes_N4, score_N, label_N)
        return [result[at] for at in image_indices]

    def _found(
        self, images: list[Tensor], find: Callable[[list[Tensor]], list[Found]]
    ) -> list[Found]:
        parts = in_halves(
            lambda rows: find([self._ready(image) for image in images[rows]]), 0, len(images)
        )
        return [each for part in parts for each in part]

    def _ready(self, pixels_CHW: Tensor) -> Tensor:
        return pixels_CHW.to(self._device, non_blocking=True).float().div_(255.0)

    @torch.inference_mode()
    def _detect(self, images_B: list[Tensor]) -> list[Found]:
        with self._autocast():
            found = self._network(images_B)
        return [
            (item["boxes"].cpu(), item["scores"].cpu(), item["labels"].cpu())  # Sync point.
            for item in found
        ]

    def _propose(self, images_B: list[Tensor]) -> list[Found]:
        with self._autocast():
            found = propose(self._network, images_B)
        return [
            (boxes.cpu(), scores.cpu(), torch.full((len(boxes),), -1))  # Sync point.
            for boxes, scores in found
        ]

    def _autocast(self) -> AbstractContextManager[Any]:
        if self._device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.autocast("cuda", torch.bfloat16)
        return nullcontext()


def nothing(image_id: str) -> Detections:
    """Returns that nothing was found in an image."""
    none = np.zeros(0, dtype=np.int64)
    boxes_N4, score_N = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    return Detections(image_id, boxes_N4, none, score_N, none)


def detections_from(
    index: DatasetIndex, image_index: int, boxes_N4: Any, score_N: Any, label_N: Any
) -> Detections:
    """Returns what was found in an image, its boxes cut to the image, empty ones left out.

    Args:
        index: The data set.
        image_index: The image.
        boxes_N4: x1, y1, x2, y2 in its pixels.
        score_N: In [0, 1].
        label_N: Class of the data set; -1: any; -2: none of them, left out.
    """
    size = np.tile(index.image_size_I2[image_index], 2)
    cut_N4 = np.clip(boxes_N4, 0, size).astype(np.float32)
    keep = (label_N >= -1) & (cut_N4[:, 2:] > cut_N4[:, :2]).all(axis=1)
    return Detections(
        image_id=index.image_ids[image_index],
        boxes_xyxy_N4=cut_N4[keep],
        label_N=label_N[keep].astype(np.int64),
        score_N=score_N[keep].astype(np.float32),
        object_index_N=np.full(int(keep.sum()), -1, dtype=np.int64),
    )


def fast_batch_size(description: DetectorDescription, device: torch.device) -> int:
    """Returns how many images at a time are fast: large batches leave a CPU's caches."""
    if device.type == "cpu" and description.longest_side_px is None:
        return 4
    return 16


def output_labels(description: DetectorDescription, classes: tuple[str, ...]) -> IntArray:
    """Returns the data set's class of each output of the network; -1: any, -2: none.

    Raises:
        ConfigError: If the network knows none of the data's classes.
    """
    if description.class_agnostic and classes != description.classes:
        return np.full(2, -1, dtype=np.int64)
    known = {name: label for label, name in enumerate(classes)}
    known |= {COCO_NAMES[n]: i for n, i in known.items() if n in COCO_NAMES}
    labels = [known.get(name, -2) for name in description.classes]
    if not any(label >= 0 for label in labels):
        some = ", ".join(description.classes[:3])
        raise ConfigError(
            f"The detector knows none of the data's classes, but {some}, ...",
            "Train a detector on this data with akin detect train, or choose another.",
        )
    return np.array([-2, *labels], dtype=np.int64)


def open_torchvision_detector(
    index: DatasetIndex,
    source: str,
    weights: str | None,
    device: torch.device,
    *,
    batch_size: int | None = None,
) -> TorchvisionDetector:
    """Opens a trained detector.

    Args:
        index: Whose images it will look at.
        source: "torchvision:NAME", a run of `akin detect train`, or a checkpoint file.
        weights: For "torchvision:NAME": COCO's name or a file; None: torchvision's default.
        device: Where it runs.
        batch_size: Images at a time; None: what is fast there.

    Raises:
        ConfigError: With what is wrong and what to do.
    """
    kind, colon, name = source.partition(":")
    if colon and kind == "torchvision":
        require_network(name)
        if weights is None and name not in STOCK:
            raise ConfigError(
                f"The network {name} has no weights until it is trained.",
                "Train it with akin detect train, and give that run as the detector.",
            )
        given = weights or "DEFAULT"
        found = read_weights(name, given)
        if found.is_classifier:
            raise ConfigError(
                f"The weights '{given}' are of a classifier of images: they find no boxes.",
                "Start akin detect train from them, or choose COCO's.",
            )
        told = found.description or DetectorDescription(
            name, classes_of_state(found.state), freezes(name, given)
        )
        description = DetectorDescription(name, told.classes, told.frozen)
    else:
        if weights is not None:
            raise ConfigError(
                f"--weights do not go with the detector {source}, which has its own.",
                "Leave one of them out.",
            )
        path, given = _checkpoint_of(source), source
        found = read_weights_file(path)
        if found.description is None:
            raise ConfigError(
                f"{path} does not say which network it is.",
                "Give --detector torchvision:NAME with it as --weights.",
            )
        description = found.description
    network = build_network(description)
    load_weights(network, description, found, given)
    return TorchvisionDetector(index, network, description, device, batch_size=batch_size)


def _checkpoint_of(source: str) -> Path:
    path = Path(source)
    if path.is_file():
        return path
    for name in ("last.pt", "best.pt"):  # metrics.json is of last.pt.
        if (path / "checkpoints" / name).is_file():
            return path / "checkpoints" / name
    if path.is_dir():
        raise ConfigError(f"{path} has no checkpoint yet.", "Train it with akin detect train.")
    names = ("ground-truth", *(f"torchvision:{name}" for name in STOCK))
    raise ConfigError(
        f"There is no detector '{source}'.",
        nearest(
            source, names, "Give a run of akin detect train, torchvision:NAME, detectron2:NAME"
        ),
    )
