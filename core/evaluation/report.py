"""metrics.json of a run, and the paper's figures to lay beside it.

Shape suffixes: N objects, C known classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.evaluation.classification import classification_report, top_k_accuracy
from core.evaluation.compliance import compliance_to_json
from core.evaluation.ood import evaluate_ood, max_softmax_score
from core.evaluation.severity import severity
from core.evaluation.statistics import accuracy_interval

Floats = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]

OOD_SCORE = "max softmax"
SEEN, UNSEEN = "seen drawings", "unseen drawings"


def run_metrics(
    *,
    classes: Sequence[str],
    label_N: IntArray,
    predicted_N: IntArray,
    score_NC: Floats,
    withheld: Sequence[str] = (),
    image_id_N: npt.NDArray[Any] | Sequence[str] | None = None,
    unseen_N: npt.NDArray[np.bool_] | None = None,
    similarity_CC: Floats | None = None,
    seed: int = 0,
    timing: Mapping[str, Any] | None = None,
    objective: str = "ranked",
    by_class_means: bool = True,
) -> dict[str, Any]:
    """Assembles metrics.json of the test split (DESIGN.md section 4).

    Args:
        classes: The C known class names.
        label_N: True classes, indices into `classes`; -1 = withheld.
        predicted_N: Predicted classes.
        score_NC: Cosines to the class means; logits for `softmax`, or what a classifier says.
        withheld: Names of the withheld classes.
        image_id_N: Image of each object, the unit of the bootstrap; None: each its own.
        unseen_N: True for demo objects whose drawing never occurs in training.
        similarity_CC: The ranking that compliance is judged by: row = anchor. None: no compliance.
        seed: Of the bootstrap.
        timing: Passed through.
        objective: The method; `softmax` has no compliance.
        by_class_means: Whether the scores are cosines to class means, whose order is compliance.

    Returns:
        A dictionary for `json.dumps(..., allow_nan=False)`: undefined figures are None.
    """
    label_N, predicted_N = np.asarray(label_N), np.asarray(predicted_N)
    report = classification_report(label_N, predicted_N, classes)
    known_N = label_N >= 0
    interval = None
    if report.count:
        interval = accuracy_interval(
            (predicted_N == label_N)[known_N],
            None if image_id_N is None else np.asarray(image_id_N)[known_N],
        )
    metrics: dict[str, Any] = {
        "objective": objective,
        **report.to_json(),
        "count": report.count,
        "accuracy_interval": None if interval is None else list(interval),
        "top_5_accuracy": top_k_accuracy(score_NC, label_N, 5),
        "ood": ood_metrics(
            score_NC=score_NC,
            label_N=label_N,
            withheld=withheld,
            image_id_N=image_id_N,
            seed=seed,
        ),
        "compliance": None,
        "severity": None,
        "timing": dict(timing or {}),
    }
    if similarity_CC is not None:
        metrics["severity"] = severity(label_N, predicted_N, similarity_CC).to_json()
        if objective != "softmax" and by_class_means:
            metrics["compliance"] = compliance_to_json(score_NC, label_N, similarity_CC, classes)
    groups = group_metrics(label_N, predicted_N, unseen_N)
    if groups:
        metrics["groups"] = groups
    return metrics


def ood_metrics(
    *,
    score_NC: Floats,
    label_N: IntArray,
    withheld: Sequence[str],
    image_id_N: npt.NDArray[Any] | Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, Any] | None:
    """Returns the `ood` entry of metrics.json.

    The score is the largest softmax probability at temperature 1, over cosines to class means as
    in the paper or over logits. None where nothing is withheld, or where known or withheld objects
    are missing.
    """
    known = np.asarray(label_N) >= 0
    if not withheld or known.all() or not known.any():
        return None
    score_N = max_softmax_score(score_NC)
    images = None if image_id_N is None else np.asarray(image_id_N)
    report = evaluate_ood(
        score_N[known],
        score_N[~known],
        known_image_N=None if images is None else images[known],
        unknown_image_M=None if images is None else images[~known],
        seed=seed,
    )
    return {"withheld": list(withheld), "score": OOD_SCORE, **report.to_json()}


def group_metrics(
    label_N: IntArray, predicted_N: IntArray, unseen_N: npt.NDArray[np.bool_] | None
) -> dict[str, Any]:
    """Returns accuracy and count of objects whose drawing was and was not seen in training.

    Empty where no object is unseen (photographs).
    """
    if unseen_N is None or not np.asarray(unseen_N).any():
        return {}
    unseen, known = np.asarray(unseen_N), label_N >= 0
    groups = {}
    for name, chosen in ((SEEN, known & ~unseen), (UNSEEN, known & unseen)):
        right = label_N[chosen] == predicted_N[chosen]
        accuracy = float(right.mean()) if len(right) else None
        groups[name] = {"accuracy": accuracy, "count": len(right)}
    return groups


# ----- the comparison table -----


@dataclass(frozen=True)
class FigureRow:
    """One row of the comparison table: a run's figures, or the paper's.

    Attributes:
        data: What it was measured on; rows with different data do not compare.
        method: Such as "SupCon".
        depth: Ranks used in training, the class itself counted; None where it means nothing.
        accuracy: Share of known test objects predicted right.
        auroc: Known against withheld objects.
        caveat: What to know before comparing, a line each.
        name: The run's name; empty for the paper's.
        accuracy_interval: 95 %, images as units.
        auroc_interval: 95 % bootstrap interval.
        balanced_accuracy: Mean recall.
        majority_share: What always guessing the largest class would score.
        compliance: Share of the ranking's ordered pairs that hold.
    """

    data: str
    method: str
    depth: int | None
    accuracy: float | None
    auroc: float | None
    caveat: str = ""
    name: str = ""
    accuracy_interval: tuple[float, float] | None = None
    auroc_interval: tuple[float, float] | None = None
    balanced_accuracy: float | None = None
    majority_share: float | None = None
    compliance: float | None = None

    @property
    def from_paper(self) -> bool:
        """Whether these are published figures, not measured here."""
        return not self.name


PAPER_DATA = "VOC 2007 trainval -> test, published protocol"
PAPER_DATA_CIFAR = "CIFAR-10, published protocol"
_ONE_TIER = (
    "Ranked and RINCE: the published code collapses the ranks below the class to one tier (tau 0.1 "
    "and 0.225)."
)
_SOFTMAX = (
    "SoftMax: an ordinary-stem ResNet-50 with 1,000 outputs, judged by nearest class mean, not by "
    "argmax."
)
_ALL = (
    "AUROC (chair and motorbike withheld) from 25 thresholds.\n"
    "Two of their own r = 1 runs differ by 0.03 in accuracy."
)

PAPER_FIGURES: tuple[FigureRow, ...] = (
    FigureRow(PAPER_DATA, "SupCon", 1, 0.6499, 0.6679, _ALL),
    FigureRow(PAPER_DATA, "ranked", 3, 0.6068, None, f"{_ONE_TIER}\n{_ALL}"),
    FigureRow(PAPER_DATA, "ranked", 5, None, 0.5532, f"{_ONE_TIER}\n{_ALL}"),
    FigureRow(PAPER_DATA, "RINCE", 5, 0.6368, None, f"{_ONE_TIER}\n{_ALL}"),
    FigureRow(PAPER_DATA, "SoftMax", None, 0.5829, 0.5621, f"{_SOFTMAX}\n{_ALL}"),
)
_CIFAR_AUROC = "AUROC from 25 thresholds."
PAPER_FIGURES_CIFAR: tuple[FigureRow, ...] = (
    FigureRow(PAPER_DATA_CIFAR, "SupCon", 1, 0.9085, 0.7426, _CIFAR_AUROC),
    FigureRow(PAPER_DATA_CIFAR, "ranked", None, 0.8937, 0.4911, f"{_ONE_TIER}\n{_CIFAR_AUROC}"),
    FigureRow(PAPER_DATA_CIFAR, "SoftMax", None, 0.811, 0.6111, f"{_SOFTMAX}\n{_CIFAR_AUROC}"),
)

METHOD_NAMES = {
    "ranked": "ranked",
    "supcon": "SupCon",
    "rince": "RINCE",
    "softmax": "SoftMax",
    "triplet": "Triplet",
    "npair": "N-pair",
}
FIXED_DEPTH = {"supcon": 1, "triplet": 1, "npair": 1, "softmax": None}


def figure_row(
    metrics: Mapping[str, Any], *, name: str, data: str, method: str = "", depth: int | None = None
) -> FigureRow:
    """Returns a run's row of the comparison table.

    Args:
        metrics: The content of its metrics.json.
        name: The run's.
        data: What it was measured on, such as "VOC 2007 (1,500-image split)".
        method: As in the configuration; empty: as the metrics say.
        depth: Ranks used in training; what the method fixes where it does (FIXED_DEPTH).
    """
    method = method or str(metrics.get("objective", ""))
    ood, compliance = metrics.get("ood") or {}, metrics.get("compliance") or {}
    return FigureRow(
        data=data,
        method=METHOD_NAMES.get(method, method),
        depth=FIXED_DEPTH.get(method, depth),
        accuracy=metrics.get("accuracy"),
        auroc=ood.get("auroc"),
        name=name,
        accuracy_interval=_interval(metrics.get("accuracy_interval")),
        auroc_interval=_interval(ood.get("auroc_interval")),
        balanced_accuracy=metrics.get("balanced_accuracy"),
        majority_share=metrics.get("majority_share"),
        compliance=compliance.get("overall"),
    )


def comparison_rows(
    runs: Iterable[FigureRow], paper: Sequence[FigureRow] = PAPER_FIGURES
) -> tuple[FigureRow, ...]:
    """Returns the rows of the comparison table: the runs in the order given, then the paper's."""
    return (*runs, *paper)


def _interval(value: Sequence[float] | None) -> tuple[float, float] | None:
    return (value[0], value[1]) if value else None


def validated_threshold(metrics: Mapping[str, Any], score: str) -> float | None:
    """Returns the threshold of a score that was chosen on validation data, if one was.

    Args:
        metrics: metrics.json.
        score: Such as "max softmax".
    """
    own = metrics.get("threshold") or {}
    every = metrics.get("thresholds") or {own.get("score"): own}
    value: float | None = (every.get(score) or {}).get("value")
    return value
