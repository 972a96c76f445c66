"""Image data sets: their index, their crops, and the built-in demo."""

from __future__ import annotations

from pathlib import Path

from core.data.index import DatasetIndex, Problem
from core.data.summary import DatasetSummary, summarize
from core.data.voc import Progress, open_voc

__all__ = ["DatasetIndex", "DatasetSummary", "Problem", "open_dataset", "summarize"]


def open_dataset(
    folder: Path, *, verify_images: bool = False, progress: Progress | None = None
) -> DatasetIndex:
    """Opens an image data set; what cannot be used is skipped and listed in its problems.

    Args:
        folder: A VOC folder: VOC2007 or VOC2012 itself, a VOCdevkit folder, or its parent.
        verify_images: Decode every image, to find the damaged ones; takes seconds to minutes.
        progress: Called with images read and images in total.

    Raises:
        DataError: The folder is no data set that Akin knows, or nothing in it can be used.
    """
    return open_voc(Path(folder), verify_images=verify_images, progress=progress)
