"""Reading CIFAR's batch files without trusting them.

A batch is a pickle, and a pickle is a program. This one may build numbers, strings, lists,
dictionaries and arrays of bytes; it can name nothing else, so that nothing else can run.
Source of the format: https://www.cs.toronto.edu/~kriz/cifar.html (Python 2 pickles, protocol 2).
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np

from core.data.images import PixelArray

MAX_BYTES = 1 << 30
_MAX_MEMO = 10_000_000
_BYTE_TYPES = ("u1", "|u1", "uint8", "B")
_FAILURES = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
)


class UnsafePickleError(Exception):
    """The file is no batch, or asks for more than a batch needs."""


def read_batch(content: bytes) -> dict[str, Any]:
    """Returns what a batch file holds, its keys as text.

    Raises:
        UnsafePickleError: With the end of a sentence that begins with the file's name.
    """
    try:
        _check_memo(content)
        found = _Reader(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(found, dict):
            raise UnsafePickleError("holds no batch")
        return {_text(key): _plain(value) for key, value in found.items()}
    except _FAILURES as error:
        raise UnsafePickleError("is damaged") from error


def read_content(path: Path) -> bytes:
    """Returns a file's bytes (raises OSError; UnsafePickleError if it is huge)."""
    if path.stat().st_size > MAX_BYTES:
        raise UnsafePickleError("is too large")
    return path.read_bytes()


def _check_memo(content: bytes) -> None:
    """Refuses numbers for which the unpickler would take memory without end."""
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > _MAX_MEMO:
            raise UnsafePickleError("is damaged")


class _Inert:
    """A value that a pickle cannot change."""

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("no state expected")


class _ArrayType(_Inert):
    """Stands for numpy.ndarray, which is only ever named."""

    def __init__(self) -> None:
        raise pickle.UnpicklingError("arrays are made by reconstruction")


class _ByteType:
    """Stands for numpy.dtype; bytes are the only type there is."""

    def __init__(self, name: object, *_: object) -> None:
        if _text(name) not in _BYTE_TYPES:
            raise pickle.UnpicklingError("an array of something other than bytes")

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple):
            raise pickle.UnpicklingError("no type's state")


class _Array:
    """Stands for numpy's _reconstruct: an array of bytes, empty until its state is set."""

    def __init__(self, kind: object, *_: object) -> None:
        if kind is not _ArrayType:
            raise pickle.UnpicklingError("an array of an unknown kind")
        self.values: PixelArray = np.empty(0, dtype=np.uint8)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, content = state
        self.values = _array(content, kind, shape, "F" if by_columns else "C")


class _FromBuffer(_Array):
    """Stands for numpy's _frombuffer, which newer pickles use."""

    def __init__(self, content: object, kind: object, shape: object, order: object) -> None:
        self.values = _array(content, kind, shape, _text(order))


class _Encoded(bytes):
    """Stands for _codecs.encode, by which Python 3 writes bytes in protocol 2."""

    def __new__(cls, text: str, codec: str) -> _Encoded:
        if _text(codec) != "latin1" or not isinstance(text, str):
            raise pickle.UnpicklingError("a codec other than latin1")
        return super().__new__(cls, text.encode("latin1"))

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("no state expected")


_ALLOWED: dict[tuple[str, str], type] = {
    ("numpy", "ndarray"): _ArrayType,
    ("numpy", "dtype"): _ByteType,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _FromBuffer,
    ("numpy._core.numeric", "_frombuffer"): _FromBuffer,
    ("_codecs", "encode"): _Encoded,
}


class _Reader(pickle.Unpickler):
    """An unpickler that knows the stand-ins above and imports nothing."""

    def find_class(self, module: str, name: str) -> type:
        found = _ALLOWED.get((module, name))
        if found is None:
            raise UnsafePickleError(f"asks to run {module}.{name}, which is refused")
        return found


def _array(content: object, kind: object, shape: object, order: str) -> PixelArray:
    if not isinstance(kind, _ByteType) or not isinstance(content, bytes | bytearray):
        raise pickle.UnpicklingError("no array of bytes")
    if not isinstance(shape, tuple) or order not in ("C", "F"):
        raise pickle.UnpicklingError("no array's shape")
    if math.prod(shape) != len(content) or any(size < 0 for size in shape):
        raise pickle.UnpicklingError("an array's shape does not fit its content")
    values = np.frombuffer(content, dtype=np.uint8)
    return values.reshape(shape, order="F" if order == "F" else "C")


def _plain(value: object) -> object:
    return value.values if isinstance(value, _Array) else value


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, str):
        return value
    raise pickle.UnpicklingError("no text")
