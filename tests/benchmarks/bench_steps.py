"""How fast whole training steps are: `python tests/benchmarks/bench_steps.py`.

The paper's step (views, encoder, momentum encoder, ranked loss over a bank, SGD) as Akin trains it,
in bfloat16 and channels_last from a CropBank, against the same model in float32, fed by a
DataLoader with as many workers as cores that cuts, augments and resizes with torchvision on PIL
images. ResNet-50 with the small stem at 64 x 64. Targets, on an H200: 5x, and an epoch of 15,662
objects in 8 s. Without a GPU, a reduced size is run: ResNet-18, ordinary stem, 32 x 32,
float32.
Data: the photographs in AKIN_VOC if it is set (its split train), else the demo.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import torch
from plain import Item, photographs, plain_loader, synchronize
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from core.config import ExperimentConfig
from core.config_files import load_recipe
from core.contrastive.bank import MemoryBank, momentum_update
from core.contrastive.crop_store import CropStore
from core.contrastive.encoder import build_encoder
from core.contrastive.loss import RankedInfoNCE
from core.data.crops import CropBank
from core.data.index import DatasetIndex
from core.ranking_files import load_ranking
from core.training.device import choose_precision
from core.training.learner import Learner, build_optimizer

EPOCH_OBJECTS = 15_662
IMAGES_PER_BATCH = 32  # of the DataLoader, about 100 objects in VOC


@dataclass(frozen=True)
class Size:
    """What is run: settings, steps to warm up and steps to time."""

    values: dict[str, object]
    warm_up: int
    steps: int


FULL = Size({"training.batch_size": 100}, 10, 60)
REDUCED = Size(
    {
        "encoder.name": "resnet18",
        "encoder.stem": "ordinary",
        "crops.size": 32,
        "training.batch_size": 100,
    },
    1,
    4,
)


def objects_a_second(step: Callable[[], int], size: Size, device: torch.device) -> float:
    """Times steps that return how many objects they took."""
    for _ in range(size.warm_up):
        step()
    synchronize(device)
    start = time.perf_counter()
    count = sum(step() for _ in range(size.steps))
    synchronize(device)
    return count / (time.perf_counter() - start)


def akin_step(
    config: ExperimentConfig, similarity_CC: Tensor, index: DatasetIndex, device: torch.device
) -> Callable[[], int]:
    """Returns one step of Akin's training."""
    bank = CropBank.build(index, index.objects_of_split("train"), config.crops.size)
    crops, batch = CropStore(bank.crops_NCHW, device), config.training.batch_size
    precision = choose_precision(config.training.precision, device)
    learner = Learner(config, similarity_CC, device, precision)
    learner.train(True)
    optimizer = build_optimizer(config, learner)
    rows, numbers = np.random.default_rng(0), itertools.count()

    def step() -> int:
        row_B = rows.choice(len(bank), batch, replace=len(bank) < batch)
        label_B = torch.from_numpy(bank.label_N[row_B]).to(device, non_blocking=True)
        loss = learner.step_loss(crops[row_B], label_B, next(numbers))
        optimizer.zero_grad(set_to_none=True)
        loss.total.backward()
        optimizer.step()
        return batch

    return step


def plain_step(
    config: ExperimentConfig, similarity_CC: Tensor, index: DatasetIndex, device: torch.device
) -> Callable[[], int]:
    """Returns one step of the same training, written down plainly."""
    torch.manual_seed(config.seed)
    names = (config.encoder.name, config.encoder.stem)
    encoder, key_encoder = (build_encoder(*names).to(device) for _ in range(2))
    bank = MemoryBank(config.contrast.bank_size, 128, device)
    loss = RankedInfoNCE()
    similarity_CC = similarity_CC.float().to(device)
    optimizer = torch.optim.SGD(encoder.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)
    loader = plain_loader(index, config.crops.size, IMAGES_PER_BATCH, device)
    batches = forever(loader)

    def step() -> int:
        first, second, label_B = (part.to(device) for part in next(batches))
        query_BD = encoder(first)
        with torch.no_grad():
            momentum_update(key_encoder, encoder, config.contrast.momentum)
            key_BD = key_encoder(second)
        banked = (bank.bank_MD, bank.labels_M)
        total = loss(query_BD, key_BD, label_B, similarity_CC, *banked)
        bank.enqueue(key_BD, label_B)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        return len(label_B)

    return step


def forever(loader: torch.utils.data.DataLoader[Item]) -> Iterator[Item]:
    while True:
        yield from loader


def matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Returns the floating-point operations a second of a large matrix product."""
    side = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        synchronize(device)
        start = time.perf_counter()
        a @ b
        synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, help="of Akin's steps")
    chosen = parser.parse_args().batch_size
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    size = FULL if device.type == "cuda" else REDUCED
    values = size.values | ({"training.batch_size": chosen} if chosen else {})
    config = load_recipe("voc2007-paper").with_values(values)
    precision = choose_precision(config.training.precision, device) or torch.float32
    where = torch.cuda.get_device_name() if device.type == "cuda" else "CPU, a reduced size"
    print(f"{where}: {config.encoder.name}, {config.encoder.stem} stem, {config.crops.size} px")
    with photographs() as index:
        ranking = load_ranking("voc2007-paper").similarity_matrix(index.classes, 3)
        similarity_CC = torch.from_numpy(ranking)
        ours = akin_step(config, similarity_CC, index, device)
        ours_rate = objects_a_second(ours, size, device)
        with FlopCounterMode(display=False) as counter:
            counted = ours()
        plain_rate = objects_a_second(
            plain_step(config, similarity_CC, index, device), size, device
        )
    share = counter.get_total_flops() / counted * ours_rate / matrix_rate(device, precision)
    print(f"float32, DataLoader   {plain_rate:8,.0f} objects/s")
    print(
        f"Akin, {str(precision).removeprefix('torch.'):9}       {ours_rate:8,.0f} objects/s   "
        f"ratio {ours_rate / plain_rate:.1f}x  (target 5x on an H200)"
    )
    print(
        f"an epoch of {EPOCH_OBJECTS:,} objects would take {EPOCH_OBJECTS / ours_rate:,.1f} s; "
        f"{share:.0%} of the measured matrix rate"
    )


if __name__ == "__main__":
    main()
