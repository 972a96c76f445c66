"""`akin detect evaluate`: what it prints, and with which exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data import open_dataset

Akin = Callable[..., Any]


@pytest.fixture(scope="module")
def truth_items(tiny_voc: Path) -> list[dict[str, Any]]:
    """The test split's objects as detections, every third of them shifted away."""
    index = open_dataset(tiny_voc)
    items = []
    for at in index.objects_of_split("test").tolist():
        x1, y1, x2, y2 = index.box_xyxy_N4[at].tolist()
        items.append(
            {
                "image_id": index.image_ids[index.image_index_N[at]],
                "category": index.classes[index.label_N[at]],
                "bbox": [x1 + (1000 if at % 3 == 0 else 0), y1, x2 - x1, y2 - y1],
                "score": round(0.2 + (at % 7) / 10, 3),
                "model": "ignored",
            }
        )
    return items


@pytest.fixture
def file(truth_items: list[dict[str, Any]], tmp_path: Path) -> Path:
    path = tmp_path / "found.json"
    path.write_text(json.dumps(truth_items))
    return path


def test_json_has_the_figures(akin: Akin, tiny_voc: Path, file: Path) -> None:
    answer = akin("detect", "evaluate", "--data", tiny_voc, "--detections", file, "--json")
    assert answer.code == 0
    assert answer.err == ""
    found = json.loads(answer.out)
    for key in ("ap", "ap50", "ap75", "voc_11_point", "voc_all_point"):
        assert 0 < found[key] < 1
    assert found["per_class"]["dog"].keys() >= {"ap", "ap50", "voc_11_point", "voc_all_point"}
    values = [c["voc_all_point"] for c in found["per_class"].values()]
    assert found["voc_all_point"] == pytest.approx(np.mean([v for v in values if v is not None]))


def test_people_read_the_papers_figures_beside(akin: Akin, tiny_voc: Path, file: Path) -> None:
    words = ("detect", "evaluate", "--data", tiny_voc, "--split", "test", "--detections", file)
    ours = json.loads(akin(*words, "--json").out)
    answer = akin(*words)
    assert answer.code == 0
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert f"AP, IoU 0.50 to 0.95 {ours['ap']:.5f} 0.45254" in lines
    assert f"AP50 {ours['ap50']:.5f} 0.72746" in lines
    assert f"AP75 {ours['ap75']:.5f} 0.49338" in lines
    assert f"VOC 11-point AP50 {ours['voc_11_point']:.5f}" in lines
    assert any(line.startswith("paper: Table 1: Faster R-CNN") for line in lines)
    assert sum(line.startswith("tvmonitor ") for line in lines) == 1


@pytest.mark.parametrize("category", ["object", "unknown"])
def test_boxes_without_a_class_are_judged_as_one_class(
    akin: Akin, tiny_voc: Path, truth_items: list[dict[str, Any]], tmp_path: Path, category: str
) -> None:
    index = open_dataset(tiny_voc)
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps([item | {"category": category} for item in truth_items]))
    words = ("detect", "evaluate", "--data", tiny_voc, "--detections", path)
    answer = akin(*words, "--json")
    assert answer.code == 0, answer.err
    assert "judged class-agnostically" in answer.err
    found = json.loads(answer.out)
    assert found["class_agnostic"] is True
    assert found["per_class"].keys() == {"object"}
    assert found["per_class"]["object"]["objects"] == len(index.objects_of_split("test"))
    assert found["ap"] == pytest.approx(found["ap50"])  # Boxes are exact, or far away.
    assert 0.4 < found["ap50"] < 0.9
    answer = akin(*words)
    assert "judged class-agnostically" in answer.err
    assert "paper" not in answer.out, "its figures are of 20 classes"


def test_detections_of_no_known_class_beside_others_are_told(
    akin: Akin, tiny_voc: Path, truth_items: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "some.json"
    path.write_text(json.dumps([truth_items[0] | {"category": "unknown"}, *truth_items[1:]]))
    answer = akin("detect", "evaluate", "--data", tiny_voc, "--detections", path, "--json")
    assert f"note: 1 of {len(truth_items)} detections are of no known class" in answer.err
    assert json.loads(answer.out)["class_agnostic"] is False


def test_all_images_are_judged(akin: Akin, tiny_voc: Path, file: Path) -> None:
    words = ("detect", "evaluate", "--data", tiny_voc, "--detections", file)
    found = json.loads(akin(*words, "--split", "all", "--json").out)
    index = open_dataset(tiny_voc)
    assert (found["images"], found["objects"]) == (len(index.image_ids), len(index.label_N))
    akin(*words, "--split", "alle").expect_error("has no split 'alle'", "'all'?")


def test_another_split_is_noted(akin: Akin, tiny_voc: Path, file: Path, tmp_path: Path) -> None:
    akin(
        "detect", "evaluate", "--data", tiny_voc, "--split", "train", "--detections", file
    ).expect_error("None of the", "train")
    index = open_dataset(tiny_voc)
    items = json.loads(file.read_text())
    items.append(items[0] | {"image_id": index.image_ids[index.splits["train"][0]]})
    both = tmp_path / "both.json"
    both.write_text(json.dumps(items))
    answer = akin("detect", "evaluate", "--data", tiny_voc, "--detections", both, "--json")
    assert answer.code == 0
    assert "1 detection is in images outside the split test: left out" in answer.err
    assert json.loads(answer.out)["outside_split"] == 1


def test_damaged_images_do_not_count(
    akin: Akin, own_voc: Path, truth_items: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "found.json"
    path.write_text(json.dumps(truth_items))
    words = ("detect", "evaluate", "--data", own_voc, "--detections", path, "--json")
    before = json.loads(akin(*words).out)
    damaged = truth_items[0]["image_id"]
    (own_voc / "Annotations" / f"{damaged}.xml").write_text("<annotation><obj")
    answer = akin(*words)
    assert answer.code == 0
    count = sum(item["image_id"] == damaged for item in truth_items)
    assert f"note: {count} detection" in answer.err
    assert "in images that the data set skips as damaged: left out" in answer.err
    assert json.loads(answer.out)["images"] == before["images"] - 1
    assert json.loads(answer.out)["detections"] == before["detections"] - count


def test_no_detections_score_zero(akin: Akin, tiny_voc: Path, tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    path.write_text("[]")
    answer = akin("detect", "evaluate", "--data", tiny_voc, "--detections", path, "--json")
    assert answer.code == 0
    assert json.loads(answer.out)["ap"] == 0.0
    assert akin("detect", "evaluate", "--data", tiny_voc, "--detections", path).code == 0


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"image_id": "none"}, 'names the image "none"', "as text, such as"),
        ({"category": "hound"}, 'has the category "hound"', "known: aeroplane"),
        ({"bbox": [5, 5, -1, 5]}, "an inverted bbox", "[x, y, width, height]"),
        ({"bbox": [5, 5, float("nan"), 5]}, "not finite", "Correct the detector"),
        ({"score": 7}, "the score 7, outside 0 to 1", "confidence"),
    ],
)
def test_bad_input_is_one_sentence_and_a_hint(
    akin: Akin, tiny_voc: Path, file: Path, changes: dict[str, Any], message: str, hint: str
) -> None:
    items = json.loads(file.read_text())
    items[4] |= changes
    file.write_text(json.dumps(items))
    answer = akin("detect", "evaluate", "--data", tiny_voc, "--detections", file, "--json")
    answer.expect_error(f"Item 5 of {file.name}", hint)
    assert message in answer.err
    assert answer.out == ""


@pytest.mark.parametrize("text", ["", "{}", "[", "[1]"])
def test_files_that_are_none(akin: Akin, tiny_voc: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    akin("detect", "evaluate", "--data", tiny_voc, "--detections", path).expect_error("bad.json")
    akin("detect", "evaluate", "--data", tiny_voc, "--detections", tmp_path / "x").expect_error(
        "cannot be read", "Give the file"
    )
