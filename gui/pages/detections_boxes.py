"""Detections of a file laid over a data set: what each box comes to, and which pass the filters.

Every box of the file and every annotated object is one row: the detections first, then the objects.

Shape suffixes: M detections, N objects, B both, I images, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.data.index import BoolArray, DatasetIndex, IntArray
from core.detection.detections_io import UNKNOWN, DetectionSet, read_detections
from core.evaluation.average_precision import (
    Match,
    Matching,
    PrecisionRecall,
    Truth,
    match_detections,
    precision_recall,
    truth_of,
    voc_all_point,
)
from core.evaluation.proposal_recall import match_proposals

FloatArray = npt.NDArray[np.float64]
ANY = -1
SMALL_PX2, LARGE_PX2 = 32**2, 96**2
SIZES = ("small", "medium", "large")


class Outcome(IntEnum):
    """What a detection, or an object, comes to.

    DIFFICULT is an object that VOC calls so, or a detection of one; FOUND is an object with a true
    positive.
    """

    TRUE_POSITIVE = 0
    FALSE_POSITIVE = 1
    MISSED = 2
    UNKNOWN = 3
    DIFFICULT = 4
    FOUND = 5

    @property
    def word(self) -> str:
        return self.name.lower().replace("_", " ")

    @property
    def mark(self) -> str:
        return {"TRUE_POSITIVE": "✓", "FALSE_POSITIVE": "✗", "MISSED": "○", "UNKNOWN": "?"}.get(
            self.name, "·"
        )


OFFERED = tuple(outcome for outcome in Outcome if outcome is not Outcome.FOUND)
ERRORS = (Outcome.FALSE_POSITIVE, Outcome.MISSED)


@dataclass(frozen=True, eq=False)
class SplitFigures:
    """Average precision in one split.

    Attributes:
        curves: Precision and recall of each class, at IoU 0.5.
        ap_C: VOC's all-point average precision; None without objects.
    """

    curves: tuple[PrecisionRecall, ...]
    ap_C: tuple[float | None, ...]

    @property
    def mean(self) -> float | None:
        counted = [value for value in self.ap_C if value is not None]
        return float(np.mean(counted)) if counted else None


@dataclass(frozen=True, eq=False)
class FileBoxes:
    """The detections of a file, matched with the objects of the data set that is open.

    Attributes:
        path: The file.
        index: The data set.
        found: Its detections, M.
        is_proposals: None of the detections has a class: what counts is which objects they find.
        matching: Against all objects of the data set, at IoU 0.5.
        home: The smallest split with all images of the file; "": none, all images.
        figures: Of each split; "": all images.
        image_B: Image of each box.
        label_B: Class; -1: unknown.
        xyxy_B4: Corners.
        score_B: Of the detections; NaN for objects.
        iou_B: With the object of the same class that it overlaps most, for detections of no known
            class with any object; NaN for objects.
        difficult_B: The object is difficult, or the detection's best one is.
        size_B: Index into SIZES.
    """

    path: Path
    index: DatasetIndex
    found: DetectionSet
    is_proposals: bool
    matching: Matching
    home: str
    figures: Mapping[str, SplitFigures]
    image_B: IntArray
    label_B: IntArray
    xyxy_B4: FloatArray
    score_B: FloatArray
    iou_B: FloatArray
    difficult_B: BoolArray
    size_B: IntArray

    def outcomes(self, threshold: float) -> IntArray:
        """Returns the Outcome of each box, were detections below a score left out; (B,)."""
        matching, index = self.matching, self.index
        by_match = np.zeros(len(Match), dtype=np.int64)
        by_match[Match.TRUE_POSITIVE] = Outcome.TRUE_POSITIVE
        by_match[Match.FALSE_POSITIVE] = Outcome.FALSE_POSITIVE
        by_match[Match.IGNORED] = Outcome.DIFFICULT
        outcome_M = by_match[matching.match_M]
        outcome_M[self.found.label_M < 0] = Outcome.UNKNOWN
        is_found_N = matching.found_by_N >= 0
        is_found_N[is_found_N] = self.found.score_M[matching.found_by_N[is_found_N]] >= threshold
        outcome_N = np.where(is_found_N, Outcome.FOUND, Outcome.MISSED)
        outcome_N[index.difficult_N] = Outcome.DIFFICULT
        return np.concatenate([outcome_M, outcome_N]).astype(np.int64)

    def is_detection(self, row: int) -> bool:
        return row < len(self.found)

    def class_name(self, row: int) -> str:
        label = int(self.label_B[row])
        if label >= 0:
            return self.index.classes[label]
        return "proposal" if self.is_proposals else UNKNOWN

    def recall_of_classes(self, split: str, threshold: float) -> tuple[IntArray, IntArray]:
        """Returns each class's objects in a split, and how many of them were found; (C,) each.

        Difficult ones are left out.
        """
        index = self.index
        counts_N = ~index.difficult_N
        if split:
            counts_N &= np.isin(index.image_index_N, index.splits[split])
        outcome_N = self.outcomes(threshold)[len(self.found) :]
        found_N = counts_N & (outcome_N == Outcome.FOUND)
        objects_C, found_C = (
            np.bincount(index.label_N[rows_N], minlength=len(index.classes)).astype(np.int64)
            for rows_N in (counts_N, found_N)
        )
        return objects_C, found_C


def read_boxes(
    path: Path, index: DatasetIndex, should_stop: Callable[[], bool] = lambda: False
) -> FileBoxes:
    """Reads a file and matches its detections; slow, for a worker.

    Raises:
        DataError: See `read_detections`.
    """
    found = read_detections(path, index)
    truth = truth_of(index, np.arange(len(index.image_ids), dtype=np.int64))
    is_proposals = found.is_class_agnostic
    matching = (match_proposals if is_proposals else match_detections)(truth, found)
    splits: dict[str, IntArray] = {"": truth.images} | dict(index.splits)
    figures = {}
    for name, images in splits.items():
        if not should_stop():
            figures[name] = _figures(index, images, found)
    used = np.unique(found.image_index_M)
    covering = [name for name, images in splits.items() if np.isin(used, images).all()]
    hard_M = np.zeros(len(found), dtype=np.bool_)
    near = matching.match_M == Match.IGNORED
    hard_M[near & (found.label_M >= 0)] = True
    xyxy_B4 = np.concatenate([found.box_xyxy_M4, index.box_xyxy_N4.astype(np.float64)])
    nothing_N = np.full(len(index.label_N), np.nan)
    return FileBoxes(
        path=path,
        index=index,
        found=found,
        is_proposals=is_proposals,
        matching=matching,
        home=min(covering, key=lambda name: len(splits[name])) if len(used) else "",
        figures=figures,
        image_B=np.concatenate([found.image_index_M, index.image_index_N]),
        label_B=np.concatenate([found.label_M, index.label_N]),
        xyxy_B4=xyxy_B4,
        score_B=np.concatenate([found.score_M, nothing_N]),
        iou_B=np.concatenate([_overlaps(truth, found, matching), nothing_N]),
        difficult_B=np.concatenate([hard_M, index.difficult_N]),
        size_B=_sizes(xyxy_B4),
    )


def _overlaps(truth: Truth, found: DetectionSet, matching: Matching) -> FloatArray:
    unknown = np.flatnonzero(found.label_M < 0)
    if not len(unknown):
        return matching.iou_M
    alike = replace(truth, label_N=np.zeros_like(truth.label_N))
    others = found.take(unknown)
    others = others.as_one_class()
    iou_M = matching.iou_M.copy()
    iou_M[unknown] = match_detections(alike, others).iou_M
    return iou_M


def _figures(index: DatasetIndex, images: IntArray, found: DetectionSet) -> SplitFigures:
    truth = truth_of(index, images)
    inside = found.take(np.isin(found.image_index_M, images))
    curves = precision_recall(truth, inside, match_detections(truth, inside))
    return SplitFigures(curves, tuple(voc_all_point(curve) for curve in curves))


@dataclass(frozen=True)
class BoxFilter:
    """What a box must be to be shown; the defaults let everything through.

    Attributes:
        split: Images of this split only; "": all.
        outcome: An Outcome; ANY.
        label: Class; ANY.
        score: Lowest and highest; detections below the lowest do not exist: what they had found is
            missed.
        iou: Lowest and highest; objects have none and pass the whole range only.
        size: One of SIZES, by COCO's limits; "": all.
    """

    split: str = ""
    outcome: int = ANY
    label: int = ANY
    score: tuple[float, float] = (0.0, 1.0)
    iou: tuple[float, float] = (0.0, 1.0)
    size: str = ""

    @property
    def asks_for_boxes(self) -> bool:
        """Whether images without a matching box are left out."""
        return self != BoxFilter(split=self.split)


@dataclass(frozen=True, eq=False)
class FoundBoxes:
    """What passes a filter, and what each choice of it would give.

    Attributes:
        images: Image indices, ascending.
        passing_B: Which boxes pass.
        outcome_B: An Outcome each.
        outcome_counts: Boxes of each Outcome, were none chosen; ANY: all.
        class_counts: Boxes of each class, were none chosen; ANY: all, those of no class too.
        size_counts: Boxes of each size, were none chosen; "": all.
    """

    images: IntArray
    passing_B: BoolArray
    outcome_B: IntArray
    outcome_counts: Mapping[int, int]
    class_counts: Mapping[int, int]
    size_counts: Mapping[str, int]

    @property
    def detections(self) -> int:
        """How many detections pass."""
        return int(np.count_nonzero(self.passing_B & np.isin(self.outcome_B, _OF_DETECTIONS)))


_OF_DETECTIONS = (Outcome.TRUE_POSITIVE, Outcome.FALSE_POSITIVE, Outcome.UNKNOWN)


def find_boxes(boxes: FileBoxes, chosen: BoxFilter) -> FoundBoxes:
    """Applies a filter. Objects that were found pass with their detection, never by themselves."""
    index = boxes.index
    count, many = len(boxes.image_B), len(boxes.found)
    outcome_B = boxes.outcomes(chosen.score[0])
    inside_I = np.ones(len(index.image_ids), dtype=np.bool_)
    if chosen.split:
        inside_I[:] = False
        inside_I[index.splits[chosen.split]] = True
    base = inside_I[boxes.image_B] & (outcome_B != Outcome.FOUND)
    base[:many] &= _between(boxes.score_B[:many], chosen.score)
    base[:many] &= _between(boxes.iou_B[:many], chosen.iou)
    if chosen.iou != (0.0, 1.0) or chosen.score[1] < 1:
        base[many:] = False
    every = np.ones(count, dtype=np.bool_)
    tests = {
        "outcome": outcome_B == chosen.outcome if chosen.outcome != ANY else every,
        "label": boxes.label_B == chosen.label if chosen.label != ANY else every,
        "size": boxes.size_B == SIZES.index(chosen.size) if chosen.size else every,
    }

    def passing(*without: str) -> BoolArray:
        result: BoolArray = base.copy()
        for name, test in tests.items():
            if name not in without:
                result &= test
        return result

    through = passing()
    images = np.flatnonzero(inside_I)
    if chosen.asks_for_boxes:
        images = np.unique(boxes.image_B[through])
    outcomes = np.bincount(outcome_B[passing("outcome")], minlength=len(Outcome)).tolist()
    labels = boxes.label_B[passing("label")]
    by_class = np.bincount(labels[labels >= 0], minlength=len(index.classes)).tolist()
    sizes = np.bincount(boxes.size_B[passing("size")], minlength=len(SIZES)).tolist()
    return FoundBoxes(
        images=images.astype(np.int64),
        passing_B=through,
        outcome_B=outcome_B,
        outcome_counts={ANY: sum(outcomes)} | {int(o): outcomes[o] for o in Outcome},
        class_counts={ANY: len(labels)} | dict(enumerate(by_class)),
        size_counts={"": sum(sizes)} | dict(zip(SIZES, sizes, strict=True)),
    )


def _between(values: FloatArray, limits: tuple[float, float]) -> BoolArray:
    result: BoolArray = (values >= limits[0]) & (values <= limits[1])
    return result


def _sizes(xyxy_B4: FloatArray) -> IntArray:
    area_B = (xyxy_B4[:, 2] - xyxy_B4[:, 0]) * (xyxy_B4[:, 3] - xyxy_B4[:, 1])
    return np.digitize(area_B, [SMALL_PX2, LARGE_PX2]).astype(np.int64)


@dataclass(frozen=True, eq=False)
class BoxTiles:
    """What the grid says of an image, and where the next error is.

    Attributes:
        counts_IO: Passing boxes of each image and Outcome.
    """

    counts_IO: IntArray

    def words(self, image: int) -> str:
        counts = self.counts_IO[image]
        shown = (o for o in OFFERED if o is not Outcome.DIFFICULT and counts[o])
        return "  ".join(f"{o.mark} {counts[o]}" for o in shown)

    def error_from(self, items: tuple[int, ...], row: int, step: int) -> int:
        """Returns the next row with an error in one direction, going round; -1: there is none."""
        count = len(items)
        for far in range(1, count + 1):
            at = (row + step * far) % count
            if any(self.counts_IO[items[at]][error] for error in ERRORS):
                return at
        return -1


def tiles_of(boxes: FileBoxes, found: FoundBoxes) -> BoxTiles:
    """Counts what passes, image by image."""
    width, images = len(Outcome), len(boxes.index.image_ids)
    key_B = boxes.image_B * width + found.outcome_B
    counts = np.bincount(key_B[found.passing_B], minlength=images * width)
    return BoxTiles(counts.reshape(images, width))


def boxes_of_image(
    boxes: FileBoxes, found: FoundBoxes, image: int, lowest_score: float
) -> list[int]:
    """Returns the rows to draw over an image: what passes, and all its objects.

    Detections by falling score, then objects.
    """
    many = len(boxes.found)
    here = np.flatnonzero(boxes.image_B[:many] == image)
    here = here[found.passing_B[here] & (boxes.score_B[here] >= lowest_score)]
    here = here[np.argsort(-boxes.score_B[here], kind="stable")]
    objects = boxes.index.objects_of_image(image) + many
    return [*here.tolist(), *objects.tolist()]
