"""How fast two views of every object are made: `python tests/benchmarks/bench_crops.py`.

A CropBank from a warm cache with batched views, against a DataLoader with as many workers as cores
that opens each image once, cuts out its objects, and draws two views of each with torchvision on
PIL images. Both give the same two normalised 64 x 64 views. Targets: 5x on a CPU, 20x on a GPU,
which is tried with a batch of the paper's training and with larger ones.
Data: the photographs in AKIN_VOC if it is set (its split train), else the demo.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import joblib
import torch
from plain import photographs, plain_loader, synchronize
from torch import Tensor

from core.contrastive.crop_store import CropStore
from core.contrastive.views import ViewSettings, make_view
from core.data.crops import CropBank
from core.data.index import DatasetIndex
from core.training.device import keep_freed_memory

SIZE, IMAGES_PER_BATCH, WARM_UP = 64, 40, 5
BATCHES = {"cpu": (128,), "cuda": (100, 512, 4096)}
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


def bank_rate(
    bank: CropBank, device: torch.device, batch: int, duration_s: float, *, resident: bool
) -> float:
    """Returns objects a second, the crops being on the device or streamed to it."""
    settings = ViewSettings(SIZE)
    crops = CropStore(bank.crops_NCHW, device, resident=resident)
    count, start = 0, 0.0
    for step, chosen in enumerate(drawn(len(bank), batch)):
        if step == WARM_UP:
            synchronize(device)
            count, start = 0, time.perf_counter()
        if step > WARM_UP and time.perf_counter() - start > duration_s:
            break
        crops_BCHW = crops[chosen.numpy()]
        make_view(crops_BCHW, settings, 2 * step)
        make_view(crops_BCHW, settings, 2 * step + 1)
        count += len(chosen)
    synchronize(device)
    return count / (time.perf_counter() - start)


def drawn(objects: int, batch: int) -> Iterator[Tensor]:
    """Yields batches, epoch after epoch."""
    for _ in itertools.count():
        yield from torch.randperm(objects).split(batch)


def timed_build(index: DatasetIndex, cache: Path) -> tuple[CropBank, float]:
    start = time.perf_counter()
    bank = CropBank.build(index, index.objects_of_split("train"), SIZE, cache_folder=cache)
    return bank, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement of ours")
    duration_s = parser.parse_args().seconds
    keep_freed_memory()
    with photographs() as index, tempfile.TemporaryDirectory() as cache:
        _, cold_s = timed_build(index, Path(cache))
        bank, warm_s = timed_build(index, Path(cache))
        print(f"{index.name}: {len(bank):,} objects at {SIZE} x {SIZE}, {joblib.cpu_count()} cores")
        print(f"bank: {cold_s:.2f} s to cut out, {warm_s * 1000:.1f} ms from the cache")
        for kind in ["cpu"] + ["cuda"] * torch.cuda.is_available():
            device = torch.device(kind)
            if kind == "cuda":
                print(torch.cuda.get_device_name())
            plain = plain_rate(index, device)
            print(f"{kind:4}  DataLoader {plain:29,.0f} objects/s")
            for batch in BATCHES[kind]:
                for resident in [True] + [False] * (kind == "cuda"):
                    ours = bank_rate(bank, device, batch, duration_s, resident=resident)
                    print(
                        f"{kind:4}  CropBank + views, batch {batch:5,} "
                        f"{'' if resident else 'streamed':8}{ours:9,.0f} objects/s   "
                        f"ratio {ours / plain:6.1f}x  (target {TARGETS[kind]}x)",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
