"""VOC's rules on cases worked by hand, and against the devkit's loop written out."""

from __future__ import annotations

import numpy as np
import pytest

from core.data import open_dataset
from core.detection.detections_io import DetectionSet
from core.evaluation.average_precision import (
    Match,
    PrecisionRecall,
    Truth,
    match_detections,
    paired_iou,
    precision_recall,
    truth_of,
    voc_11_point,
    voc_all_point,
)
from tests.core.evaluation.detection_cases import (
    Detection,
    Object,
    found_from,
    random_case,
    truth_from,
)

TP, FP, IGNORED = Match.TRUE_POSITIVE, Match.FALSE_POSITIVE, Match.IGNORED
A, B, FAR = (0, 0, 10, 10), (50, 50, 70, 70), (200, 200, 210, 210)


def judged(
    objects: list[Object], found: list[Detection], iou_threshold: float = 0.5
) -> tuple[list[int], PrecisionRecall]:
    """Returns the matches, and the curve of class 0."""
    truth, detections = truth_from(objects), found_from(found)
    matching = match_detections(truth, detections, iou_threshold)
    return matching.match_M.tolist(), precision_recall(truth, detections, matching)[0]


# ----- worked by hand -----


def test_two_of_three_found_with_a_false_positive_between() -> None:
    matches, curve = judged(
        [(0, 0, A, False), (1, 0, A, False), (2, 0, A, False)],
        [(0, 0, A, 0.9), (1, 0, FAR, 0.8), (1, 0, A, 0.7)],
    )
    assert matches == [TP, FP, TP]
    assert curve.precision_K.tolist() == [1, 1 / 2, 2 / 3]
    assert curve.recall_K.tolist() == [1 / 3, 1 / 3, 2 / 3]
    # Recall 0, 0.1, 0.2, 0.3 at precision 1; 0.4, 0.5, 0.6 at 2/3; 0.7 and more is never reached.
    assert voc_11_point(curve) == pytest.approx((4 * 1 + 3 * 2 / 3) / 11, abs=1e-12)
    assert voc_all_point(curve) == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3, abs=1e-12)


def test_a_second_detection_of_an_object_is_a_false_positive() -> None:
    matches, curve = judged([(0, 0, A, False)], [(0, 0, A, 0.6), (0, 0, (0, 0, 10, 9), 0.9)])
    assert matches == [FP, TP]
    assert curve.precision_K.tolist() == [1, 1 / 2]
    assert voc_all_point(curve) == voc_11_point(curve) == pytest.approx(1.0)


def test_only_the_best_object_is_looked_at() -> None:
    # The second detection overlaps a free object by 0.6, but a taken one by more: still false.
    objects: list[Object] = [(0, 0, (0, 0, 10, 10), False), (0, 0, (0, 3, 10, 13), False)]
    matches, _ = judged(objects, [(0, 0, (0, 0, 10, 10), 0.9), (0, 0, (0, 1, 10, 11), 0.8)])
    assert matches == [TP, FP]


def test_of_equal_overlaps_the_first_object_counts() -> None:
    objects: list[Object] = [(0, 0, (0, 0, 10, 10), False), (0, 0, (0, 4, 10, 14), False)]
    truth = truth_from(objects)
    found = found_from([(0, 0, (0, 2, 10, 12), 0.9)])
    matching = match_detections(truth, found)
    assert matching.best_M.tolist() == [0]
    assert matching.found_by_N.tolist() == [0, -1]


def test_difficult_objects_neither_count_nor_punish() -> None:
    objects: list[Object] = [(0, 0, A, True), (0, 0, B, False)]
    found: list[Detection] = [(0, 0, A, 0.9), (0, 0, A, 0.8), (0, 0, B, 0.7)]
    matches, curve = judged(objects, found)
    assert matches == [IGNORED, IGNORED, TP]
    assert curve.objects == 1
    assert curve.precision_K.tolist() == [1]
    assert voc_all_point(curve) == voc_11_point(curve) == pytest.approx(1.0)


def test_below_the_threshold_a_difficult_object_excuses_nothing() -> None:
    matches, _ = judged([(0, 0, A, True), (0, 0, B, False)], [(0, 0, (0, 0, 10, 4), 0.9)])
    assert matches == [FP]


def test_a_class_with_difficult_objects_only_has_no_average_precision() -> None:
    matches, curve = judged([(0, 0, A, True)], [(0, 0, A, 0.9), (0, 0, FAR, 0.8)])
    assert matches == [IGNORED, FP]
    assert voc_all_point(curve) is None
    assert voc_11_point(curve) is None
    assert np.isnan(curve.recall_K).all()


def test_without_objects_there_is_no_average_precision() -> None:
    matches, curve = judged([], [(0, 0, A, 0.9)])
    assert matches == [FP]
    assert voc_all_point(curve) is None


def test_without_detections_it_is_zero() -> None:
    matches, curve = judged([(0, 0, A, False)], [])
    assert matches == []
    assert voc_all_point(curve) == 0.0
    assert voc_11_point(curve) == 0.0


def test_neither_objects_nor_detections() -> None:
    assert voc_all_point(judged([], [])[1]) is None


def test_equal_scores_keep_image_order_then_file_order() -> None:
    objects: list[Object] = [(0, 0, A, False), (1, 0, A, False)]
    # In the file, image 1 comes first: image 0 still goes first.
    found: list[Detection] = [(1, 0, FAR, 0.5), (1, 0, A, 0.5), (0, 0, A, 0.5), (0, 0, FAR, 0.5)]
    matches, curve = judged(objects, found)
    assert matches == [FP, TP, TP, FP]
    assert curve.detection_K.tolist() == [2, 3, 0, 1]
    assert curve.precision_K.tolist() == [1, 1 / 2, 1 / 3, 2 / 4]
    assert voc_all_point(curve) == pytest.approx(1 / 2 * 1 + 1 / 2 * 1 / 2, abs=1e-12)


def test_of_equal_scores_for_one_object_the_first_in_the_file_wins() -> None:
    assert judged([(0, 0, A, False)], [(0, 0, A, 0.5), (0, 0, A, 0.5)])[0] == [TP, FP]


def test_another_class_or_image_does_not_match() -> None:
    objects: list[Object] = [(0, 0, A, False), (1, 1, A, False)]
    assert judged(objects, [(0, 1, A, 0.9), (1, 0, A, 0.8)])[0] == [FP, FP]


def test_a_detection_of_no_known_class_is_ignored() -> None:
    matches, curve = judged([(0, 0, A, False)], [(0, -1, A, 0.9)])
    assert matches == [IGNORED]
    assert len(curve.detection_K) == 0
    assert curve.objects == 1


def test_the_pixel_convention_is_the_devkits() -> None:
    # Devkit: inclusive (1, 1, 10, 10) and (1, 1, 10, 5): 10 x 5 shared pixels of 100, just 0.5.
    half: Detection = (0, 0, (0, 0, 10, 5), 0.9)
    assert judged([(0, 0, A, False)], [half])[0] == [TP]
    assert judged([(0, 0, A, False)], [(0, 0, (0, 0, 10, 4.999), 0.9)])[0] == [FP]


def test_a_recall_of_three_tenths_reaches_three_tenths() -> None:
    objects: list[Object] = [(0, 0, (20 * at, 0, 20 * at + 10, 10), False) for at in range(10)]
    for count in range(11):
        found: list[Detection] = [(0, 0, objects[at][2], 0.9) for at in range(count)]
        _, curve = judged(objects, found)
        assert voc_11_point(curve) == pytest.approx((count + 1) / 11 if count else 0, abs=1e-12)


# ----- against the devkit's loop -----


def devkit(truth: Truth, found: DetectionSet, label: int) -> tuple[dict[int, str], float, float]:
    """VOCevaldet.m written out, on its own 1-based inclusive boxes."""
    order = sorted(
        np.flatnonzero(found.label_M == label).tolist(),
        key=lambda at: (-found.score_M[at], found.image_index_M[at], at),
    )
    taken: set[int] = set()
    outcome: dict[int, str] = {}
    positives = int(np.sum((truth.label_N == label) & ~truth.difficult_N))
    for at in order:
        x1, y1, x2, y2 = found.box_xyxy_M4[at] + (1, 1, 0, 0)
        most, best = -np.inf, -1
        for other in range(len(truth.label_N)):
            if truth.label_N[other] != label:
                continue
            if truth.image_index_N[other] != found.image_index_M[at]:
                continue
            a1, b1, width, height = truth.box_xywh_N4[other] + (1, 1, 0, 0)
            a2, b2 = a1 + width - 1, b1 + height - 1
            wide = min(x2, a2) - max(x1, a1) + 1
            high = min(y2, b2) - max(y1, b1) + 1
            if wide > 0 and high > 0:
                union = (x2 - x1 + 1) * (y2 - y1 + 1) + (a2 - a1 + 1) * (b2 - b1 + 1) - wide * high
                if wide * high / union > most:
                    most, best = wide * high / union, other
        if most >= 0.5 and truth.difficult_N[best]:
            outcome[at] = "ignored"
        elif most >= 0.5 and best not in taken:
            taken.add(best)
            outcome[at] = "true"
        else:
            outcome[at] = "false"
    true = np.cumsum([outcome[at] == "true" for at in order])
    false = np.cumsum([outcome[at] == "false" for at in order])
    if not positives:
        return outcome, np.nan, np.nan
    recall = true / positives
    with np.errstate(invalid="ignore"):
        precision = np.nan_to_num(true / (true + false), nan=1.0)
    eleven = sum(max(precision[recall >= k / 10], default=0.0) for k in range(11)) / 11
    padded = np.r_[0, recall, 1]
    envelope = np.maximum.accumulate(np.r_[0, precision, 0][::-1])[::-1]
    steps = np.flatnonzero(padded[1:] != padded[:-1]) + 1
    return outcome, eleven, float(np.sum((padded[steps] - padded[steps - 1]) * envelope[steps]))


@pytest.mark.parametrize("whole_pixels", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_random_boxes_agree_with_the_devkit(seed: int, whole_pixels: bool) -> None:
    truth, found = random_case(
        seed, whole_pixels=whole_pixels, score_steps=20 if whole_pixels else 0, side=40, images=8
    )
    matching = match_detections(truth, found)
    curves = precision_recall(truth, found, matching)
    words = {TP: "true", FP: "false", IGNORED: "ignored"}
    kinds = set()
    for label, curve in enumerate(curves):
        outcome, eleven, every = devkit(truth, found, label)
        assert {at: words[Match(matching.match_M[at])] for at in outcome} == outcome
        kinds |= set(outcome.values())
        if np.isnan(every):
            assert voc_all_point(curve) is None
        else:
            assert voc_11_point(curve) == pytest.approx(eleven, abs=1e-9)
            assert voc_all_point(curve) == pytest.approx(every, abs=1e-9)
    assert kinds == {"true", "false", "ignored"}


def test_objects_and_detections_name_each_other() -> None:
    truth, found = random_case(7)
    matching = match_detections(truth, found)
    hits = np.flatnonzero(matching.match_M == TP)
    assert len(hits) > 10
    assert matching.found_by_N[matching.best_M[hits]].tolist() == hits.tolist()
    assert np.count_nonzero(matching.found_by_N >= 0) == len(hits)
    assert (matching.iou_M[hits] >= 0.5).all()
    assert not truth.difficult_N[matching.found_by_N >= 0].any()


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.8])
def test_leaving_out_low_scores_leaves_the_other_matches(cut: float) -> None:
    truth, found = random_case(8)
    kept = found.score_M >= cut
    some = match_detections(truth, found.take(kept))
    assert some.match_M.tolist() == match_detections(truth, found).match_M[kept].tolist()


def test_iou() -> None:
    a = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [3, 3, 0, 0]], dtype=float)
    b = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [10, 0, 10, 10], [3, 3, 0, 0]], dtype=float)
    assert paired_iou(a, b).tolist() == [1.0, 50 / 150, 0.0, 0.0]


def test_truth_of_a_split_is_its_images_alone(tiny_voc) -> None:
    index = open_dataset(tiny_voc)
    truth = truth_of(index, index.splits["test"])
    assert truth.object_N.tolist() == index.objects_of_split("test").tolist()
    assert set(truth.image_index_N.tolist()) <= set(index.splits["test"].tolist())
    assert truth.box_xywh_N4.dtype == np.float64
    assert truth.classes == index.classes
