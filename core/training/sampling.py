"""Which objects are in which batch: a pure function of seed and epoch.

Shape suffixes: N training objects, C classes, S steps, B batch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


def steps_in_epoch(objects: int, batch_size: int) -> int:
    """Returns the number of full batches, at least one."""
    return max(1, objects // batch_size)


def epoch_batches(
    label_N: IntArray, batch_size: int, seed: int, epoch: int, *, balanced: bool = False
) -> IntArray:
    """Draws the batches of one epoch; objects that fill no batch wait for another epoch.

    Args:
        label_N: Class of each training object.
        batch_size: Objects a batch; fewer if there are not as many.
        seed: The run's seed.
        epoch: 0 for the first.
        balanced: Draw with replacement, every class equally often in expectation.

    Returns:
        row_SB: Rows into `label_N`.
    """
    count = len(label_N)
    size = min(batch_size, count)
    steps = steps_in_epoch(count, batch_size)
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 1, epoch])))
    if balanced:
        weight_N = 1.0 / np.bincount(label_N)[label_N]
        order = random.choice(count, size=steps * size, p=weight_N / weight_N.sum())
    else:
        order = random.permutation(count)[: steps * size]
    return order.reshape(steps, size).astype(np.int64)


def background_batches(count: int, steps: int, seed: int, epoch: int) -> IntArray:
    """Draws the background crops of an epoch's steps: all of them once, about as many a step.

    Args:
        count: Background crops there are; at least one.
        steps: Of the epoch.
        seed: The run's seed.
        epoch: 0 for the first.

    Returns:
        row_SB: Rows, at least two a step: batch norm cannot work on one.
    """
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 4, epoch])))
    size = max(2, count // steps)
    order = np.resize(random.permutation(count), steps * size)
    return order.reshape(steps, size).astype(np.int64)


def view_seed(seed: int, step: int, view: int) -> int:
    """Returns the seed of one view of one step, independent of all other steps."""
    return int(np.random.SeedSequence([seed, 2, step, view]).generate_state(1, np.uint64)[0] >> 1)


def sample_per_class(label_N: IntArray, most: int, seed: int) -> IntArray:
    """Returns ascending rows with at most `most` objects of each class, drawn at random."""
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 3])))
    order = random.permutation(len(label_N))
    chosen = [order[label_N[order] == label][:most] for label in np.unique(label_N)]
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.int64)
