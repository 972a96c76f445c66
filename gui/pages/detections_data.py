"""What a run thought of each object, and which images pass the filters; numpy only.

Shape suffixes: I images, O objects of the data set, N judged objects of a run, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from core.data.index import BoolArray, DatasetIndex, IntArray
from core.errors import AkinError
from core.evaluation.ood import max_softmax_score, threshold_at_tpr
from core.evaluation.report import OOD_SCORE, validated_threshold
from core.predictions import Predictions
from core.runs import Run
from gui.models.object_match import match_objects

FloatArray = npt.NDArray[np.float64]
ANY = -1


class Verdict(IntEnum):
    """What a run's prediction for an object comes to."""

    NOT_JUDGED = 0
    RIGHT = 1
    WRONG = 2
    UNKNOWN = 3

    @property
    def word(self) -> str:
        return self.name.lower().replace("_", " ")

    @property
    def mark(self) -> str:
        return {"RIGHT": "✓", "WRONG": "✗", "UNKNOWN": "?"}.get(self.name, "–")


@dataclass(frozen=True, eq=False)
class Judgement:
    """A run's predictions, laid over the data set that is open.

    Attributes:
        run: Its directory.
        predictions: Its judged test objects.
        row_O: The row of each object in the predictions; -1: not judged.
        score_N: Confidence that the object is of a known class: its max softmax score.
        threshold: Objects below it are unknown: chosen on validation data, or where none was, of
            these known objects; None: no class was withheld, so none is.
        is_softmax: Whether score_NC holds logits, not cosines.
    """

    run: Run
    predictions: Predictions
    row_O: IntArray
    score_N: FloatArray
    threshold: float | None
    is_softmax: bool

    def verdicts(self, threshold: float | None) -> IntArray:
        """Returns each object's Verdict, int64, shape (O,).

        Args:
            threshold: Objects that score lower are unknown; None: none is.
        """
        label_N, predicted_N = self.predictions.label_N, self.predictions.predicted_N
        verdict_N = np.where(label_N == predicted_N, Verdict.RIGHT, Verdict.WRONG)
        if threshold is not None:
            verdict_N = np.where(self.score_N < threshold, Verdict.UNKNOWN, verdict_N)
        judged_O = self.row_O >= 0
        verdict_O = np.full(len(self.row_O), Verdict.NOT_JUDGED, dtype=np.int64)
        verdict_O[judged_O] = verdict_N[self.row_O[judged_O]]
        return verdict_O

    def nearest(self, row: int, count: int = 5) -> list[tuple[str, float]]:
        """Returns the best class names of one judged object, with cosine or probability."""
        score_C = self.likeness(row)
        best = np.argsort(-score_C, kind="stable")[:count]
        return [(self.predictions.classes[i], float(score_C[i])) for i in best]

    def likeness(self, row: int) -> FloatArray:
        """Returns the cosine to each class mean, or softmax probabilities; shape (C,)."""
        score_C: FloatArray = self.predictions.score_NC[row].astype(np.float64)
        score_C = np.where(np.isnan(score_C), -np.inf, score_C)
        if not self.is_softmax:
            return score_C
        power_C = np.exp(score_C - score_C.max())
        result: FloatArray = power_C / power_C.sum()
        return result


@dataclass(frozen=True)
class NoJudgement:
    """Why there are no predictions to show.

    Attributes:
        text: A sentence.
        hint: What to do.
    """

    text: str
    hint: str = ""


def read_judgement(run: Run, index: DatasetIndex) -> Judgement | NoJudgement:
    """Reads a run's predictions and finds their objects; slow, for a worker."""
    try:
        metrics = run.metrics()
        if metrics is None:
            ended = run.outcome() is not None
            hint = "The Results page judges it." if ended else "It is when it ends."
            return NoJudgement(f"{run.name} has not been judged.", hint)
        predictions = run.predictions()
        environment = run.environment()
        is_softmax = run.config.objective.method == "softmax"
    except AkinError as error:
        return NoJudgement(error.message, error.hint)
    object_N = match_objects(predictions, index, environment.get("data_fingerprint"))
    if object_N is None:
        data = environment.get("data_name") or "other data"
        return NoJudgement(f"{run.name} was judged on {data}.", "Open that data to see its boxes.")
    row_O = np.full(len(index.label_N), -1, dtype=np.int64)
    row_O[object_N] = np.arange(len(object_N), dtype=np.int64)
    score_N = max_softmax_score(predictions.score_NC)
    known_N = predictions.label_N >= 0
    threshold = None
    if known_N.any() and not known_N.all():
        threshold = validated_threshold(metrics, OOD_SCORE)
        if threshold is None:
            threshold = threshold_at_tpr(score_N[known_N])
    return Judgement(run, predictions, row_O, score_N, threshold, is_softmax)


@dataclass(frozen=True)
class Filter:
    """What an object must be for its image to be shown; the defaults let everything through.

    Attributes:
        split: Images of this split only; "": all.
        label: Class; ANY.
        verdict: A Verdict; ANY.
        difficult_only: Objects flagged difficult only.
        objects: Only these objects of the data set; None: all.
    """

    split: str = ""
    label: int = ANY
    verdict: int = ANY
    difficult_only: bool = False
    objects: tuple[int, ...] | None = None

    @property
    def asks_for_objects(self) -> bool:
        """Whether images without a matching object are left out."""
        return (
            self.label != ANY
            or self.verdict != ANY
            or self.difficult_only
            or self.objects is not None
        )


@dataclass(frozen=True, eq=False)
class Found:
    """What passes a filter, and what each choice of it would give.

    Attributes:
        images: Image indices, ascending.
        objects: Object indices, ascending; all of them pass.
        class_counts_C: Objects of each class, were no class chosen.
        verdict_counts: Objects of each Verdict, were none chosen; ANY: all.
        difficult: Difficult objects, were they not asked for.
        split_images: Images of each split; "": all.
    """

    images: IntArray
    objects: IntArray
    class_counts_C: IntArray
    verdict_counts: Mapping[int, int]
    difficult: int
    split_images: Mapping[str, int]


def find(index: DatasetIndex, verdict_O: IntArray | None, chosen: Filter) -> Found:
    """Applies a filter.

    Args:
        index: The data set.
        verdict_O: Verdict of each object; None: no run is judged.
        chosen: The filter.
    """
    count = len(index.label_N)
    verdicts = verdict_O if verdict_O is not None else np.zeros(count, dtype=np.int64)
    base = _in_split(index, chosen.split)[index.image_index_N]
    if chosen.objects is not None:
        base &= np.isin(np.arange(count), np.array(chosen.objects, dtype=np.int64))
    of_class = index.label_N == chosen.label if chosen.label != ANY else np.ones(count, np.bool_)
    of_verdict = verdicts == chosen.verdict if chosen.verdict != ANY else np.ones(count, np.bool_)
    as_hard = index.difficult_N if chosen.difficult_only else np.ones(count, np.bool_)
    passing = base & of_class & of_verdict & as_hard
    objects = np.flatnonzero(passing).astype(np.int64)
    if chosen.asks_for_objects:
        images = np.unique(index.image_index_N[objects])
    else:
        images = np.flatnonzero(_in_split(index, chosen.split))
    labels = index.label_N[base & of_verdict & as_hard]
    judged = verdicts[base & of_class & as_hard]
    by_verdict = {int(v): int(np.count_nonzero(judged == v)) for v in Verdict}
    return Found(
        images=images.astype(np.int64),
        objects=objects,
        class_counts_C=np.bincount(labels, minlength=len(index.classes)).astype(np.int64),
        verdict_counts=by_verdict | {ANY: len(judged)},
        difficult=int(np.count_nonzero(base & of_class & of_verdict & index.difficult_N)),
        split_images={"": len(index.image_ids)} | {k: len(v) for k, v in index.splits.items()},
    )


def _in_split(index: DatasetIndex, split: str) -> BoolArray:
    if not split:
        return np.ones(len(index.image_ids), dtype=np.bool_)
    inside = np.zeros(len(index.image_ids), dtype=np.bool_)
    inside[index.splits[split]] = True
    return inside


@dataclass(frozen=True, eq=False)
class Tiles:
    """What the grid says of an image or an object.

    Attributes:
        index: The data set.
        judgement: The run; None: no run is judged.
        verdict_O: Verdict of each object, with a judgement.
    """

    index: DatasetIndex
    judgement: Judgement | None
    verdict_O: IntArray | None

    def image_words(self, image: int) -> str:
        """Returns how many objects an image has, or how they fared."""
        objects = self.index.objects_of_image(image)
        if not len(objects):
            return ""
        parts = []
        if self.verdict_O is not None:
            verdicts = self.verdict_O[objects].tolist()
            for verdict in (Verdict.RIGHT, Verdict.WRONG, Verdict.UNKNOWN):
                if count := verdicts.count(verdict):
                    parts.append(f"{verdict.mark} {count}")
        return "  ".join(parts) if parts else str(len(objects))

    def object_words(self, at: int) -> str:
        """Returns the verdict on an object, and what it was taken for."""
        if self.judgement is None or self.verdict_O is None or self.judgement.row_O[at] < 0:
            return ""
        verdict = Verdict(int(self.verdict_O[at]))
        predictions = self.judgement.predictions
        name = predictions.classes[int(predictions.predicted_N[self.judgement.row_O[at]])]
        return verdict.mark if verdict is Verdict.RIGHT else f"{verdict.mark} {name}"

    def has_error(self, item: int, kind: str) -> bool:
        """Tells whether an image has a wrong object, or an object is wrong."""
        if self.verdict_O is None:
            return False
        objects = self.index.objects_of_image(item) if kind == "image" else np.array([item])
        return bool((self.verdict_O[objects] == Verdict.WRONG).any())

    def error_from(self, items: Sequence[int], kind: str, row: int, step: int = 1) -> int:
        """Returns the next row with an error in one direction, going round; -1: there is none."""
        count = len(items)
        rows = ((row + step * far) % count for far in range(1, count + 1))
        return next((at for at in rows if self.has_error(items[at], kind)), -1)
