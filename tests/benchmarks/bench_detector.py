"""How fast images are searched for objects: `python tests/benchmarks/bench_detector.py [NETWORK]`.

A TorchvisionDetector (batches, images decoded ahead on threads, batch norms folded into
convolutions, channels last; bfloat16 on a GPU) against torchvision's plain loop, which opens one
image at a time, with the same network and weights. Weights are random: the time per image does not
depend on them, but for how many boxes reach the last step. Targets: 1.5x on a CPU, 4x on a GPU.
Data: the photographs in AKIN_VOC if it is set, else the demo. Rounds alternate, so that a busy
machine slows both alike.
"""

from __future__ import annotations

import copy
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from torchvision.models.detection import FasterRCNN
from torchvision.transforms.functional import pil_to_tensor

from core.data import open_dataset
from core.data.demo import write_demo
from core.data.index import DatasetIndex
from core.detection.networks import STOCK, DetectorDescription, build_network
from core.detection.torchvision_detector import TorchvisionDetector

ROUNDS = 3
TARGETS = {"cpu": 1.5, "cuda": 4.0}
IMAGES = {"small": 96, "fasterrcnn_mobilenet_v3_large_320_fpn": 48}


def plain_loop(
    index: DatasetIndex, network: FasterRCNN, images: list[int], device: torch.device, side: int
) -> None:
    """Torchvision's own way: one image, one call."""
    with torch.inference_mode():
        for image in images:
            picture = index.decode_image(image)
            if side and max(picture.size) > side:
                picture.thumbnail((side, side))
            network([pil_to_tensor(picture).to(device).float() / 255])
    if device.type == "cuda":
        torch.cuda.synchronize()


def measure(index: DatasetIndex, name: str, device: torch.device) -> float:
    """Prints images a second both ways; returns the ratio of the best rounds."""
    torch.manual_seed(0)
    description = DetectorDescription(name, index.classes, name in STOCK)
    plain = build_network(description).to(device).eval()
    ours = TorchvisionDetector(index, copy.deepcopy(plain), description, device)
    count = min(len(index.image_ids), IMAGES.get(name, 8) * (8 if device.type == "cuda" else 1))
    images = list(range(count))
    side = description.longest_side_px or 0
    best = {"plain": 0.0, "ours": 0.0}
    for number in range(ROUNDS + 1):
        for what in ("plain", "ours"):
            started = time.perf_counter()
            if what == "plain":
                plain_loop(index, plain, images, device, side)
            else:
                ours.detect(images)
            rate = count / (time.perf_counter() - started)
            if number:  # The first round warms up.
                best[what] = max(best[what], rate)
    ratio = best["ours"] / best["plain"]
    print(
        f"{name}: plain loop {best['plain']:.1f} images/s, ours {best['ours']:.1f} images/s: "
        f"{ratio:.2f}x (target {TARGETS[device.type]}x on {device.type})"
    )
    return ratio


def main() -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    names = sys.argv[1:] or ["small", "fasterrcnn_mobilenet_v3_large_320_fpn"]
    with tempfile.TemporaryDirectory() as folder:
        given = os.environ.get("AKIN_VOC")
        if given is None:
            write_demo(Path(folder), images=100)
        index = open_dataset(Path(given or folder))
        print(f"{index.name} on {device}, {torch.get_num_threads()} threads")
        for name in names:
            measure(index, name, device)


if __name__ == "__main__":
    main()
