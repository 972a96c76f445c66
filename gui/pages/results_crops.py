"""Objects as crops, decoded in a pool when they are seen."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRunnable,
    QSize,
    Qt,
    QThreadPool,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QImage, QPixmap

from core.data.crops import thumbnail_crop
from core.data.index import DatasetIndex
from core.errors import AkinError
from gui.theme import SPACING

CROP_PX = 72
CACHED_CROPS = 2000
THREADS = 2
Index = QModelIndex | QPersistentModelIndex


class _Relay(QObject):
    """Carries decoded crops from the pool to the model."""

    decoded = Signal(object, int, QImage)  # DatasetIndex, object index, null image: unreadable


class _Decode(QRunnable):
    def __init__(self, relay: _Relay, index: DatasetIndex, object_index: int, size: int) -> None:
        super().__init__()
        self._relay = relay
        self._index = index
        self._object_index = object_index
        self._size = size

    def run(self) -> None:
        try:
            pixels = thumbnail_crop(self._index, self._object_index, self._size)
        except AkinError:
            image = QImage()
        else:
            height, width, _ = pixels.shape
            data = pixels.tobytes()
            image = QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
        self._relay.decoded.emit(self._index, self._object_index, image)


class CropModel(QAbstractListModel):
    """Objects as crops; those that are seen are decoded in a pool, the last asked for first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._index: DatasetIndex | None = None
        self._objects: tuple[int, ...] = ()
        self._captions: tuple[str, ...] = ()
        self._rows: dict[int, int] = {}
        self._cache: OrderedDict[int, QPixmap] = OrderedDict()
        self._asked: set[int] = set()
        self._priority = 0
        self._placeholder = QPixmap(CROP_PX, CROP_PX)
        self._relay = _Relay(self)
        self._relay.decoded.connect(self._on_decoded)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(THREADS)

    def set_placeholder_colour(self, colour: QColor) -> None:
        self._placeholder.fill(colour)

    def show_objects(
        self,
        index: DatasetIndex | None,
        objects: tuple[int, ...],
        captions: tuple[str, ...] = (),
    ) -> None:
        """Shows these objects of a data set; requests for others are dropped.

        Args:
            index: The data set.
            objects: Indices into it.
            captions: Under each; none if there are none.
        """
        assert not captions or len(captions) == len(objects)
        self._pool.clear()
        self._asked.clear()
        if index is not self._index:
            self._cache.clear()
        self.beginResetModel()
        self._index = index
        self._objects, self._captions = objects, captions
        self._rows = {object_index: row for row, object_index in enumerate(objects)}
        self.endResetModel()

    @property
    def objects(self) -> tuple[int, ...]:
        return self._objects

    @property
    def decoded_count(self) -> int:
        """How many of the objects shown have been decoded."""
        return sum(object_index in self._cache for object_index in self._objects)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._objects)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        object_index = self._objects[index.row()]
        if role == Qt.ItemDataRole.DecorationRole:
            return self._pixmap(object_index)
        if role == Qt.ItemDataRole.DisplayRole and self._captions:
            return self._captions[index.row()]
        if role in {Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole}:
            return self._words(index.row())
        if role == Qt.ItemDataRole.SizeHintRole:
            lines = self._captions[index.row()].count("\n") + 1 if self._captions else 0
            return QSize(CROP_PX + SPACING * (3 if lines else 1), CROP_PX + SPACING + 18 * lines)
        return None

    def _words(self, row: int) -> str:
        assert self._index is not None
        object_index = self._objects[row]
        name = self._index.classes[int(self._index.label_N[object_index])]
        image = self._index.image_ids[int(self._index.image_index_N[object_index])]
        caption = self._captions[row].replace("\n", ", ") if self._captions else name
        return f"{caption}, in image {image}" if self._captions else f"{name} in image {image}"

    def _pixmap(self, object_index: int) -> QPixmap:
        found = self._cache.get(object_index)
        if found is not None:
            self._cache.move_to_end(object_index)
            return found
        if object_index not in self._asked and self._index is not None:
            self._asked.add(object_index)
            self._priority += 1
            job = _Decode(self._relay, self._index, object_index, CROP_PX)
            self._pool.start(job, self._priority)
        return self._placeholder

    @Slot(object, int, QImage)
    def _on_decoded(self, index: DatasetIndex, object_index: int, image: QImage) -> None:
        if index is not self._index:
            return
        self._asked.discard(object_index)
        self._cache[object_index] = (
            self._placeholder if image.isNull() else QPixmap.fromImage(image)
        )
        while len(self._cache) > CACHED_CROPS:
            self._cache.popitem(last=False)
        row = self._rows.get(object_index)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))
