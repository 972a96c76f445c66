"""What a detector learns from: images with their boxes, flipped or not, by image and step.

Shape suffixes: B images, N objects of one image, C channels (RGB), H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.data import open_dataset
from core.data.index import BoolArray, DatasetIndex, IntArray
from core.detection.pixels import CACHE_BYTES, PixelSource
from core.errors import ConfigError, DataError
from core.events import Emit, PhaseChanged
from core.ranking import nearest
from core.training.control import TrainingControl
from core.training.detector_config import DetectorConfig
from core.training.outcomes import Cancelled

Target = dict[str, Tensor]
_READ_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class DetectorData:
    """A checked request: the data set, and the images of its splits.

    Attributes:
        index: The data set; class-agnostic: with the one class "object".
        train: Images with objects to learn from.
        validation: Images judged after an epoch.
        test: Images judged at the end.
        objects_per_image: In the training images, on average.
        warnings: What the user should know before it starts.
    """

    index: DatasetIndex
    train: IntArray
    validation: IntArray
    test: IntArray
    objects_per_image: float
    warnings: tuple[str, ...]

    @classmethod
    def prepare(cls, config: DetectorConfig) -> DetectorData:
        """Opens the data and checks that the request makes sense.

        Raises:
            AkinError: With what is wrong and what to do; nothing has been written.
        """
        if not config.data.folder:
            raise ConfigError("No data was given.", "Give --data DIR.", "data.folder")
        index = open_dataset(Path(config.data.folder))
        if config.detector.class_agnostic:
            index = index.class_agnostic()
        splits = []
        for key in ("train_split", "validation_split", "test_split"):
            name = config.value(f"data.{key}")
            if name not in index.splits:
                hint = nearest(name, tuple(index.splits), "Choose another")
                raise ConfigError(f"The data has no split '{name}'.", hint, f"data.{key}")
            splits.append(index.splits[name])
        train, validation, test = splits
        shared = np.intersect1d(train, test)
        if len(shared):
            raise DataError(
                f"{len(shared)} images are both in the training and in the test split.",
                "Choose splits that share no image.",
            )
        counts = [len(objects_of(index, image, config)) for image in train.tolist()]
        train = train[np.array(counts, dtype=np.int64) > 0]
        if not len(train):
            raise DataError(
                f"The split '{config.data.train_split}' has no objects to learn from.",
                "Choose another data.train_split.",
            )
        limit = config.training.validation_images
        validation = validation[:: max(1, -(-len(validation) // max(1, limit)))][:limit]
        warnings = [
            f"The {what} split is empty; there will be no {what} figures."
            for what, images in (("validation", validation), ("test", test))
            if not len(images)
        ]
        if count := len(np.intersect1d(train, validation)):
            are = "1 image is" if count == 1 else f"{count:,} images are"
            warnings.append(
                f"{are} both in the training and in the validation split: the figures by epoch "
                "are of what was learned, those of the test split are not."
            )
        if count := len(index.problems):
            found = "1 problem" if count == 1 else f"{count} problems"
            warnings.append(f"{found} in the data; what could not be read was skipped.")
        per_image = sum(counts) / len(train)
        return cls(index, train, validation, test, per_image, tuple(warnings))


def objects_of(index: DatasetIndex, image: int, config: DetectorConfig) -> IntArray:
    """Returns the objects of an image that are learned."""
    objects = index.objects_of_image(image)
    return objects if config.data.include_difficult else objects[~index.difficult_N[objects]]


class TrainingImages:
    """The training images, read once to see which are damaged, and kept where they fit.

    Args:
        data: The data set and its splits.
        config: The run's configuration.
        longest_side_px: To what larger images are shrunk; None: not at all.
        device: Where batches go.
    """

    def __init__(
        self,
        data: DetectorData,
        config: DetectorConfig,
        longest_side_px: int | None,
        device: torch.device,
    ) -> None:
        self._data = data
        self._config = config
        self._device = device
        self.source = PixelSource(data.index, longest_side_px, cache_bytes=CACHE_BYTES)
        self.images = data.train

    def read(self, emit: Emit, control: TrainingControl) -> None:
        """Decodes every image, so that those that cannot be are left out of all epochs.

        Raises:
            Cancelled: A stop was requested.
            DataError: None of them can be decoded.
        """
        good: list[int] = []
        total = len(self._data.train)
        for batch, found in self.source.stream(self._data.train.tolist(), _READ_AT_ONCE):
            pairs = zip(batch, found, strict=True)
            good += [image for image, pixels in pairs if pixels is not None]
            emit(PhaseChanged(phase="reading images", done=min(total, len(good)), total=total))
            if control.stop_requested:
                raise Cancelled
        if not good:
            raise DataError(
                "No training image could be read.", "akin data check DIR lists what is wrong."
            )
        self.images = np.array(good, dtype=np.int64)

    def batch(self, images: IntArray, flipped_B: BoolArray) -> tuple[list[Tensor], list[Target]]:
        """Returns images, float32 in [0, 1], and their boxes and labels, on the device.

        Raises:
            DataError: An image vanished or was damaged since it was first read.
        """
        found = self.source.read(images.tolist())
        pixels, targets = [], []
        for image, pixels_CHW, flip in zip(images.tolist(), found, flipped_B, strict=True):
            if pixels_CHW is None:
                problem = self.source.problems[-1]
                raise DataError(problem.message, "Bring it back and resume the run.")
            ready_CHW = pixels_CHW.to(self._device, non_blocking=True).float().div_(255.0)
            pixels.append(ready_CHW.flip(2) if flip else ready_CHW)
            targets.append(self._target(image, ready_CHW, bool(flip)))
        return pixels, targets

    def _target(self, image: int, pixels_CHW: Tensor, flip: bool) -> Target:
        index = self._data.index
        objects = objects_of(index, image, self._config)
        boxes_N4 = index.box_xyxy_N4[objects] / self.source.scale_of(image, pixels_CHW)
        if flip:
            width = pixels_CHW.shape[2]
            boxes_N4 = boxes_N4[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [width, 0, width, 0]
        label_N = index.label_N[objects] + 1
        return {
            "boxes": torch.from_numpy(boxes_N4.astype(np.float32)).to(self._device),
            "labels": torch.from_numpy(label_N).to(self._device),
        }
