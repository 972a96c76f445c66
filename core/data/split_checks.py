"""What is wrong with a data set's splits, though every file of it can be read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.data.index import DatasetIndex, Problem

EXPECTED = ("train", "val", "test")
_APART = (("train", "val"), ("train", "test"), ("val", "test"), ("trainval", "test"))


def split_problems(index: DatasetIndex) -> tuple[Problem, ...]:
    """Returns what training refuses or warns of: missing lists, leaks, classes not to be learned.

    Only `trainval` may share images, with train and with val.
    """
    sentences = [*_missing(index), *_leaks(index), *_unlearnable(index)]
    return tuple(Problem(index.folder, sentence) for sentence in sentences)


def _missing(index: DatasetIndex) -> Iterator[str]:
    if not index.splits:
        return  # Told when the folder was read.
    for name in EXPECTED:
        if name not in index.splits:
            yield f"There is no list of the split {name}, which training asks for by default."


def _leaks(index: DatasetIndex) -> Iterator[str]:
    told = np.zeros(0, dtype=np.int64)
    for one, other in _APART:
        if one not in index.splits or other not in index.splits:
            continue
        shared = np.intersect1d(index.splits[one], index.splits[other])
        if other == "test":
            shared = np.setdiff1d(shared, told)
            told = np.union1d(told, shared)
        if len(shared):
            are = "1 image is" if len(shared) == 1 else f"{len(shared):,} images are"
            example = index.image_ids[int(shared[0])]
            yield f"{are} both in the split {one} and in the split {other}, such as {example}."


def _unlearnable(index: DatasetIndex) -> Iterator[str]:
    if "train" not in index.splits:
        return
    labels = index.label_N[index.objects_of_split("train")]
    counts = np.bincount(labels, minlength=len(index.classes)).tolist()
    for name, count in zip(index.classes, counts, strict=True):
        if count < 2:
            have = "a single object" if count else "no object"
            yield f"The class {name} has {have} in the split train: withhold it, or add images."
