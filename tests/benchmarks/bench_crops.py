"""How fast two views of every object are made: `python tests/benchmarks/bench_crops.py`.

A CropBank from a warm cache with batched views, against a DataLoader with as many workers as cores
that opens each image once, cuts out its objects, and draws two views of each with torchvision on
PIL images. Both give the same two normalised 64 x 64 views. Targets: 5x on a CPU, 20x on a GPU.
Data: the photographs in AKIN_VOC if it is set (its split train), else the demo.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from plain import photographs, plain_loader, synchronize

from core.contrastive.crop_store import CropStore
from core.contrastive.views import ViewSettings, make_view
from core.data.crops import CropBank
from core.data.index import DatasetIndex
from core.training.device import keep_freed_memory

SIZE, IMAGES_PER_BATCH, EPOCHS = 64, 40, 3
BATCH = {"cpu": 128, "cuda": 512}
TARGETS = {"cpu": 5, "cuda": 20}


def plain_rate(index: DatasetIndex, device: torch.device) -> float:
    """Returns objects a second; the start of the workers is not counted."""
    loader = plain_loader(index, SIZE, IMAGES_PER_BATCH, device)
    for _ in loader:
        pass
    count, start = 0, time.perf_counter()
    for first, second, _ in loader:
        count += len(first.to(device, non_blocking=True))
        second.to(device, non_blocking=True)
    synchronize(device)
    return count / (time.perf_counter() - start)


def bank_rate(bank: CropBank, device: torch.device, *, resident: bool) -> float:
    """Returns objects a second, the crops being on the device or streamed to it."""
    settings = ViewSettings(SIZE)
    crops = CropStore(bank.crops_NCHW, device, resident=resident)
    step, count, start = 0, 0, 0.0
    for epoch in range(EPOCHS + 1):
        if epoch == 1:
            synchronize(device)
            count, start = 0, time.perf_counter()
        for chosen in torch.randperm(len(bank)).split(BATCH[device.type]):
            crops_BCHW = crops[chosen.numpy()]
            make_view(crops_BCHW, settings, 2 * step)
            make_view(crops_BCHW, settings, 2 * step + 1)
            step += 1
            count += len(chosen)
    synchronize(device)
    return count / (time.perf_counter() - start)


def timed_build(index: DatasetIndex, cache: Path) -> tuple[CropBank, float]:
    start = time.perf_counter()
    bank = CropBank.build(index, index.objects_of_split("train"), SIZE, cache_folder=cache)
    return bank, time.perf_counter() - start


def main() -> None:
    keep_freed_memory()
    with photographs() as index, tempfile.TemporaryDirectory() as cache:
        _, cold_s = timed_build(index, Path(cache))
        bank, warm_s = timed_build(index, Path(cache))
        print(f"{index.name}: {len(bank):,} objects at {SIZE} x {SIZE}, {os.cpu_count()} cores")
        print(f"bank: {cold_s:.2f} s to cut out, {warm_s * 1000:.1f} ms from the cache")
        for kind in ["cpu"] + ["cuda"] * torch.cuda.is_available():
            device = torch.device(kind)
            plain = plain_rate(index, device)
            for resident in [True] + [False] * (kind == "cuda"):
                ours = bank_rate(bank, device, resident=resident)
                print(
                    f"{kind:4}  DataLoader {plain:8,.0f} objects/s   CropBank + views "
                    f"{'' if resident else '(streamed) '}{ours:9,.0f} objects/s   "
                    f"ratio {ours / plain:6.1f}x  (target {TARGETS[kind]}x)"
                )


if __name__ == "__main__":
    main()
