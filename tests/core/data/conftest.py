"""A VOC folder on disk that tests fill and then damage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Box = tuple[float, float, float, float]


class VocFolder:
    """Writes a real VOC folder, file by file."""

    def __init__(self, parent: Path, name: str = "VOC2007") -> None:
        self.root = parent / "VOCdevkit" / name
        for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (self.root / part).mkdir(parents=True)

    def image_path(self, image_id: str) -> Path:
        return self.root / "JPEGImages" / f"{image_id}.jpg"

    def annotation_path(self, image_id: str) -> Path:
        return self.root / "Annotations" / f"{image_id}.xml"

    def add(
        self,
        image_id: str,
        objects: Sequence[tuple[str, Box]] = (("dog", (1, 1, 20, 20)),),
        *,
        size: tuple[int, int] = (60, 40),
        extra: str = "",
    ) -> None:
        """Writes an image of noise and its annotation."""
        seed = [ord(letter) for letter in image_id]
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(self.image_path(image_id), quality=95)
        body = "".join(self.object_xml(name, box, extra) for name, box in objects)
        self.annotate(image_id, body)

    def annotate(self, image_id: str, body: str) -> None:
        xml = f"<annotation><filename>{image_id}.jpg</filename>{body}</annotation>"
        self.annotation_path(image_id).write_text(xml, encoding="utf-8")

    @staticmethod
    def object_xml(name: str, box: Box, extra: str = "") -> str:
        corners = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        inner = "".join(f"<{key}>{value:g}</{key}>" for key, value in corners)
        return f"<object><name>{name}</name>{extra}<bndbox>{inner}</bndbox></object>"

    def split(self, name: str, *image_ids: str) -> Path:
        path = self.root / "ImageSets" / "Main" / f"{name}.txt"
        path.write_text("".join(f"{image_id}\n" for image_id in image_ids), encoding="utf-8")
        return path


@pytest.fixture
def voc(tmp_path: Path) -> VocFolder:
    """Two good images, one in train and one in test."""
    folder = VocFolder(tmp_path / "data")
    folder.add("000001", [("dog", (1, 1, 20, 20)), ("cat", (11, 5, 60, 40))])
    folder.add("000002", [("cat", (2, 3, 30, 33))])
    folder.split("train", "000001")
    folder.split("test", "000002")
    return folder
