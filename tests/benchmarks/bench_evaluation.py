"""How fast judging is: `python tests/benchmarks/bench_evaluation.py` (about two minutes).

15,000 objects as in VOC 2007's test split. Compliance is set against an epoch of as many objects
by the demo's recipe, the cheapest there is: 20 of its steps are timed on noise. The loop over
scikit-learn is timed for 100 resamples and scaled up to 10,000.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from sklearn.metrics import roc_auc_score

from core.config_files import load_recipe
from core.evaluation.auroc import bootstrap_auroc
from core.evaluation.classification import knn_votes
from core.evaluation.compliance import rank_compliance
from core.evaluation.ood_bootstrap import bootstrap_ood
from core.evaluation.retrieval import evaluate_retrieval
from core.training.device import choose_device, choose_precision
from core.training.learner import Learner, build_optimizer

OBJECTS, CLASSES, DIMENSIONS, IMAGES, RESAMPLES = 15_000, 20, 128, 4952, 10_000
STEPS = 20
FloatArray = npt.NDArray[np.float64]


def best_of(repeats: int, work: Callable[[], object]) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def bootstrap(known_count: int) -> None:
    rng = np.random.default_rng(0)
    known = rng.normal(1, 1, known_count)
    unknown = rng.normal(0, 1, OBJECTS - known_count)
    image_N, image_M = (rng.integers(0, IMAGES, len(x)) for x in (known, unknown))
    truth = np.r_[np.ones(len(known)), np.zeros(len(unknown))]

    def loop() -> None:
        for _ in range(100):
            drawn_N = rng.integers(0, len(known), len(known))
            drawn_M = rng.integers(0, len(unknown), len(unknown))
            roc_auc_score(truth, np.r_[known[drawn_N], unknown[drawn_M]])

    def images() -> None:
        bootstrap_auroc(
            known, unknown, known_image_N=image_N, unknown_image_M=image_M, resamples=RESAMPLES
        )

    slow = best_of(2, loop) * RESAMPLES / 100
    by_image = best_of(3, images)
    by_object = best_of(3, lambda: bootstrap_auroc(known, unknown, resamples=RESAMPLES))
    print(
        f"bootstrap of AUROC, {len(known)} known, {len(unknown)} withheld, {RESAMPLES} resamples:"
    )
    print(f"  loop over roc_auc_score {slow:.1f} s")
    print(f"  units are images  {by_image:.2f} s, {slow / by_image:.0f} times faster")
    print(f"  units are objects {by_object:.2f} s, {slow / by_object:.0f} times faster")


def epoch_s(similarity_CC: FloatArray) -> float:
    """Times steps of the demo's recipe and returns what an epoch of 15,000 objects takes."""
    config, device = load_recipe("demo"), choose_device("auto")
    precision = choose_precision(config.training.precision, device)
    learner = Learner(config, torch.from_numpy(similarity_CC), device, precision)
    learner.train(True)
    optimizer = build_optimizer(config, learner)
    batch, side = config.training.batch_size, config.crops.size
    crops_BCHW = torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8, device=device)
    label_B = torch.arange(batch, device=device) % CLASSES
    start = 0.0
    for number in range(STEPS + 2):
        if number == 2:  # The first two warm up.
            start = time.perf_counter()
        loss = learner.step_loss(crops_BCHW, label_B, number)
        optimizer.zero_grad(set_to_none=True)
        loss.total.backward()
        optimizer.step()
    loss.total.item()  # Sync point.
    return (time.perf_counter() - start) / STEPS * OBJECTS / batch


def main() -> None:
    for known_count in (7_500, 14_000):
        bootstrap(known_count)
    rng = np.random.default_rng(0)
    label_N = rng.integers(0, CLASSES, OBJECTS)
    similarity_CC = np.eye(CLASSES)
    similarity_CC[np.arange(CLASSES), (np.arange(CLASSES) + 1) % CLASSES] = 2 / 3
    similarity_CC[np.arange(CLASSES), (np.arange(CLASSES) + 2) % CLASSES] = 1 / 3
    score_NC = rng.uniform(-1, 1, (OBJECTS, CLASSES))
    taken = best_of(5, lambda: rank_compliance(score_NC, label_N, similarity_CC))
    print(f"compliance, {OBJECTS} objects x {CLASSES} classes: {1000 * taken:.0f} ms")
    whole = epoch_s(similarity_CC)
    print(f"  an epoch of the demo's recipe on as many: {whole:.1f} s; {taken / whole:.2%} of it")
    taken = best_of(
        1, lambda: bootstrap_ood(score_NC[:14_000, 0], score_NC[14_000:, 0], resamples=1000)
    )
    print(f"bootstrap of FPR95 and AUPR, 14000 known, 1000 withheld, 1000 resamples: {taken:.1f} s")
    embedding_ND = rng.normal(size=(OBJECTS, DIMENSIONS)).astype(np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken = best_of(1, lambda: knn_votes(embedding_ND, embedding_ND, label_N, CLASSES))
    print(f"k-NN, {OBJECTS} x {OBJECTS}: {taken:.1f} s")
    taken = best_of(1, lambda: evaluate_retrieval(embedding_ND, label_N, similarity_CC))
    print(f"R@1, R@5, mAP@R, nDCG, {OBJECTS} x {OBJECTS}: {taken:.1f} s")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory for both beyond what was there: {grown:.0f} MiB (peak of all: {peak:.0f} MiB)")


if __name__ == "__main__":
    main()
