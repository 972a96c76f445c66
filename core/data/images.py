"""Reading image files: sizes from headers, pixels from files, and a sentence when either fails.

Shape suffixes: H height, W width, C channels (RGB).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from core.errors import DataError

PixelArray = npt.NDArray[np.uint8]

_FAILURES = (
    OSError,
    SyntaxError,
    ValueError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
_HINT = "Replace the file with an intact image, or remove it from the data set."
_FORMATS = {".png": "PNG", ".bmp": "BMP", ".webp": "WebP"}
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", *_FORMATS})


def _format(path: Path) -> str:
    """Returns the one format a file may have: what its name says, else JPEG."""
    return _FORMATS.get(path.suffix.lower(), "JPEG")


def read_size(path: Path) -> tuple[int, int]:
    """Returns width and height in pixels; reads the header only.

    Raises:
        DataError: The file is missing or is not an image.
    """
    try:
        with Image.open(path, formats=[_format(path)]) as image:
            return image.size
    except _FAILURES as error:
        raise _data_error(path, error) from error


def decode(path: Path, *, reduce_by: int = 1) -> Image.Image:
    """Decodes a whole image to RGB; what is transparent is shown as its colour.

    Args:
        path: The image file.
        reduce_by: Decode a JPEG at 1/1, 1/2, 1/4 or 1/8 of its size, rounded up; much faster.

    Raises:
        DataError: The file is missing, truncated, damaged or not an image.
    """
    try:
        with Image.open(path, formats=[_format(path)]) as image:
            if reduce_by > 1:
                width, height = image.size
                image.draft("RGB", (max(1, width // reduce_by), max(1, height // reduce_by)))
            if image.mode == "P" and "transparency" in image.info:
                return image.convert("RGBA").convert("RGB")
            return image.convert("RGB")
    except _FAILURES as error:
        raise _data_error(path, error) from error


def load_image(path: Path, *, longest_side: int | None = None) -> PixelArray:
    """Returns an image's pixels, uint8 RGB, shape (H, W, C).

    Args:
        path: The image file.
        longest_side: Shrink to at most this many pixels a side, keeping the aspect; None: as is.

    Raises:
        DataError: The file is missing, truncated, damaged or not an image.
    """
    if longest_side is None:
        return np.asarray(decode(path))
    size_xy = read_size(path)
    image = decode(path, reduce_by=reduction(max(size_xy) / longest_side))
    return np.asarray(shrunk(image, longest_side, size_xy))


def shrunk(image: Image.Image, longest_side: int, size_xy: tuple[int, int]) -> Image.Image:
    """Returns an image with at most `longest_side` pixels a side, keeping the aspect.

    Args:
        image: As decoded, perhaps reduced.
        longest_side: In pixels.
        size_xy: Its full size, width and height in pixels.
    """
    scale = longest_side / max(size_xy)
    if scale >= 1.0:
        return image
    size = max(1, round(size_xy[0] * scale)), max(1, round(size_xy[1] * scale))
    return image.resize(size, Image.Resampling.BILINEAR)


def reduction(shrink: float) -> int:
    """Returns how far the decoder may reduce an image that will be shrunk by a factor.

    At least a factor of two is left to the antialiased resize, so that quality does not suffer.
    """
    return next((step for step in (8, 4, 2) if shrink >= 2 * step), 1)


def _data_error(path: Path, error: BaseException) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(f"The image {path.name} is missing.", "Put the file back, or open again.")
    if isinstance(error, PermissionError | IsADirectoryError):
        return DataError(f"The image {path.name} cannot be read.", "Check the file's permissions.")
    if isinstance(error, UnidentifiedImageError):
        return DataError(f"The image {path.name} is not a {_format(path)} image.", _HINT)
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return DataError(f"The image {path.name} is too large to be a photograph.", _HINT)
    return DataError(f"The image {path.name} is truncated or damaged ({error}).", _HINT)
