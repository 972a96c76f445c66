"""CropBank: pixels, cache and damaged images."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import open_dataset
from core.data.crops import BuildStopped, CropBank, thumbnail_crop
from core.data.images import load_image
from core.errors import DataError

SIZE = 8


def build(voc, objects=None, size=SIZE, **options) -> CropBank:
    index = open_dataset(voc.root)
    chosen = np.arange(len(index.label_N)) if objects is None else objects
    return CropBank.build(index, chosen, size, **options)


def expected_crop(voc, image_id: str, box: tuple[int, int, int, int], size: int = SIZE):
    with Image.open(voc.image_path(image_id)) as image:
        patch = image.convert("RGB").crop(box).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(patch).transpose(2, 0, 1)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_crops_are_the_boxes_resized_in_the_order_asked(voc):
    bank = build(voc, [2, 0, 1])
    assert bank.crops_NCHW.shape == (3, 3, SIZE, SIZE)
    assert bank.crops_NCHW.dtype == np.uint8
    assert bank.object_index_N.tolist() == [2, 0, 1]
    assert bank.label_N.tolist() == [0, 1, 0]
    assert bank.problems == ()
    np.testing.assert_array_equal(bank.crops_NCHW[0], expected_crop(voc, "000002", (1, 2, 30, 33)))
    np.testing.assert_array_equal(bank.crops_NCHW[1], expected_crop(voc, "000001", (0, 0, 20, 20)))
    np.testing.assert_array_equal(bank.crops_NCHW[2], expected_crop(voc, "000001", (10, 4, 60, 40)))


def test_margin_grows_the_box_within_the_image(voc):
    bank = build(voc, [0, 1], margin=0.1)
    np.testing.assert_array_equal(bank.crops_NCHW[0], expected_crop(voc, "000001", (0, 0, 22, 22)))
    voc.add("000001", [("dog", (1, 1, 20, 20)), ("cat", (6, 1, 60, 40))])
    np.testing.assert_array_equal(
        build(voc, [1], margin=0.1).crops_NCHW[0], expected_crop(voc, "000001", (0, 0, 60, 40))
    )


def test_crop_of_a_fractional_box_lies_between_its_whole_neighbours(voc):
    width, height = 60, 40
    ramp = np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    Image.fromarray(np.stack([ramp] * 3, axis=-1)).save(voc.image_path("000002"), quality=100)
    means = []
    for shift in (0.0, 0.5, 1.0):
        body = voc.object_xml("cat", (11 + shift, 5, 30 + shift, 30))
        voc.annotate("000002", body)
        means.append(build(voc, [2]).crops_NCHW.mean())
    assert means[0] + 1 < means[1] < means[2] - 1


def test_large_images_are_reduced_while_decoding_without_changing_much(voc):
    y, x = np.mgrid[0:640, 0:960] / 64.0
    smooth = (127 + 60 * np.sin(x) + 60 * np.cos(y)).astype(np.uint8)
    Image.fromarray(np.stack([smooth] * 3, axis=-1)).save(voc.image_path("000002"), quality=95)
    voc.annotate("000002", voc.object_xml("cat", (101, 51, 900, 600)))
    crop = build(voc, [2], size=16).crops_NCHW[0].astype(int)
    exact = expected_crop(voc, "000002", (100, 50, 900, 600), 16).astype(int)
    assert np.abs(crop - exact).max() <= 4


def test_second_build_reads_the_cache(voc, tmp_path):
    seen: list[tuple[int, int]] = []
    options = {"cache_folder": tmp_path / "cache", "progress": lambda *now: seen.append(now)}
    first = build(voc, **options)
    assert seen[-1] == (2, 2)
    seen.clear()
    second = build(voc, **options)
    assert seen == []
    assert isinstance(second.crops_NCHW, np.memmap)
    np.testing.assert_array_equal(first.crops_NCHW, second.crops_NCHW)
    np.testing.assert_array_equal(first.crops_NCHW, build(voc).crops_NCHW)
    assert second.object_index_N.tolist() == [0, 1, 2]
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".json", ".npy"]


def test_writing_into_a_bank_does_not_change_the_cache(voc, tmp_path):
    first = build(voc, cache_folder=tmp_path)
    before = first.crops_NCHW[0, 0, 0, 0].copy()
    first.crops_NCHW[0, 0, 0, 0] = 255 - before
    assert build(voc, cache_folder=tmp_path).crops_NCHW[0, 0, 0, 0] == before


@pytest.mark.parametrize("change", ["size", "margin", "objects", "box", "image"])
def test_anything_that_matters_makes_another_cache(voc, tmp_path, change):
    cache = tmp_path / "cache"
    build(voc, [0, 1], cache_folder=cache)
    size, margin, objects = SIZE, 0.0, [0, 1]
    if change == "size":
        size = SIZE + 1
    elif change == "margin":
        margin = 0.25
    elif change == "objects":
        objects = [1, 0]
    elif change == "box":
        voc.annotate("000001", voc.object_xml("dog", (1, 1, 30, 30)) * 2)
    else:
        status = voc.image_path("000001").stat()
        noise = np.random.default_rng(5).integers(0, 256, (40, 60, 3), np.uint8)
        Image.fromarray(noise).save(voc.image_path("000001"), quality=95)
        later = status.st_mtime_ns + 10**9
        os.utime(voc.image_path("000001"), ns=(later, later))
    fresh = build(voc, objects, size, margin=margin)
    cached = build(voc, objects, size, margin=margin, cache_folder=cache)
    np.testing.assert_array_equal(cached.crops_NCHW, fresh.crops_NCHW)
    assert len(list(cache.glob("*.npy"))) == 2


@pytest.mark.parametrize("damage", ["short npy", "no json", "half json", "empty npy", "other npy"])
def test_half_written_caches_are_never_used(voc, tmp_path, damage):
    good = np.array(build(voc, cache_folder=tmp_path).crops_NCHW)
    (data,) = tmp_path.glob("*.npy")
    (record,) = tmp_path.glob("*.json")
    if damage == "short npy":
        data.write_bytes(data.read_bytes()[:-100])
    elif damage == "no json":
        record.unlink()
        data.write_bytes(b"rubbish")
    elif damage == "half json":
        record.write_text(record.read_text()[:10])
    elif damage == "empty npy":
        data.write_bytes(b"")
    else:
        np.save(data, np.zeros((2, 3, SIZE, SIZE), dtype=np.uint8))
    seen = []
    again = build(voc, cache_folder=tmp_path, progress=lambda *now: seen.append(now))
    assert seen
    np.testing.assert_array_equal(again.crops_NCHW, good)


def test_a_stopped_build_leaves_nothing_behind(voc, tmp_path):
    with pytest.raises(BuildStopped):
        build(voc, cache_folder=tmp_path, should_stop=lambda: True)
    assert list(tmp_path.iterdir()) == [tmp_path / "data"]


@pytest.mark.parametrize("cached", [False, True])
def test_damaged_images_lose_their_objects_only(voc, tmp_path, cached):
    truncate(voc.image_path("000001"))
    for _ in range(2):
        bank = build(voc, cache_folder=tmp_path / "cache" if cached else None)
        assert bank.object_index_N.tolist() == [2]
        assert bank.label_N.tolist() == [0]
        assert bank.crops_NCHW.shape == (1, 3, SIZE, SIZE)
        np.testing.assert_array_equal(
            bank.crops_NCHW[0], expected_crop(voc, "000002", (1, 2, 30, 33))
        )
        (problem,) = bank.problems
        assert problem.path == voc.image_path("000001")
        assert "000001.jpg is truncated or damaged" in problem.message
        assert problem.message.endswith("Its 2 objects cannot be cut out: skipped.")


def test_no_object_left_is_an_error(voc, tmp_path):
    truncate(voc.image_path("000001"))
    truncate(voc.image_path("000002"))
    for cache in (None, tmp_path / "cache"):
        with pytest.raises(DataError, match="No object could be cut out"):
            build(voc, cache_folder=cache)
    with pytest.raises(DataError, match="no objects to cut out"):
        build(voc, [])


def test_image_that_vanished_after_indexing(voc):
    index = open_dataset(voc.root)
    voc.image_path("000001").unlink()
    bank = CropBank.build(index, [0, 2], SIZE)
    assert bank.object_index_N.tolist() == [2]
    assert "000001.jpg is missing" in bank.problems[0].message


def test_unwritable_cache_falls_back_to_memory_with_a_warning(voc, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    bank = build(voc, cache_folder=blocked / "cache")
    np.testing.assert_array_equal(bank.crops_NCHW, build(voc).crops_NCHW)
    (problem,) = bank.problems
    assert "could not be cached" in problem.message
    assert problem.path == blocked / "cache"


def test_full_disk_falls_back_to_memory_with_a_warning(voc):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")
    bank = build(voc, cache_folder=full)
    assert len(bank) == 3
    assert "could not be cached" in bank.problems[0].message


def test_thumbnail_is_square_and_undistorted(voc):
    index = open_dataset(voc.root)
    pixels = thumbnail_crop(index, 0, 16)
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8
    expected = expected_crop(voc, "000001", (0, 0, 20, 20), 16).transpose(1, 2, 0)
    np.testing.assert_array_equal(pixels, expected)
    tall = thumbnail_crop(index, 2, 31)  # 29 x 31 pixels grown to 31 x 31
    expected = expected_crop(voc, "000002", (0, 2, 31, 33), 31).transpose(1, 2, 0)
    np.testing.assert_array_equal(tall, expected)


def test_load_image(voc):
    pixels = load_image(voc.image_path("000001"))
    assert pixels.shape == (40, 60, 3)
    assert load_image(voc.image_path("000001"), longest_side=15).shape == (10, 15, 3)
    assert load_image(voc.image_path("000001"), longest_side=500).shape == (40, 60, 3)


def test_load_image_says_what_is_wrong(voc, tmp_path):
    truncate(voc.image_path("000001"))
    text = tmp_path / "text.jpg"
    text.write_text("hello")
    for path, sentence in (
        (voc.image_path("000001"), "is truncated or damaged"),
        (text, "text.jpg is not a JPEG image"),
        (tmp_path / "none.jpg", "none.jpg is missing"),
    ):
        with pytest.raises(DataError, match=sentence) as caught:
            load_image(path)
        assert caught.value.hint


def test_grey_images_become_rgb(voc):
    Image.new("L", (60, 40), 77).save(voc.image_path("000001"), quality=100)
    assert build(voc, [0]).crops_NCHW.tolist() == np.full((1, 3, SIZE, SIZE), 77).tolist()
