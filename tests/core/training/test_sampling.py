"""Batches are a function of seed and epoch, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from core.training.sampling import (
    background_batches,
    epoch_batches,
    sample_per_class,
    steps_in_epoch,
    view_seed,
)

LABEL_N = np.repeat(np.arange(4), [60, 30, 9, 1])


def test_an_epoch_shows_every_object_at_most_once_and_loses_less_than_a_batch() -> None:
    row_SB = epoch_batches(LABEL_N, 16, seed=1, epoch=0)
    assert row_SB.shape == (6, 16)
    assert row_SB.dtype == np.int64
    assert len(np.unique(row_SB)) == 96
    assert row_SB.min() >= 0
    assert row_SB.max() < 100


def test_over_epochs_everything_is_shown() -> None:
    seen = [epoch_batches(LABEL_N, 16, seed=1, epoch=epoch) for epoch in range(8)]
    assert len(np.unique(np.stack(seen))) == 100


def test_batches_depend_on_seed_and_epoch_only() -> None:
    first = epoch_batches(LABEL_N, 16, seed=1, epoch=3)
    np.random.default_rng().random(100)
    np.testing.assert_array_equal(epoch_batches(LABEL_N, 16, seed=1, epoch=3), first)
    assert (epoch_batches(LABEL_N, 16, seed=2, epoch=3) != first).any()
    assert (epoch_batches(LABEL_N, 16, seed=1, epoch=4) != first).any()


@pytest.mark.parametrize(("size", "shape"), [(100, (1, 100)), (101, (1, 100)), (9999, (1, 100))])
def test_fewer_objects_than_a_batch(size: int, shape: tuple[int, int]) -> None:
    assert epoch_batches(LABEL_N, size, seed=0, epoch=0).shape == shape
    assert steps_in_epoch(100, size) == 1


def test_balanced_batches_draw_classes_equally_often() -> None:
    rows = np.stack([epoch_batches(LABEL_N, 50, 0, e, balanced=True) for e in range(50)])
    assert rows.shape == (50, 2, 50)
    counts = np.bincount(LABEL_N[rows.reshape(-1)], minlength=4)
    # 5,000 draws, 1,250 a class expected, standard deviation 31.
    assert abs(counts - 1250).max() < 150
    again = epoch_batches(LABEL_N, 50, 0, 7, balanced=True)
    np.testing.assert_array_equal(again, rows[7])


def test_balanced_batches_with_a_label_that_never_occurs() -> None:
    label_N = np.array([0, 0, 0, 2, 2, 5])
    rows = epoch_batches(label_N, 6, 0, 0, balanced=True)
    assert set(label_N[rows.reshape(-1)]) <= {0, 2, 5}


def test_view_seeds_never_repeat_and_fit_a_generator() -> None:
    seeds = [view_seed(s, step, view) for s in (0, 1) for step in range(500) for view in (1, 2)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert view_seed(0, 1, 2) == view_seed(0, 1, 2)


def test_a_sample_holds_at_most_so_many_of_each_class() -> None:
    rows = sample_per_class(LABEL_N, 10, seed=3)
    assert np.bincount(LABEL_N[rows]).tolist() == [10, 10, 9, 1]
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, sample_per_class(LABEL_N, 10, seed=3))
    assert (rows[:10] != sample_per_class(LABEL_N, 10, seed=4)[:10]).any()
    assert sample_per_class(np.zeros(0, np.int64), 10, seed=3).shape == (0,)


def test_background_is_seen_once_an_epoch_and_drawn_anew() -> None:
    first = background_batches(20, 5, seed=1, epoch=0)
    assert first.shape == (5, 4)
    assert sorted(first.ravel().tolist()) == list(range(20))
    np.testing.assert_array_equal(first, background_batches(20, 5, seed=1, epoch=0))
    assert not np.array_equal(first, background_batches(20, 5, seed=1, epoch=1))
    assert background_batches(3, 5, seed=1, epoch=0).shape == (5, 2)
