"""How many positives of each rank an anchor can expect, before anything is trained.

Shape suffixes: C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.config import ExperimentConfig
from core.data.index import DatasetIndex
from core.ranking import Ranking


@dataclass(frozen=True)
class RankPreview:
    """What an anchor can expect of one rank.

    Attributes:
        rank: 1 is the class itself.
        similarity: As the user set it.
        positives: Expected number of candidates of this rank (other objects of the batch and
            keys of the memory bank; the anchor's own second view is not counted).
        is_used: False where the rank is deeper than the depth r: its classes are negatives.
    """

    rank: int
    similarity: float
    positives: float
    is_used: bool


def preview(
    ranking: Ranking, anchor: str, index: DatasetIndex, config: ExperimentConfig
) -> tuple[RankPreview, ...]:
    """Returns the expected positives of each rank of an anchor's ladder.

    The batch is drawn from the train split without replacement; withheld classes are left out.
    """
    counts_C = train_counts(index, config)
    position = {name: i for i, name in enumerate(index.classes)}
    if anchor not in position:
        return ()
    share_C = _shares(counts_C, position[anchor], config)
    candidates = _candidates(config, int(counts_C.sum()))
    rows = [RankPreview(1, 1.0, candidates * float(share_C[position[anchor]]), True)]
    tiers = zip(ranking.tiers(anchor), ranking.similarities(anchor), strict=True)
    for rank, (tier, similarity) in enumerate(tiers, start=2):
        members = [position[name] for name in tier.classes if name in position]
        expected = candidates * float(share_C[members].sum())
        rows.append(RankPreview(rank, similarity, expected, rank <= config.ranking.depth))
    return tuple(rows)


def train_counts(index: DatasetIndex, config: ExperimentConfig) -> npt.NDArray[np.float64]:
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


def _shares(
    counts_C: npt.NDArray[np.float64], anchor: int, config: ExperimentConfig
) -> npt.NDArray[np.float64]:
    """Returns each class's share of the objects other than the anchor."""
    if config.training.balanced:
        others_C = (counts_C > 0).astype(np.float64)
    else:
        others_C = counts_C.copy()
        others_C[anchor] = max(0.0, others_C[anchor] - 1)
    return np.asarray(others_C / max(1.0, others_C.sum()))


def _candidates(config: ExperimentConfig, objects: int) -> float:
    contrast = config.contrast
    in_batch = contrast.include_batch
    if in_batch is None:
        in_batch = contrast.bank_size == 0
    others = max(0, min(config.training.batch_size, objects) - 1)
    return float(contrast.bank_size + (others if in_batch else 0))
