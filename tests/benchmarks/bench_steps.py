"""How fast whole training steps are: `python tests/benchmarks/bench_steps.py`.

The paper's step (views, encoder, momentum encoder, ranked loss over a bank, SGD) as Akin trains it,
in bfloat16 and channels_last from a CropBank, against the same model in float32, fed by a
DataLoader with as many workers as cores that cuts, augments and resizes with torchvision on PIL
images. ResNet-50 with the small stem at 64 x 64. Targets, on an H200: 5x, and an epoch of 15,662
objects in 8 s. Without a GPU, a reduced size is run: ResNet-18, ordinary stem, 32 x 32,
float32.

On a GPU an epoch is run and timed, and the step also at two objects: then the GPU has next to
nothing to do, and what is left is the time that the host takes to prepare a step. `--compile` and
`--cudnn-benchmark` measure the same with the encoder compiled, and with cuDNN's choice by trial.
Data: the photographs in AKIN_VOC if it is set (its split train), else the demo.
"""

from __future__ import annotations

import argparse
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
from core.training.step_reporter import StepReporter, gradient_norm

EPOCH_OBJECTS = 15_662


BATCH = 100
REDUCED = {"encoder.name": "resnet18", "encoder.stem": "ordinary", "crops.size": 32}


@dataclass(frozen=True)
class Size:
    """How many steps warm up and how many are timed."""

    warm_up: int
    steps: int


def objects_a_second(step: Callable[[], int], size: Size, device: torch.device) -> float:
    """Times steps that return how many objects they took."""
    for _ in range(size.warm_up):
        step()
    synchronize(device)
    start = time.perf_counter()
    count = sum(step() for _ in range(size.steps))
    synchronize(device)
    return count / (time.perf_counter() - start)


class AkinStep:
    """One step of Akin's training, as `TrainingLoop` makes it.

    Args:
        config: Its settings.
        similarity_CC: The ranking.
        crops: All on the device.
        bank: The same, with their classes.
        device: Where it runs.
        compiled: Whether the encoder is compiled.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        similarity_CC: Tensor,
        crops: CropStore,
        bank: CropBank,
        device: torch.device,
        *,
        compiled: bool = False,
    ) -> None:
        self._config, self._bank, self._crops, self._device = config, bank, crops, device
        precision = choose_precision(config.training.precision, device)
        self._learner = Learner(config, similarity_CC, device, precision)
        self._learner.train(True)
        if compiled and (refused := self._learner.compile()):
            raise SystemExit(refused)
        self._optimizer = build_optimizer(config, self._learner)
        self._reporter = StepReporter(lambda _event: None, config.training.batch_size)
        self._rows, self._number = np.random.default_rng(0), 0

    def __call__(self) -> int:
        config, bank, batch = self._config, self._bank, self._config.training.batch_size
        row_B = self._rows.choice(len(bank), batch, replace=len(bank) < batch)
        label_B = torch.from_numpy(bank.label_N[row_B]).to(self._device, non_blocking=True)
        loss = self._learner.step_loss(self._crops[row_B], label_B, self._number)
        self._optimizer.zero_grad(set_to_none=True)
        loss.total.backward()
        norm = gradient_norm(self._learner.encoder, config.training.gradient_clip)
        self._optimizer.step()
        self._number += 1
        self._reporter.add(self._number, 1, loss, config.optimizer.learning_rate, norm)
        return batch


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
    objects_an_image = len(index.objects_of_split("train")) / len(index.splits["train"])
    loader = plain_loader(index, config.crops.size, round(BATCH / objects_an_image), device)
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


def flops_an_object(step: AkinStep) -> float:
    """Returns the floating-point operations of convolutions and matrix products."""
    with FlopCounterMode(display=False) as counter:
        count = step()
    return counter.get_total_flops() / count


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--batch-size", type=int, nargs="+", default=[BATCH], help="of Akin's steps"
    )
    parser.add_argument("--steps", type=int, help="to time")
    parser.add_argument("--compile", action="store_true", help="the encoder")
    parser.add_argument("--cudnn-benchmark", action="store_true", help="cuDNN's choice by trial")
    options = parser.parse_args()
    torch.backends.cudnn.benchmark = options.cudnn_benchmark
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    on_gpu = device.type == "cuda"
    values = {"training.batch_size": BATCH} | ({} if on_gpu else REDUCED)
    config = load_recipe("voc2007-paper").with_values(values)
    precision = choose_precision(config.training.precision, device) or torch.float32
    where = torch.cuda.get_device_name() if on_gpu else "CPU, a reduced size"
    print(f"{where}: {config.encoder.name}, {config.encoder.stem} stem, {config.crops.size} px")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    with photographs() as index:
        ranking = load_ranking("voc2007-paper").similarity_matrix(index.classes, 3)
        similarity_CC = torch.from_numpy(ranking)
        plain = plain_step(config, similarity_CC, index, device)
        size = Size(10, options.steps or 40) if on_gpu else Size(1, options.steps or 4)
        plain_rate = objects_a_second(plain, size, device)
        print(f"float32, DataLoader            {plain_rate:8,.0f} objects/s", flush=True)
        del plain
        if on_gpu:
            torch.cuda.reset_peak_memory_stats()
        bank = CropBank.build(index, index.objects_of_split("train"), config.crops.size)
        crops = CropStore(bank.crops_NCHW, device)
        peak_rate = matrix_rate(device, precision)
        print(f"matrix product, {peak_rate / 1e12:,.1f} TFLOP/s in {precision}")

        def akin_step(batch: int) -> AkinStep:
            values = config.with_values({"training.batch_size": batch})
            return AkinStep(values, similarity_CC, crops, bank, device, compiled=options.compile)

        flops = flops_an_object(
            AkinStep(config, similarity_CC, crops, bank, device)  # a compiled one is not counted
        )
        for batch in options.batch_size:
            if on_gpu and not options.steps:
                size = Size(10, EPOCH_OBJECTS // batch)
            rate = objects_a_second(akin_step(batch), size, device)
            print(
                f"Akin, {str(precision).removeprefix('torch.'):8}, batch {batch:5,}    "
                f"{rate:8,.0f} objects/s   ratio {rate / plain_rate:.1f}x  (target 5x on an H200)\n"
                f"    an epoch of {EPOCH_OBJECTS:,} objects takes {EPOCH_OBJECTS / rate:,.1f} s "
                f"(target 8 s on an H200); {flops / 1e9:,.1f} GFLOP an object, "
                f"{flops * rate / peak_rate:.0%} of the matrix product's rate",
                flush=True,
            )
        if on_gpu:
            print(f"    at most {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of its memory")
            few = objects_a_second(akin_step(2), Size(10, 40), device)
            print(f"of two objects a step takes {2000 / few:.1f} ms: what the host needs for it")


if __name__ == "__main__":
    main()
