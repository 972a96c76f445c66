"""How fast judging is: `python tests/benchmarks/bench_evaluation.py` (about two minutes).

15,000 objects as in VOC 2007's test split. The loop over scikit-learn is timed for 100 resamples
and scaled up to 10,000.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from sklearn.metrics import roc_auc_score

from core.evaluation.auroc import bootstrap_auroc
from core.evaluation.classification import knn_votes
from core.evaluation.compliance import rank_compliance
from core.evaluation.retrieval import evaluate_retrieval

OBJECTS, CLASSES, DIMENSIONS, IMAGES, RESAMPLES = 15_000, 20, 128, 4952, 10_000


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
    embedding_ND = rng.normal(size=(OBJECTS, DIMENSIONS)).astype(np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken = best_of(1, lambda: knn_votes(embedding_ND, embedding_ND, label_N, CLASSES))
    print(f"k-NN, {OBJECTS} x {OBJECTS}: {taken:.1f} s")
    taken = best_of(1, lambda: evaluate_retrieval(embedding_ND, label_N, similarity_CC))
    print(f"R@1, R@5, mAP@R, nDCG, {OBJECTS} x {OBJECTS}: {taken:.1f} s")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"memory for both beyond the embeddings: {grown:.0f} MiB")


if __name__ == "__main__":
    main()
