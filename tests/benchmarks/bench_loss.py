"""How fast the ranked loss is: `python tests/benchmarks/bench_loss.py [--device cpu|cuda]`.

Forward and backward of eq. 2 over a bank, against the formulation of the published code, written
here in its plainest correct way: labels looked up one by one in Python; per rank a mask over the
bank for every ranked class, `any()` asked of the device, and a softmax over a cloned matrix of the
positives' cosines, the rest minus infinity, beside that of everything lower. Both must give the
same value and gradient. Targets: on a CPU 5x at 2,048 slots and 10x at 65,536; on a GPU 20x, and no
wait for the GPU within a step.

Shape suffixes: B anchors, D embedding, C classes, M bank slots, T ranked classes of an anchor.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from torch import Tensor
from torch.nn import functional

from core.contrastive import RankedInfoNCE

BATCH, DIMENSIONS, CLASSES, RANKS = 512, 128, 20, 5
SLOTS = (2_048, 65_536)
TURNS, TURN_S = 4, 0.7
TEMPERATURE = (0.1, 0.6)
TARGETS = {("cpu", 2_048): 5, ("cpu", 65_536): 10, ("cuda", 2_048): 20, ("cuda", 65_536): 20}


def published(
    query_BD: Tensor,
    key_BD: Tensor,
    labels_B: Tensor,
    similar_CT: Tensor,
    similarity_CT: Tensor,
    bank_MD: Tensor,
    bank_labels_M: Tensor,
) -> Tensor:
    """Eq. 2, `in`.

    Args:
        similar_CT: Classes ranked for each class, itself first.
        similarity_CT: Their similarities.
    """
    low, high = TEMPERATURE
    similar_BT = torch.zeros(len(labels_B), RANKS, dtype=torch.int64, device=query_BD.device)
    similarity_BT = torch.zeros(len(labels_B), RANKS, device=query_BD.device)
    for row, label in enumerate(labels_B.cpu().numpy()):
        similar_BT[row] = similar_CT[label]
        similarity_BT[row] = similarity_CT[label]
    masks_TBM = [
        (bank_labels_M[:, None] == similar_BT[None, :, t]).transpose(0, 1) for t in range(RANKS)
    ]
    own_B1 = (query_BD * key_BD).sum(dim=1, keepdim=True)
    cosine_BM = query_BD @ bank_MD.T
    lower_BM = cosine_BM.clone()
    total = query_BD.new_zeros(())
    for rank, level in enumerate(similarity_BT.unique(sorted=True).flip(0)):
        mask_BM = torch.zeros_like(cosine_BM, dtype=torch.bool)
        for t in range(RANKS):
            at_level_B = similarity_BT[:, t] == level
            if at_level_B.any():
                mask_BM[at_level_B] = mask_BM[at_level_B] | masks_TBM[t][at_level_B]
        lower_BM[mask_BM] = -torch.inf
        positive_BM = cosine_BM.clone()
        positive_BM[~mask_BM] = -torch.inf
        if rank == 0:
            positive_BM = torch.cat([own_B1, positive_BM], dim=1)
        tau = low + (1 - level) * (high - low)
        share = torch.softmax(torch.cat([positive_BM, lower_BM], dim=1) / tau, dim=1)
        sum_B = share[:, : positive_BM.shape[1]].sum(dim=1)
        sum_B = sum_B[sum_B > 0]
        if len(sum_B) > 0:
            total = total - sum_B.log().mean()
    return total


def seconds(works: Sequence[Callable[[], object]], device: str) -> list[float]:
    """Best of many repeats of each; they take turns, as the machine has faster and slower times."""
    best = [float("inf") for _ in works]
    for work in works:  # to warm up
        work()
    for _ in range(TURNS):
        for number, work in enumerate(works):
            turn_ends = time.perf_counter() + TURN_S
            while (start := time.perf_counter()) < turn_ends:
                work()
                if device == "cuda":
                    torch.cuda.synchronize()
                best[number] = min(best[number], time.perf_counter() - start)
    return best


def unit(count: int, device: str) -> Tensor:
    return functional.normalize(torch.randn(count, DIMENSIONS), dim=1).to(device)


def measure(device: str, slots: int) -> None:
    torch.manual_seed(0)
    query_BD, key_BD = (unit(BATCH, device).requires_grad_() for _ in range(2))
    labels_B = torch.randint(CLASSES, (BATCH,)).to(device)
    bank_MD, bank_labels_M = unit(slots, device), torch.randint(CLASSES, (slots,)).to(device)
    similar_CT = torch.stack([(torch.arange(RANKS) + label) % CLASSES for label in range(CLASSES)])
    similarity_CT = (1 - torch.arange(RANKS) / RANKS).expand(CLASSES, -1)
    similarity_CC = torch.zeros(CLASSES, CLASSES).scatter(1, similar_CT, similarity_CT)
    similar_CT, similarity_CT = similar_CT.to(device), similarity_CT.to(device)
    similarity_CC = similarity_CC.to(device)
    loss = RankedInfoNCE(TEMPERATURE, "in")
    results = {}

    def step(name: str, value: Callable[[], Tensor]) -> None:
        query_BD.grad = key_BD.grad = None
        (total := value()).backward()
        results[name] = (total.detach(), query_BD.grad)

    def plain() -> Tensor:
        ranking = (similar_CT, similarity_CT)
        return published(query_BD, key_BD, labels_B, *ranking, bank_MD, bank_labels_M)

    def ours() -> Tensor:
        return loss(query_BD, key_BD, labels_B, similarity_CC, bank_MD, bank_labels_M)

    works = (lambda: step("ours", ours), lambda: step("plain", plain))
    ours_s, plain_s = seconds(works, device)
    for found, wanted in zip(results["ours"], results["plain"], strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-6)
    print(
        f"{device:4}  M {slots:6,}: published {plain_s:8.4f} s, Akin {ours_s:8.4f} s, "
        f"ratio {plain_s / ours_s:5.1f} (target {TARGETS[device, slots]})",
        flush=True,
    )
    if device == "cuda":
        torch.cuda.set_sync_debug_mode("error")
        step("ours", ours)
        torch.cuda.set_sync_debug_mode("default")
        print("      no wait for the GPU within a step")


def main() -> None:
    here = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", choices=here)
    parser.add_argument("--slots", type=int, nargs="+", choices=SLOTS, default=SLOTS)
    options = parser.parse_args()
    torch.set_num_threads(min(torch.get_num_threads(), 16))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, forward + backward")
    for device in [options.device] if options.device else here:
        if device == "cuda":
            print(torch.cuda.get_device_name())
        for slots in options.slots:
            measure(device, slots)


if __name__ == "__main__":
    main()
