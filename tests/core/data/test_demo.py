"""The built-in demo: the same bytes every time, every class in every split."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.data import open_dataset, summarize
from core.data.crops import CropBank
from core.data.demo import write_demo
from core.data.drawings import DRAWINGS, DrawingBook
from core.errors import DataError

VOC_CLASSES = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder, images=40, seed=3)
    return folder


def test_same_seed_gives_the_same_bytes_in_any_folder(demo, tmp_path):
    again = tmp_path / "a" / "deeper"
    write_demo(again, images=40, seed=3)
    first, second = contents(demo), contents(again)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert sum(name.endswith(".jpg") for name in first) == 40
    write_demo(tmp_path / "other", images=40, seed=4)
    other = contents(tmp_path / "other")
    assert all(other[name] != first[name] for name in first if name.endswith(".jpg"))


def test_forty_images_hold_two_objects_of_every_class_in_every_split(demo):
    index = open_dataset(demo)
    summary = summarize(index)
    assert index.name == "Akin demo"
    assert index.problems == ()
    assert list(index.classes) == VOC_CLASSES
    for split in ("train", "val", "test"):
        assert summary.class_objects[split].min() >= 2, split
    assert sum(summary.split_images[split] for split in ("train", "val", "test")) == 40
    together = np.sort(np.concatenate([index.splits["train"], index.splits["val"]]))
    np.testing.assert_array_equal(index.splits["trainval"], together)


@pytest.mark.parametrize("images", [1, 2, 3, 7, 39])
def test_small_demos_are_valid_too(tmp_path, images):
    write_demo(tmp_path, images=images)
    index = open_dataset(tmp_path)
    assert len(index.image_ids) == images
    assert len(index.splits["train"]) >= 1
    members = np.concatenate([index.splits[split] for split in ("train", "val", "test")])
    assert sorted(members.tolist()) == list(range(images))


def test_a_disk_that_is_full_leaves_nothing(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(DataError, match="could not be written"):
            write_demo(tmp_path / "demo", images=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_unseen_drawings_are_in_test_only(tmp_path):
    write_demo(tmp_path, images=120)
    index = open_dataset(tmp_path)
    for split in ("train", "val"):
        assert not index.unseen_N[index.objects_of_split(split)].any()
    unseen = index.objects_of_split("test")
    unseen = unseen[index.unseen_N[unseen]]
    expected = {name for name, (_, kept) in DRAWINGS.items() if kept}
    assert {index.classes[label] for label in index.label_N[unseen]} == expected


def test_every_class_has_the_drawings_it_promises():
    book = DrawingBook()
    assert sorted(DRAWINGS) == VOC_CLASSES
    names: list[str] = []
    for name, (seen, unseen) in DRAWINGS.items():
        drawn = [d.name for d in book.of_class(name, unseen=False)]
        kept = [d.name for d in book.of_class(name, unseen=True)]
        assert drawn == seen.split(), name
        assert kept == unseen.split(), name
        assert bool(kept) == (len(drawn) + len(kept) >= 4), name
        names += drawn + kept
    assert len(names) == len(set(names))


def test_boxes_hold_the_drawings(demo):
    """A drawing differs from the calm ground around it: its box must, too."""
    index = open_dataset(demo)
    crops = CropBank.build(index, np.arange(len(index.label_N)), 32).crops_NCHW
    assert crops.astype(float).std(axis=(2, 3)).max(axis=1).min() > 10
    sides = index.box_xyxy_N4[:, 2:] - index.box_xyxy_N4[:, :2]
    assert sides.max(axis=1).min() >= 28
    assert sides.max() <= 64


def test_an_existing_data_set_is_not_overwritten(demo):
    before = contents(demo)
    for folder in (demo, demo / "VOCdevkit", demo / "VOCdevkit" / "VOC2007"):
        with pytest.raises(DataError, match="holds a data set already"):
            write_demo(folder, images=2)
    assert contents(demo) == before


def test_a_failed_demo_leaves_nothing_behind(tmp_path):
    def fail(done: int, total: int) -> None:
        if done == 2:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_demo(tmp_path / "demo", images=5, progress=fail)
    assert not (tmp_path / "demo").exists()


def test_progress_counts_every_image(tmp_path):
    seen: list[tuple[int, int]] = []
    write_demo(tmp_path, images=3, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_unwritable_folder_and_impossible_wishes(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(DataError, match="could not be written") as caught:
        write_demo(blocked / "demo", images=2)
    assert caught.value.hint
    with pytest.raises(DataError, match="at least one image"):
        write_demo(tmp_path / "demo", images=0)
    with pytest.raises(DataError, match="is negative"):
        write_demo(tmp_path / "demo", images=1, seed=-1)
    assert not (tmp_path / "demo").exists()


def test_needs_neither_qt_nor_torch(tmp_path):
    code = (
        "import sys; from pathlib import Path; from core.data import open_dataset;"
        "from core.data.demo import write_demo; from core.data.crops import CropBank;"
        "import core.detection.detector;"
        f"write_demo(Path({str(tmp_path)!r}), images=1);"
        "bad = {'torch', 'PySide6', 'qtpy', 'qtawesome'} & set(sys.modules);"
        "sys.exit(f'imported {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
