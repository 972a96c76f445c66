"""Numbers that describe a data set: what the Data page shows and `akin data check` prints.

Shape suffixes: C classes, K bins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.data.index import DatasetIndex, FloatArray, IntArray

BOX_SIZE_EDGES_PX = (0, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)


@dataclass(frozen=True, eq=False)
class DatasetSummary:
    """What is in a data set.

    Attributes:
        name: As DatasetIndex.name.
        folder: The folder that was opened.
        classes: Class names, sorted.
        images: Number of images.
        objects: Number of objects.
        difficult: Number of objects flagged "difficult".
        unseen: Number of demo objects whose drawing never occurs in training.
        problems: Number of things that were skipped.
        split_images: Split name to number of images; the splits present, in the usual order.
        split_objects: Split name to number of objects.
        class_objects: Split name to objects of each class, int64, shape (C,); "all": everything.
        class_images: Split name to images with the class, int64, shape (C,); "all": everything.
        box_size_edges_px: Edges of the box-size histogram, shape (K + 1,); size is the square root
            of the box's area, in pixels.
        box_size_counts: Objects in each bin, int64, shape (K,).
    """

    name: str
    folder: Path
    classes: tuple[str, ...]
    images: int
    objects: int
    difficult: int
    unseen: int
    problems: int
    split_images: Mapping[str, int]
    split_objects: Mapping[str, int]
    class_objects: Mapping[str, IntArray]
    class_images: Mapping[str, IntArray]
    box_size_edges_px: FloatArray
    box_size_counts: IntArray


def summarize(index: DatasetIndex) -> DatasetSummary:
    """Counts what is in a data set."""
    everything = np.arange(len(index.label_N), dtype=np.int64)
    members = {split: index.objects_of_split(split) for split in index.splits}
    groups = {"all": everything, **members}
    edges, counts = _box_sizes(index.box_xyxy_N4)
    return DatasetSummary(
        name=index.name,
        folder=index.folder,
        classes=index.classes,
        images=len(index.image_ids),
        objects=len(index.label_N),
        difficult=int(index.difficult_N.sum()),
        unseen=int(index.unseen_N.sum()),
        problems=len(index.problems),
        split_images={split: len(images) for split, images in index.splits.items()},
        split_objects={split: len(objects) for split, objects in members.items()},
        class_objects={key: _class_counts(index, value) for key, value in groups.items()},
        class_images={key: _class_image_counts(index, value) for key, value in groups.items()},
        box_size_edges_px=edges,
        box_size_counts=counts,
    )


def _class_counts(index: DatasetIndex, objects: IntArray) -> IntArray:
    counts = np.bincount(index.label_N[objects], minlength=len(index.classes))
    return counts.astype(np.int64)


def _class_image_counts(index: DatasetIndex, objects: IntArray) -> IntArray:
    pairs = np.unique(np.stack([index.image_index_N[objects], index.label_N[objects]]), axis=1)
    return np.bincount(pairs[1], minlength=len(index.classes)).astype(np.int64)


def _box_sizes(boxes_xyxy_N4: FloatArray) -> tuple[FloatArray, IntArray]:
    width_N = boxes_xyxy_N4[:, 2] - boxes_xyxy_N4[:, 0]
    height_N = boxes_xyxy_N4[:, 3] - boxes_xyxy_N4[:, 1]
    size_N = np.sqrt(width_N * height_N)
    largest = float(size_N.max(initial=0.0))
    edges = np.array(BOX_SIZE_EDGES_PX, dtype=np.float32)
    if largest > edges[-1]:
        edges = np.append(edges, np.float32(np.ceil(largest)))
    counts, _ = np.histogram(size_N, bins=edges)
    return edges, counts.astype(np.int64)
