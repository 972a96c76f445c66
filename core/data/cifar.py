"""Reading CIFAR-10 and CIFAR-100, as torchvision and their authors keep them, into a DatasetIndex.

Images live in batch files, so the index holds their pixels. Each is one object: its box is the
whole image. There is no validation split; Akin takes a tenth of the training images, always the
same ones.
Source of the format: https://www.cs.toronto.edu/~kriz/cifar.html

Shape suffixes: I images, C channels (RGB), H height, W width.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.data.cifar_pickle import UnsafePickleError, read_batch, read_content
from core.data.images import PixelArray
from core.data.index import DatasetIndex, IntArray, Problem
from core.data.splits import SPLIT_SEED, divide, union
from core.data.voc import Progress
from core.errors import DataError

SIDE_PX = 32
SHARES = {"val": 0.1, "train": 0.9}
_HINT = "Download it anew, for example with: akin data download cifar10 DIR."


@dataclass(frozen=True)
class _Layout:
    """How one of the two data sets is kept on disk."""

    title: str
    folder: str
    meta: str
    names_key: str
    labels_key: str
    train: tuple[str, ...]
    test: str

    @property
    def files(self) -> tuple[str, ...]:
        return (self.meta, *self.train, self.test)


_LAYOUTS = (
    _Layout(
        "CIFAR-10",
        "cifar-10-batches-py",
        "batches.meta",
        "label_names",
        "labels",
        tuple(f"data_batch_{number}" for number in range(1, 6)),
        "test_batch",
    ),
    _Layout(
        "CIFAR-100",
        "cifar-100-python",
        "meta",
        "fine_label_names",
        "fine_labels",
        ("train",),
        "test",
    ),
)


@dataclass(frozen=True, eq=False)
class _Batch:
    path: Path
    pixels_ICHW: PixelArray
    label_I: IntArray
    digest: bytes

    @property
    def image_paths(self) -> list[Path]:
        return [self.path / f"{number:05d}" for number in range(len(self.label_I))]


def is_cifar_folder(folder: Path) -> bool:
    """Tells whether a folder holds CIFAR's batch files, or the folder that does."""
    return bool(_find(folder))


def open_cifar(folder: Path, *, progress: Progress | None = None) -> DatasetIndex:
    """Indexes CIFAR-10 or CIFAR-100; about 180 MB, read whole and kept.

    Args:
        folder: cifar-10-batches-py or cifar-100-python, or the folder that holds one of them.
        progress: Called with batch files read and files in total.

    Raises:
        DataError: It is neither or both, or nothing in it can be used.
    """
    found = _find(folder)
    if not found:
        raise DataError(f"{folder} holds no CIFAR batch files.", _HINT)
    if len(found) > 1:
        titles = " and ".join(layout.title for layout, _ in found)
        raise DataError(f"{folder} holds {titles}.", f"Open one of them: {found[0][1]}.")
    layout, root = found[0]
    names = _read_names(layout, root / layout.meta)
    problems: list[Problem] = []
    batches: list[_Batch] = []
    for done, name in enumerate((*layout.train, layout.test), start=1):
        try:
            batches.append(_read_batch(layout, root / name, len(names)))
        except UnsafePickleError as error:
            problems.append(Problem(root / name, f"{name} {error}: its images are skipped."))
        if progress is not None:
            progress(done, len(layout.train) + 1)
    if not batches:
        raise DataError(f"Nothing in {root} can be used. {problems[0].message}", _HINT)
    return _assemble(folder, layout, names, batches, problems)


def _find(folder: Path) -> list[tuple[_Layout, Path]]:
    """Returns what is in a folder: it is enough that the names and one batch are there."""
    found = []
    for layout in _LAYOUTS:
        for root in (folder, folder / layout.folder):
            present = [name for name in layout.files if (root / name).is_file()]
            least = 1 if root.name == layout.folder else 2
            if len(present) >= least and (least == 1 or layout.meta in present):
                found.append((layout, root))
    return found


def _read_names(layout: _Layout, path: Path) -> tuple[str, ...]:
    """Returns the class names in the order of the file's labels."""
    try:
        found, _ = _read(path)
        names = tuple(_name(entry) for entry in _list(found, layout.names_key))
    except UnsafePickleError as error:
        raise DataError(f"{path} {error}.", _HINT) from error
    if len(names) < 2 or len(set(names)) < len(names):
        raise DataError(f"{path} names no two different classes.", _HINT)
    return names


def _read_batch(layout: _Layout, path: Path, classes: int) -> _Batch:
    found, digest = _read(path)
    pixels = found.get("data")
    labels = _list(found, layout.labels_key)
    values = 3 * SIDE_PX * SIDE_PX
    if not isinstance(pixels, np.ndarray) or pixels.shape != (len(labels), values):
        raise UnsafePickleError(f"does not hold {SIDE_PX} x {SIDE_PX} images with a label each")
    if not all(type(label) is int and 0 <= label < classes for label in labels):
        raise UnsafePickleError(f"has labels that are not in 0 to {classes - 1}")
    pixels_ICHW = pixels.reshape(-1, 3, SIDE_PX, SIDE_PX)
    return _Batch(path, pixels_ICHW, np.array(labels, dtype=np.int64), digest)


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    try:
        content = read_content(path)
    except FileNotFoundError as error:
        raise UnsafePickleError("is missing") from error
    except OSError as error:
        raise UnsafePickleError(f"cannot be read ({error.strerror})") from error
    return read_batch(content), hashlib.sha256(content).digest()


def _list(found: dict[str, Any], key: str) -> list[Any]:
    values = found.get(key)
    if not isinstance(values, list):
        raise UnsafePickleError(f"has no {key}")
    return values


def _name(entry: object) -> str:
    try:
        name = entry.decode("utf-8") if isinstance(entry, bytes) else entry
    except UnicodeDecodeError as error:
        raise UnsafePickleError("has class names that are no text") from error
    if not isinstance(name, str) or not name.strip():
        raise UnsafePickleError("has class names that are no text")
    return name.strip()


def _assemble(
    folder: Path,
    layout: _Layout,
    names: tuple[str, ...],
    batches: list[_Batch],
    problems: list[Problem],
) -> DatasetIndex:
    classes = tuple(sorted(names))
    label_of = np.array([classes.index(name) for name in names], dtype=np.int64)
    label_I = label_of[np.concatenate([batch.label_I for batch in batches])]
    paths = [path for batch in batches for path in batch.image_paths]
    ids = [f"{path.parent.name}-{path.name}" for path in paths]
    count = len(ids)
    splits = _splits(layout, paths, ids, label_I)
    problems += [
        Problem(folder, f"The split {split} is empty.")
        for split, members in splits.items()
        if not len(members)
    ]
    return DatasetIndex(
        name=f"{layout.title} (val: {100 * SHARES['val']:.0f}% of train, seed {SPLIT_SEED})",
        folder=folder,
        classes=classes,
        image_ids=tuple(ids),
        image_paths=tuple(paths),
        image_size_I2=np.full((count, 2), SIDE_PX, dtype=np.int64),
        image_index_N=np.arange(count, dtype=np.int64),
        box_xyxy_N4=np.tile(np.array([0, 0, SIDE_PX, SIDE_PX], dtype=np.float32), (count, 1)),
        label_N=label_I,
        difficult_N=np.zeros(count, dtype=np.bool_),
        unseen_N=np.zeros(count, dtype=np.bool_),
        splits=splits,
        problems=tuple(problems),
        fingerprint=_fingerprint(names, batches, splits),
        pixels_ICHW=np.concatenate([batch.pixels_ICHW for batch in batches]),
    )


def _splits(
    layout: _Layout, paths: list[Path], ids: list[str], label_I: IntArray
) -> dict[str, IntArray]:
    train = [i for i, path in enumerate(paths) if path.parent.name in layout.train]
    test = [i for i, path in enumerate(paths) if path.parent.name == layout.test]
    made = divide(label_I[train].tolist(), [ids[i] for i in train], SHARES)
    parts = {name: [train[i] for i in members] for name, members in made.items()}
    ordered = {
        "train": parts["train"],
        "val": parts["val"],
        "trainval": union(train),
        "test": test,
    }
    return {name: np.array(members, dtype=np.int64) for name, members in ordered.items()}


def _fingerprint(names: tuple[str, ...], batches: list[_Batch], splits: dict[str, IntArray]) -> str:
    digest = hashlib.sha256(repr(names).encode())
    for batch in batches:
        digest.update(batch.path.name.encode() + batch.digest)
    for split, members in sorted(splits.items()):
        digest.update(split.encode() + members.tobytes())
    return digest.hexdigest()
