"""Detections written as Pascal VOC annotations, one XML file an image.

Boxes become 1-based and inclusive, whole pixels inside the image; a score is kept in <score>.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from core.data.index import DatasetIndex
from core.detection.detections_io import UNKNOWN, DetectionSet
from core.errors import DataError

_HINT = "Choose a new folder, where you can write."


def write_voc_annotations(folder: Path, index: DatasetIndex, found: DetectionSet) -> int:
    """Writes the images that have detections; the folder is there complete, or not at all.

    Args:
        folder: A new folder.
        index: The data set.
        found: Detections in its images; those wholly outside their image are left out.

    Returns:
        How many files were written.

    Raises:
        DataError: The folder holds something already, or it cannot be written.
    """
    of_image: dict[int, list[int]] = defaultdict(list)
    for row, image in enumerate(found.image_index_M.tolist()):
        of_image[image].append(row)
    temporary: Path | None = None
    try:
        if folder.exists() and any(folder.iterdir()):
            raise DataError(f"{folder} holds something already.", _HINT)
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        for image, rows in of_image.items():
            path = temporary / f"{index.image_ids[image]}.xml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_annotation(index, image, found, rows))
        temporary.chmod(0o755)
        os.replace(temporary, folder)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"{folder} cannot be written: {reason}.", _HINT) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return len(of_image)


def _annotation(index: DatasetIndex, image: int, found: DetectionSet, rows: list[int]) -> bytes:
    width, height = index.image_size_I2[image].tolist()
    root = Element("annotation")
    _add(root, "folder", "JPEGImages")
    _add(root, "filename", index.image_paths[image].name)
    size = SubElement(root, "size")
    for key, value in (("width", width), ("height", height), ("depth", 3)):
        _add(size, key, value)
    for row in rows:
        x1, y1, x2, y2 = found.box_xyxy_M4[row].tolist()
        left, right = max(round(x1), 0) + 1, min(round(x2), width)
        top, bottom = max(round(y1), 0) + 1, min(round(y2), height)
        if right < left or bottom < top:
            continue
        label = int(found.label_M[row])
        item = SubElement(root, "object")
        _add(item, "name", index.classes[label] if label >= 0 else UNKNOWN)
        _add(item, "difficult", 0)
        _add(item, "score", f"{found.score_M[row]:.6g}")
        corners = SubElement(item, "bndbox")
        for key, value in (("xmin", left), ("ymin", top), ("xmax", right), ("ymax", bottom)):
            _add(corners, key, value)
    indent(root)
    text: bytes = tostring(root, encoding="utf-8")
    return text + b"\n"


def _add(parent: Element, key: str, value: object) -> None:
    SubElement(parent, key).text = str(value)
