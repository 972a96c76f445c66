"""CIFAR's batch files: as their authors pickled them, as others do, damaged, and malicious."""

from __future__ import annotations

import os
import pickle
import pickletools
import shutil
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data import open_dataset, summarize
from core.data.cifar_pickle import UnsafePickleError, read_batch
from core.data.crops import CropBank, thumbnail_crop
from core.errors import DataError

NAMES10 = [
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
]
TRAIN = [f"data_batch_{number}" for number in range(1, 6)]


def python2_pickle(value: object) -> bytes:
    """Pickles as Python 2 did with protocol 2: text as bytes, arrays by _reconstruct."""

    def text(value: bytes) -> bytes:
        if len(value) < 256:
            return b"U" + bytes([len(value)]) + value
        return b"T" + struct.pack("<i", len(value)) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    def array(value: np.ndarray) -> bytes:
        kind = b"cnumpy\ndtype\n(" + text(b"u1") + number(0) + number(1) + b"tR"
        kind += b"(" + number(3) + text(b"|") + b"NNN" + number(-1) * 2 + number(0) + b"tb"
        made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
        made += number(0) + b"\x85" + text(b"b") + b"\x87R"
        shape = b"(" + b"".join(map(number, value.shape)) + b"t"
        return made + b"(" + number(1) + shape + kind + b"\x89" + text(value.tobytes()) + b"tb"

    def any_of(value: object) -> bytes:
        if isinstance(value, dict):
            items = b"".join(any_of(k) + any_of(v) for k, v in value.items())
            return b"}(" + items + b"u"
        if isinstance(value, list):
            return b"](" + b"".join(map(any_of, value)) + b"e"
        if isinstance(value, str):
            return text(value.encode())
        if isinstance(value, np.ndarray):
            return array(value)
        assert isinstance(value, int)
        return number(value)

    return b"\x80\x02" + any_of(value) + b"."


def batch(labels: list[int], seed: int = 0, key: str = "labels") -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "batch_label": "testing",
        key: labels,
        "data": rng.integers(0, 256, (len(labels), 3072), dtype=np.uint8),
        "filenames": [f"x_{i}.png" for i in range(len(labels))],
    }


def write_cifar10(
    parent: Path, to_bytes: Callable[[object], bytes] = python2_pickle, copies: int = 2
) -> Path:
    root = parent / "cifar-10-batches-py"
    root.mkdir(parents=True)
    (root / "batches.meta").write_bytes(to_bytes({"label_names": NAMES10, "num_vis": 3072}))
    for seed, name in enumerate([*TRAIN, "test_batch"]):
        (root / name).write_bytes(to_bytes(batch(list(range(10)) * copies, seed)))
    return root


@pytest.fixture
def cifar(tmp_path: Path) -> Path:
    return write_cifar10(tmp_path / "data")


# ----- what is right -----


def test_images_labels_and_splits(cifar: Path) -> None:
    index = open_dataset(cifar)
    assert index.name == "CIFAR-10 (val: 10% of train, seed 0)"
    assert index.classes == tuple(NAMES10)
    assert index.problems == ()
    assert {k: len(v) for k, v in index.splits.items()} == {
        "train": 90, "val": 10, "trainval": 100, "test": 20,
    }  # fmt: skip
    counts = summarize(index).class_objects
    assert counts["val"].tolist() == [1] * 10
    assert counts["train"].tolist() == [9] * 10
    assert set(index.splits["trainval"]) == set(index.splits["train"]) | set(index.splits["val"])
    first = batch([0], 0)
    assert index.image_ids[0] == "data_batch_1-00000"
    assert index.image_ids[-1] == "test_batch-00019"
    assert len(set(index.image_ids)) == len(set(index.image_paths)) == 120
    labels = list(range(10)) * 2
    for at, values in ((0, batch(labels, 0)["data"][0]), (119, batch(labels, 5)["data"][19])):
        shown = values.reshape(3, 32, 32).transpose(1, 2, 0)
        assert np.array_equal(index.load_image(at), shown)
    assert first["data"].shape == (1, 3072)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_python_3_are_read_alike(cifar: Path, tmp_path: Path, protocol: int) -> None:
    again = write_cifar10(tmp_path / "again", lambda value: pickle.dumps(value, protocol))
    one, two = open_dataset(cifar), open_dataset(again)
    assert np.array_equal(one.pixels_ICHW, two.pixels_ICHW)
    assert np.array_equal(one.label_N, two.label_N)
    assert one.splits["val"].tolist() == two.splits["val"].tolist()


def test_arrays_by_columns_and_bytes_keys() -> None:
    values = np.arange(6, dtype=np.uint8).reshape(2, 3)
    for protocol in range(2, 6):
        content = pickle.dumps({b"data": np.asfortranarray(values)}, protocol)
        assert read_batch(content)["data"].tolist() == values.tolist()


def test_cifar_100(tmp_path: Path) -> None:
    root = tmp_path / "cifar-100-python"
    root.mkdir()
    names = [f"class {chr(97 + (7 * i) % 10)}{i}" for i in range(100)]
    (root / "meta").write_bytes(python2_pickle({"fine_label_names": names}))
    for seed, name in enumerate(("train", "test")):
        content = batch(list(range(100)) * (10 if name == "train" else 1), seed, "fine_labels")
        (root / name).write_bytes(python2_pickle(content))
    index = open_dataset(tmp_path)
    assert index.name == "CIFAR-100 (val: 10% of train, seed 0)"
    assert index.classes == tuple(sorted(names))
    assert [index.classes[label] for label in index.label_N[:100]] == names
    assert [len(index.splits[s]) for s in ("train", "val", "test")] == [900, 100, 100]


def test_the_parent_folder_opens_alike_and_the_fingerprint_follows_the_content(
    cifar: Path, tmp_path: Path
) -> None:
    first = open_dataset(cifar)
    assert open_dataset(cifar.parent).fingerprint == first.fingerprint
    assert open_dataset(write_cifar10(tmp_path / "copy")).fingerprint == first.fingerprint
    (cifar / "data_batch_2").write_bytes(python2_pickle(batch(list(range(10)) * 2, 99)))
    assert open_dataset(cifar).fingerprint != first.fingerprint


def test_crops_thumbnails_and_the_cache(cifar: Path, tmp_path: Path) -> None:
    index = open_dataset(cifar)
    objects = [3, 119, 40]
    cache = tmp_path / "cache"
    bank = CropBank.build(index, objects, 32, cache_folder=cache)
    assert index.pixels_ICHW is not None
    assert np.array_equal(bank.crops_NCHW, index.pixels_ICHW[objects])
    told: list[int] = []
    again = CropBank.build(
        index, objects, 32, cache_folder=cache, progress=lambda done, _total: told.append(done)
    )
    assert told == []
    assert np.array_equal(again.crops_NCHW, bank.crops_NCHW)
    (cifar / "data_batch_1").write_bytes(python2_pickle(batch(list(range(10)) * 2, 77)))
    changed = CropBank.build(open_dataset(cifar), objects, 32, cache_folder=cache)
    assert not np.array_equal(changed.crops_NCHW[0], bank.crops_NCHW[0])
    assert thumbnail_crop(index, 3, 48).shape == (48, 48, 3)
    assert index.load_image(3, longest_side=16).shape == (16, 16, 3)


# ----- what is wrong -----


def test_a_batch_that_cannot_be_used_is_skipped_and_listed(cifar: Path) -> None:
    whole = (cifar / "data_batch_1").read_bytes()
    (cifar / "data_batch_1").write_bytes(whole[:5000])
    (cifar / "data_batch_2").unlink()
    (cifar / "data_batch_3").write_bytes(python2_pickle(batch([0, 10])))
    (cifar / "data_batch_4").write_bytes(python2_pickle({"labels": [1], "data": [1]}))
    index = open_dataset(cifar)
    assert [problem.message for problem in index.problems] == [
        "data_batch_1 is damaged: its images are skipped.",
        "data_batch_2 is missing: its images are skipped.",
        "data_batch_3 has labels that are not in 0 to 9: its images are skipped.",
        "data_batch_4 does not hold 32 x 32 images with a label each: its images are skipped.",
    ]
    assert len(index.splits["trainval"]) == 20


def test_a_missing_test_batch_is_an_empty_split(cifar: Path) -> None:
    (cifar / "test_batch").unlink()
    messages = [problem.message for problem in open_dataset(cifar).problems]
    assert messages[-1] == "The split test is empty."


@pytest.mark.parametrize(
    ("meta", "sentence"),
    [
        (None, "batches.meta is missing"),
        (b"", "batches.meta is damaged"),
        (python2_pickle({"label_names": ["a", "a"]}), "names no two different classes"),
        (python2_pickle({"label_names": [3, 4]}), "has class names that are no text"),
        (python2_pickle({"names": []}), "has no label_names"),
        (python2_pickle([1]), "holds no batch"),
    ],
)
def test_without_class_names_there_is_nothing(
    cifar: Path, meta: bytes | None, sentence: str
) -> None:
    (cifar / "batches.meta").unlink()
    if meta is not None:
        (cifar / "batches.meta").write_bytes(meta)
    with pytest.raises(DataError, match=sentence) as caught:
        open_dataset(cifar)
    assert "akin data download cifar10" in caught.value.hint


def test_nothing_usable(cifar: Path) -> None:
    for name in (*TRAIN, "test_batch"):
        (cifar / name).write_bytes(b"junk")
    with pytest.raises(DataError, match=r"Nothing in .* can be used\. data_batch_1 is damaged"):
        open_dataset(cifar)


def test_two_data_sets_in_one_folder(cifar: Path, voc: Any) -> None:
    with pytest.raises(DataError, match=r"holds a VOC folder and CIFAR"):
        open_dataset(voc.root.parent.parent)
    both = cifar.parent / "both"
    shutil.copytree(cifar, both / cifar.name)
    (both / "cifar-100-python").mkdir()
    (both / "cifar-100-python" / "train").write_bytes(b"x")
    with pytest.raises(DataError, match="CIFAR-10 and CIFAR-100"):
        open_dataset(both)


class _Runs:
    def __init__(self, function: Callable[..., Any], *words: object) -> None:
        self.function, self.words = function, words

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.function, self.words


def _no_batch(content: bytes) -> Mapping[str, Any]:
    with pytest.raises(UnsafePickleError) as caught:
        read_batch(content)
    return {"message": str(caught.value)}


@pytest.mark.parametrize("protocol", range(0, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_runs_something_is_refused(
    cifar: Path, tmp_path: Path, protocol: int
) -> None:
    victim = tmp_path / "victim"
    content = pickle.dumps({"labels": [], "x": _Runs(os.mkdir, str(victim))}, protocol)
    pickle.loads(content)  # it does work elsewhere
    victim.rmdir()
    (cifar / "data_batch_1").write_bytes(content)
    index = open_dataset(cifar)
    assert not victim.exists()
    assert index.problems[0].message == (
        f"data_batch_1 asks to run {os.mkdir.__module__}.mkdir, which is refused: "
        "its images are skipped."
    )


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy\nload\n.",
        b"cbuiltins\ngetattr\n.",
        b"ccopyreg\n_reconstructor\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0cdtype.__new__\x93.",  # a dotted name
        b"(S'x'\nios\nsystem\n.",  # INST
        b"\x82\x01.",  # an extension's code
        b"Pnumber\n.",  # a persistent id
        pickle.dumps({"data": _Runs(np.dtype, "O")}),
        pickle.dumps({"data": np.array([1, 2], dtype=np.int64)}),
        pickle.dumps({"data": np.array([print], dtype=object)}),
        pickle.dumps({"data": np.zeros(3, dtype=np.float32)}),
        b"}r\xff\xff\xff\xff.",  # a memo of 4 billion entries
        b"}p9999999999\n.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # bytes without end
        b"",
        b".",
        b"}",
        b"\x00" * 100,
    ],
)  # fmt: skip
def test_pickles_made_to_do_harm(content: bytes) -> None:
    assert _no_batch(content)["message"]


def test_nothing_that_a_pickle_may_name_can_be_changed_by_it() -> None:
    import core.data.cifar_pickle as module

    before = {name: dict(vars(kind)) for name, kind in module._ALLOWED.items()}
    for place, name in module._ALLOWED:
        for state in (b"}U\x01xK\x01s", b"N}U\x01xK\x01s\x86"):  # a dictionary; slots
            content = b"}U\x01ac" + f"{place}\n{name}\n".encode() + state + b"bs."
            _no_batch(content)
    assert {name: dict(vars(kind)) for name, kind in module._ALLOWED.items()} == before


def test_an_array_must_fit_its_shape() -> None:
    good = pickle.dumps({"data": np.zeros((2, 3), dtype=np.uint8)}, 2)
    assert read_batch(good)["data"].shape == (2, 3)
    wrong = good.replace(b"K\x02K\x03\x86", b"K\x02K\x04\x86")
    assert wrong != good, pickletools.dis(good)
    _no_batch(wrong)
