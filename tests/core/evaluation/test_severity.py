import numpy as np
import pytest

from core.evaluation.severity import severity

SIMILARITY_CC = np.array(
    [
        [1.0, 0.75, 0.5, 0.5, 0.0, 0.0],
        [0.5, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        [0.1, 0.2, 0.3, 1.0, 0.4, 0.6],
        [0.0, 0.9, 0.0, 0.9, 1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    ]
)


def test_severity_by_hand():
    label_N = np.array([0, 0, 0, 2, 3, -1])
    predicted_N = np.array([0, 1, 4, 1, 0, 0])
    found = severity(label_N, predicted_N, SIMILARITY_CC)
    assert found.errors == 4
    assert found.on_ranked == 0.5  # 0 -> 1 and 3 -> 0
    assert found.on_ranked_by_chance == pytest.approx((3 / 5 + 3 / 5 + 0 + 1) / 4)
    assert found.mean_rank == pytest.approx((1 + 2 + 4 + 2 + 6) / 5)
    assert found.weighted_accuracy == pytest.approx((1 + 0.75 + 0 + 0 + 0.1) / 5)


def test_severity_without_errors_has_no_shares():
    found = severity(np.array([0, 1]), np.array([0, 1]), SIMILARITY_CC)
    assert (found.on_ranked, found.mean_rank, found.weighted_accuracy) == (None, 1.0, 1.0)
