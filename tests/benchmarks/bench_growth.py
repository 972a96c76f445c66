"""How time and memory grow: `python tests/benchmarks/bench_growth.py [--device cpu|cuda]`.

Against N objects: synthetic crops are kept, mapped, cut into batches and made into two views.
Against M slots: forward and backward of the ranked loss. Each row is measured in a process of its
own, so that its peak memory is its own; what a process needs before it starts is taken off. Time
and memory should follow straight lines: the last columns, what each further object or slot costs,
stay as they are. On the CPU a mapped file counts as memory as far as it was read; on a GPU its
memory is what counts, and crops are streamed to it.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import torch
from plain import synchronize
from torch.nn.functional import normalize

from core.contrastive import RankedInfoNCE
from core.contrastive.crop_store import CropStore
from core.contrastive.views import ViewSettings, make_view

OBJECTS, SLOTS = (1_000, 10_000, 100_000), (2_048, 16_384, 65_536, 262_144)
SIDE, BATCH, ANCHORS, CLASSES = 32, 250, 256, 20


def peak_mib(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_objects(count: int, device: torch.device) -> float:
    """Returns the seconds of one epoch of views over a mapped cache of crops."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "crops.npy")
        shape = (count, 3, SIDE, SIDE)
        crops = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        for start in range(0, count, 1000):
            noise = np.random.default_rng(start).integers(0, 256, (1000, 3, SIDE, SIDE), np.uint8)
            crops[start : start + 1000] = noise[: count - start]
        del crops
        resident = device.type == "cpu"
        store = CropStore(np.load(path, mmap_mode="c"), device, resident=resident)
        settings = ViewSettings(SIDE)
        make_view(store[np.arange(BATCH)], settings, 0)
        synchronize(device)
        begun = time.perf_counter()
        for step, row_B in enumerate(torch.randperm(count).split(BATCH)):
            crops_BCHW = store[row_B.numpy()]
            make_view(crops_BCHW, settings, 2 * step)
            make_view(crops_BCHW, settings, 2 * step + 1)
        synchronize(device)
        return time.perf_counter() - begun


def measure_slots(count: int, device: torch.device) -> float:
    """Returns the seconds of the loss and its gradient, best of three."""
    torch.manual_seed(0)
    query_BD, key_BD, bank_MD = (
        normalize(torch.randn(n, 128), dim=1).to(device) for n in (ANCHORS, ANCHORS, count)
    )
    query_BD.requires_grad_()
    labels_B, labels_M = (torch.randint(CLASSES, (n,)).to(device) for n in (ANCHORS, count))
    similarity_CC = (torch.eye(CLASSES) + 0.5 * torch.eye(CLASSES).roll(1, dims=1)).to(device)
    loss = RankedInfoNCE()
    times = []
    for _ in range(4):
        synchronize(device)
        begun = time.perf_counter()
        loss(query_BD, key_BD, labels_B, similarity_CC, bank_MD, labels_M).backward()
        synchronize(device)
        times.append(time.perf_counter() - begun)
    return min(times[1:])


def measured(what: str, count: int, device: torch.device) -> tuple[float, float]:
    """Returns seconds and MiB of one size, measured in a process of its own."""
    command = [sys.executable, __file__, "--device", device.type, "--only", what, str(count)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, mib = done.stdout.split()
    return float(seconds), float(mib)


def table(what: str, title: str, counts: tuple[int, ...], device: torch.device) -> None:
    print(f"{title:>10} {'seconds':>9} {'peak MiB':>9} {'us a further one':>17} {'bytes':>7}")
    known = None
    for count in counts:
        seconds, mib = measured(what, count, device)
        slope = ""
        if known is not None:
            more = count - known[0]
            slope = (
                f"{(seconds - known[1]) / more * 1e6:17.2f} {(mib - known[2]) * 2**20 / more:7,.0f}"
            )
        print(f"{count:10,} {seconds:9.4f} {mib:9.1f} {slope}", flush=True)
        known = count, seconds, mib


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--most", type=int, default=max(SLOTS), help="objects or slots")
    parser.add_argument("--only", nargs=2)
    options = parser.parse_args()
    device = torch.device(options.device)
    if options.only:
        what, count = options.only
        if device.type == "cuda":
            torch.zeros(1, device=device)
        before = peak_mib(device)
        seconds = {"objects": measure_objects, "slots": measure_slots}[what](int(count), device)
        print(seconds, peak_mib(device) - before)
        return
    objects, slots = (
        tuple(count for count in counts if count <= options.most) for counts in (OBJECTS, SLOTS)
    )
    print(f"an epoch of two views of N crops of {SIDE} x {SIDE}, from a mapped cache, on {device}")
    table("objects", "N objects", objects, device)
    print(f"the ranked loss, {ANCHORS} anchors, forward and backward, on {device}")
    table("slots", "M slots", slots, device)


if __name__ == "__main__":
    main()
