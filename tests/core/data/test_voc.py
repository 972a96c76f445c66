"""Reading VOC folders: what is in them, and what is skipped and why."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import open_dataset
from core.data.index import DatasetIndex
from core.errors import DataError


def opened(voc) -> DatasetIndex:
    return open_dataset(voc.root)


def only_problem(index: DatasetIndex, name: str) -> str:
    assert len(index.problems) == 1, [problem.message for problem in index.problems]
    problem = index.problems[0]
    assert problem.path.name == name
    assert problem.message.endswith(".")
    return problem.message


def test_index_holds_images_objects_and_splits(voc):
    index = opened(voc)
    assert index.image_ids == ("000001", "000002")
    assert index.image_paths[1] == voc.image_path("000002")
    assert index.classes == ("cat", "dog")
    assert index.label_N.tolist() == [1, 0, 0]
    assert index.image_index_N.tolist() == [0, 0, 1]
    assert index.image_size_I2.tolist() == [[60, 40], [60, 40]]
    assert {split: images.tolist() for split, images in index.splits.items()} == {
        "train": [0],
        "test": [1],
    }
    assert index.problems == ()
    assert index.objects_of_split("train").tolist() == [0, 1]
    assert index.objects_of_image(1).tolist() == [2]


def test_corners_become_0_based_and_exclusive(voc):
    index = opened(voc)
    assert index.box_xyxy_N4.dtype == np.float32
    assert index.box_xyxy_N4.tolist() == [[0, 0, 20, 20], [10, 4, 60, 40], [1, 2, 30, 33]]


@pytest.mark.parametrize("level", [0, 1, 2])
def test_opens_the_year_the_devkit_and_its_parent(voc, level):
    folder = [voc.root, *voc.root.parents][level]
    index = open_dataset(folder)
    assert len(index.image_ids) == 2
    assert index.folder == folder
    assert index.name == "VOC 2007 (2-image split)"


def test_year_2012_and_other_names(voc):
    later = voc.root.rename(voc.root.with_name("VOC2012"))
    assert open_dataset(later).name == "VOC 2012 (2-image split)"
    mine = later.rename(later.with_name("kitchen"))
    assert open_dataset(mine).name == "kitchen"


def test_two_years_are_not_guessed_between(voc):
    shutil.copytree(voc.root, voc.root.with_name("VOC2012"))
    with pytest.raises(DataError, match="holds VOC2007 and VOC2012") as caught:
        open_dataset(voc.root.parent)
    assert str(voc.root) in caught.value.hint


def test_flags_difficult_and_unseen(voc):
    voc.add("000003", extra="<difficult>1</difficult><drawing unseen='1'>mdi6.dog</drawing>")
    voc.add("000004", extra="<difficult>0</difficult><drawing>mdi6.dog</drawing>")
    index = opened(voc)
    assert index.difficult_N.tolist() == [False, False, False, True, False]
    assert index.unseen_N.tolist() == [False, False, False, True, False]
    voc.split("train", "000003", "000004")
    train = opened(voc).objects_of_split("train", include_difficult=False)
    assert train.tolist() == [4]


def test_fingerprint_depends_on_content_only(voc, tmp_path):
    before = opened(voc).fingerprint
    copy = tmp_path / "elsewhere" / "VOC2007"
    shutil.copytree(voc.root, copy)
    assert open_dataset(copy).fingerprint == before
    voc.add("000002", [("cat", (2, 3, 30, 34))])
    moved_box = opened(voc).fingerprint
    voc.split("train", "000001", "000002")
    assert len({before, moved_box, opened(voc).fingerprint}) == 3


def test_missing_folder_and_folder_that_is_not_voc(tmp_path):
    for folder, sentence in (
        (tmp_path / "nowhere", "There is no folder"),
        (tmp_path, "is not a VOC folder"),
    ):
        with pytest.raises(DataError, match=sentence) as caught:
            open_dataset(folder)
        assert "Annotations" in caught.value.hint


@pytest.mark.parametrize(
    ("emptied", "sentence"),
    [
        ("Annotations", "holds no annotation files"),
        ("JPEGImages", "can be used. 000001.xml names a missing image (000001.jpg): skipped."),
    ],
)
def test_nothing_usable(voc, emptied, sentence):
    for path in (voc.root / emptied).iterdir():
        path.unlink()
    with pytest.raises(DataError) as caught:
        opened(voc)
    assert sentence in caught.value.message
    assert caught.value.hint


BOMB = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;&x;&x;">]>
<annotation><filename>000003.jpg</filename><object><name>&y;</name></object></annotation>"""
EXTERNAL = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>
<annotation><filename>000003.jpg</filename><object><name>&x;</name></object></annotation>"""


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not well-formed XML"),
        (b"<annotation><filename>000003.jpg</filename>", "is not well-formed XML"),
        (b"<annotation>\xff\xfe\x00</annotation>", "is not well-formed XML"),
        (b'<?xml version="1.0" encoding="klingon"?><annotation/>', "has an unknown encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><annotation/>', "has an unknown encoding"),
        (BOMB.encode(), "defines XML entities, which are refused"),
        (EXTERNAL.encode(), "defines XML entities, which are refused"),
        (b"<html><filename>000003.jpg</filename></html>", "is no annotation but <html>"),
        (b"<annotation><filename>gone.jpg</filename></annotation>", "a missing image (gone.jpg)"),
        (b"<annotation><filename>../x.jpg</filename></annotation>", "outside JPEGImages"),
        (b"<annotation><filename>000001.jpg</filename></annotation>", "000001.xml has already"),
    ],
)
def test_useless_annotation_is_skipped_and_listed(voc, content, sentence):
    voc.add("000003")
    voc.annotation_path("000003").write_bytes(content)
    index = opened(voc)
    assert index.image_ids == ("000001", "000002")
    message = only_problem(index, "000003.xml")
    assert sentence in message
    assert message.endswith("skipped.")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_known_encodings_are_read(voc, encoding):
    voc.add("000003")
    body = voc.object_xml("chaise à bascule", (1, 1, 5, 5))
    header = f'<?xml version="1.0" encoding="{encoding}"?>'
    xml = f"{header}<annotation><filename>000003.jpg</filename>{body}</annotation>"
    voc.annotation_path("000003").write_bytes(xml.encode(encoding))
    index = opened(voc)
    assert index.problems == ()
    assert "chaise à bascule" in index.classes


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ((10, 10, 10, 20), "box without area (10, 10, 10, 20)"),
        ((10, 10, 20, 10), "box without area"),
        ((20, 10, 10, 20), "an inverted box (20, 10, 10, 20)"),
        ((10, 20, 20, 10), "an inverted box"),
        ((100, 10, 120, 20), "outside its image of 60 x 40 pixels"),
        ((10, 10, 63, 20), "outside its image"),
        ((10, 10, 20, 43), "outside its image"),
        ((-4, 10, 20, 20), "outside its image"),
        ((61, 10, 61.5, 20), "outside its image"),
        ("<object><name>dog</name></object>", "has no box"),
        ("<object><bndbox/></object>", "has no class name"),
        ("<object><name> </name><bndbox/></object>", "has no class name"),
        ("<object><name>dog</name><bndbox><xmin>x</xmin></bndbox></object>", "xmin is no number"),
        ("<object><name>dog</name><bndbox><xmin>nan</xmin></bndbox></object>", "is no number"),
    ],
)
def test_useless_object_is_skipped_and_its_neighbours_kept(voc, body, sentence):
    bad = body if isinstance(body, str) else voc.object_xml("dog", body)
    voc.add("000003")
    voc.annotate("000003", bad + voc.object_xml("cow", (1, 1, 9, 9)))
    index = opened(voc)
    assert index.image_ids == ("000001", "000002", "000003")
    assert len(index.label_N) == 4
    assert index.classes[index.label_N[3]] == "cow"
    message = only_problem(index, "000003.xml")
    assert message.startswith("Object 1 of 000003.xml")
    assert sentence in message
    assert message.endswith("object skipped.")


def test_box_outside_by_rounding_is_cut_to_the_image(voc):
    voc.add("000003", [("dog", (0, 0, 61, 41)), ("dog", (0.5, 1, 60.4, 40))])
    index = opened(voc)
    assert index.problems == ()
    assert index.box_xyxy_N4[3:].tolist() == [[0, 0, 60, 40], [0, 0, 60, 40]]


def test_image_without_objects_is_kept(voc):
    voc.add("000003", [])
    index = opened(voc)
    assert index.image_ids[2] == "000003"
    assert index.objects_of_image(2).tolist() == []


def test_image_that_is_no_jpeg(voc):
    voc.add("000003")
    Image.new("RGB", (60, 40)).save(voc.image_path("000003"), format="PNG")
    index = opened(voc)
    assert index.image_ids == ("000001", "000002")
    assert "000003.jpg is not a JPEG image: skipped" in only_problem(index, "000003.xml")


def test_truncated_image_is_found_by_verifying(voc):
    path = voc.image_path("000002")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert opened(voc).problems == ()
    calls = []
    index = open_dataset(
        voc.root, verify_images=True, progress=lambda done, total: calls.append((done, total))
    )
    assert index.image_ids == ("000001",)
    assert calls == [(1, 2), (2, 2)]
    assert "000002.jpg is truncated or damaged" in index.problems[0].message
    assert "Skipped with 1 object." in index.problems[0].message
    assert index.problems[1].message == "The split test is empty."


def test_empty_split_and_missing_members(voc):
    path = voc.split("val")
    assert only_problem(opened(voc), "val.txt") == "The split val is empty."
    voc.split("val", "000001", "999999", "000001")
    index = opened(voc)
    assert index.splits["val"].tolist() == [0]
    assert [problem.message for problem in index.problems] == [
        "val.txt names 000001 2 times: it counts once.",
        "val.txt names 999999, which has no annotation: skipped.",
    ]
    path.write_bytes(b"\xff\xff\xff")
    index = opened(voc)
    assert "val" not in index.splits
    assert "cannot be read" in only_problem(index, "val.txt")


def test_lists_with_a_flag_column_and_blank_lines(voc):
    path = voc.split("train")
    path.write_text("\n000002  1\r\n000001 -1\n\n", encoding="utf-8")
    assert opened(voc).splits["train"].tolist() == [0, 1]


def test_no_split_lists_at_all(voc):
    shutil.rmtree(voc.root / "ImageSets")
    index = opened(voc)
    assert index.splits == {}
    assert "no split lists" in only_problem(index, "Main")


def test_real_photographs():
    if "AKIN_VOC" not in os.environ:
        pytest.skip("AKIN_VOC is not set: no real VOC photographs at hand")
    start = time.perf_counter()
    index = open_dataset(Path(os.environ["AKIN_VOC"]))
    duration_s = time.perf_counter() - start
    assert index.name == "VOC 2007 (1,500-image split)"
    assert index.problems == ()
    assert (len(index.image_ids), len(index.label_N), len(index.classes)) == (1500, 4499, 20)
    sizes = {split: len(images) for split, images in index.splits.items()}
    assert sizes == {"train": 750, "val": 250, "trainval": 1000, "test": 500}
    counts = [len(index.objects_of_split(split)) for split in ("train", "val", "test")]
    assert counts == [2114, 757, 1628]
    assert int(index.difficult_N.sum()) == 868
    assert duration_s < 10
    first = index.objects_of_image(index.image_ids.index("000010"))
    assert index.box_xyxy_N4[first].tolist() == [[86, 96, 258, 427], [132, 71, 245, 284]]
