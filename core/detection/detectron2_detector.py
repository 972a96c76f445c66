"""detectron2's Faster R-CNN, where detectron2 is installed: a thin adapter.

Its image format is BGR uint8; its classes are those of its metadata, or COCO's.

Shape suffixes: B images, N boxes of one image.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.data.index import OBJECT, DatasetIndex, Problem
from core.detection.detector import Detections
from core.detection.networks import DetectorDescription
from core.detection.pixels import PixelSource
from core.detection.torchvision_detector import (
    detections_from,
    fast_batch_size,
    nothing,
    output_labels,
)
from core.errors import ConfigError

PAPER_CONFIG = "PascalVOC-Detection/faster_rcnn_R_50_FPN"
_VOC_BY_NUMBER = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)


class Detectron2Detector:
    """A detectron2 model over the images of one data set.

    Args:
        index: The data set.
        model: Takes a list of {"image": BGR CHW tensor, "height", "width"} in evaluation mode.
        classes: What its class numbers mean.
        resize: Returns the pixels that the model takes of an RGB image, both HWC uint8.
        name: What the window calls it.
        device: Where it runs.
        batch_size: Images at a time; None: what is fast there.
    """

    def __init__(
        self,
        index: DatasetIndex,
        model: Any,
        classes: tuple[str, ...],
        resize: Callable[[Any], Any],
        name: str,
        device: torch.device,
        batch_size: int | None = None,
    ) -> None:
        self.name = name
        self._index = index
        self._model = model
        self._resize = resize
        self._device = device
        self._source = PixelSource(index, None)
        # Outputs of detectron2 begin at the first class, not at the background.
        description = DetectorDescription("detectron2", classes)
        self._label_of_output = output_labels(description, index.classes)[1:]
        self._batch_size = batch_size or fast_batch_size(description, device)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Images that could not be read so far."""
        return self._source.problems

    def detect(self, image_indices: Sequence[int]) -> list[Detections]:
        """Returns the classified boxes of each image, best first; none where it is damaged."""

        def find(inputs: list[dict[str, Any]]) -> Iterable[tuple[Any, Any, Any]]:
            for output in self._model.inference(inputs):
                found = output["instances"].to("cpu")
                boxes, classes = found.pred_boxes.tensor.numpy(), found.pred_classes.numpy()
                yield boxes, found.scores.numpy(), self._label_of_output[classes]

        return self._run(image_indices, find)

    def proposals(self, image_indices: Sequence[int]) -> list[Detections]:
        """Returns the proposals of each image with their objectness, best first."""

        def find(inputs: list[dict[str, Any]]) -> Iterable[tuple[Any, Any, Any]]:
            model = self._model
            images = model.preprocess_image(inputs)
            features = model.backbone(images.tensor)
            proposed, _ = model.proposal_generator(images, features, None)
            for item, taken in zip(proposed, inputs, strict=True):
                height, width = item.image_size
                scale = np.array([taken["width"] / width, taken["height"] / height] * 2)
                boxes = item.proposal_boxes.tensor.cpu().numpy() * scale
                objectness = item.objectness_logits.sigmoid().cpu().numpy()
                yield boxes, objectness, np.full(len(boxes), -1)

        return self._run(image_indices, find)

    def _run(
        self,
        image_indices: Sequence[int],
        find: Callable[[list[dict[str, Any]]], Iterable[tuple[Any, Any, Any]]],
    ) -> list[Detections]:
        result: list[Detections] = []
        for batch, images in self._source.stream(image_indices, self._batch_size):
            pairs = zip(batch, images, strict=True)
            inputs = [self._input(at, pixels) for at, pixels in pairs if pixels is not None]
            with torch.inference_mode():
                found = iter(list(find(inputs)) if inputs else ())
            for at, pixels in zip(batch, images, strict=True):
                if pixels is None:
                    result.append(nothing(self._index.image_ids[at]))
                else:
                    result.append(detections_from(self._index, at, *next(found)))
        return result

    def _input(self, image_index: int, pixels_CHW: torch.Tensor) -> dict[str, Any]:
        pixels_HWC = self._resize(pixels_CHW.permute(1, 2, 0).numpy())
        bgr_CHW = np.ascontiguousarray(pixels_HWC[:, :, ::-1].transpose(2, 0, 1))
        width, height = (int(side) for side in self._index.image_size_I2[image_index])
        image = torch.from_numpy(bgr_CHW).to(self._device)
        return {"image": image, "height": height, "width": width}


def open_detectron2_detector(
    index: DatasetIndex,
    config: str,
    weights: str | None,
    device: torch.device,
    *,
    batch_size: int | None = None,
) -> Detectron2Detector:
    """Builds a model from a configuration of detectron2's model zoo or a yaml file.

    Args:
        index: Whose images it will look at.
        config: Such as "PascalVOC-Detection/faster_rcnn_R_50_FPN" (the paper's), or a file.
        weights: A file; None: those the configuration names.
        device: Where it runs.
        batch_size: Images at a time; None: what is fast there.

    Raises:
        ConfigError: detectron2 is not installed, or the configuration or weights cannot be had.
    """
    parts = _import()
    cfg = parts["config"].get_cfg()
    in_zoo = not Path(config).is_file()
    zoo_name = config if config.endswith(".yaml") else f"{config}.yaml"
    try:
        path = parts["model_zoo"].get_config_file(zoo_name) if in_zoo else config
        cfg.merge_from_file(path)
    except Exception as error:
        raise ConfigError(
            f"detectron2 has no usable configuration '{config}'.",
            f"Give a yaml file, or a name of its model zoo such as {PAPER_CONFIG}.",
        ) from error
    if weights is None and in_zoo:
        cfg.MODEL.WEIGHTS = _zoo_weights(parts["model_zoo"], zoo_name)
    elif weights is not None:
        if not Path(weights).is_file():
            raise ConfigError(f"There is no file of weights {weights}.", "Give a file.")
        cfg.MODEL.WEIGHTS = weights
    cfg.MODEL.DEVICE = str(device)
    if cfg.MODEL.META_ARCHITECTURE != "GeneralizedRCNN":
        raise ConfigError(
            f"'{config}' is a {cfg.MODEL.META_ARCHITECTURE}, not a Faster R-CNN.",
            f"Choose a configuration such as {PAPER_CONFIG}.",
        )
    model = parts["modeling"].build_model(cfg)
    _load(parts["checkpoint"].DetectionCheckpointer, model, cfg.MODEL.WEIGHTS)
    model.eval()
    augment = parts["transforms"].ResizeShortestEdge(
        [cfg.INPUT.MIN_SIZE_TEST] * 2, cfg.INPUT.MAX_SIZE_TEST
    )

    def resize(pixels_HWC: Any) -> Any:
        return augment.get_transform(pixels_HWC).apply_image(pixels_HWC)

    classes = _classes(parts["data"], cfg)
    name = f"detectron2 {Path(config).stem}"
    return Detectron2Detector(index, model, classes, resize, name, device, batch_size)


def _import() -> dict[str, Any]:
    names = ("config", "model_zoo", "modeling", "checkpoint", "data")
    try:
        parts = {name: importlib.import_module(f"detectron2.{name}") for name in names}
        transforms = importlib.import_module("detectron2.data.transforms")
    except ImportError as error:
        raise ConfigError(
            "detectron2 is not installed.",
            "Install it as its own installation page says, or choose torchvision:NAME.",
        ) from error
    return parts | {"transforms": transforms}


def _load(checkpointer: Any, model: Any, weights: str) -> None:
    """Loads weights, all of which must fit: detectron2 itself only logs what does not."""
    hint = "Give a file that fits the configuration with --weights."
    if not weights:
        raise ConfigError("The configuration of detectron2 names no weights.", hint)
    unfit: list[str] = []

    class Strict(checkpointer):  # type: ignore[misc]  # detectron2 is not typed.
        def _log_incompatible_keys(self, incompatible: Any) -> None:
            unfit.extend(incompatible.missing_keys)
            unfit.extend(name for name, *_ in incompatible.incorrect_shapes)

    try:
        Strict(model).load(weights)
    except Exception as error:
        raise ConfigError(f"The weights {weights} of detectron2 cannot be loaded.", hint) from error
    if unfit:
        raise ConfigError(
            f"The weights {weights} are of another network or class list: {unfit[0]} does not fit.",
            hint,
        )


def _zoo_weights(model_zoo: Any, name: str) -> str:
    """Returns the trained weights of a configuration, which itself may name a backbone's only."""
    try:
        url: str = model_zoo.get_checkpoint_url(name)
    except RuntimeError as error:
        raise ConfigError(
            f"detectron2's model zoo has no trained weights for {name}.",
            "Give a file of weights with --weights.",
        ) from error
    return url


def _classes(data: Any, cfg: Any) -> tuple[str, ...]:
    count = int(cfg.MODEL.ROI_HEADS.NUM_CLASSES)
    for dataset in cfg.DATASETS.TRAIN:
        known = getattr(data.MetadataCatalog.get(dataset), "thing_classes", None)
        if known is not None and len(known) == count:
            return tuple(known)
    if count == len(_VOC_BY_NUMBER):
        return _VOC_BY_NUMBER
    return (OBJECT,) if count == 1 else tuple(f"class {number}" for number in range(count))
