"""Expected positives, against counting by simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.config import ExperimentConfig
from core.data import open_dataset
from core.ranking import Ranking
from gui.models.batch_preview import preview, train_counts


def test_expected_positives_match_a_simulation(tiny_voc: Path) -> None:
    index = open_dataset(tiny_voc)
    config = ExperimentConfig().with_values({"training.batch_size": 32})
    anchor = "bird"
    ranking = Ranking().moved(anchor, ["aeroplane"], 0).moved(anchor, ["boat", "cat"], 1)
    rows = preview(ranking, anchor, index, config)
    labels_N = index.label_N[index.objects_of_split("train")]
    of_anchor = index.classes.index(anchor)
    first = int(np.flatnonzero(labels_N == of_anchor)[0])
    others_N = np.delete(labels_N, first)
    random = np.random.default_rng(0)
    draws = np.array([random.permutation(others_N)[:31] for _ in range(4000)])
    for row, names in zip(rows, ([anchor], ["aeroplane"], ["boat", "cat"]), strict=True):
        members = [index.classes.index(name) for name in names]
        simulated = np.isin(draws, members).sum(axis=1).mean()
        assert row.positives == pytest.approx(simulated, rel=0.08, abs=0.05)


def test_a_bank_adds_its_keys_and_replaces_the_batch(tiny_voc: Path) -> None:
    index = open_dataset(tiny_voc)
    config = ExperimentConfig().with_values({"contrast.bank_size": 1000})
    both = config.with_values({"contrast.include_batch": True, "training.batch_size": 11})
    bank = preview(Ranking(), "bird", index, config)[0].positives
    more = preview(Ranking(), "bird", index, both)[0].positives
    assert more == pytest.approx(bank * 1010 / 1000)


def test_ranks_below_the_depth_are_unused_and_withheld_classes_absent(tiny_voc: Path) -> None:
    index = open_dataset(tiny_voc)
    config = ExperimentConfig().with_values({"ranking.depth": 2, "data.withheld": ("cat",)})
    ranking = Ranking().moved("bird", ["cat"], 0).moved("bird", ["boat"], 1)
    rows = preview(ranking, "bird", index, config)
    assert [row.is_used for row in rows] == [True, True, False]
    assert rows[1].positives == 0
    assert train_counts(index, config)[index.classes.index("cat")] == 0
