"""Detections in files: COCO's results format, with names in place of numbers.

A file is a JSON list of {"image_id": "000001", "category": "dog", "bbox": [x, y, width, height],
"score": 0.9}: the image file's stem, the class, 0-based pixels, a confidence in [0, 1]. "unknown"
is a category for what is of no known class, "object" for what nobody classified.

Shape suffixes: M detections.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from core.data.images import IMAGE_SUFFIXES
from core.data.index import OBJECT, BoolArray, DatasetIndex, IntArray
from core.errors import DataError
from core.files import write_atomically
from core.ranking import nearest

Float64Array = npt.NDArray[np.float64]
Item = Mapping[str, Any]

UNKNOWN = "unknown"
LARGEST_FILE_BYTES = 2 * 1024**3
LARGEST_PX = 1e9
BLOCK = 4_000
_EXAMPLE = (
    'Each item is {"image_id": "000001", "category": "dog", "bbox": [x, y, width, height], '
    '"score": 0.9}.'
)
_LIST_HINT = f"Choose a JSON list. {_EXAMPLE}"
_SKIPPED = -2
_SUFFIXES = {".xml", *IMAGE_SUFFIXES}
_KEYS = ("image_id", "category", "bbox", "score")
_BLANK = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, eq=False)
class DetectionSet:
    """What was found in the images of a data set, in the order of the file.

    Attributes:
        image_index_M: Image of the DatasetIndex, int64.
        label_M: Index into its classes, int64; -1: found, but of no known class, or of none.
        box_xywh_M4: Left, top, width and height in pixels, 0-based, float64.
        score_M: Confidence in [0, 1], float64.
    """

    image_index_M: IntArray
    label_M: IntArray
    box_xywh_M4: Float64Array
    score_M: Float64Array

    def __post_init__(self) -> None:
        count = len(self.image_index_M)
        assert self.box_xywh_M4.shape == (count, 4)
        assert self.label_M.shape == self.score_M.shape == (count,)

    def __len__(self) -> int:
        return len(self.image_index_M)

    @property
    def box_xyxy_M4(self) -> Float64Array:
        """The boxes' corners; x2 and y2 exclusive."""
        corner_M2 = self.box_xywh_M4[:, :2]
        return np.concatenate([corner_M2, corner_M2 + self.box_xywh_M4[:, 2:]], axis=1)

    @property
    def is_class_agnostic(self) -> bool:
        """Whether boxes were found and none of them has a class."""
        return len(self) > 0 and bool((self.label_M < 0).all())

    def as_one_class(self) -> DetectionSet:
        """Returns them for `DatasetIndex.class_agnostic`: all of its only class."""
        return replace(self, label_M=np.zeros_like(self.label_M))

    def take(self, rows: IntArray | BoolArray) -> DetectionSet:
        """Returns some of them, by number or by mask."""
        return DetectionSet(
            self.image_index_M[rows],
            self.label_M[rows],
            self.box_xywh_M4[rows],
            self.score_M[rows],
        )


# ----- reading -----


def read_detections(
    path: Path, index: DatasetIndex, on_skipped: Callable[[int], None] | None = None
) -> DetectionSet:
    """Reads the detections in a data set's images.

    Further keys are ignored; boxes may reach outside their image; the categories "unknown" and
    "object" are detections without a class. Other threads run meanwhile.

    Args:
        path: The file.
        index: The data set.
        on_skipped: Called with the number of detections that were left out because the data set
            skipped their image or its annotation as damaged; not called if there are none.

    Raises:
        DataError: The file cannot be read, or an item of it makes no sense; the first is named.
    """
    reader = _Reader(path.name, index)
    parts: list[DetectionSet] = []
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise DataError(
                f"{path} is larger than {LARGEST_FILE_BYTES / 1024**3:.0f} GiB.",
                "Keep the 100 best detections of each image, or evaluate in parts.",
            )
        items = _items(path.read_bytes(), path)
        while block := list(islice(items, BLOCK)):
            parts.append(reader.read(block, BLOCK * len(parts)))
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}.",
            "Give the file that a detector wrote.",
        ) from error
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path} is not valid JSON ({reason}).", _LIST_HINT) from error
    except MemoryError as error:
        raise DataError(
            f"{path} does not fit in memory.", "Keep the 100 best detections of each image."
        ) from error
    found = _joined(parts)
    usable_M = found.image_index_M != _SKIPPED
    if on_skipped is not None and not usable_M.all():
        on_skipped(int(np.count_nonzero(~usable_M)))
    return found.take(usable_M)


def _joined(parts: list[DetectionSet]) -> DetectionSet:
    nothing = np.zeros(0, dtype=np.int64)
    parts = [DetectionSet(nothing, nothing, np.zeros((0, 4)), np.zeros(0)), *parts]
    return DetectionSet(
        np.concatenate([part.image_index_M for part in parts]),
        np.concatenate([part.label_M for part in parts]),
        np.concatenate([part.box_xywh_M4 for part in parts]),
        np.concatenate([part.score_M for part in parts]),
    )


def _items(data: bytes, path: Path) -> Iterator[Any]:
    """Yields the items of a JSON list; decoding them at once would hold up all threads."""
    text = data.decode(json.detect_encoding(data))
    start = _skip_blank(text, 0)
    if text[start : start + 1] != "[":
        json.loads(text)
        raise DataError(f"{path} holds no list of detections.", _LIST_HINT)
    decode = json.JSONDecoder().raw_decode
    at = _skip_blank(text, start + 1)
    closed = text[at : at + 1] == "]"
    while not closed:
        item, at = decode(text, at)
        yield item
        at = _skip_blank(text, at)
        closed = text[at : at + 1] == "]"
        if not closed:
            if text[at : at + 1] != ",":
                raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
            at = _skip_blank(text, at + 1)
    if _skip_blank(text, at + 1) != len(text):
        raise json.JSONDecodeError("Extra data", text, at + 1)


def _skip_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    assert found is not None
    return found.end()


class _Reader:
    """Makes arrays of a file's items, some at a time; says which makes no sense, and why.

    Args:
        name: The file's.
        index: The data set.
    """

    def __init__(self, name: str, index: DatasetIndex) -> None:
        self._name = name
        self._index = index
        damaged = {p.path.stem for p in index.problems if p.path.suffix.lower() in _SUFFIXES}
        self._images = dict.fromkeys(damaged, _SKIPPED)
        self._images |= {image_id: at for at, image_id in enumerate(index.image_ids)}
        self._labels = {UNKNOWN: -1, OBJECT: -1} | {
            name: at for at, name in enumerate(index.classes)
        }

    def read(self, items: list[Any], first: int) -> DetectionSet:
        """Reads items, of which the first has a number, from 0, in the file."""
        self._start = first
        if set(map(type, items)) - {dict}:
            at = next(at for at, item in enumerate(items) if not isinstance(item, dict))
            raise self._error(at, "is no JSON object.", _EXAMPLE)
        names, categories, boxes, scores = (self._column(items, key) for key in _KEYS)
        return DetectionSet(
            self._image_indices(names),
            self._label_numbers(categories),
            self._boxes(boxes),
            self._scores(scores),
        )

    def _error(self, at: int, what: str, hint: str) -> DataError:
        return DataError(f"Item {self._start + at + 1} of {self._name} {what}", hint)

    def _column(self, items: list[Any], key: str) -> list[Any]:
        try:
            return [item[key] for item in items]
        except KeyError:
            at = next(at for at, item in enumerate(items) if key not in item)
            raise self._error(at, f"has no {key}.", _EXAMPLE) from None

    def _image_indices(self, names: list[Any]) -> IntArray:
        image_index_M = _numbered(names, self._images)
        if (at := _first(image_index_M == -1)) is not None:
            index = self._index
            raise self._error(
                at,
                f"names the image {_shown(names[at])}, which {index.name} does not have.",
                "image_id is an image file's name without its ending, as text, such as "
                f"{_shown(index.image_ids[0])}.",
            )
        return image_index_M

    def _label_numbers(self, names: list[Any]) -> IntArray:
        label_M = _numbered(names, self._labels, missing=-2)
        if (at := _first(label_M == -2)) is not None:
            raise self._error(
                at,
                f"has the category {_shown(names[at])}, which is no class of {self._index.name}.",
                nearest(str(names[at]), self._index.classes, "Correct the category"),
            )
        return label_M

    def _boxes(self, boxes: list[Any]) -> Float64Array:
        shapely = not set(map(type, boxes)) - {list} and not set(map(len, boxes)) - {4}
        if not shapely or _has_other_than_numbers(chain.from_iterable(boxes)):
            at = next(at for at, box in enumerate(boxes) if not _is_four_numbers(box))
            what = f"has a bbox that is not four numbers: {_shown(boxes[at])}."
            raise self._error(at, what, _EXAMPLE)
        box_xywh_M4 = _array(list(chain.from_iterable(boxes))).reshape(-1, 4)
        for is_wrong_M, what, hint in (
            (
                ~np.isfinite(box_xywh_M4).all(axis=1),
                "a bbox with a number that is not finite",
                "Correct the detector, or leave such boxes out.",
            ),
            (
                (box_xywh_M4[:, 2:] < 0).any(axis=1),
                "an inverted bbox",
                "bbox is [x, y, width, height], not two corners; neither size is negative.",
            ),
            (
                (np.abs(box_xywh_M4) > LARGEST_PX).any(axis=1),
                "a bbox beyond any image",
                "bbox is [x, y, width, height] in pixels.",
            ),
        ):
            if (wrong := _first(is_wrong_M)) is not None:
                raise self._error(wrong, f"has {what}: {_shown(boxes[wrong])}.", hint)
        return box_xywh_M4

    def _scores(self, scores: list[Any]) -> Float64Array:
        if _has_other_than_numbers(scores):
            at = next(at for at, score in enumerate(scores) if not _is_number(score))
            what = f"has a score that is no number: {_shown(scores[at])}."
            raise self._error(at, what, _EXAMPLE)
        score_M = _array(scores)
        if (wrong := _first(~((score_M >= 0) & (score_M <= 1)))) is not None:
            raise self._error(
                wrong,
                f"has the score {_shown(scores[wrong])}, outside 0 to 1.",
                "A score is a confidence from 0 to 1; logits are none.",
            )
        return score_M


def _numbered(names: list[Any], numbers: Mapping[str, int], missing: int = -1) -> IntArray:
    if not set(map(type, names)) - {str}:
        found = [numbers.get(name, missing) for name in names]
    else:
        found = [numbers.get(n, missing) if isinstance(n, str) else missing for n in names]
    return np.array(found, dtype=np.int64)


def _array(numbers: list[Any]) -> Float64Array:
    try:
        return np.array(numbers, dtype=np.float64)
    except OverflowError:
        return np.array([_float(number) for number in numbers], dtype=np.float64)


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return np.inf


def _has_other_than_numbers(values: Iterable[Any]) -> bool:
    return bool(set(map(type, values)) - {int, float})


def _is_number(value: Any) -> bool:
    return type(value) in {int, float}


def _is_four_numbers(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


def _first(wrong_M: BoolArray | np.bool_) -> int | None:
    rows = np.flatnonzero(wrong_M)
    return int(rows[0]) if len(rows) else None


def _shown(value: Any) -> str:
    text = json.dumps(value) if type(value) is not int else f"{_float(value):.6g}"
    return text if len(text) <= 60 else text[:57] + "..."


# ----- writing -----


def detection_items(index: DatasetIndex, found: DetectionSet) -> Iterator[Item]:
    """Yields detections as the file's items."""
    for image, label, box, score in zip(
        found.image_index_M.tolist(),
        found.label_M.tolist(),
        found.box_xywh_M4.tolist(),
        found.score_M.tolist(),
        strict=True,
    ):
        category = index.classes[label] if label >= 0 else UNKNOWN
        yield {
            "image_id": index.image_ids[image],
            "category": category,
            "bbox": box,
            "score": score,
        }


def write_detections(path: Path, items: Iterable[Item]) -> int:
    """Writes detections one a line as they come, so that any number needs no memory.

    The file is there once it is complete, or not at all.

    Args:
        path: The file; an old one is replaced.
        items: As in the module's description; further keys are kept.

    Returns:
        How many were written.

    Raises:
        RunError: It cannot be written.
    """
    count = 0

    def write(file: IO[bytes]) -> None:
        nonlocal count
        file.write(b"[")
        for item in items:
            file.write(b",\n" if count else b"\n")
            file.write(json.dumps(item, ensure_ascii=False, allow_nan=False).encode())
            count += 1
        file.write(b"\n]\n")

    write_atomically(path, write)
    return count
