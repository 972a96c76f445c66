"""Thumbnails: decoded at size, visible first, stale ones dropped, kept in memory and on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QApplication

from core.data import DatasetIndex, open_dataset
from gui import thumbnails
from gui.thumbnails import DiskCache, Picture, ThumbnailLoader, to_qimage

WaitUntil = Callable[..., None]


@pytest.fixture
def index(tiny_voc: Path) -> DatasetIndex:
    return open_dataset(tiny_voc)


@pytest.fixture
def loader(app: QApplication, tmp_path: Path) -> Iterator[ThumbnailLoader]:
    loader = ThumbnailLoader(64, tmp_path / "thumbnails")
    yield loader
    loader.shut_down()


class Listener(QObject):
    def __init__(self, loader: ThumbnailLoader) -> None:
        super().__init__()
        self.pictures: list[Picture] = []
        loader.loaded.connect(self._on_loaded)

    @Slot(object)
    def _on_loaded(self, pictures: list[Picture]) -> None:
        self.pictures += pictures


def images(index: DatasetIndex, count: int) -> list[Picture]:
    return [Picture(index, "image", at) for at in range(count)]


def test_pixels_keep_their_colours() -> None:
    pixels = np.zeros((3, 5, 3), dtype=np.uint8)
    pixels[1, 4] = (200, 100, 50)
    image = to_qimage(pixels)
    assert (image.width(), image.height()) == (5, 3)
    assert image.pixelColor(4, 1).getRgb()[:3] == (200, 100, 50)
    assert image.pixelColor(0, 0).getRgb()[:3] == (0, 0, 0)


def test_images_keep_their_aspect_and_objects_are_square(
    loader: ThumbnailLoader, index: DatasetIndex, wait_until: WaitUntil
) -> None:
    wanted = [Picture(index, "image", 2), Picture(index, "object", 5)]
    assert loader.get(wanted[0]) is None
    loader.want(wanted)
    wait_until(lambda: all(loader.get(picture) for picture in wanted))
    image, crop = (loader.get(picture) for picture in wanted)
    assert image is not None
    assert crop is not None
    width, height = index.image_size_I2[2].tolist()
    assert max(image.width(), image.height()) == 64
    assert image.width() / image.height() == pytest.approx(width / height, rel=0.03)
    assert (crop.width(), crop.height()) == (64, 64)


def test_the_first_wanted_comes_first_and_stale_requests_are_dropped(
    app: QApplication, index: DatasetIndex, wait_until: WaitUntil
) -> None:
    loader = ThumbnailLoader(64, None, threads=1)
    listener = Listener(loader)
    everything = images(index, 40)
    loader.want(everything)
    loader.want(everything[30:33])
    wait_until(lambda: loader.pending == 0)
    arrived = [picture.at for picture in listener.pictures]
    assert arrived[-3:] == [30, 31, 32]
    assert len(arrived) <= 5  # at most what was under way when the request changed
    loader.shut_down()


def test_what_is_in_memory_is_not_decoded_again(
    loader: ThumbnailLoader, index: DatasetIndex, wait_until: WaitUntil
) -> None:
    listener = Listener(loader)
    loader.want(images(index, 3))
    wait_until(lambda: loader.pending == 0)
    loader.want(images(index, 4))
    wait_until(lambda: loader.pending == 0)
    assert sorted(picture.at for picture in listener.pictures) == [0, 1, 2, 3]


def test_memory_is_bounded(
    loader: ThumbnailLoader,
    index: DatasetIndex,
    wait_until: WaitUntil,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(thumbnails, "MEMORY_BYTES", 5 * 64 * 64 * 4)
    wanted = [Picture(index, "object", at) for at in range(12)]
    loader.want(wanted)
    wait_until(lambda: loader.pending == 0)
    assert sum(loader.get(picture) is not None for picture in wanted) == 5


def test_a_second_loader_reads_the_disk(
    loader: ThumbnailLoader, index: DatasetIndex, tmp_path: Path, wait_until: WaitUntil
) -> None:
    picture = Picture(index, "image", 0)
    loader.want([picture])
    wait_until(lambda: loader.get(picture) is not None)
    (file,) = (tmp_path / "thumbnails").glob("*/*.jpg")
    Image.new("RGB", (64, 48), (255, 0, 0)).save(file)
    second = ThumbnailLoader(64, tmp_path / "thumbnails")
    second.want([picture])
    wait_until(lambda: second.get(picture) is not None)
    found = second.get(picture)
    assert found is not None
    assert found.toImage().pixelColor(10, 10).red() > 200
    second.shut_down()


def test_a_damaged_file_on_disk_is_made_again(
    loader: ThumbnailLoader, index: DatasetIndex, tmp_path: Path, wait_until: WaitUntil
) -> None:
    picture = Picture(index, "image", 0)
    loader.want([picture])
    wait_until(lambda: loader.get(picture) is not None)
    (file,) = (tmp_path / "thumbnails").glob("*/*.jpg")
    file.write_bytes(file.read_bytes()[:100])
    loader.clear()
    loader.want([picture])
    wait_until(lambda: loader.get(picture) is not None)
    with Image.open(file) as image:
        image.load()


def test_a_changed_image_is_another_picture(tmp_path: Path, index: DatasetIndex) -> None:
    picture = Picture(index, "image", 0)
    other = Picture(index, "object", 0)
    assert picture.digest(64) != picture.digest(128)
    assert picture.digest(64) != other.digest(64)
    assert picture.digest(64) == Picture(index, "image", 0).digest(64)


def test_a_folder_that_cannot_be_written_costs_nothing(
    app: QApplication, index: DatasetIndex, tmp_path: Path, wait_until: WaitUntil
) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    loader = ThumbnailLoader(64, blocker / "thumbnails")
    loader.want(images(index, 2))
    wait_until(lambda: all(loader.get(picture) for picture in images(index, 2)))
    loader.shut_down()


def test_an_undecodable_image_says_why(
    loader: ThumbnailLoader, tmp_path: Path, tiny_voc: Path, wait_until: WaitUntil
) -> None:
    import shutil

    folder = tmp_path / "voc"
    shutil.copytree(tiny_voc, folder)
    index = open_dataset(folder)
    index.image_paths[0].write_bytes(b"not a picture")
    index.image_paths[1].unlink()
    loader.want(images(index, 3))
    wait_until(lambda: loader.pending == 0)
    assert "not a JPEG" in loader.problem(Picture(index, "image", 0))
    assert "missing" in loader.problem(Picture(index, "image", 1))
    assert loader.problem(Picture(index, "image", 2)) == ""
    assert loader.get(Picture(index, "image", 2)) is not None


def test_the_oldest_files_are_pruned(tmp_path: Path) -> None:
    import os

    cache = DiskCache(tmp_path)
    for at in range(4):
        digest = f"{at:032d}"
        cache.put(digest, np.full((16, 16, 3), 40 * at, dtype=np.uint8))
        (file,) = tmp_path.glob(f"*/{digest}.jpg")
        os.utime(file, (at, at))
    sizes = [path.stat().st_size for path in sorted(tmp_path.glob("*/*"))]
    cache.prune(sum(sizes[2:]))
    assert sorted(path.stem[-1] for path in tmp_path.glob("*/*")) == ["2", "3"]


def test_after_shut_down_nothing_arrives(
    app: QApplication, index: DatasetIndex, wait_until: WaitUntil
) -> None:
    loader = ThumbnailLoader(64, None)
    listener = Listener(loader)
    loader.want(images(index, 40))
    loader.shut_down()
    app.processEvents()
    assert loader._pool.activeThreadCount() == 0
    assert listener.pictures == []
