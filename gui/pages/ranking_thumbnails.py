"""A typical crop of each class, cut out in a worker."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QImage, QPixmap

from core.data.crops import thumbnail_crop
from core.data.index import DatasetIndex
from core.errors import AkinError, DataError
from gui.tasks import Progress, Task

SIDE = 96
_TRIES = 5


class ThumbnailLoader(QObject):
    """Loads one picture a class; a newer request replaces the one under way."""

    loaded = Signal(object)  # dict[str, QPixmap]
    failed = Signal(object)  # AkinError

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._task: Task | None = None
        self._retired: list[Task] = []

    def load(self, index: DatasetIndex) -> None:
        self.retire()

        def work(_progress: Progress, should_stop: Callable[[], bool]) -> dict[str, QImage]:
            return _pictures(index, should_stop)

        self._task = Task(work, self)
        self._task.succeeded.connect(self._on_succeeded)
        self._task.failed.connect(self._on_failed)
        self._task.finished.connect(self._on_finished)
        self._task.begin()

    def retire(self) -> None:
        """Forgets the request under way."""
        if self._task is not None:
            self._task.stop()
            self._retired.append(self._task)
            self._task = None

    def shut_down(self) -> None:
        """Stops and waits."""
        self.retire()
        for task in self._retired:
            task.wait()

    @Slot(object)
    def _on_succeeded(self, images: dict[str, QImage]) -> None:
        if self.sender() is self._task:
            self.loaded.emit({name: QPixmap.fromImage(image) for name, image in images.items()})

    @Slot(object)
    def _on_failed(self, error: AkinError) -> None:
        if self.sender() is self._task:
            self.failed.emit(error)

    @Slot()
    def _on_finished(self) -> None:
        task = self.sender()
        self._retired = [other for other in self._retired if other is not task]
        if task is self._task:
            self._task = None
        assert task is not None
        task.deleteLater()


def typical_objects(index: DatasetIndex, label: int) -> list[int]:
    """Returns objects of a class that show it well, best first: large, roundish, not difficult."""
    objects = np.flatnonzero(index.label_N == label)
    if not len(objects):
        return []
    boxes_N4 = index.box_xyxy_N4[objects]
    width_N, height_N = boxes_N4[:, 2] - boxes_N4[:, 0], boxes_N4[:, 3] - boxes_N4[:, 1]
    shape_N = np.minimum(width_N, height_N) / np.maximum(np.maximum(width_N, height_N), 1)
    quality_N = np.minimum(width_N, height_N) * shape_N
    quality_N[index.difficult_N[objects]] *= 0.1
    return [int(i) for i in objects[np.argsort(-quality_N, kind="stable")]]


def _pictures(index: DatasetIndex, should_stop: Callable[[], bool]) -> dict[str, QImage]:
    pictures = {}
    for label, name in enumerate(index.classes):
        for candidate in typical_objects(index, label)[:_TRIES]:
            if should_stop():
                return {}
            try:
                pixels = np.ascontiguousarray(thumbnail_crop(index, candidate, SIDE))
            except DataError:
                continue  # an image that cannot be decoded is listed on the Data page
            image = QImage(pixels.data, SIDE, SIDE, 3 * SIDE, QImage.Format.Format_RGB888)
            pictures[name] = image.copy()
            break
    return pictures
