import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from sklearn.metrics import precision_recall_curve as oracle

from core.evaluation.precision_recall import precision_recall_curve


@pytest.mark.parametrize("decimals", [6, 1], ids=["distinct", "with ties"])
def test_the_curve_is_scikit_learns(decimals):
    rng = np.random.default_rng(1)
    positive = rng.normal(0.6, 0.3, 80).round(decimals)
    negative = rng.normal(0.4, 0.3, 50).round(decimals)
    truth = np.r_[np.ones(80), np.zeros(50)]
    score = np.r_[positive, negative]
    found = precision_recall_curve(positive, negative)
    precision, recall, thresholds = oracle(truth, score, drop_intermediate=False)
    np.testing.assert_allclose(found.precision[::-1], precision[:-1])
    np.testing.assert_allclose(found.recall[::-1], recall[:-1])
    np.testing.assert_allclose(found.thresholds[::-1], thresholds)
    assert found.area == pytest.approx(average_precision_score(truth, score))
