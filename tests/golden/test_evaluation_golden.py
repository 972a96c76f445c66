"""metrics.json of stored predictions against figures stored from scikit-learn and scipy."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.evaluation.classification import predict
from core.evaluation.report import run_metrics

STORED = json.loads((Path(__file__).parent / "evaluation_oracle.json").read_text())


def test_metrics_are_those_of_the_oracles():
    given, expected = STORED["input"], STORED["expected"]
    score_NC = np.array(given["score"])
    found = run_metrics(
        classes=given["classes"],
        label_N=np.array(given["label"]),
        predicted_N=predict(score_NC),
        score_NC=score_NC,
        withheld=given["withheld"],
        similarity_CC=np.array(given["similarity"]),
    )
    for key in ("accuracy", "accuracy_interval", "balanced_accuracy", "majority_share"):
        assert found[key] == pytest.approx(expected[key], abs=1e-12), key
    for key in ("precision", "recall", "f1", "support"):
        column = [found["per_class"][name][key] for name in given["classes"]]
        assert column == pytest.approx(expected[key], abs=1e-12), key
    assert found["confusion"]["counts"] == expected["confusion"]
    for key in ("auroc", "fpr95", "aupr_in", "aupr_out"):
        assert found["ood"][key] == pytest.approx(expected[key], abs=1e-12), key
    assert found["compliance"]["overall"] == pytest.approx(expected["compliance"], abs=1e-12)
    assert found["compliance"]["tau_b"] == pytest.approx(expected["tau_b"], abs=1e-12)
    assert found["severity"]["weighted_accuracy"] == pytest.approx(
        expected["weighted_accuracy"], abs=1e-12
    )
