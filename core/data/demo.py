"""The built-in demo: scenes of drawn objects of the 20 VOC classes, as a VOC folder.

The same seed gives the same bytes, whatever the folder or the date.

Shape suffixes: H height, W width, C channels (RGB); 1 broadcasts.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from core.data.demo_set import DEMO_IMAGES, DEMO_SEED
from core.data.drawings import DRAWINGS, Drawing, DrawingBook
from core.data.voc import DEMO_MARKER, is_voc_folder
from core.errors import DataError

VERSION = 1
OBJECTS_PER_IMAGE = 6
MOST_OBJECTS = 8
FEWEST_IMAGES_FOR_ALL = 40

Progress = Callable[[int, int], None]
Floats = npt.NDArray[np.float64]

_CLASSES = tuple(sorted(DRAWINGS))
_SHARE = {"train": 0.6, "val": 0.15, "test": 0.25}
_UNSEEN_EVERY = 3
_DARKER_SHARE = 0.8


@dataclass(frozen=True)
class _Placed:
    """One object of a scene; its box is 0-based, x2 and y2 exclusive."""

    class_name: str
    drawing: Drawing
    box_xyxy: tuple[int, int, int, int]
    occluded: bool


@dataclass(frozen=True)
class _Plan:
    """What is drawn in one image."""

    image_id: str
    split: str
    objects: tuple[tuple[str, Drawing], ...]


def write_demo(
    folder: Path,
    images: int = DEMO_IMAGES,
    seed: int = DEMO_SEED,
    progress: Progress | None = None,
) -> None:
    """Writes the demo as folder/VOCdevkit/VOC2007; it appears there complete or not at all.

    From 40 images on, every class has at least two objects in each of train, val and test.

    Args:
        folder: Created if it does not exist.
        images: How many images.
        seed: Decides everything that is drawn.
        progress: Called with images written and images in total.

    Raises:
        DataError: The folder holds a data set already, or cannot be written; no image is asked for.
    """
    folder = Path(folder)
    if images < 1:
        raise DataError("A demo needs at least one image.", "Ask for 40 images or more.")
    if seed < 0:
        raise DataError(f"The seed {seed} is negative.", "Choose a seed of 0 or more.")
    if folder.is_dir() and (is_voc_folder(folder) or (folder / "VOCdevkit").exists()):
        raise DataError(f"{folder} holds a data set already.", "Choose another folder.")
    book = DrawingBook()
    was_there = folder.is_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".akin-demo-", dir=folder))
        try:
            _write_scenes(temporary / "VOCdevkit" / "VOC2007", book, images, seed, progress)
            os.rename(temporary / "VOCdevkit", folder / "VOCdevkit")
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            if not was_there and not (folder / "VOCdevkit").exists():
                folder.rmdir()
    except OSError as error:
        raise DataError(
            f"The demo could not be written to {folder} ({error.strerror or error}).",
            "Free some space, or choose a folder you may write to.",
        ) from error


def _write_scenes(
    root: Path, book: DrawingBook, images: int, seed: int, progress: Progress | None
) -> None:
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / part).mkdir(parents=True)
    plans = _plan(book, images, seed)
    for done, plan in enumerate(plans, start=1):
        random = _generator(seed, done)
        scene, placed = _draw_scene(plan, random)
        scene.save(
            root / "JPEGImages" / f"{plan.image_id}.jpg",
            format="JPEG",
            quality=92,
            subsampling=0,
            optimize=False,
            progressive=False,
        )
        annotation = _annotation(plan.image_id, scene.size, placed)
        _write(root / "Annotations" / f"{plan.image_id}.xml", annotation)
        if progress is not None:
            progress(done, images)
    for split, parts in {**{s: (s,) for s in _SHARE}, "trainval": ("train", "val")}.items():
        members = [plan.image_id for plan in plans if plan.split in parts]
        _write(root / "ImageSets" / "Main" / f"{split}.txt", "".join(f"{m}\n" for m in members))
    marker = {"images": images, "seed": seed, "version": VERSION}
    _write(root / DEMO_MARKER, json.dumps(marker, sort_keys=True) + "\n")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, stream, VERSION]))


def _plan(book: DrawingBook, images: int, seed: int) -> list[_Plan]:
    """Decides split and drawings of every image: classes even in each split."""
    random = _generator(seed, 0)
    identifiers = [f"{number:06d}" for number in range(1, images + 1)]
    random.shuffle(identifiers)
    plans: list[_Plan] = []
    for split, count in _split_sizes(images).items():
        least = 2 * len(_CLASSES) if images >= FEWEST_IMAGES_FOR_ALL else 1
        total = max(OBJECTS_PER_IMAGE * count, least) if count else 0
        objects = _choose_drawings(book, split, total, random)
        for amount in _objects_per_image(count, total, random):
            chosen, objects = objects[:amount], objects[amount:]
            plans.append(_Plan(identifiers.pop(), split, tuple(chosen)))
    return sorted(plans, key=lambda plan: plan.image_id)


def _split_sizes(images: int) -> dict[str, int]:
    sizes = {split: max(1, round(share * images)) for split, share in _SHARE.items()}
    sizes["test"] = max(0, min(sizes["test"], images - 1))
    sizes["val"] = max(0, min(sizes["val"], images - 1 - sizes["test"]))
    sizes["train"] = images - sizes["val"] - sizes["test"]
    return sizes


def _objects_per_image(count: int, total: int, random: np.random.Generator) -> list[int]:
    amounts = [total // count + (number < total % count) for number in range(count)]
    for first in range(0, count - 1, 2):
        room = min(amounts[first] - 1, MOST_OBJECTS - amounts[first + 1])
        moved = int(random.integers(0, min(2, room) + 1))
        amounts[first] -= moved
        amounts[first + 1] += moved
    random.shuffle(amounts)
    return amounts


def _choose_drawings(
    book: DrawingBook, split: str, total: int, random: np.random.Generator
) -> list[tuple[str, Drawing]]:
    names = [_CLASSES[number % len(_CLASSES)] for number in range(total)]
    chosen: list[tuple[str, Drawing]] = []
    for name in _CLASSES:
        amount = names.count(name)
        seen = _cycle(book.of_class(name, unseen=False), amount, random)
        unseen = _cycle(book.of_class(name, unseen=True), amount, random)
        for number in range(amount):
            new = split == "test" and unseen and number % _UNSEEN_EVERY == _UNSEEN_EVERY - 1
            chosen.append((name, (unseen if new else seen)[number]))
    order = random.permutation(len(chosen))
    return [chosen[number] for number in order]


def _cycle(drawings: Sequence[Drawing], amount: int, random: np.random.Generator) -> list[Drawing]:
    """Returns drawings in random order, each about as often as any other."""
    result: list[Drawing] = []
    while drawings and len(result) < amount:
        result.extend(drawings[number] for number in random.permutation(len(drawings)))
    return result[:amount]


def _draw_scene(plan: _Plan, random: np.random.Generator) -> tuple[Image.Image, list[_Placed]]:
    width, height = int(random.integers(160, 201)), int(random.integers(120, 151))
    scene = _background(width, height, random)
    columns = 3 if len(plan.objects) <= 6 else 4
    cells = random.permutation(2 * columns)[: len(plan.objects)]
    placed: list[_Placed] = []
    for (name, drawing), cell in zip(plan.objects, cells, strict=True):
        cell_w, cell_h = width / columns, height / 2
        centre = ((cell % columns + 0.5) * cell_w, (cell // columns + 0.5) * cell_h)
        mask = _pose(drawing.mask, random)
        box = _place(mask.size, centre, (cell_w, cell_h), (width, height), random)
        occluded = _paint(scene, mask, box, random)
        placed.append(_Placed(name, drawing, box, occluded))
    grain = random.normal(0.0, 2.0, (height, width, 1))
    pixels_HWC = np.clip(np.asarray(scene, dtype=np.float64) + grain, 0, 255)
    return Image.fromarray(pixels_HWC.astype(np.uint8)), placed


def _background(width: int, height: int, random: np.random.Generator) -> Image.Image:
    """Returns a calm texture: two near colours blended by waves, blotches or a slope."""
    angle = random.uniform(0, math.pi)
    x_W, y_H = np.arange(width) * math.cos(angle), np.arange(height) * math.sin(angle)
    along_HW = x_W[None, :] + y_H[:, None]
    kind = int(random.integers(0, 3))
    if kind == 0:
        blend_HW = (along_HW - along_HW.min()) / np.ptp(along_HW)
    elif kind == 1:
        blend_HW = 0.5 + 0.5 * np.sin(along_HW * 2 * math.pi / random.uniform(14, 60))
    else:
        coarse = random.integers(0, 256, (6, 8), dtype=np.uint8)
        blotches = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        blend_HW = np.asarray(blotches, dtype=np.float64) / 255
    first = random.uniform(110, 225, 3)
    second = np.clip(first + random.uniform(-28, 28, 3), 0, 255)
    pixels_HWC = first + blend_HW[..., None] * (second - first)
    return Image.fromarray(pixels_HWC.astype(np.uint8))


def _pose(mask: Image.Image, random: np.random.Generator) -> Image.Image:
    """Mirrors, rotates, scales and perhaps blurs a drawing; cut to what is drawn."""
    if random.random() < 0.5:
        mask = mask.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    degrees = float(np.clip(random.normal(0, 9), -25, 25))
    mask = mask.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    mask = mask.crop(mask.getbbox())
    longest = random.uniform(32, 56)
    scale = longest / max(mask.size)
    stretch = random.uniform(0.9, 1.1)
    size = max(8, round(mask.width * scale * stretch)), max(8, round(mask.height * scale))
    mask = mask.resize(size, Image.Resampling.BOX if scale < 0.2 else Image.Resampling.LANCZOS)
    if random.random() < 0.3:
        mask = mask.filter(ImageFilter.GaussianBlur(random.uniform(0.4, 1.1)))
    return mask


def _place(
    size: tuple[int, int],
    centre: tuple[float, float],
    cell: tuple[float, float],
    scene: tuple[int, int],
    random: np.random.Generator,
) -> tuple[int, int, int, int]:
    corner = []
    for axis in (0, 1):
        slack = max(2.0, (cell[axis] - size[axis]) / 2)
        start = round(centre[axis] - size[axis] / 2 + random.uniform(-slack, slack))
        corner.append(min(max(start, 1), scene[axis] - size[axis] - 1))
    return corner[0], corner[1], corner[0] + size[0], corner[1] + size[1]


def _paint(
    scene: Image.Image,
    mask: Image.Image,
    box: tuple[int, int, int, int],
    random: np.random.Generator,
) -> bool:
    """Paints a drawing in a colour that stands out; returns whether a bar hides part of it."""
    ground = np.asarray(scene.crop(box), dtype=np.float64).mean(axis=(0, 1))
    colour = _contrasting(ground, random)
    shade_HW1 = np.linspace(1.0, random.uniform(0.75, 1.0), mask.height)[:, None, None]
    paint_HWC = np.broadcast_to(colour * shade_HW1, (mask.height, mask.width, 3))
    scene.paste(Image.fromarray(paint_HWC.astype(np.uint8)), box[:2], mask)
    if random.random() >= 0.12:
        return False
    _hide(scene, box, ground, random)
    return True


def _contrasting(ground: Floats, random: np.random.Generator) -> Floats:
    luma = np.array([0.299, 0.587, 0.114])
    ground_luma = float(ground @ luma)
    darker = ground_luma > 170 or random.random() < _DARKER_SHARE
    while True:
        colour: Floats = random.uniform(0, 255, 3)
        difference = ground_luma - float(colour @ luma)
        if (difference if darker else -difference) > 75:
            return colour


def _hide(
    scene: Image.Image,
    box: tuple[int, int, int, int],
    ground: Floats,
    random: np.random.Generator,
) -> None:
    """Covers a strip of the box at one of its sides or across it."""
    x1, y1, x2, y2 = box
    colour = tuple(int(value) for value in np.clip(ground + random.uniform(-40, 40, 3), 0, 255))
    share = random.uniform(0.1, 0.22)
    if random.random() < 0.5:
        thick = max(2, round((x2 - x1) * share))
        start = int(random.integers(x1, x2 - thick + 1))
        strip = (start, y1, start + thick, y2)
    else:
        thick = max(2, round((y2 - y1) * share))
        start = int(random.integers(y1, y2 - thick + 1))
        strip = (x1, start, x2, start + thick)
    scene.paste(colour, strip)


def _annotation(image_id: str, size: tuple[int, int], placed: Sequence[_Placed]) -> str:
    lines = [
        "<annotation>",
        "\t<folder>VOC2007</folder>",
        f"\t<filename>{image_id}.jpg</filename>",
        "\t<source><database>Akin demo</database></source>",
        f"\t<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>",
        "\t<segmented>0</segmented>",
    ]
    for item in placed:
        x1, y1, x2, y2 = item.box_xyxy
        unseen = ' unseen="1"' if item.drawing.unseen else ""
        lines += [
            "\t<object>",
            f"\t\t<name>{item.class_name}</name>",
            "\t\t<pose>Unspecified</pose>",
            "\t\t<truncated>0</truncated>",
            f"\t\t<occluded>{int(item.occluded)}</occluded>",
            "\t\t<difficult>0</difficult>",
            f"\t\t<bndbox><xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin>"
            f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>",
            f"\t\t<drawing{unseen}>{item.drawing.name}</drawing>",
            "\t</object>",
        ]
    return "\n".join([*lines, "</annotation>", ""])
