"""One folder of images per class: given splits, made splits, and everything that is in the way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import DatasetIndex, open_dataset, summarize
from core.data.crops import CropBank, thumbnail_crop
from core.errors import DataError

COLOURS = {"cat": (200, 30, 30), "dog": (30, 200, 30), "emu": (30, 30, 200)}


def put(path: Path, name: str = "cat", size: tuple[int, int] = (20, 12)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, COLOURS[name]).save(path)
    return path


def fill(folder: Path, counts: dict[str, int], *, suffix: str = ".jpg") -> Path:
    for name, count in counts.items():
        for number in range(count):
            put(folder / name / f"{number:03d}{suffix}", name)
    return folder


def names(index: DatasetIndex, split: str) -> set[str]:
    return {index.image_ids[i] for i in index.splits[split]}


def test_given_splits(tmp_path):
    for split, counts in (
        ("train", {"dog": 3, "cat": 2}),
        ("val", {"dog": 1}),
        ("test", {"cat": 1, "dog": 1}),
    ):
        fill(tmp_path / "pets" / split, counts)
    index = open_dataset(tmp_path / "pets")
    assert index.name == "pets"
    assert index.classes == ("cat", "dog")
    assert index.problems == ()
    assert names(index, "train") == {
        "train/cat/000", "train/cat/001", "train/dog/000", "train/dog/001", "train/dog/002",
    }  # fmt: skip
    assert names(index, "val") == {"val/dog/000"}
    assert names(index, "trainval") == names(index, "train") | names(index, "val")
    assert names(index, "test") == {"test/cat/000", "test/dog/000"}
    assert index.box_xyxy_N4.tolist() == [[0, 0, 20, 12]] * 8
    assert summarize(index).split_objects == {"train": 5, "val": 1, "trainval": 6, "test": 2}


def test_pixels_arrive_in_crops_and_thumbnails(tmp_path):
    fill(tmp_path, {"cat": 1, "dog": 1}, suffix=".png")
    put(tmp_path / "cat" / "big.jpg", "cat", (200, 100))
    index = open_dataset(tmp_path)
    bank = CropBank.build(index, [0, 1, 2], 8, cache_folder=tmp_path / "cache")
    for row in range(3):
        colour = COLOURS[index.classes[bank.label_N[row]]]
        shown = thumbnail_crop(index, row, 16)
        assert np.abs(bank.crops_NCHW[row].astype(int).mean((1, 2)) - colour).max() < 4
        assert np.abs(shown.astype(int).mean((0, 1)) - colour).max() < 4
    assert index.load_image(0, longest_side=10).shape == (6, 10, 3)


def test_a_split_is_made_class_by_class_and_named(tmp_path):
    fill(tmp_path / "pets", {"cat": 40, "dog": 20, "emu": 3})
    index = open_dataset(tmp_path / "pets")
    assert index.name == "pets (split 70/10/20 by Akin, seed 0)"
    parts = [names(index, split) for split in ("train", "val", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 63
    counts = summarize(index).class_objects
    assert counts["train"].tolist() == [28, 14, 1]
    assert counts["val"].tolist() == [4, 2, 1]
    assert counts["test"].tolist() == [8, 4, 1]
    assert names(index, "trainval") == parts[0] | parts[1]


def test_the_made_split_depends_on_names_only(tmp_path):
    first = open_dataset(fill(tmp_path / "a" / "pets", {"cat": 30, "dog": 30}))
    copy = tmp_path / "b" / "pets"
    shutil.copytree(tmp_path / "a" / "pets", copy)
    for path in copy.glob("*/*"):
        os.utime(path, (0, 0))
    second = open_dataset(copy)
    assert second.fingerprint == first.fingerprint
    assert {s: m.tolist() for s, m in second.splits.items()} == {
        s: m.tolist() for s, m in first.splits.items()
    }
    assert first.splits["test"].tolist() != list(range(len(first.splits["test"])))
    (copy / "dog" / "000.jpg").unlink()
    less = open_dataset(copy)
    assert less.fingerprint != first.fingerprint
    assert {n for n in names(less, "test") if "cat" in n} == {
        n for n in names(first, "test") if "cat" in n
    }


@pytest.mark.parametrize(
    ("given", "name", "sizes"),
    [
        (["train"], "pets (test: 20% of train, val: 10% of train, seed 0)", [14, 2, 4]),
        (["train", "test"], "pets (val: 10% of train, seed 0)", [18, 2, 20]),
        (["Training", "validation"], "pets (test: 20% of train, seed 0)", [16, 20, 4]),
    ],
)
def test_missing_splits_are_taken_from_train(
    tmp_path: Path, given: Sequence[str], name: str, sizes: list[int]
) -> None:
    for split in given:
        fill(tmp_path / "pets" / split, {"cat": 10, "dog": 10})
    index = open_dataset(tmp_path / "pets")
    assert index.name == name
    assert [len(index.splits[s]) for s in ("train", "val", "test")] == sizes
    assert not names(index, "train") & names(index, "test")


def test_an_empty_split_is_told_and_not_filled(tmp_path):
    fill(tmp_path / "train", {"cat": 10, "dog": 10})
    (tmp_path / "test" / "cat").mkdir(parents=True)
    index = open_dataset(tmp_path)
    assert len(index.splits["test"]) == 0
    messages = [problem.message for problem in index.problems]
    assert messages == ["The class folder test/cat is empty.", "The split test is empty."]


def test_what_cannot_be_used_is_skipped_and_listed(tmp_path):
    pets = fill(tmp_path / "pets", {"cat": 3, "dog": 4})
    (pets / "cat" / "notes.txt").write_text("soft")
    (pets / "cat" / "kittens").mkdir()
    (pets / "cat" / ".DS_Store").write_text("")
    (pets / "cat" / "Thumbs.db").write_text("")
    (pets / "dog" / "000.jpg").write_bytes(b"no image")
    shutil.copy(pets / "cat" / "000.jpg", pets / "dog" / "fake.png")
    (pets / "dog" / "gone.jpg").symlink_to("nowhere")
    cut = put(pets / "dog" / "001.jpg", size=(640, 480))
    cut.write_bytes(cut.read_bytes()[:-500])
    found = {p.path.name: p.message for p in open_dataset(pets, verify_images=True).problems}
    assert found == {
        "notes.txt": "cat/notes.txt is no image that Akin reads: skipped.",
        "kittens": "cat/kittens is a folder within a class: skipped.",
        "000.jpg": "dog/000.jpg: The image 000.jpg is not a JPEG image. Skipped.",
        "fake.png": "dog/fake.png: The image fake.png is not a PNG image. Skipped.",
        "gone.jpg": "dog/gone.jpg is no image that Akin reads: skipped.",
        "001.jpg": found["001.jpg"],
    }
    assert "is truncated or damaged" in found["001.jpg"]
    assert len(open_dataset(pets).problems) == 5  # only decoding finds the truncated one


def test_loose_images_and_folders_beside_splits_are_listed(tmp_path):
    fill(tmp_path / "train", {"cat": 5, "dog": 5})
    fill(tmp_path / "extra", {"emu": 5})
    put(tmp_path / "train" / "loose.jpg")
    index = open_dataset(tmp_path)
    assert index.classes == ("cat", "dog")
    assert [problem.message for problem in index.problems] == [
        "The folder extra is no split: skipped.",
        "train/loose.jpg is in no class folder: skipped.",
    ]


def test_equal_stems_keep_their_suffixes(tmp_path):
    fill(tmp_path, {"cat": 2, "dog": 1})
    put(tmp_path / "cat" / "001.PNG")
    assert open_dataset(tmp_path).image_ids == ("cat/000", "cat/001.PNG", "cat/001.jpg", "dog/000")


def test_palette_images_with_transparency_are_read(tmp_path):
    fill(tmp_path, {"cat": 1, "dog": 1})
    picture = Image.new("P", (9, 9), 1)
    picture.putpalette([0, 0, 0, 10, 200, 30])
    picture.save(tmp_path / "cat" / "palette.png", transparency=bytes([0, 255]))
    index = open_dataset(tmp_path, verify_images=True)
    assert index.load_image(index.image_ids.index("cat/palette"))[4, 4].tolist() == [10, 200, 30]


def test_progress_counts_images(tmp_path):
    told = []
    open_dataset(
        fill(tmp_path, {"cat": 2, "dog": 1}),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [({"cat": 4}, "are of one class, cat"), ({}, "is not a VOC folder")],
)
def test_folders_that_are_no_data_set(tmp_path, counts, sentence):
    with pytest.raises(DataError, match=sentence) as caught:
        open_dataset(fill(tmp_path, counts))
    assert "cat/*.jpg" in caught.value.hint or "CLASS/*.jpg" in caught.value.hint


def test_a_broken_voc_folder_is_not_taken_for_classes(tmp_path):
    put(tmp_path / "JPEGImages" / "1.jpg")
    put(tmp_path / "SegmentationClass" / "1.png")
    with pytest.raises(DataError, match="is not a VOC folder"):
        open_dataset(tmp_path)


def test_nothing_usable(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"Nothing in .* can be used\. cat/a\.jpg: The image"):
        open_dataset(tmp_path)
