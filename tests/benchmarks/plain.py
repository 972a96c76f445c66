"""What the benchmarks measure against: crops and views made one object at a time, on PIL images.

Shape suffixes: B batch, C channels (RGB), H W view.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import joblib
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from core.contrastive.views import IMAGENET_MEAN, IMAGENET_STD
from core.data import open_dataset
from core.data.demo import write_demo
from core.data.index import DatasetIndex

Item = tuple[Tensor, Tensor, Tensor]


@contextmanager
def photographs() -> Iterator[DatasetIndex]:
    """Yields the photographs in AKIN_VOC if it is set, else the demo."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(os.environ.get("AKIN_VOC", name))
        if "AKIN_VOC" not in os.environ:
            write_demo(folder, images=1000)
        yield open_dataset(folder)


class PlainDataset(Dataset[Item]):
    """Two views of every object of an image, and their classes."""

    def __init__(self, index: DatasetIndex, size: int) -> None:
        self.index = index
        self.size = size
        self.images = [i for i in index.splits["train"] if len(index.objects_of_image(int(i)))]
        self.view = v2.Compose(
            [
                v2.RandomResizedCrop(size, scale=(0.9, 1.0)),
                v2.RandomHorizontalFlip(),
                v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.25),
                v2.RandomGrayscale(0.2),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(IMAGENET_MEAN, IMAGENET_STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, item: int) -> Item:
        image_index = int(self.images[item])
        with Image.open(self.index.image_paths[image_index]) as file:
            image = file.convert("RGB")
        pairs = []
        for number in self.index.objects_of_image(image_index):
            box = tuple(self.index.box_xyxy_N4[number].tolist())
            crop = image.crop(box).resize((self.size, self.size), Image.Resampling.BILINEAR)
            pairs.append((self.view(crop), self.view(crop)))
        first, second = zip(*pairs, strict=True)
        labels = torch.from_numpy(self.index.label_N[self.index.objects_of_image(image_index)])
        return torch.stack(first), torch.stack(second), labels


def collate(items: list[Item]) -> Item:
    first, second, labels = zip(*items, strict=True)
    return torch.cat(first), torch.cat(second), torch.cat(labels)


def plain_loader(
    index: DatasetIndex, size: int, images_per_batch: int, device: torch.device
) -> DataLoader[Item]:
    """Returns a loader with as many workers as cores that this process may use."""
    return DataLoader(
        PlainDataset(index, size),
        images_per_batch,
        shuffle=True,
        num_workers=joblib.cpu_count(),
        collate_fn=collate,
        persistent_workers=True,
        pin_memory=device.type == "cuda",
    )


def synchronize(device: torch.device) -> None:
    """Waits for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize()
