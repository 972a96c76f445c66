"""Outcomes, filters and walks over a file's boxes, against plain loops."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from core.data import DatasetIndex, open_dataset
from core.errors import DataError
from core.evaluation.average_precision import Match
from gui.pages.detections_boxes import (
    ANY,
    OFFERED,
    BoxFilter,
    FileBoxes,
    Outcome,
    boxes_of_image,
    find_boxes,
    read_boxes,
    tiles_of,
)
from tests.gui.pages.detection_files import write_found


@pytest.fixture(scope="module")
def index(tiny_voc: Path) -> DatasetIndex:
    found = open_dataset(tiny_voc)
    return dataclasses.replace(found, difficult_N=np.arange(len(found.label_N)) % 7 == 0)


@pytest.fixture(scope="module")
def boxes(index: DatasetIndex, tmp_path_factory: pytest.TempPathFactory) -> FileBoxes:
    path = tmp_path_factory.mktemp("found") / "found.json"
    write_found(path, index)
    return read_boxes(path, index)


def test_the_split_is_the_files_own(boxes: FileBoxes, index: DatasetIndex, tmp_path: Path) -> None:
    assert boxes.home == "test"
    assert set(boxes.figures) == {"", *index.splits}
    path = tmp_path / "all.json"
    path.write_text("[]")
    assert read_boxes(path, index).home == ""
    path.write_text("{")
    with pytest.raises(DataError):
        read_boxes(path, index)


@pytest.mark.parametrize("threshold", [0.0, 0.55, 1.0])
def test_outcomes(boxes: FileBoxes, index: DatasetIndex, threshold: float) -> None:
    outcome_B = boxes.outcomes(threshold)
    matching, many = boxes.matching, len(boxes.found)
    kinds = set()
    for row in range(many):
        expected = {
            Match.TRUE_POSITIVE: Outcome.TRUE_POSITIVE,
            Match.FALSE_POSITIVE: Outcome.FALSE_POSITIVE,
            Match.IGNORED: Outcome.DIFFICULT,
        }[Match(matching.match_M[row])]
        if boxes.found.label_M[row] < 0:
            expected = Outcome.UNKNOWN
        assert outcome_B[row] == expected
        kinds.add(expected)
    for at in range(len(index.label_N)):
        finder = matching.found_by_N[at]
        expected = Outcome.MISSED
        if finder >= 0 and boxes.found.score_M[finder] >= threshold:
            expected = Outcome.FOUND
        if index.difficult_N[at]:
            expected = Outcome.DIFFICULT
        assert outcome_B[many + at] == expected
        kinds.add(expected)
    assert kinds == set(Outcome) - ({Outcome.FOUND} if threshold == 1.0 else set())


def test_unknown_detections_overlap_objects_of_any_class(
    boxes: FileBoxes, index: DatasetIndex
) -> None:
    unknown = np.flatnonzero(boxes.found.label_M < 0)
    assert len(unknown)
    for row in unknown.tolist():
        x1, y1, x2, y2 = boxes.xyxy_B4[row]
        best = 0.0
        for at in index.objects_of_image(int(boxes.image_B[row])).tolist():
            a1, b1, a2, b2 = index.box_xyxy_N4[at].tolist()
            shared = max(0, min(x2, a2) - max(x1, a1)) * max(0, min(y2, b2) - max(y1, b1))
            both = (x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - shared
            best = max(best, shared / both)
        assert best > 0.5
        assert boxes.iou_B[row] == pytest.approx(best, abs=1e-9)


FILTERS = [
    BoxFilter(),
    BoxFilter("test"),
    BoxFilter("test", outcome=Outcome.FALSE_POSITIVE),
    BoxFilter("test", outcome=Outcome.MISSED, score=(0.5, 1.0)),
    BoxFilter("test", outcome=Outcome.DIFFICULT),
    BoxFilter("test", label=3),
    BoxFilter("test", score=(0.4, 0.7)),
    BoxFilter("test", iou=(0.1, 1.0)),
    BoxFilter("train", size="large"),
    BoxFilter("test", size="medium", outcome=Outcome.TRUE_POSITIVE),
]


@pytest.mark.parametrize("chosen", FILTERS)
def test_filters_agree_with_a_plain_loop(
    boxes: FileBoxes, index: DatasetIndex, chosen: BoxFilter
) -> None:
    found = find_boxes(boxes, chosen)
    outcome_B = boxes.outcomes(chosen.score[0])
    inside = range(len(index.image_ids)) if not chosen.split else index.splits[chosen.split]
    images, outcomes, classes, passing = set(), dict.fromkeys(Outcome, 0), {}, []
    for row in range(len(boxes.image_B)):
        outcome, is_detection = Outcome(outcome_B[row]), row < len(boxes.found)
        if boxes.image_B[row] not in inside or outcome is Outcome.FOUND:
            continue
        if is_detection:
            if not chosen.score[0] <= boxes.score_B[row] <= chosen.score[1]:
                continue
            if not chosen.iou[0] <= boxes.iou_B[row] <= chosen.iou[1]:
                continue
        elif chosen.iou != (0.0, 1.0) or chosen.score[1] < 1:
            continue
        x1, y1, x2, y2 = boxes.xyxy_B4[row]
        area = (x2 - x1) * (y2 - y1)
        size = "small" if area < 1024 else "medium" if area < 9216 else "large"
        if chosen.size and size != chosen.size:
            continue
        same_class = chosen.label in {ANY, int(boxes.label_B[row])}
        same_outcome = chosen.outcome in {ANY, int(outcome)}
        if same_class:
            outcomes[outcome] += 1
        if same_outcome:
            classes[int(boxes.label_B[row])] = classes.get(int(boxes.label_B[row]), 0) + 1
        if same_class and same_outcome:
            images.add(int(boxes.image_B[row]))
            passing.append(row)
    assert np.flatnonzero(found.passing_B).tolist() == passing
    expected = images if chosen.asks_for_boxes else set(inside)
    assert set(found.images.tolist()) == expected
    assert {o: found.outcome_counts[o] for o in Outcome} == outcomes
    assert found.outcome_counts[ANY] == sum(outcomes[o] for o in OFFERED)
    assert [found.class_counts[label] for label in range(len(index.classes))] == [
        classes.get(label, 0) for label in range(len(index.classes))
    ]
    assert found.class_counts[ANY] == sum(classes.values())
    assert found.detections == sum(
        row < len(boxes.found) and outcome_B[row] != Outcome.DIFFICULT for row in passing
    )


def test_tiles_count_and_walk_to_errors(boxes: FileBoxes) -> None:
    found = find_boxes(boxes, BoxFilter("test"))
    tiles, items = tiles_of(boxes, found), tuple(found.images.tolist())
    bad = {
        int(boxes.image_B[row])
        for row in np.flatnonzero(found.passing_B)
        if found.outcome_B[row] in {Outcome.FALSE_POSITIVE, Outcome.MISSED}
    }
    assert 0 < len(bad) <= len(items)
    walked, row = [], -1
    for _ in bad:
        row = tiles.error_from(items, row, 1)
        walked.append(items[row])
    assert walked == sorted(bad)
    assert tiles.error_from(items, items.index(walked[0]), -1) == items.index(walked[-1])
    image = walked[0]
    assert f"✗ {tiles.counts_IO[image][Outcome.FALSE_POSITIVE]}" in tiles.words(image) or (
        f"○ {tiles.counts_IO[image][Outcome.MISSED]}" in tiles.words(image)
    )
    right = find_boxes(boxes, BoxFilter("test", outcome=Outcome.TRUE_POSITIVE))
    assert tiles_of(boxes, right).error_from(tuple(right.images.tolist()), 0, 1) == -1


def test_an_image_shows_what_passes_and_all_its_objects(
    boxes: FileBoxes, index: DatasetIndex
) -> None:
    found = find_boxes(boxes, BoxFilter("test", outcome=Outcome.FALSE_POSITIVE))
    image = int(found.images[0])
    rows = boxes_of_image(boxes, found, image, 0.0)
    detections = [row for row in rows if boxes.is_detection(row)]
    assert detections
    assert all(found.outcome_B[row] == Outcome.FALSE_POSITIVE for row in detections)
    assert [boxes.score_B[row] for row in detections] == sorted(
        (boxes.score_B[row] for row in detections), reverse=True
    )
    objects = [row - len(boxes.found) for row in rows if not boxes.is_detection(row)]
    assert objects == index.objects_of_image(image).tolist()
