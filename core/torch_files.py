"""Files that torch saved: tensors and plain values only, never code.

Torch's unpickler answers damaged bytes with nearly any exception; here they are one.
"""

from __future__ import annotations

import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import torch

DAMAGED = (
    OSError,
    RuntimeError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    MemoryError,
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
)


class UnreadableFileError(Exception):
    """A file that is missing, damaged, or holds something else than tensors."""


def load_tensors(path: Path, device: torch.device | str = "cpu") -> Any:
    """Returns what torch saved in a file.

    Raises:
        UnreadableFileError: It cannot be read.
    """
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except torch.OutOfMemoryError:  # of the device: the file is none the worse
        raise
    except DAMAGED as error:
        raise UnreadableFileError(str(error)) from error
