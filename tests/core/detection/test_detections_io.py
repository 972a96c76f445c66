"""Detection files: what is read, what is refused and in which words, what is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data import DatasetIndex, open_dataset
from core.detection import detections_io
from core.detection.detections_io import (
    DetectionSet,
    detection_items,
    read_detections,
    write_detections,
)
from core.errors import DataError, RunError


@pytest.fixture(scope="module")
def index(tiny_voc: Path) -> DatasetIndex:
    return open_dataset(tiny_voc)


def item(index: DatasetIndex, **changes: Any) -> dict[str, Any]:
    plain = {"image_id": index.image_ids[1], "category": "dog", "bbox": [1, 2, 3, 4], "score": 0.5}
    return plain | changes


def read(index: DatasetIndex, tmp_path: Path, text: str | list[Any]) -> DetectionSet:
    path = tmp_path / "found.json"
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return read_detections(path, index)


def test_a_file_is_read_in_its_order(index: DatasetIndex, tmp_path: Path) -> None:
    found = read(
        index,
        tmp_path,
        [
            item(index, image_id=index.image_ids[7], score=1, further="ignored"),
            item(index, category="cat", bbox=[-5.5, 1e4, 0, 2.25], segmentation=[[1, 2]]),
            item(index, category="unknown", score=0),
        ],
    )
    assert found.image_index_M.tolist() == [7, 1, 1]
    assert found.label_M.tolist() == [index.classes.index("dog"), index.classes.index("cat"), -1]
    assert found.box_xywh_M4.tolist() == [[1, 2, 3, 4], [-5.5, 1e4, 0, 2.25], [1, 2, 3, 4]]
    assert found.box_xyxy_M4[0].tolist() == [1, 2, 4, 6]
    assert found.score_M.tolist() == [1.0, 0.5, 0.0]


@pytest.mark.parametrize("text", ["", " \n", "[", '{"a": }', "[{}] x"])
def test_broken_json_is_told_where(index: DatasetIndex, tmp_path: Path, text: str) -> None:
    whole = json.dumps([item(index)] * 2)
    for broken in (text, whole[:-1], whole[:-1] + ",]", whole + "]", whole.replace("}, {", "} {")):
        with pytest.raises(DataError) as raised:
            read(index, tmp_path, broken)
        assert "found.json" in raised.value.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_and_blanks(index: DatasetIndex, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "found.json"
    text = json.dumps([item(index)] * 3, indent=3)
    path.write_bytes(f"\r\n\t {text} \n".encode(encoding))
    assert len(read_detections(path, index)) == 3


def test_an_empty_list_is_no_detection(index: DatasetIndex, tmp_path: Path) -> None:
    found = read(index, tmp_path, [])
    assert len(found) == 0
    assert found.box_xyxy_M4.shape == (0, 4)


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"image_id": "999"}, 'Item 2 of found.json names the image "999"', "as text, such as"),
        ({"image_id": 1}, "names the image 1, which", "as text, such as"),
        ({"image_id": ["x"]}, 'names the image ["x"], which', "as text"),
        ({"category": "dgo"}, 'the category "dgo", which is no class of', "Did you mean 'dog'?"),
        ({"category": 18}, "the category 18, which is no class", "known: aeroplane"),
        ({"bbox": [1, 2, float("nan"), 4]}, "not finite: [1, 2, NaN, 4]", "leave such boxes out"),
        ({"bbox": [1, 2, 3, float("inf")]}, "not finite: [1, 2, 3, Infinity]", "leave such"),
        ({"bbox": [10, 10, -3, 4]}, "has an inverted bbox: [10, 10, -3, 4]", "not two corners"),
        ({"bbox": [1, 2, 3]}, "a bbox that is not four numbers: [1, 2, 3]", "Each item is"),
        ({"bbox": [1, 2, "3", 4]}, 'not four numbers: [1, 2, "3", 4]', "Each item is"),
        ({"bbox": [1, 2, True, 4]}, "not four numbers: [1, 2, true, 4]", "Each item is"),
        ({"bbox": None}, "not four numbers: null", "Each item is"),
        ({"bbox": {"x": 1}}, "not four numbers", "Each item is"),
        ({"bbox": [1, 2, 1e300, 4]}, "beyond any image", "in pixels"),
        ({"bbox": [1, 2, 10**400, 4]}, "not finite", "leave such boxes out"),
        ({"score": 1.5}, "has the score 1.5, outside 0 to 1", "confidence from 0 to 1"),
        ({"score": -1}, "has the score -1, outside 0 to 1", "confidence"),
        ({"score": float("nan")}, "has the score NaN, outside 0 to 1", "confidence"),
        ({"score": 10**400}, "has the score inf, outside 0 to 1", "confidence"),
        ({"score": "0.5"}, 'a score that is no number: "0.5"', "Each item is"),
        ({"score": True}, "a score that is no number: true", "Each item is"),
        ({"score": None}, "a score that is no number: null", "Each item is"),
    ],
)
def test_an_item_without_sense_is_named(
    index: DatasetIndex, tmp_path: Path, changes: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(DataError) as raised:
        read(index, tmp_path, [item(index), item(index, **changes), item(index)])
    assert message in raised.value.message
    assert "Item 2 of found.json" in raised.value.message
    assert hint in raised.value.hint
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("key", ["image_id", "category", "bbox", "score"])
def test_a_missing_key_is_named(index: DatasetIndex, tmp_path: Path, key: str) -> None:
    without = {k: v for k, v in item(index).items() if k != key}
    with pytest.raises(DataError, match=f"Item 2 of found.json has no {key}.") as raised:
        read(index, tmp_path, [item(index), without])
    assert '"image_id": "000001"' in raised.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not valid JSON"),
        ('[{"image_id": "0000', "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("[" + "9" * 5000 + "]", "is not valid JSON"),
        ('{"annotations": []}', "holds no list of detections"),
        ("null", "holds no list"),
        ("[[1, 2]]", "Item 1 of found.json is no JSON object"),
        ('["x"]', "Item 1 of found.json is no JSON object"),
        ("[null]", "Item 1 of found.json is no JSON object"),
        ('[{"a": 1}, "x"]', "Item 2 of found.json is no JSON object"),
        ("[] []", "is not valid JSON (Extra data"),
        ("[{} {}]", "is not valid JSON (Expecting ',' delimiter: line 1 column 5"),
        ("[", "is not valid JSON"),
        ("[,]", "is not valid JSON"),
    ],
)
def test_a_file_that_is_no_list_of_detections(
    index: DatasetIndex, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataError) as raised:
        read(index, tmp_path, text)
    assert message in raised.value.message
    assert raised.value.hint


def test_files_that_cannot_be_read(index: DatasetIndex, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: no such file"):
        read_detections(tmp_path / "none.json", index)
    with pytest.raises(DataError, match="cannot be read: is a directory"):
        read_detections(tmp_path, index)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DataError, match="not valid JSON"):
        read_detections(tmp_path / "binary.json", index)


def test_items_keep_their_numbers_in_long_files(
    index: DatasetIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detections_io, "BLOCK", 7)
    items = [item(index, score=at / 30) for at in range(30)]
    assert read(index, tmp_path, items).score_M.tolist() == [at / 30 for at in range(30)]
    items[22] |= {"score": 2}
    with pytest.raises(DataError, match=r"Item 23 of found.json has the score 2"):
        read(index, tmp_path, items)


def test_a_huge_file_is_refused_before_it_is_read(index: DatasetIndex, tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(detections_io.LARGEST_FILE_BYTES + 1)
    with pytest.raises(DataError, match="is larger than 2 GiB") as raised:
        read_detections(path, index)
    assert "100 best" in raised.value.hint


def test_what_is_written_is_read_again(index: DatasetIndex, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    found = DetectionSet(
        rng.integers(0, len(index.image_ids), 50),
        rng.integers(-1, len(index.classes), 50),
        rng.uniform(0, 100, (50, 4)),
        rng.random(50),
    )
    path = tmp_path / "new" / "found.json"
    assert write_detections(path, detection_items(index, found)) == 50
    again = read_detections(path, index)
    for name in ("image_index_M", "label_M", "box_xywh_M4", "score_M"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    assert len(path.read_text(encoding="utf-8").splitlines()) == 52


def test_nothing_is_an_empty_list(index: DatasetIndex, tmp_path: Path) -> None:
    assert write_detections(tmp_path / "none.json", []) == 0
    assert len(read_detections(tmp_path / "none.json", index)) == 0


def test_writing_streams(tmp_path: Path) -> None:
    """No item is held: each has gone to the file before the next is asked for."""
    alive = []

    class Item(dict[str, Any]):
        def __del__(self) -> None:
            alive.remove(id(self))

    def items() -> Iterator[Item]:
        for score in range(100):
            assert len(alive) <= 1
            made = Item(score=score)
            alive.append(id(made))
            yield made

    assert write_detections(tmp_path / "found.json", items()) == 100


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    path.write_text("[]")

    def broken() -> Iterator[dict[str, Any]]:
        yield {"score": 0.5}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_detections(path, broken())
    with pytest.raises(ValueError, match="JSON compliant"):
        write_detections(path, [{"score": float("nan")}])
    assert path.read_text() == "[]"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(RunError, match="cannot be written"):
        write_detections(path / "below.json", [])
