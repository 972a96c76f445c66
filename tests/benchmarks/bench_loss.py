"""How fast the ranked loss is: `python tests/benchmarks/bench_loss.py` (about two minutes).

Forward and backward of eq. 2 over a bank, against the formulation of the published code, written
here in its plainest correct way: the classes of each rank looked up anchor by anchor in Python; per
rank a mask over the bank, a cloned matrix of cosines without the higher ranks, a softmax; `any()`
asked of the device. Targets: on a CPU 5x at 2,048 slots and 10x at 65,536; on a GPU 20x.

Shape suffixes: B anchors, D embedding, C classes, M bank slots, T classes of a rank.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from torch import Tensor
from torch.nn import functional

from core.contrastive import RankedInfoNCE

BATCH, DIMENSIONS, CLASSES, RANKS, REPEATS = 512, 128, 20, 5, 5
TARGETS = {("cpu", 2_048): 5, ("cpu", 65_536): 10, ("cuda", 2_048): 20, ("cuda", 65_536): 20}

Ladder = dict[int, list[list[int]]]


def published(
    query_BD: Tensor,
    key_BD: Tensor,
    labels_B: Tensor,
    ladder: Ladder,
    temperatures: list[float],
    bank_MD: Tensor,
    bank_labels_M: Tensor,
) -> Tensor:
    """Eq. 2, `in`, with one temperature a rank; class -2 pads a rank that has fewer classes."""
    own_B1 = (query_BD * key_BD).sum(dim=1, keepdim=True)
    cosine_BM = query_BD @ bank_MD.T
    higher_BM = torch.zeros_like(cosine_BM, dtype=torch.bool)
    total = query_BD.new_zeros(())
    for rank, tau in enumerate(temperatures):
        classes = [ladder[int(label)][rank] for label in labels_B]
        most = max(map(len, classes))
        padded = [names + [-2] * (most - len(names)) for names in classes]
        target_BT = torch.tensor(padded, device=query_BD.device)
        mask_BM = (target_BT[:, :, None] == bank_labels_M[None, None, :]).any(dim=1)
        kept_BM = cosine_BM.clone()
        kept_BM[higher_BM | (bank_labels_M == -1)[None]] = -torch.inf
        own = own_B1 if rank == 0 else torch.full_like(own_B1, -torch.inf)
        share_B1M = torch.softmax(torch.cat([own, kept_BM], dim=1) / tau, dim=1)
        first = torch.full_like(own, rank == 0, dtype=torch.bool)
        positive_B1M = torch.cat([first, mask_BM], dim=1)
        has_B = positive_B1M.any(dim=1)
        if has_B.any():
            total = total - (share_B1M * positive_B1M).sum(dim=1)[has_B].log().mean()
        higher_BM = higher_BM | mask_BM
    return total


def seconds(work: Callable[[], object], device: str) -> float:
    """Best of some repeats, after one to warm up."""
    times = []
    for _ in range(REPEATS + 1):
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def unit(count: int, device: str) -> Tensor:
    return functional.normalize(torch.randn(count, DIMENSIONS), dim=1).to(device)


def measure(device: str, slots: int) -> None:
    torch.manual_seed(0)
    query_BD, key_BD = (unit(BATCH, device).requires_grad_() for _ in range(2))
    labels_B = torch.randint(CLASSES, (BATCH,)).to(device)
    bank_MD, bank_labels_M = unit(slots, device), torch.randint(CLASSES, (slots,)).to(device)
    similarity_CC = torch.eye(CLASSES)
    ladder: Ladder = {}
    for label in range(CLASSES):
        others = (torch.randperm(CLASSES - 1)[: RANKS - 1] + label + 1) % CLASSES
        ladder[label] = [[label], *([other] for other in others.tolist())]
        similarity_CC[label, others] = 1 - torch.arange(1, RANKS) / RANKS
    temperatures = [0.1 + rank / RANKS * 0.5 for rank in range(RANKS)]
    similarity_CC = similarity_CC.to(device)
    loss = RankedInfoNCE((0.1, 0.6), "in")
    results = {}

    def step(name: str, value: Callable[[], Tensor]) -> None:
        query_BD.grad = key_BD.grad = None
        (total := value()).backward()
        results[name] = (float(total), query_BD.grad)

    def plain() -> Tensor:
        return published(query_BD, key_BD, labels_B, ladder, temperatures, bank_MD, bank_labels_M)

    def ours() -> Tensor:
        return loss(query_BD, key_BD, labels_B, similarity_CC, bank_MD, bank_labels_M)

    ours_s = seconds(lambda: step("ours", ours), device)
    plain_s = seconds(lambda: step("plain", plain), device)
    (value, gradient), (expected, expected_gradient) = results["ours"], results["plain"]
    assert abs(value - expected) < 1e-4 * abs(expected), (value, expected)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-3, atol=1e-6)
    print(
        f"{device:4}  M {slots:6,}: published {plain_s:8.4f} s, Akin {ours_s:8.4f} s, "
        f"ratio {plain_s / ours_s:5.1f} (target {TARGETS[device, slots]})",
        flush=True,
    )


def main() -> None:
    torch.set_num_threads(min(torch.get_num_threads(), 16))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, forward + backward")
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        if device == "cuda":
            print(torch.cuda.get_device_name())
        for slots in (2_048, 65_536):
            measure(device, slots)


if __name__ == "__main__":
    main()
