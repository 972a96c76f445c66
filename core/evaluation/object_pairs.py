"""Pairs of objects at a rank: which are most alike, and which least?

Shape suffixes: N objects, D embedding, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.evaluation.classification import normalised
from core.evaluation.compliance import ranks_of

Floats = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]
MOST_OBJECTS = 2000


@dataclass(frozen=True)
class ObjectPair:
    """Two objects, the second of a class at some rank of the first's.

    Attributes:
        row: Of the anchor.
        other: Of the object compared with it.
        cosine: Of their embeddings.
    """

    row: int
    other: int
    cosine: float


def pairs_at_rank(
    embedding_ND: Floats,
    label_N: IntArray,
    similarity_CC: Floats,
    rank: int,
    *,
    anchor: int | None = None,
    count: int = 8,
    seed: int = 0,
) -> tuple[tuple[ObjectPair, ...], tuple[ObjectPair, ...]]:
    """Returns the most and the least alike pairs of objects at a rank.

    No object is twice the first, and none twice the second, of a list, so that one odd object
    does not fill it. Of more than 2,000 objects so many are drawn.

    Args:
        embedding_ND: Embeddings of the judged objects.
        label_N: Their classes; -1 (withheld) is left out.
        similarity_CC: The ranking: row = anchor.
        rank: 1 for the class itself, 2, 3, ...; 0 for negatives.
        anchor: Only anchors of this class; None: all.
        count: Pairs of each kind, at most.
        seed: Of the drawing.
    """
    label_N = np.asarray(label_N)
    chosen = np.flatnonzero(label_N >= 0)
    if len(chosen) > MOST_OBJECTS:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, MOST_OBJECTS, replace=False))
    first = chosen if anchor is None else chosen[label_N[chosen] == anchor]
    if not len(first):
        return (), ()
    unit = normalised(embedding_ND)
    cosine = unit[first] @ unit[chosen].T
    at_rank = (ranks_of(similarity_CC) == rank)[label_N[first]][:, label_N[chosen]]
    at_rank &= first[:, None] != chosen[None, :]
    if rank == 1:  # Of two objects of one class each pair once.
        at_rank &= first[:, None] < chosen[None, :]
    return (
        _extreme(np.where(at_rank, cosine, -np.inf), cosine, first, chosen, count),
        _extreme(np.where(at_rank, -cosine, -np.inf), cosine, first, chosen, count),
    )


def _extreme(
    key: Floats, cosine: Floats, first: IntArray, second: IntArray, count: int
) -> tuple[ObjectPair, ...]:
    """Returns the pairs of the largest keys, each row and each column once."""
    found = []
    key = key.copy()
    for _ in range(count):
        row, column = np.unravel_index(int(key.argmax()), key.shape)
        if not np.isfinite(key[row, column]):
            break
        found.append(ObjectPair(int(first[row]), int(second[column]), float(cosine[row, column])))
        key[row, :] = key[:, column] = -np.inf
    return tuple(found)
