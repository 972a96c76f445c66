"""Small pictures of images and objects: decoded at size in a pool, kept in memory and on disk.

A view says with `want` what it shows now, first things first; whatever was wanted before and is
not any more is dropped before it is decoded.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, QTimer, Signal, Slot
from PySide6.QtGui import QImage, QPixmap

from core.data.crops import thumbnail_crop
from core.data.images import PixelArray, decode
from core.data.index import DatasetIndex
from core.errors import DataError

MEMORY_BYTES = 160 << 20
DISK_BYTES = 512 << 20
DELIVERY_INTERVAL_MS = 15
DELIVERY_BUDGET_S = 0.006
_JPEG_QUALITY = 88
_VERSION = 1


class TileRole(IntEnum):
    """Item data that a thumbnail grid draws beside DecorationRole and DisplayRole."""

    BADGE = Qt.ItemDataRole.UserRole + 1  # str: short, in the picture's corner
    PROBLEM = Qt.ItemDataRole.UserRole + 2  # str: why there is no picture
    PICTURE = Qt.ItemDataRole.UserRole + 3  # Picture


@dataclass(frozen=True)
class Picture:
    """An image of a data set, or one object cut out of it.

    Attributes:
        index: The data set.
        kind: What `at` counts.
        at: Which image, or which object.
    """

    index: DatasetIndex
    kind: Literal["image", "object"]
    at: int

    @property
    def path(self) -> Path:
        """The file it is in."""
        index = self.index
        image = self.at if self.kind == "image" else int(index.image_index_N[self.at])
        return index.image_paths[image]

    def render(self, side_px: int) -> PixelArray:
        """Returns uint8 RGB pixels, no side longer than side_px (an object: a square).

        Raises:
            DataError: The image cannot be decoded.
        """
        if self.kind == "image":
            return self.index.load_image(self.at, longest_side=side_px)
        return thumbnail_crop(self.index, self.at, side_px)

    def digest(self, side_px: int) -> str:
        """Returns a name that changes with the file, the box and the size (raises OSError)."""
        status = self.path.stat()
        box = self.index.box_xyxy_N4[self.at].tolist() if self.kind == "object" else []
        text = f"{_VERSION} {self.path} {status.st_size} {status.st_mtime_ns} {side_px} {box}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def to_qimage(pixels_HWC: PixelArray) -> QImage:
    """Returns the pixels as an image of its own, in the format that draws fastest."""
    pixels = np.ascontiguousarray(pixels_HWC)
    height, width, _ = pixels.shape
    view = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return view.convertToFormat(QImage.Format.Format_RGB32)


class DiskCache:
    """Small JPEG files in one folder; where it cannot be written, there is no cache.

    Args:
        folder: Created when the first picture is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writable = True

    def get(self, digest: str) -> PixelArray | None:
        path = self._path(digest)
        if not path.exists():
            return None
        try:
            return np.asarray(decode(path))
        except DataError:  # damaged: made again and written over
            return None

    def put(self, digest: str, pixels: PixelArray) -> None:
        if not self._writable:
            return
        path = self._path(digest)
        temporary = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(temporary, "JPEG", quality=_JPEG_QUALITY)
            os.replace(temporary, path)
        except OSError:  # a full or read-only disk: pictures are decoded anew each time
            self._writable = False
            with contextlib.suppress(OSError):
                temporary.unlink()

    def prune(self, limit_bytes: int = DISK_BYTES) -> None:
        """Removes the oldest files until the rest fits."""
        files = []
        for path in self._folder.glob("*/*"):
            try:
                status = path.stat()
            except OSError:  # removed by another window meanwhile
                continue
            files.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= limit_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / f"{digest}.jpg"


class _Work:
    """What is wanted and what has arrived; shared by the window and the workers."""

    def __init__(self, cache: DiskCache | None, side_px: int, wake: Callable[[], None]) -> None:
        self.lock = threading.Lock()
        self.wanted: deque[Picture] = deque()
        self.in_flight: set[Picture] = set()
        self.arrived: deque[tuple[Picture, QImage, str]] = deque()
        self.workers = 0
        self.closed = False
        self._cache = cache
        self._side_px = side_px
        self._wake = wake

    def take(self) -> Picture | None:
        with self.lock:
            if not self.wanted or self.closed:
                self.workers -= 1
                return None
            picture = self.wanted.popleft()
            self.in_flight.add(picture)
            return picture

    def serve(self, picture: Picture) -> None:
        try:
            image, problem = to_qimage(self._pixels(picture)), ""
        except DataError as error:
            image, problem = QImage(), error.message
        except Exception as error:  # noqa: BLE001 - the tile says it; the others still come
            image, problem = QImage(), f"The picture could not be made ({error!r})."
        with self.lock:
            self.in_flight.discard(picture)
            if self.closed:
                return
            first = not self.arrived
            self.arrived.append((picture, image, problem))
        if first:
            self._wake()

    def _pixels(self, picture: Picture) -> PixelArray:
        if self._cache is None:
            return picture.render(self._side_px)
        try:
            digest = picture.digest(self._side_px)
        except OSError:  # no such file: rendering says so in a sentence
            return picture.render(self._side_px)
        found = self._cache.get(digest)
        if found is None:
            found = picture.render(self._side_px)
            self._cache.put(digest, found)
        return found


class _Worker(QRunnable):
    def __init__(self, work: _Work) -> None:
        super().__init__()
        self._work = work

    def run(self) -> None:
        threading.current_thread().name = "thumbnails"
        while (picture := self._work.take()) is not None:
            self._work.serve(picture)


class _Prune(QRunnable):
    def __init__(self, cache: DiskCache) -> None:
        super().__init__()
        self._cache = cache

    def run(self) -> None:
        self._cache.prune()


class ThumbnailLoader(QObject):
    """Decodes what is wanted, the first first, and remembers what was decoded.

    Args:
        side_px: Longest side of a picture, in device pixels.
        folder: Of the disk cache; None: memory only.
        threads: That decode at the same time.
        parent: Owner.
    """

    loaded = Signal(object)  # list[Picture]: decoded, or found to be undecodable
    _arrived = Signal()

    def __init__(
        self,
        side_px: int,
        folder: Path | None = None,
        *,
        threads: int = 2,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._memory: OrderedDict[Picture, QPixmap] = OrderedDict()
        self._memory_bytes = 0
        self._problems: dict[Picture, str] = {}
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(threads)
        self._threads = threads
        cache = None if folder is None else DiskCache(folder)
        self._work = _Work(cache, side_px, self._arrived.emit)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELIVERY_INTERVAL_MS)
        self._timer.timeout.connect(self._deliver)
        self._arrived.connect(self._on_arrived, Qt.ConnectionType.QueuedConnection)
        if cache is not None:
            self._pool.start(_Prune(cache), -1)

    def get(self, picture: Picture) -> QPixmap | None:
        """Returns a picture if it is in memory."""
        found = self._memory.get(picture)
        if found is not None:
            self._memory.move_to_end(picture)
        return found

    def problem(self, picture: Picture) -> str:
        """Returns why a picture cannot be decoded; "" while nothing is known against it."""
        return self._problems.get(picture, "")

    def want(self, pictures: Iterable[Picture]) -> None:
        """Says what is shown now, most urgent first; replaces what was wanted before."""
        work = self._work
        missing = [p for p in pictures if p not in self._memory and p not in self._problems]
        with work.lock:
            arrived = {picture for picture, _, _ in work.arrived}
            work.wanted = deque(p for p in missing if p not in work.in_flight and p not in arrived)
            start = min(self._threads - work.workers, len(work.wanted))
            work.workers += max(start, 0)
        for _ in range(start):
            self._pool.start(_Worker(work))

    @property
    def pending(self) -> int:
        """How many pictures are wanted and not there yet."""
        work = self._work
        with work.lock:
            return len(work.wanted) + len(work.in_flight) + len(work.arrived)

    def clear(self) -> None:
        """Forgets everything in memory, and what is wanted."""
        with self._work.lock:
            self._work.wanted.clear()
            self._work.arrived.clear()
        self._memory.clear()
        self._memory_bytes = 0
        self._problems.clear()

    def shut_down(self) -> None:
        """Stops and waits for the picture being decoded."""
        with self._work.lock:
            self._work.closed = True
        self._timer.stop()
        self._pool.clear()
        self._pool.waitForDone()

    @Slot()
    def _on_arrived(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _deliver(self) -> None:
        until = time.perf_counter() + DELIVERY_BUDGET_S
        delivered: list[Picture] = []
        while time.perf_counter() < until:
            with self._work.lock:
                if not self._work.arrived:
                    break
                picture, image, problem = self._work.arrived.popleft()
            self._keep(picture, image, problem)
            delivered.append(picture)
        else:
            self._timer.start()
        if delivered:
            self.loaded.emit(delivered)

    def _keep(self, picture: Picture, image: QImage, problem: str) -> None:
        if problem:
            self._problems[picture] = problem
            return
        self._memory[picture] = QPixmap.fromImage(image)
        self._memory_bytes += image.sizeInBytes()
        while self._memory_bytes > MEMORY_BYTES and len(self._memory) > 1:
            _, old = self._memory.popitem(last=False)
            self._memory_bytes -= old.width() * old.height() * 4
