"""Splits that share images, lack lists or cannot be learned from; `akin data check` tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from core.data import open_dataset, split_problems
from tests.core.data.conftest import VocFolder

Akin = Callable[..., Any]


@pytest.fixture
def sound(voc: VocFolder) -> VocFolder:
    """Four images, every class twice in train, nothing wrong."""
    pair = [("dog", (1, 1, 20, 20)), ("cat", (11, 5, 60, 40))]
    for image_id in ("000003", "000004"):
        voc.add(image_id, pair)
    voc.split("train", "000001", "000003")
    voc.split("val", "000004")
    voc.split("trainval", "000001", "000003", "000004")
    return voc


def sentences(voc: VocFolder) -> list[str]:
    return [problem.message for problem in split_problems(open_dataset(voc.root))]


def test_nothing_is_wrong(sound: VocFolder, akin: Akin) -> None:
    assert sentences(sound) == []
    answer = akin("data", "check", sound.root, "--strict")
    assert (answer.code, answer.err) == (0, "")
    assert "0 problems found" in answer.out


def test_an_image_in_two_splits_is_told_once(sound: VocFolder) -> None:
    sound.split("test", "000002", "000003")
    assert sentences(sound) == [
        "1 image is both in the split train and in the split test, such as 000003."
    ]
    sound.split("train", "000001", "000003", "000004")
    assert any(
        "in the split train and in the split val, such as 000004" in s for s in sentences(sound)
    )


def test_a_leak_of_trainval_alone_is_told(sound: VocFolder) -> None:
    sound.split("trainval", "000001", "000002", "000003", "000004")
    assert sentences(sound) == [
        "1 image is both in the split trainval and in the split test, such as 000002."
    ]


def test_a_missing_list_and_a_class_not_in_train(sound: VocFolder) -> None:
    (sound.root / "ImageSets" / "Main" / "val.txt").unlink()
    sound.add("000002", [("cow", (2, 3, 30, 33))])
    assert sentences(sound) == [
        "There is no list of the split val, which training asks for by default.",
        "The class cow has no object in the split train: withhold it, or add images.",
    ]


def test_doubled_lines_are_told_and_count_once(sound: VocFolder) -> None:
    sound.split("train", "000001", "000003", "000001")
    index = open_dataset(sound.root)
    assert len(index.splits["train"]) == 2
    assert [p.message for p in index.problems] == [
        "train.txt names 000001 2 times: it counts once."
    ]


def test_scripts_see_problems_by_the_exit_code(sound: VocFolder, akin: Akin) -> None:
    sound.split("test", "000002", "000003", "000002")
    answer = akin("data", "check", sound.root)
    assert answer.code == 0
    assert "splits: 1 image is both in the split train and in the split test" in answer.out
    assert "2 problems found" in answer.out
    assert akin("data", "check", sound.root, "--strict").code == 1
    answer = akin("data", "check", sound.root, "--strict", "--json")
    assert answer.code == 1
    assert len(json.loads(answer.out)["problems"]) == 2
