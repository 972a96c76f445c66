"""Expectations of a batch, against counting by simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.config import ExperimentConfig
from core.data import open_dataset
from core.data.index import DatasetIndex
from core.ranking import Ranking
from gui.models.batch_preview import BatchPreview, train_counts

RANKING = (
    Ranking()
    .moved("bird", ["aeroplane"], 0)
    .moved("bird", ["boat", "cat"], 1)
    .moved("dog", ["sheep"], 0)
)


@pytest.fixture
def index(tiny_voc: Path) -> DatasetIndex:
    return open_dataset(tiny_voc)


def simulated(index: DatasetIndex, size: int, balanced: bool = False) -> np.ndarray:
    """Returns counts[batch, row, class]: how many others of each class each anchor has."""
    labels_N = index.label_N[index.objects_of_split("train")]
    random = np.random.default_rng(0)
    share_N = 1 / np.bincount(labels_N)[labels_N]
    chance_N = share_N / share_N.sum() if balanced else None
    batches = np.array([random.choice(labels_N, size, balanced, chance_N) for _ in range(4000)])
    one_hot = np.eye(len(index.classes), dtype=np.int64)[batches]
    return np.concatenate([batches[..., None], one_hot.sum(axis=1, keepdims=True) - one_hot], -1)


def members(index: DatasetIndex, *names: str) -> list[int]:
    return [1 + index.classes.index(name) for name in names]


@pytest.mark.parametrize("balanced", [False, True])
def test_positives_and_anchors_without_match_a_simulation(
    index: DatasetIndex, balanced: bool
) -> None:
    config = ExperimentConfig().with_values(
        {"training.batch_size": 32, "training.balanced": balanced}
    )
    draws = simulated(index, 32, balanced)
    birds = draws[draws[..., 0] == index.classes.index("bird")]
    rows = BatchPreview(RANKING, index, config).of("bird")
    for row, names in zip(rows, (["bird"], ["aeroplane"], ["boat", "cat"]), strict=True):
        found = birds[:, members(index, *names)].sum(axis=1)
        assert row.positives == pytest.approx(found.mean(), rel=0.08, abs=0.05)
        if row.rank > 1:
            assert row.absent == pytest.approx((found == 0).mean(), abs=0.03)
    assert rows[0].absent == 0


def test_anchors_and_weights_match_a_simulation(index: DatasetIndex) -> None:
    config = ExperimentConfig().with_values({"training.batch_size": 32})
    draws = simulated(index, 32)
    bird, dog = index.classes.index("bird"), index.classes.index("dog")
    has_bird = (draws[..., 0] == bird) & (draws[..., members(index, "aeroplane")].sum(-1) > 0)
    has_dog = (draws[..., 0] == dog) & (draws[..., members(index, "sheep")].sum(-1) > 0)
    anchors = (has_bird | has_dog).sum(axis=1).mean()
    preview = BatchPreview(RANKING, index, config)
    total = preview.total()
    assert [row.rank for row in total.ranks] == [1, 2, 3]
    assert total.batch_size == 32
    assert (total.ranks[0].anchors, total.ranks[0].weight) == (pytest.approx(32), pytest.approx(1))
    assert total.ranks[1].anchors == pytest.approx(anchors, rel=0.05)
    assert total.ranks[1].absent == pytest.approx(1 - anchors / 32, rel=0.05)
    assert total.ranks[1].weight == pytest.approx(32 / anchors, rel=0.05)
    row = preview.of("bird")[1]
    assert row.weight == pytest.approx((1 - row.absent) * total.ranks[1].weight)
    # A rank's expected terms add up to one batch of rank-1 terms, whoever they are from.
    counts = dict(zip(index.classes, train_counts(index, config), strict=True))
    per_object = 32 / sum(counts.values())
    terms = sum(counts[name] * per_object * preview.of(name)[1].weight for name in ("bird", "dog"))
    assert terms == pytest.approx(32)


def test_a_bank_adds_its_keys_and_replaces_the_batch(index: DatasetIndex) -> None:
    config = ExperimentConfig().with_values({"contrast.bank_size": 1000})
    both = config.with_values({"contrast.include_batch": True, "training.batch_size": 11})
    bank = BatchPreview(Ranking(), index, config).of("bird")[0].positives
    more = BatchPreview(Ranking(), index, both).of("bird")[0].positives
    assert more == pytest.approx(bank * 1010 / 1000)
    assert BatchPreview(RANKING, index, config).of("bird")[1].absent == 0, "a bank holds them all"


def test_ranks_below_the_depth_are_unused_and_withheld_classes_absent(index: DatasetIndex) -> None:
    config = ExperimentConfig().with_values({"ranking.depth": 2, "data.withheld": ("cat",)})
    ranking = Ranking().moved("bird", ["cat"], 0).moved("bird", ["boat"], 1)
    preview = BatchPreview(ranking, index, config)
    rows = preview.of("bird")
    assert [row.is_used for row in rows] == [True, True, False]
    assert (rows[1].positives, rows[1].absent, rows[1].weight) == (0, 1, 0)
    assert rows[2].weight == 0
    assert train_counts(index, config)[index.classes.index("cat")] == 0
    assert len(preview.total().ranks) == 2


def test_the_whole_says_what_is_seldom_and_who_ranks_none(index: DatasetIndex) -> None:
    config = ExperimentConfig().with_values({"training.batch_size": 4})
    total = BatchPreview(RANKING, index, config).total()
    assert {(name, rank) for name, rank, _ in total.few} == {("bird", 2), ("bird", 3), ("dog", 2)}
    assert [positives for *_, positives in total.few] == sorted(p for *_, p in total.few)
    assert len(total.alone) == 18
    assert "bird" not in total.alone


def test_a_split_without_objects_expects_nothing(index: DatasetIndex) -> None:
    config = ExperimentConfig().with_values({"data.train_split": "nowhere"})
    total = BatchPreview(RANKING, index, config).total()
    assert total.batch_size == 0
    assert total.few == total.alone == ()
