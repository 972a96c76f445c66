"""Image data sets: their index, their crops, and the built-in demo."""

from __future__ import annotations

from pathlib import Path

from core.data.cifar import is_cifar_folder, open_cifar
from core.data.folder import is_class_folder, open_class_folder
from core.data.index import DatasetIndex, Problem
from core.data.split_checks import split_problems
from core.data.summary import DatasetSummary, summarize
from core.data.voc import Progress, is_voc_folder, open_voc
from core.errors import DataError

__all__ = [
    "DatasetIndex",
    "DatasetSummary",
    "Problem",
    "open_dataset",
    "split_problems",
    "summarize",
]

_HINT = (
    "Choose a folder with Annotations, JPEGImages and ImageSets/Main, such as VOC2007; with "
    "train/CLASS/*.jpg or CLASS/*.jpg; or with cifar-10-batches-py."
)


def open_dataset(
    folder: Path, *, verify_images: bool = False, progress: Progress | None = None
) -> DatasetIndex:
    """Opens an image data set; what cannot be used is skipped and listed in its problems.

    Args:
        folder: A VOC folder (VOC2007 or VOC2012 itself, a VOCdevkit folder, or its parent), a
            folder with one folder of images per class (perhaps below train, val and test), or
            CIFAR-10 or CIFAR-100 as torchvision keeps them.
        verify_images: Decode every image, to find the damaged ones; takes seconds to minutes.
        progress: Called with images (CIFAR: batch files) read and in total.

    Raises:
        DataError: The folder is no data set that Akin knows, or nothing in it can be used.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.", _HINT)
    try:
        voc, cifar = is_voc_folder(folder), is_cifar_folder(folder)
        by_class = not voc and not cifar and is_class_folder(folder)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise DataError(f"{folder} cannot be read ({reason}).", "Check its permissions.") from error
    if voc and cifar:
        raise DataError(
            f"{folder} holds a VOC folder and CIFAR.", "Open the folder of one of them."
        )
    if voc:
        return open_voc(folder, verify_images=verify_images, progress=progress)
    if cifar:
        return open_cifar(folder, progress=progress)
    if by_class:
        return open_class_folder(folder, verify_images=verify_images, progress=progress)
    message = f"{folder} is not a VOC folder, no folder with a folder per class, and not CIFAR."
    raise DataError(message, _HINT)
