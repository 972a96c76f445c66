from __future__ import annotations

import numpy as np
import pytest

from gui.models.seed_band import seed_band


def test_the_mean_and_the_edges_are_those_of_the_runs() -> None:
    x = np.arange(5.0)
    parts = [(x, x), (x, x + 3), (x, 2 * x)]
    band = seed_band(parts)
    assert band is not None
    assert band.mean_N.tolist() == [1.0, 7 / 3, 11 / 3, 5.0, 19 / 3]
    assert band.low_N.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert band.high_N.tolist() == [3.0, 4.0, 5.0, 6.0, 8.0]


def test_the_deviation_is_that_of_a_sample() -> None:
    x = np.zeros(1)
    band = seed_band([(x, np.array([y])) for y in (1.0, 2.0, 6.0)], "± 1 standard deviation")
    assert band is not None
    deviation = np.sqrt(((1 - 3) ** 2 + (2 - 3) ** 2 + (6 - 3) ** 2) / 2)
    assert band.high_N[0] - band.mean_N[0] == pytest.approx(deviation)
    assert band.mean_N[0] - band.low_N[0] == pytest.approx(deviation)


def test_it_ends_where_the_first_run_ends_and_fills_gaps() -> None:
    x = np.arange(10.0)
    gappy = np.where(x == 3, np.nan, x)
    band = seed_band([(x, gappy), (x[:6] + 0.5, x[:6])])
    assert band is not None
    assert band.x_N.tolist() == [1.0, 2.0, 4.0, 5.0]
    assert band.mean_N.tolist() == [(1 + 0.5) / 2, (2 + 1.5) / 2, (4 + 3.5) / 2, (5 + 4.5) / 2]


def test_runs_with_nothing_in_common_have_no_band() -> None:
    x = np.arange(3.0)
    assert seed_band([]) is None
    assert seed_band([(x, x), (x + 10, x)]) is None
    assert seed_band([(x, x), (x, np.full(3, np.nan))]) is None
