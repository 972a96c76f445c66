"""Reading a folder with one folder of images per class, into a DatasetIndex.

Either DIR/train/CLASS/*.jpg (with val and test beside train), or DIR/CLASS/*.jpg, which is then
divided the same way every time. Each image is one object: its box is the whole image.

Shape suffixes: I images.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.data.images import IMAGE_SUFFIXES, decode, read_size
from core.data.index import DatasetIndex, IntArray, Problem
from core.data.splits import SPLIT_SEED, divide, in_words, union
from core.data.voc import Progress
from core.errors import DataError

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
SHARES = {"test": 0.2, "val": 0.1, "train": 0.7}
_VOC_FOLDERS = frozenset({"Annotations", "JPEGImages", "ImageSets"})
_IGNORED = frozenset({"thumbs.db", "desktop.ini"})
_HINT = "Choose a folder such as DIR/train/cat/*.jpg and DIR/test/cat/*.jpg, or DIR/cat/*.jpg."


@dataclass(frozen=True)
class _Image:
    image_id: str
    path: Path
    class_name: str
    split: str
    width: int = 0
    height: int = 0


def is_class_folder(folder: Path) -> bool:
    """Tells whether a folder looks like one folder of images per class."""
    folders = _subfolders(folder)
    if {path.name for path in folders} & _VOC_FOLDERS:
        return False
    given = _given_splits(folder)
    if given:
        return any(_subfolders(path) for path in given)
    return any(_holds_images(path) for path in folders)


def open_class_folder(
    folder: Path, *, verify_images: bool = False, progress: Progress | None = None
) -> DatasetIndex:
    """Indexes a folder with one folder of images per class.

    A split that is missing is made of the training images. Class names are the folders' names.

    Args:
        folder: DIR/train/CLASS/*.jpg or DIR/CLASS/*.jpg.
        verify_images: Decode every image, to find the damaged ones.
        progress: Called with images read and images in total.

    Raises:
        DataError: Fewer than two classes, or nothing that can be used.
    """
    problems: list[Problem] = []
    given = _given_splits(folder)
    found = list(_find(folder, given, problems))
    images = _readable(found, verify_images, problems, progress)
    classes = tuple(sorted({image.class_name for image in images}))
    if not images:
        first = problems[0].message if problems else "It holds no images."
        raise DataError(f"Nothing in {folder} can be used. {first}", _HINT)
    if len(classes) == 1:
        message = f"All images in {folder} are of one class, {classes[0]}."
        raise DataError(message, f"At least two classes are needed. {_HINT}")
    label = {name: index for index, name in enumerate(classes)}
    label_I = np.array([label[image.class_name] for image in images], dtype=np.int64)
    splits, made = _splits(images, label_I, frozenset(given.values()))
    problems += [
        Problem(folder, f"The split {split} is empty.")
        for split, members in splits.items()
        if not len(members)
    ]
    size_I2 = np.array([(image.width, image.height) for image in images], dtype=np.int64)
    count = len(images)
    name = folder.resolve().name
    return DatasetIndex(
        name=f"{name} ({made}, seed {SPLIT_SEED})" if made else name,
        folder=folder,
        classes=classes,
        image_ids=_unique_ids(images),
        image_paths=tuple(image.path for image in images),
        image_size_I2=size_I2,
        image_index_N=np.arange(count, dtype=np.int64),
        box_xyxy_N4=np.concatenate([np.zeros((count, 2)), size_I2], axis=1).astype(np.float32),
        label_N=label_I,
        difficult_N=np.zeros(count, dtype=np.bool_),
        unseen_N=np.zeros(count, dtype=np.bool_),
        splits=splits,
        problems=tuple(problems),
        fingerprint=_fingerprint(images, splits),
    )


def _given_splits(folder: Path) -> dict[Path, str]:
    """Returns the split folders and the splits they hold; none if there is no train folder."""
    found = {path: SPLIT_FOLDERS.get(path.name.lower(), "") for path in _subfolders(folder)}
    if "train" not in found.values():
        return {}
    return {path: split for path, split in found.items() if split}


def _find(folder: Path, given: dict[Path, str], problems: list[Problem]) -> Iterator[_Image]:
    """Yields every image file, in the order of its path, and lists everything else."""
    if not given:
        for class_folder in _subfolders(folder):
            yield from _find_in_class(folder, class_folder, "", problems)
        return
    for parent in _subfolders(folder):
        if parent not in given:
            problems.append(Problem(parent, f"The folder {parent.name} is no split: skipped."))
            continue
        for path in _entries(parent):
            if path.is_dir():
                yield from _find_in_class(folder, path, given[parent], problems)
            elif path.suffix.lower() in IMAGE_SUFFIXES:
                where = path.relative_to(folder).as_posix()
                problems.append(Problem(path, f"{where} is in no class folder: skipped."))


def _find_in_class(
    folder: Path, class_folder: Path, split: str, problems: list[Problem]
) -> Iterator[_Image]:
    entries = _entries(class_folder)
    for path in entries:
        where = path.relative_to(folder).as_posix()
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            yield _Image(where, path, class_folder.name, split)
        else:
            kind = "a folder within a class" if path.is_dir() else "no image that Akin reads"
            problems.append(Problem(path, f"{where} is {kind}: skipped."))
    if not entries:
        where = class_folder.relative_to(folder).as_posix()
        problems.append(Problem(class_folder, f"The class folder {where} is empty."))


def _entries(folder: Path) -> list[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read ({error.strerror}).", "Check the folder's permissions."
        ) from error
    return [p for p in found if not p.name.startswith(".") and p.name.lower() not in _IGNORED]


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir()]


def _holds_images(folder: Path) -> bool:
    return any(path.suffix.lower() in IMAGE_SUFFIXES for path in _entries(folder))


def _readable(
    found: list[_Image], verify: bool, problems: list[Problem], progress: Progress | None
) -> list[_Image]:
    kept: list[_Image] = []
    with ThreadPoolExecutor() as pool:
        results = pool.map(lambda image: _measured(image, verify), found)
        for done, (image, result) in enumerate(zip(found, results, strict=True), start=1):
            if isinstance(result, _Image):
                kept.append(result)
            else:
                problems.append(Problem(image.path, f"{image.image_id}: {result} Skipped."))
            if progress is not None:
                progress(done, len(found))
    return kept


def _measured(image: _Image, verify: bool) -> _Image | str:
    """Returns the image with its size, or a sentence about why it cannot be used."""
    try:
        width, height = read_size(image.path)
        if verify:
            decode(image.path)
    except DataError as error:
        return error.message
    return _Image(image.image_id, image.path, image.class_name, image.split, width, height)


def _splits(
    images: list[_Image], label_I: IntArray, given: frozenset[str]
) -> tuple[dict[str, IntArray], str]:
    """Returns the splits, and how Akin made those that are not given ("" if it made none)."""
    parts = {split: [i for i, im in enumerate(images) if im.split == split] for split in given}
    shares = {split: share for split, share in SHARES.items() if split not in given}
    made = ""
    if not given:
        made = f"split {in_words(dict(reversed(shares.items())))} by Akin"
    elif shares:
        made = ", ".join(f"{split}: {100 * share:.0f}% of train" for split, share in shares.items())
        shares["train"] = 1.0 - sum(shares.values())
    if made:
        source = parts.get("train", list(range(len(images))))
        keys = [images[i].image_id for i in source]
        for split, members in divide(label_I[source].tolist(), keys, shares).items():
            parts[split] = [source[i] for i in members]
    parts["trainval"] = union(parts["train"], parts["val"])
    order = ("train", "val", "trainval", "test")
    return {split: np.array(parts[split], dtype=np.int64) for split in order}, made


def _unique_ids(images: list[_Image]) -> tuple[str, ...]:
    """Returns paths without suffix, but with it where two images differ in nothing else."""
    stems = [image.image_id.removesuffix(image.path.suffix) for image in images]
    twice = {
        stem
        for earlier, stem in zip(sorted(stems), sorted(stems)[1:], strict=False)
        if earlier == stem
    }
    return tuple(
        image.image_id if stem in twice else stem for image, stem in zip(images, stems, strict=True)
    )


def _fingerprint(images: list[_Image], splits: dict[str, IntArray]) -> str:
    digest = hashlib.sha256()
    for image in images:
        facts = (image.image_id, image.path.stat().st_size, image.width, image.height)
        digest.update(repr(facts).encode())
    for split, members in sorted(splits.items()):
        digest.update(split.encode() + members.tobytes())
    return digest.hexdigest()
