"""How fast two views of every object are made: `python tests/benchmarks/bench_crops.py`.

A CropBank from a warm cache with batched views, against a DataLoader with as many workers as cores
that opens each image once, cuts out its objects, and draws two views of each with torchvision on
PIL images. Both give the same two normalised 64 x 64 views. Targets: 5x on a CPU, 20x on a GPU.
Data: the photographs in AKIN_VOC if it is set (its split train), else the demo.

Shape suffixes: B batch, C channels (RGB), H W crop.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from core.contrastive.views import IMAGENET_MEAN, IMAGENET_STD, ViewSettings, make_view
from core.data import open_dataset
from core.data.crops import CropBank
from core.data.demo import write_demo
from core.data.index import DatasetIndex

SIZE, BATCH, IMAGES_PER_BATCH, EPOCHS = 64, 128, 40, 3
TARGETS = {"cpu": 5, "cuda": 20}

Views = tuple[Tensor, Tensor]


class PlainDataset(Dataset[Views]):
    """Two views of every object of an image, one object at a time."""

    def __init__(self, index: DatasetIndex) -> None:
        self.index = index
        self.images = [i for i in index.splits["train"] if len(index.objects_of_image(int(i)))]
        self.view = v2.Compose(
            [
                v2.RandomResizedCrop(SIZE, scale=(0.9, 1.0)),
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

    def __getitem__(self, item: int) -> Views:
        image_index = int(self.images[item])
        with Image.open(self.index.image_paths[image_index]) as file:
            image = file.convert("RGB")
        pairs = []
        for number in self.index.objects_of_image(image_index):
            box = tuple(self.index.box_xyxy_N4[number].tolist())
            crop = image.crop(box).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
            pairs.append((self.view(crop), self.view(crop)))
        first, second = zip(*pairs, strict=True)
        return torch.stack(first), torch.stack(second)


def collate(items: list[Views]) -> Views:
    return torch.cat([first for first, _ in items]), torch.cat([second for _, second in items])


def plain_rate(index: DatasetIndex, device: torch.device, workers: int) -> float:
    """Returns objects a second; the start of the workers is not counted."""
    loader = DataLoader(
        PlainDataset(index),
        IMAGES_PER_BATCH,
        shuffle=True,
        num_workers=workers,
        collate_fn=collate,
        persistent_workers=True,
        pin_memory=device.type == "cuda",
    )
    for _ in loader:
        pass
    count, start = 0, time.perf_counter()
    for first, second in loader:
        count += len(first.to(device, non_blocking=True))
        second.to(device, non_blocking=True)
    synchronize(device)
    return count / (time.perf_counter() - start)


def bank_rate(bank: CropBank, device: torch.device) -> float:
    """Returns objects a second, crops already on the device."""
    settings = ViewSettings(SIZE)
    crops_NCHW = torch.from_numpy(bank.crops_NCHW).to(device)
    step, count, start = 0, 0, 0.0
    for epoch in range(EPOCHS + 1):
        if epoch == 1:
            synchronize(device)
            count, start = 0, time.perf_counter()
        for chosen in torch.randperm(len(bank)).split(BATCH):
            crops_BCHW = crops_NCHW[chosen.to(device)]
            make_view(crops_BCHW, settings, 2 * step)
            make_view(crops_BCHW, settings, 2 * step + 1)
            step += 1
            count += len(chosen)
    synchronize(device)
    return count / (time.perf_counter() - start)


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def timed_build(index: DatasetIndex, cache: Path) -> tuple[CropBank, float]:
    start = time.perf_counter()
    bank = CropBank.build(index, index.objects_of_split("train"), SIZE, cache_folder=cache)
    return bank, time.perf_counter() - start


def main() -> None:
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(os.environ.get("AKIN_VOC", Path(name, "demo")))
        if "AKIN_VOC" not in os.environ:
            write_demo(folder)
        index = open_dataset(folder)
        _, cold_s = timed_build(index, Path(name, "cache"))
        bank, warm_s = timed_build(index, Path(name, "cache"))
        print(f"{index.name}: {len(bank):,} objects at {SIZE} x {SIZE}, {workers} cores")
        print(f"bank: {cold_s:.2f} s to cut out, {warm_s * 1000:.1f} ms from the cache")
        for kind in ["cpu"] + ["cuda"] * torch.cuda.is_available():
            device = torch.device(kind)
            plain, ours = plain_rate(index, device, workers), bank_rate(bank, device)
            print(
                f"{kind:4}  DataLoader {plain:8,.0f} objects/s   CropBank + views "
                f"{ours:9,.0f} objects/s   ratio {ours / plain:6.1f}x  (target {TARGETS[kind]}x)"
            )


if __name__ == "__main__":
    main()
