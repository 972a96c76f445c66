import json
import subprocess
import sys

import numpy as np
import pytest

from core.evaluation.auroc import auroc
from core.evaluation.classification import predict
from core.evaluation.compliance import rank_compliance
from core.evaluation.ood import max_softmax_score
from core.evaluation.report import (
    PAPER_DATA,
    PAPER_FIGURES,
    comparison_rows,
    figure_row,
    run_metrics,
)

CLASSES = ("bird", "boat", "cat")
SIMILARITY_CC = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def judged(**changes):
    rng = np.random.default_rng(0)
    label_N = rng.integers(-1, 3, 80)
    score_NC = rng.uniform(-0.5, 0.5, (80, 3))
    score_NC[label_N >= 0, label_N[label_N >= 0]] += 0.4
    given = {
        "classes": CLASSES,
        "label_N": label_N,
        "predicted_N": predict(score_NC),
        "score_NC": score_NC,
        "withheld": ("sofa",),
        "image_id_N": np.array([f"{i // 2:06}" for i in range(80)]),
        "unseen_N": np.zeros(80, dtype=bool),
        "similarity_CC": SIMILARITY_CC,
        "seed": 0,
        "timing": {"train_s": 12.5},
        "objective": "ranked",
    } | changes
    return given, run_metrics(**given)


def test_has_the_keys_of_the_design():
    given, metrics = judged()
    assert {
        "accuracy",
        "balanced_accuracy",
        "majority_share",
        "per_class",
        "confusion",
        "ood",
        "compliance",
        "timing",
    } <= set(metrics)
    assert set(metrics["per_class"]) == set(CLASSES)
    assert {"precision", "recall", "support"} <= set(metrics["per_class"]["cat"])
    assert metrics["confusion"]["classes"] == list(CLASSES)
    assert metrics["timing"] == {"train_s": 12.5}
    assert {
        "withheld",
        "score",
        "auroc",
        "auroc_interval",
        "fpr95",
        "aupr_in",
        "aupr_out",
    } <= set(metrics["ood"])
    assert metrics["ood"]["withheld"] == ["sofa"]
    assert "groups" not in metrics
    again = json.loads(json.dumps(metrics, allow_nan=False))
    assert again == metrics
    known = given["label_N"] >= 0
    assert metrics["accuracy"] == (given["predicted_N"] == given["label_N"])[known].mean()
    assert np.sum(metrics["confusion"]["counts"]) == known.sum()
    low, high = metrics["accuracy_interval"]
    assert low < metrics["accuracy"] < high


def test_ood_is_judged_by_max_softmax_of_the_scores():
    given, metrics = judged()
    score_N, known = max_softmax_score(given["score_NC"]), given["label_N"] >= 0
    assert metrics["ood"]["auroc"] == pytest.approx(auroc(score_N[known], score_N[~known]))
    assert metrics["ood"]["score"] == "max softmax"


def test_compliance_is_judged_on_known_objects():
    given, metrics = judged()
    expected = rank_compliance(given["score_NC"], given["label_N"], SIMILARITY_CC, CLASSES)
    assert metrics["compliance"]["overall"] == expected.overall
    assert set(metrics["compliance"]["per_class"]) == set(CLASSES)
    assert metrics["compliance"]["similarity_by_rank"][0]["rank"] == "rank 1"


@pytest.mark.parametrize(
    "changes",
    [
        {"withheld": ()},
        {"label_N": np.arange(80) % 3},
        {"label_N": np.full(80, -1)},
    ],
)
def test_ood_is_null_where_there_is_nothing_to_tell_apart(changes):
    _, metrics = judged(**changes)
    assert metrics["ood"] is None
    json.dumps(metrics, allow_nan=False)


def test_softmax_has_no_compliance():
    given, _ = judged()
    _, metrics = judged(objective="softmax", score_NC=30 * given["score_NC"])
    assert metrics["compliance"] is None
    assert metrics["severity"]["errors"] > 0
    assert 0 < metrics["ood"]["auroc"] < 1


def test_seen_and_unseen_drawings():
    given, metrics = judged(unseen_N=np.arange(80) % 4 == 0)
    groups, known = metrics["groups"], given["label_N"] >= 0
    unseen = known & given["unseen_N"]
    assert set(groups) == {"seen drawings", "unseen drawings"}
    assert groups["unseen drawings"]["count"] == unseen.sum()
    right = given["predicted_N"] == given["label_N"]
    assert groups["unseen drawings"]["accuracy"] == right[unseen].mean()
    assert groups["seen drawings"]["accuracy"] == right[known & ~given["unseen_N"]].mean()


def test_nothing_known_is_null_not_nan():
    nothing = {
        "label_N": np.zeros(0, np.int64),
        "predicted_N": np.zeros(0, np.int64),
        "score_NC": np.zeros((0, 3)),
        "image_id_N": np.zeros(0, np.str_),
        "unseen_N": np.zeros(0, bool),
    }
    _, metrics = judged(**nothing)
    assert metrics["accuracy"] is None
    assert metrics["compliance"]["overall"] is None
    json.dumps(metrics, allow_nan=False)


def test_a_class_without_a_mean_leaves_no_infinity():
    given, _ = judged()
    score_NC = given["score_NC"].copy()
    score_NC[:, 1] = -np.inf
    _, metrics = judged(score_NC=score_NC, predicted_N=predict(score_NC))
    json.dumps(metrics, allow_nan=False)
    assert metrics["per_class"]["boat"]["precision"] is None


def test_the_same_seed_gives_the_same_metrics():
    assert judged()[1] == judged()[1]
    assert judged(seed=5)[1]["ood"]["auroc_interval"] != judged()[1]["ood"]["auroc_interval"]


def test_the_papers_figures_are_those_of_the_design():
    found = {(row.method, row.depth): (row.accuracy, row.auroc) for row in PAPER_FIGURES}
    assert found == {
        ("SupCon", 1): (0.6499, 0.6679),
        ("ranked", 3): (0.6068, None),
        ("ranked", 5): (None, 0.5532),
        ("RINCE", 5): (0.6368, None),
        ("SoftMax", None): (0.5829, 0.5621),
    }
    assert all(row.data == PAPER_DATA and row.caveat and row.from_paper for row in PAPER_FIGURES)


def test_comparison_rows():
    _, metrics = judged()
    row = figure_row(metrics, name="run-1", data="demo", method="supcon", depth=3)
    assert (row.method, row.depth, row.from_paper) == ("SupCon", 1, False)
    assert row.accuracy == metrics["accuracy"]
    assert row.auroc_interval == tuple(metrics["ood"]["auroc_interval"])
    assert figure_row(metrics, name="x", data="demo", depth=3).depth == 3
    assert comparison_rows([row]) == (row, *PAPER_FIGURES)


def test_evaluation_imports_neither_torch_nor_scikit_learn():
    code = (
        "import sys, core.evaluation.report, core.evaluation.retrieval, "
        "core.evaluation.projection; "
        "sys.exit(str([m for m in ('torch', 'sklearn', 'scipy', 'PySide6') if m in sys.modules]) "
        "if {'torch', 'sklearn', 'scipy', 'PySide6'} & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
