"""What a run would add to a ranking: classes that it finds alike and the user has not ranked.

Everything here comes from the validation objects whose embeddings a run keeps (RUN/embeddings).
predictions.npz holds the test split and is never read: an annotation that has seen the test split
would make every figure of a run trained on it worthless.

Shape suffixes: N objects, C classes, D embedding.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from core.errors import RunError
from core.evaluation.classification import class_means
from core.evaluation.confusion import cell_counts
from core.ranking import Ranking
from core.runs import Run

Evidence = Literal["means", "confusion"]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]

FEWEST_OBJECTS = 3
FEWEST_CONFUSED = 2
MOST_SUGGESTIONS = 3


@dataclass(frozen=True, eq=False)
class Alikeness:
    """How alike a run finds the classes.

    Attributes:
        evidence: "means": cosine of the classes' means; "confusion": share of the row class's
            objects that were taken for the column class.
        classes: The C known classes.
        alike_CC: Row = anchor; NaN where too little is known to say.
        epoch: Of the run, 1 for the first.
        count_C: Validation objects of each class.
    """

    evidence: Evidence
    classes: tuple[str, ...]
    alike_CC: FloatArray
    epoch: int
    count_C: IntArray


@dataclass(frozen=True)
class Suggestion:
    """A class that a ladder might take in.

    Attributes:
        anchor: Whose ladder.
        name: The class, a negative so far.
        gap: Where it would go: 0 before the first tier, k after the last.
        alike: Its value in `alike_CC`.
        reason: One sentence, such as "train is 0.71 like aeroplane: closer than boat (0.64)."
    """

    anchor: str
    name: str
    gap: int
    alike: float
    reason: str


def run_alikeness(run: Run, evidence: Evidence = "means") -> Alikeness:
    """Reads from the last epoch that a run kept how alike it finds its classes.

    Raises:
        RunError: If the run kept no validation embeddings, or its validation split is its test
            split.
    """
    data = run.config.data
    if data.validation_split == data.test_split:
        raise RunError(
            f"{run.title} validates on its test split, from which nothing is suggested.",
            "Train with another data.validation_split.",
        )
    epochs = run.epoch_embeddings.epochs()
    if not epochs:
        raise RunError(
            f"{run.title} kept no validation embeddings to suggest from.",
            "Train with training.kept_embeddings above 0.",
        )
    objects = run.epoch_embeddings.objects()
    kept = run.epoch_embeddings.load(epochs[-1])
    label_N, classes = objects.label_N, objects.classes
    if len(kept.embedding_ND) != len(label_N) or len(kept.predicted_N) != len(label_N):
        raise RunError(
            f"The validation embeddings of {run.title} are damaged.", "Train the run anew."
        )
    alike_CC = (
        alike_by_means(kept.embedding_ND, label_N, len(classes))
        if evidence == "means"
        else alike_by_confusion(label_N, kept.predicted_N, len(classes))
    )
    count_C = np.bincount(label_N[label_N >= 0], minlength=len(classes)).astype(np.int64)
    return Alikeness(evidence, classes, alike_CC, epochs[-1], count_C)


def alike_by_means(embedding_ND: Floats, label_N: IntArray, num_classes: int) -> FloatArray:
    """Returns the cosine between class means; NaN on the diagonal and for classes seldom seen.

    Args:
        embedding_ND: Unit vectors.
        label_N: Their classes.
        num_classes: C.
    """
    means_CD = class_means(embedding_ND, label_N, num_classes)
    count_C = np.bincount(label_N[label_N >= 0], minlength=num_classes)
    means_CD[count_C < FEWEST_OBJECTS] = np.nan
    alike_CC = np.asarray(means_CD @ means_CD.T, dtype=np.float64)
    np.fill_diagonal(alike_CC, np.nan)
    return alike_CC


def alike_by_confusion(label_N: IntArray, predicted_N: IntArray, num_classes: int) -> FloatArray:
    """Returns the share of each class's objects that was taken for another; NaN on the diagonal.

    A cell of a single object is chance and counts as none; classes seldom seen are NaN.

    Args:
        label_N: True classes.
        predicted_N: Predicted classes.
        num_classes: C.
    """
    counts_CC = cell_counts(label_N, predicted_N, num_classes, num_classes)
    total_C = counts_CC.sum(axis=1)
    kept_CC = np.where(counts_CC >= FEWEST_CONFUSED, counts_CC, 0)
    alike_CC = np.asarray(kept_CC / np.maximum(total_C, 1)[:, None], dtype=np.float64)
    alike_CC[total_C < FEWEST_OBJECTS] = np.nan
    np.fill_diagonal(alike_CC, np.nan)
    return alike_CC


def suggest(
    ranking: Ranking,
    anchor: str,
    found: Alikeness,
    leave_out: Collection[str] = (),
    most: int = MOST_SUGGESTIONS,
) -> tuple[Suggestion, ...]:
    """Returns what a ladder might take in, the most alike first.

    A class that is not ranked is suggested if it is more alike than the least alike of those that
    are, or if it stands out: more than one standard deviation above the mean of the anchor's
    row. It goes where it contradicts the fewest ranked classes; of equal places, the lowest.

    Args:
        ranking: The user's.
        anchor: Whose ladder.
        found: What the run says.
        leave_out: Classes not to suggest, such as those dismissed.
        most: So many at most.
    """
    if anchor not in found.classes:
        return ()
    row = found.alike_CC[found.classes.index(anchor)]
    value = {name: float(x) for name, x in zip(found.classes, row, strict=True) if np.isfinite(x)}
    ranked = [value[name] for name in ranking.ranked(anchor) if name in value]
    cut = min([_outstanding(list(value.values())), *ranked])
    free = set(value) - {*ranking.ranked(anchor), *leave_out}
    chosen = [name for name in free if value[name] > max(cut, 0.0)]
    chosen.sort(key=lambda name: (-value[name], name))
    return tuple(_suggestion(ranking, anchor, name, value, found) for name in chosen[:most])


def _outstanding(values: Sequence[float]) -> float:
    return float(np.mean(values) + np.std(values)) if values else np.inf


def _suggestion(
    ranking: Ranking, anchor: str, name: str, value: dict[str, float], found: Alikeness
) -> Suggestion:
    tiers = [[n for n in tier.classes if n in value] for tier in ranking.tiers(anchor)]
    mine = value[name]
    contradictions = [
        sum(value[n] < mine for tier in tiers[:gap] for n in tier)
        + sum(value[n] > mine for tier in tiers[gap:] for n in tier)
        for gap in range(len(tiers) + 1)
    ]
    gap = max(g for g, count in enumerate(contradictions) if count == min(contradictions))
    further = [n for tier in tiers for n in tier if value[n] < mine]
    nearest = max(further, key=lambda n: value[n], default="")
    return Suggestion(anchor, name, gap, mine, _reason(anchor, name, nearest, value, found))


def _reason(anchor: str, name: str, further: str, value: dict[str, float], found: Alikeness) -> str:
    if found.evidence == "confusion":
        total = int(found.count_C[found.classes.index(anchor)])
        count = round(value[name] * total)
        text = f"{count} of {total} {anchor} objects were taken for {name}"
        return f"{text}, {round(value[further] * total)} for {further}." if further else f"{text}."
    text = f"{name} is {value[name]:.2f} like {anchor}"
    if further:
        return f"{text}: closer than {further} ({value[further]:.2f})."
    others = [v for other, v in value.items() if other != name]
    return f"{text}; the other classes {np.mean(others):.2f} on average." if others else f"{text}."
