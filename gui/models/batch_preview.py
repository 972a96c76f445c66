"""What a batch will hold, before anything is trained: positives of each rank, and their weight.

A rank's loss l_i is the mean over the anchors that have a positive of that rank, and L is the sum
of the l_i (DESIGN.md section 1): where few anchors have one, each of them weighs much.

Shape suffixes: C classes, R ranks.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma

import numpy as np
import numpy.typing as npt

from core.config import ExperimentConfig
from core.data.index import DatasetIndex
from core.ranking import Ranking
from gui.models.ladder import temperature

FEW_POSITIVES = 1.0
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RankPreview:
    """What an anchor of one class can expect of one rank.

    Attributes:
        rank: 1 is the class itself.
        similarity: As the user set it.
        positives: Expected number of candidates of this rank (other objects of the batch and
            keys of the memory bank; the anchor's own second view is not counted).
        is_used: False where the rank is deeper than the depth r: its classes are negatives.
        temperature: tau of the rank.
        absent: Share of such anchors without any positive of this rank. At rank 1 none: an
            anchor's own second view is one.
        weight: How much the rank's term of such an anchor is expected to count in the loss, in
            terms of its rank-1 term; 0 where it never has a positive.
    """

    rank: int
    similarity: float
    positives: float
    is_used: bool
    temperature: float
    absent: float
    weight: float

    @property
    def is_few(self) -> bool:
        """Whether it is too seldom there to be learned well."""
        return self.is_used and self.positives < FEW_POSITIVES


@dataclass(frozen=True)
class RankTotal:
    """What a whole batch can expect of one rank.

    Attributes:
        rank: 1 is the class itself.
        anchors: Expected number of anchors that have a positive of it.
        absent: Share of the batch's anchors that have none.
        weight: Expected weight of each of those anchors in l_i, in terms of that in l_1.
    """

    rank: int
    anchors: float
    absent: float
    weight: float


@dataclass(frozen=True)
class BatchTotal:
    """What a batch can expect, over all classes.

    Attributes:
        batch_size: Objects in it.
        ranks: Of the ranks that are used, rank 1 first.
        few: (class, rank, positives) with less than one positive, the fewest first.
        alone: Classes that train and rank none: only rank 1 speaks for them.
    """

    batch_size: int
    ranks: tuple[RankTotal, ...]
    few: tuple[tuple[str, int, float], ...]
    alone: tuple[str, ...]


class BatchPreview:
    """Expectations for one ranking, data set and configuration.

    The batch is drawn from the train split without replacement (with, where it is balanced);
    withheld classes are left out.

    Args:
        ranking: The user's.
        index: The data.
        config: Batch size, bank, depth, temperatures.
    """

    def __init__(self, ranking: Ranking, index: DatasetIndex, config: ExperimentConfig) -> None:
        self._ranking = ranking
        self._classes = index.classes
        self._position = {name: i for i, name in enumerate(index.classes)}
        self._config = config
        self._counts_C = train_counts(index, config)
        self._objects = int(self._counts_C.sum())
        self.batch_size = min(config.training.batch_size, self._objects)
        self._bank, self._in_batch = _candidates(config, self.batch_size)
        self._anchors_R = self._expected_anchors()

    def of(self, anchor: str) -> tuple[RankPreview, ...]:
        """Returns what an anchor of a class can expect, rank by rank."""
        if anchor not in self._position:
            return ()
        values = (1.0, *self._ranking.similarities(anchor))
        rows = []
        for rank, value in enumerate(values, start=1):
            share = self._share(anchor, rank)
            absent = self._absent(anchor, rank)
            used = rank == 1 or rank <= self._config.ranking.depth
            anchors = self._anchors_R[rank - 1] if used else 0.0
            weight = (1 - absent) * self.batch_size / anchors if anchors else 0.0
            positives = (self._bank + self._in_batch) * share
            tau = temperature(value, self._config.objective)
            rows.append(RankPreview(rank, value, positives, used, tau, absent, weight))
        return tuple(rows)

    def total(self) -> BatchTotal:
        """Returns what the whole batch can expect."""
        size = self.batch_size
        ranks = tuple(
            RankTotal(
                rank,
                anchors,
                max(0.0, round(1 - anchors / max(size, 1), 9)),
                size / anchors if anchors else 0.0,
            )
            for rank, anchors in enumerate(self._anchors_R, start=1)
        )
        learned = [name for name, i in self._position.items() if self._counts_C[i]]
        few = [
            (name, row.rank, row.positives)
            for name in learned
            for row in self.of(name)[1:]
            if row.is_few
        ]
        alone = tuple(name for name in learned if not self._ranking.tiers(name))
        few.sort(key=lambda entry: entry[2])
        return BatchTotal(size, ranks, tuple(few), alone)

    def _expected_anchors(self) -> list[float]:
        deepest = min(self._ranking.depth, max(1, self._config.ranking.depth))
        return [
            sum(
                self.batch_size * self._anchor_share(name) * (1 - self._absent(name, rank))
                for name in self._classes
                if rank <= 1 + len(self._ranking.tiers(name))
            )
            for rank in range(1, deepest + 1)
        ]

    def _anchor_share(self, name: str) -> float:
        counts_C = self._counts_C
        if self._config.training.balanced:
            counts_C = (counts_C > 0).astype(np.float64)
        return float(counts_C[self._position[name]] / max(1.0, counts_C.sum()))

    def _members(self, anchor: str, rank: int) -> list[int]:
        names = (anchor,) if rank == 1 else self._ranking.tiers(anchor)[rank - 2].classes
        return [self._position[name] for name in names if name in self._position]

    def _share(self, anchor: str, rank: int) -> float:
        """Returns the share of the objects other than the anchor that are of a rank."""
        if self._config.training.balanced:
            others_C = (self._counts_C > 0).astype(np.float64)
        else:
            others_C = self._counts_C.copy()
            at = self._position[anchor]
            others_C[at] = max(0.0, others_C[at] - 1)
        return float(others_C[self._members(anchor, rank)].sum() / max(1.0, others_C.sum()))

    def _absent(self, anchor: str, rank: int) -> float:
        if rank == 1:
            return 0.0
        if self._config.training.balanced:
            return float((1 - self._share(anchor, rank)) ** (self._bank + self._in_batch))
        found = int(self._counts_C[self._members(anchor, rank)].sum())
        others = max(0, self._objects - 1)
        return _none_of(found, others, self._in_batch) * _none_of(found, self._objects, self._bank)


def train_counts(index: DatasetIndex, config: ExperimentConfig) -> FloatArray:
    """Returns the objects of each class that a run would learn from, shape (C,)."""
    if config.data.train_split not in index.splits:
        return np.zeros(len(index.classes))
    objects = index.objects_of_split(
        config.data.train_split, include_difficult=config.data.include_difficult
    )
    counts_C = np.bincount(index.label_N[objects], minlength=len(index.classes)).astype(float)
    for name in config.data.withheld:
        if name in index.classes:
            counts_C[index.classes.index(name)] = 0
    return counts_C


def _none_of(found: int, objects: int, drawn: int) -> float:
    """Returns the chance that none of `found` is among `drawn` of `objects`, none drawn twice."""
    left = objects - found
    if not found or not drawn:
        return 1.0
    if drawn > left:
        return 0.0
    log = lgamma(left + 1) - lgamma(left - drawn + 1)
    return exp(log - lgamma(objects + 1) + lgamma(objects - drawn + 1))


def _candidates(config: ExperimentConfig, batch_size: int) -> tuple[int, int]:
    """Returns how many keys the bank gives an anchor, and how many the batch."""
    contrast = config.contrast
    in_batch = contrast.include_batch
    if in_batch is None:
        in_batch = contrast.bank_size == 0
    return contrast.bank_size, max(0, batch_size - 1) if in_batch else 0
