"""What a judgement found, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def measures_in_lines(metrics: Mapping[str, Any]) -> list[str]:
    """Returns the figures of metrics.json with their intervals, a line a topic."""
    lines = [_classification(metrics), *_withheld(metrics), _compliance(metrics)]
    lines += [_severity(metrics.get("severity")), _retrieval(metrics.get("retrieval"))]
    lines.append(_probe(metrics.get("linear_probe")))
    return [line for line in lines if line]


def _number(value: float | None, interval: list[float | None] | None = None) -> str:
    if value is None:
        return "undefined"
    text = f"{value:.3f}"
    if interval and None not in interval:
        text += f" [{interval[0]:.3f}, {interval[1]:.3f}]"
    return text


def _classification(metrics: Mapping[str, Any]) -> str:
    if metrics.get("accuracy") is None:
        return ""
    return (
        f"accuracy {_number(metrics['accuracy'], metrics.get('accuracy_interval'))} "
        f"(majority class {_number(metrics.get('majority_share'))}), "
        f"balanced accuracy {_number(metrics.get('balanced_accuracy'))}, "
        f"macro F1 {_number(metrics.get('macro_f1'))}, "
        f"top-5 accuracy {_number(metrics.get('top_5_accuracy'))}"
    )


def _withheld(metrics: Mapping[str, Any]) -> list[str]:
    scores: dict[str, Any] = metrics.get("ood_scores") or {}
    ood = metrics.get("ood")
    if not scores and ood:
        scores = {ood["score"]: ood}
    lines = [f"withheld against known by {name}: {_ood(row)}" for name, row in scores.items()]
    own = "softmax" if metrics.get("objective") == "softmax" else "nearest-mean"
    if lines and metrics.get("classifier", own) != own:
        lines.insert(0, f"of withheld classes the run's own scores ({own}), not the classifier's:")
    for name, row in (metrics.get("ood_groups") or {}).items():
        lines.append(f"  {name} ({', '.join(row['classes'])}): {_ood(row)}")
    return lines + _thresholds(metrics)


def _thresholds(metrics: Mapping[str, Any]) -> list[str]:
    """Returns a table of the scores' thresholds; runs of early versions have one of one score."""
    own = metrics.get("threshold")
    every = metrics.get("thresholds") or ({own["score"]: own} if own else {})
    rows = [row for row in every.values() if row.get("known_accepted") is not None]
    if not rows:
        return []
    kept, split = 100 * rows[0]["kept_share"], rows[0]["chosen_on"]
    lines = [
        f"thresholds, each chosen to keep {kept:.0f} % of the known {split} objects; accepted:"
    ]
    row_format = "  {:<13}  {:>10}  {:>7}  {:>8}".format
    lines.append(row_format("score", "threshold", "known", "withheld"))
    for row in rows:
        shares = (_percent(row.get(f"{kind}_accepted")) for kind in ("known", "withheld"))
        lines.append(row_format(row["score"], f"{row['value']:.5g}", *shares))
    return lines


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _ood(row: Mapping[str, Any]) -> str:
    names = {"auroc": "AUROC", "fpr95": "FPR95", "aupr_in": "AUPR in", "aupr_out": "AUPR out"}
    return ", ".join(
        f"{words} {_number(row.get(key), row.get(f'{key}_interval'))}"
        for key, words in names.items()
    )


def _compliance(metrics: Mapping[str, Any]) -> str:
    parts = []
    for key, name in (("compliance", "test"), ("compliance_train", "training")):
        row = metrics.get(key) or {}
        if row.get("overall") is not None:
            tau = f", tau-b {_number(row.get('tau_b'))}"
            parts.append(f"{_number(row['overall'])} on {name} objects{tau}")
    return f"rank compliance {'; '.join(parts)}" if parts else ""


def _severity(row: Mapping[str, Any] | None) -> str:
    if not row or row.get("on_ranked") is None:
        return ""
    return (
        f"{100 * row['on_ranked']:.0f} % of {row['errors']} errors on ranked classes "
        f"({100 * row['on_ranked_by_chance']:.0f} % by chance), mean rank of the prediction "
        f"{row['mean_rank']:.2f}, accuracy weighed by similarity {row['weighted_accuracy']:.3f}"
    )


def _retrieval(row: Mapping[str, Any] | None) -> str:
    if not row or row.get("recall_at_1") is None:
        return ""
    return (
        f"retrieval R@1 {row['recall_at_1']:.3f}, R@5 {row['recall_at_5']:.3f}, "
        f"mAP@R {row['map_at_r']:.3f}, nDCG by rank {row['ndcg']:.3f} over {row['queries']} queries"
    )


def _probe(row: Mapping[str, Any] | None) -> str:
    if not row:
        return ""
    how = "cross-validated on training objects" if row["accuracy_by_penalty"] else "too few images"
    return f"linear probe: inverse penalty C = {row['inverse_penalty']:g} ({how})"
