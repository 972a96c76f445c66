"""Resampled FPR95 and AUPR against the exact figures of the objects that were drawn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from core.evaluation.image_draw import ImageDraw, image_units
from core.evaluation.ood import evaluate_ood, fpr_at_tpr
from core.evaluation.ood_bootstrap import bootstrap_ood


def scores(n=150, m=60, decimals=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(1, 1, n).round(decimals), rng.normal(0, 1, m).round(decimals)


@pytest.mark.parametrize("decimals", [8, 0])
def test_every_resample_has_the_figures_of_the_objects_drawn(decimals):
    known, unknown = scores(decimals=decimals)
    rng = np.random.default_rng(1)
    images = {
        "known_image_N": rng.integers(0, 50, len(known)),
        "unknown_image_M": rng.integers(30, 70, len(unknown)),
    }
    found = bootstrap_ood(known, unknown, **images, seed=4, resamples=11)
    units_N, units_M, sizes = image_units(len(known), len(unknown), *images.values())
    draw = ImageDraw(sizes, 4, 10**6)
    row = 0
    for _ in range(2):
        draw.next()
        for weight_U in draw.weight_UB.T[: 11 - row]:
            drawn, others = known.repeat(weight_U[units_N]), unknown.repeat(weight_U[units_M])
            truth = np.r_[np.ones(len(drawn)), np.zeros(len(others))]
            both = np.r_[drawn, others]
            assert found.fpr95_R[row] == pytest.approx(fpr_at_tpr(drawn, others), abs=1e-12)
            expected = average_precision_score(truth, both)
            assert found.aupr_in_R[row] == pytest.approx(expected, abs=1e-12)
            expected = average_precision_score(1 - truth, -both)
            assert found.aupr_out_R[row] == pytest.approx(expected, abs=1e-12)
            row += 1
    assert row == len(found.fpr95_R) == 11


def test_intervals_hold_their_figures_and_the_seed_decides():
    known, unknown = scores(300, 120)
    report = evaluate_ood(known, unknown, seed=1)
    for name in ("fpr95", "aupr_in", "aupr_out"):
        low, high = getattr(report, f"{name}_interval")
        assert low < getattr(report, name) < high, name
        assert report.to_json()[f"{name}_interval"] == [low, high]
    again = evaluate_ood(known, unknown, seed=1)
    assert again.aupr_out_interval == report.aupr_out_interval
    assert evaluate_ood(known, unknown, seed=2).aupr_out_interval != report.aupr_out_interval


def test_a_perfect_score_and_one_object_each():
    found = bootstrap_ood(np.array([2.0, 3.0]), np.array([0.0, 1.0]), resamples=9)
    assert (found.fpr95_R == 0).all()
    assert (found.aupr_in_R == 1).all()
    assert (found.aupr_out_R == 1).all()
    alone = bootstrap_ood(np.array([1.0]), np.array([1.0]), resamples=3)
    assert alone.fpr95_R.tolist() == [1, 1, 1]
    assert alone.aupr_in_R.tolist() == [0.5, 0.5, 0.5]
