"""A judgement in lines: the thresholds of its scores."""

from __future__ import annotations

from typing import Any

from core.cli_measures import measures_in_lines


def threshold(score: str, value: float, known: float, withheld: float | None) -> dict[str, Any]:
    return {
        "score": score,
        "value": value,
        "chosen_on": "validation",
        "kept_share": 0.95,
        "known_accepted": known,
        "withheld_accepted": withheld,
    }


def test_thresholds_are_a_table() -> None:
    rows = (
        threshold("max softmax", 0.0712345, 0.94567, 0.5),
        threshold("k-NN distance", 0.9, 1.0, None),
        threshold("Mahalanobis", -1234.5, 0.0, 1.0),
    )
    metrics = {"threshold": rows[0], "thresholds": {row["score"]: row for row in rows}}
    assert measures_in_lines(metrics) == [
        "thresholds, each chosen to keep 95 % of the known validation objects; accepted:",
        "  score           threshold    known  withheld",
        "  max softmax      0.071235   94.6 %    50.0 %",
        "  k-NN distance         0.9  100.0 %         -",
        "  Mahalanobis       -1234.5    0.0 %   100.0 %",
    ]


def test_runs_of_early_versions_have_the_threshold_of_one_score() -> None:
    row = threshold("max softmax", 0.25, 0.9, 0.4)
    _, _, only = measures_in_lines({"threshold": row})
    assert only.split() == ["max", "softmax", "0.25", "90.0", "%", "40.0", "%"]
    assert measures_in_lines({"threshold": None, "thresholds": None}) == []
