"""Reading a Pascal VOC folder: annotations, images' headers and split lists, into a DatasetIndex.

What cannot be used is skipped and listed as a Problem, never guessed.
Source of the format: the VOC 2007 and 2012 development kits.

Shape suffixes: I images, N objects.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from core.data.images import decode, read_size
from core.data.index import DatasetIndex, IntArray, Problem
from core.errors import DataError

DEMO_MARKER = "akin-demo.json"
SPLITS = ("train", "val", "trainval", "test")
ROUNDING_PX = 1.0
_OFFICIAL_IMAGES = {"2007": (9963, 5011, 4952), "2012": (17125,)}
_OPEN_HINT = "Choose a folder with Annotations, JPEGImages and ImageSets/Main, such as VOC2007."

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Object:
    name: str
    box_xyxy: tuple[float, float, float, float]
    difficult: bool
    unseen: bool


@dataclass(frozen=True)
class _Image:
    image_id: str
    path: Path
    width: int
    height: int
    objects: tuple[_Object, ...]


class _AnnotationError(Exception):
    """Why an annotation or one of its objects cannot be used."""


def find_voc_root(folder: Path) -> Path:
    """Returns the folder that holds Annotations and JPEGImages.

    Args:
        folder: That folder itself, a VOCdevkit folder, or the folder that holds VOCdevkit.

    Raises:
        DataError: It is no VOC folder, or it holds several years.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.", _OPEN_HINT)
    if _is_root(folder):
        return folder
    for parent in (folder / "VOCdevkit", folder):
        years = sorted(root for root in parent.glob("VOC*") if _is_root(root))
        if len(years) > 1:
            names = " and ".join(root.name for root in years)
            raise DataError(f"{folder} holds {names}.", f"Open one of them: {years[0]}.")
        if years:
            return years[0]
    raise DataError(f"{folder} is not a VOC folder.", _OPEN_HINT)


def is_voc_folder(folder: Path) -> bool:
    """Tells whether a folder looks like VOC, whatever is wrong inside it."""
    return any(
        _is_root(root) for root in (folder, *folder.glob("VOC*"), *folder.glob("VOCdevkit/VOC*"))
    )


def open_voc(
    folder: Path, *, verify_images: bool = False, progress: Progress | None = None
) -> DatasetIndex:
    """Indexes a VOC folder.

    Args:
        folder: See `find_voc_root`.
        verify_images: Decode every image, to find the damaged ones; takes seconds to minutes.
        progress: Called with images read and images in total.

    Raises:
        DataError: It is no VOC folder, or nothing in it can be used.
    """
    root = find_voc_root(folder)
    annotations = sorted((root / "Annotations").glob("*.xml"))
    if not annotations:
        raise DataError(f"{root / 'Annotations'} holds no annotation files.", _OPEN_HINT)
    problems: list[Problem] = []
    images = _read_images(root, annotations, problems, None if verify_images else progress)
    if verify_images:
        images = _decodable(images, problems, progress)
    if not any(image.objects for image in images):
        first = problems[0].message if problems else "The annotations name no objects."
        raise DataError(f"Nothing in {root} can be used. {first}", _OPEN_HINT)
    stems = {path.stem for path in annotations}
    lists = _read_splits(root, [image.image_id for image in images], stems, problems)
    return _assemble(folder, root, images, lists, problems)


def _is_root(folder: Path) -> bool:
    return (folder / "Annotations").is_dir() and (folder / "JPEGImages").is_dir()


def _read_images(
    root: Path, annotations: list[Path], problems: list[Problem], progress: Progress | None
) -> list[_Image]:
    images: list[_Image] = []
    taken: dict[Path, str] = {}
    for done, path in enumerate(annotations, start=1):
        try:
            image = _read_annotation(root, path, problems)
            if image.path in taken:
                raise _AnnotationError(
                    f"names the image {image.path.name}, which {taken[image.path]}.xml has already"
                )
        except _AnnotationError as error:
            problems.append(Problem(path, f"{path.name} {error}: skipped."))
        else:
            taken[image.path] = path.stem
            images.append(image)
        if progress is not None:
            progress(done, len(annotations))
    return images


def _read_annotation(root: Path, path: Path, problems: list[Problem]) -> _Image:
    tree = _parse_xml(path)
    if tree.tag != "annotation":
        raise _AnnotationError(f"is no annotation but <{tree.tag}>")
    file_name = _text(tree, "filename") or f"{path.stem}.jpg"
    if Path(file_name).name != file_name or "\\" in file_name:
        raise _AnnotationError(f"names an image outside JPEGImages ({file_name})")
    image_path = root / "JPEGImages" / file_name
    if not image_path.is_file():
        raise _AnnotationError(f"names a missing image ({file_name})")
    try:
        width, height = read_size(image_path)
    except DataError as error:
        sentence = error.message.rstrip(".")
        raise _AnnotationError(f"cannot be used, since {_lower(sentence)}") from error
    objects: list[_Object] = []
    for number, element in enumerate(tree.iterfind("object"), start=1):
        try:
            objects.append(_read_object(element, width, height))
        except _AnnotationError as error:
            message = f"Object {number} of {path.name} {error}: object skipped."
            problems.append(Problem(path, message))
    return _Image(path.stem, image_path, width, height, tuple(objects))


def _parse_xml(path: Path) -> Element:
    try:
        tree: Element = fromstring(path.read_bytes())
    except DefusedXmlException as error:
        raise _AnnotationError("defines XML entities, which are refused") from error
    except ParseError as error:
        if "encoding" in str(error):
            raise _AnnotationError(f"has an unknown encoding ({error})") from error
        raise _AnnotationError(f"is not well-formed XML ({error})") from error
    except (LookupError, ValueError) as error:
        raise _AnnotationError(f"has an unknown encoding ({error})") from error
    except OSError as error:
        raise _AnnotationError(f"cannot be read ({error.strerror})") from error
    return tree


def _read_object(element: Element, width: int, height: int) -> _Object:
    name = _text(element, "name")
    if not name:
        raise _AnnotationError("has no class name")
    corners = element.find("bndbox")
    if corners is None:
        raise _AnnotationError("has no box")
    xmin, ymin, xmax, ymax = (_number(corners, key) for key in ("xmin", "ymin", "xmax", "ymax"))
    shown = f"({xmin:g}, {ymin:g}, {xmax:g}, {ymax:g})"
    if xmax < xmin or ymax < ymin:
        raise _AnnotationError(f"has an inverted box {shown}")
    if xmax == xmin or ymax == ymin:
        raise _AnnotationError(f"has a box without area {shown}")
    left, top, right, bottom = xmin - 1, ymin - 1, xmax, ymax
    if (
        min(left, top) < -ROUNDING_PX
        or right > width + ROUNDING_PX
        or bottom > height + ROUNDING_PX
    ):
        raise _AnnotationError(f"has a box {shown} outside its image of {width} x {height} pixels")
    box = (max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height)))
    if box[2] <= box[0] or box[3] <= box[1]:
        raise _AnnotationError(f"has a box {shown} outside its image of {width} x {height} pixels")
    drawing = element.find("drawing")
    unseen = drawing is not None and drawing.get("unseen") == "1"
    return _Object(name, box, _text(element, "difficult") == "1", unseen)


def _text(element: Element, key: str) -> str:
    return (element.findtext(key) or "").strip()


def _number(element: Element, key: str) -> float:
    text = _text(element, key)
    try:
        value = float(text)
    except ValueError as error:
        raise _AnnotationError(f"has a box whose {key} is no number ({text!r})") from error
    if not math.isfinite(value):
        raise _AnnotationError(f"has a box whose {key} is no number ({text!r})")
    return value


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _decodable(
    images: list[_Image], problems: list[Problem], progress: Progress | None
) -> list[_Image]:
    kept: list[_Image] = []
    with ThreadPoolExecutor() as pool:
        checked = zip(images, pool.map(_damage, images), strict=True)
        for done, (image, sentence) in enumerate(checked, start=1):
            if sentence is None:
                kept.append(image)
            else:
                count = len(image.objects)
                problems.append(Problem(image.path, f"{sentence} Skipped with {_objects(count)}."))
            if progress is not None:
                progress(done, len(images))
    return kept


def _objects(count: int) -> str:
    return "1 object" if count == 1 else f"{count} objects"


def _damage(image: _Image) -> str | None:
    try:
        decode(image.path)
    except DataError as error:
        return error.message
    return None


def _read_splits(
    root: Path, image_ids: list[str], stems: set[str], problems: list[Problem]
) -> dict[str, IntArray]:
    """Returns the images of each split in the order of its list."""
    position = {image_id: index for index, image_id in enumerate(image_ids)}
    splits: dict[str, IntArray] = {}
    for split in SPLITS:
        path = root / "ImageSets" / "Main" / f"{split}.txt"
        if not path.exists():
            continue
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            message = f"{path.name} cannot be read ({_why(error)}): split skipped."
            problems.append(Problem(path, message))
            continue
        listed = Counter(line.split()[0] for line in lines if line.strip())
        names = list(listed)
        problems.extend(
            Problem(path, f"{path.name} names {name} {count} times: it counts once.")
            for name, count in listed.items()
            if count > 1
        )
        problems.extend(
            Problem(path, f"{path.name} names {name}, which has no annotation: skipped.")
            for name in names
            if name not in stems
        )
        chosen = [position[name] for name in names if name in position]
        splits[split] = np.array(chosen, dtype=np.int64)
        if not chosen:
            problems.append(Problem(path, f"The split {split} is empty."))
    if not splits:
        main = root / "ImageSets" / "Main"
        problems.append(Problem(main, "There are no split lists: nothing can be trained on yet."))
    return splits


def _why(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8 text"


def _assemble(
    folder: Path,
    root: Path,
    images: list[_Image],
    lists: Mapping[str, IntArray],
    problems: list[Problem],
) -> DatasetIndex:
    splits = {name: np.sort(images) for name, images in lists.items()}
    objects = [(index, item) for index, image in enumerate(images) for item in image.objects]
    classes = tuple(sorted({item.name for _, item in objects}))
    label = {name: index for index, name in enumerate(classes)}
    boxes = np.array([item.box_xyxy for _, item in objects], dtype=np.float32)
    return DatasetIndex(
        name=_name(root, len(images)),
        folder=folder,
        classes=classes,
        image_ids=tuple(image.image_id for image in images),
        image_paths=tuple(image.path for image in images),
        image_size_I2=np.array([(image.width, image.height) for image in images], dtype=np.int64),
        image_index_N=np.array([index for index, _ in objects], dtype=np.int64),
        box_xyxy_N4=boxes.reshape(-1, 4),
        label_N=np.array([label[item.name] for _, item in objects], dtype=np.int64),
        difficult_N=np.array([item.difficult for _, item in objects], dtype=np.bool_),
        unseen_N=np.array([item.unseen for _, item in objects], dtype=np.bool_),
        splits=splits,
        problems=tuple(problems),
        fingerprint=_fingerprint(images, splits),
        split_lists={k: v for k, v in lists.items() if (np.diff(v) < 0).any()},
    )


def _name(root: Path, images: int) -> str:
    if (root / DEMO_MARKER).is_file():
        return "Akin demo"
    match = re.fullmatch(r"VOC(20\d\d)", root.resolve().name)
    if match is None:
        return root.resolve().name
    year = match.group(1)
    if images in _OFFICIAL_IMAGES.get(year, ()):
        return f"VOC {year}"
    return f"VOC {year} ({images:,}-image split)"


def _fingerprint(images: Iterable[_Image], splits: Mapping[str, IntArray]) -> str:
    digest = hashlib.sha256()
    for image in images:
        digest.update(repr((image.image_id, image.path.name, image.path.stat().st_size)).encode())
        for item in image.objects:
            digest.update(repr((item.name, item.box_xyxy, item.difficult, item.unseen)).encode())
    for split, members in sorted(splits.items()):
        digest.update(split.encode() + members.tobytes())
    return digest.hexdigest()
