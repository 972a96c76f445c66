"""The drawer: crops of the objects that are selected, wherever they were selected."""

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
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListView, QToolButton, QVBoxLayout, QWidget

from core.data.crops import thumbnail_crop
from core.data.index import DatasetIndex
from core.errors import AkinError
from gui.session import ObjectSelection
from gui.theme import SPACING, Tokens, set_role, tokens

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

    def show_objects(self, index: DatasetIndex | None, objects: tuple[int, ...]) -> None:
        """Shows these objects of a data set; requests for others are dropped."""
        self._pool.clear()
        self._asked.clear()
        if index is not self._index:
            self._cache.clear()
        self.beginResetModel()
        self._index = index
        self._objects = objects
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
        if role in {Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole}:
            assert self._index is not None
            name = self._index.classes[int(self._index.label_N[object_index])]
            image = self._index.image_ids[int(self._index.image_index_N[object_index])]
            return f"{name} in image {image}"
        if role == Qt.ItemDataRole.SizeHintRole:
            return QSize(CROP_PX + SPACING, CROP_PX + SPACING)
        return None

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


class SelectionDrawer(QWidget):
    """The crops, and a chip that says what is selected and lets it go."""

    cleared = Signal()
    browse_requested = Signal()
    data_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = CropModel(self)
        self.chip = QToolButton()
        self.chip.setToolTip("Select nothing")
        self.chip.clicked.connect(self.cleared)
        self.note = QLabel()
        self.note.setWordWrap(True)
        set_role(self.note, "muted")
        self.browse = QToolButton()
        self.browse.setText("Open in Detections")
        self.browse.setAccessibleName("Open the selected objects in Detections")
        self.browse.clicked.connect(self.browse_requested)
        self.open_data = QToolButton()
        self.open_data.setText("Open the run's data")
        self.open_data.setAccessibleName("Open the data set that the run was judged on")
        self.open_data.clicked.connect(self.data_requested)
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setViewMode(QListView.ViewMode.IconMode)
        self.view.setMovement(QListView.Movement.Static)
        self.view.setResizeMode(QListView.ResizeMode.Adjust)
        self.view.setUniformItemSizes(True)
        self.view.setIconSize(QSize(CROP_PX, CROP_PX))
        self.view.setSpacing(0)
        self.view.setFrameShape(QListView.Shape.NoFrame)
        self.view.setFixedHeight(CROP_PX + 3 * SPACING)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setAccessibleName("Crops of the selected objects")
        self._lay_out()
        self.show_selection(None, None)

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(SPACING)
        line.addWidget(self.chip)
        line.addWidget(self.note, 1)
        line.addWidget(self.open_data)
        line.addWidget(self.browse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        layout.addLayout(line)
        layout.addWidget(self.view)

    def show_selection(self, index: DatasetIndex | None, selection: ObjectSelection | None) -> None:
        """Shows what is selected; None folds the drawer into a hint."""
        self.model.set_placeholder_colour(QColor(tokens(self.palette()).border))
        on = selection is not None and index is not None
        self.model.show_objects(index, selection.object_indices if on and selection else ())
        text = selection.text if on and selection else ""
        self.chip.setText(f"{text}  ✕")
        self.chip.setAccessibleName(f"Selected: {text}. Press to select nothing")
        self.chip.setStyleSheet(_chip_style(tokens(self.palette())))
        self.chip.setVisible(on)
        self.view.setVisible(on)
        self.browse.setVisible(on)
        self.open_data.hide()
        self.note.setText("" if on else "Click a cell of the matrix to see its objects here.")

    def show_note(self, text: str, *, offer_data: bool = False) -> None:
        """Says why there are no crops."""
        self.show_selection(None, None)
        self.note.setText(text)
        self.open_data.setVisible(offer_data)


def _chip_style(colours: Tokens) -> str:
    return (
        f"QToolButton {{ background: {colours.surface}; border: 1px solid {colours.accent};"
        f" border-radius: 12px; padding: 3px 12px; color: {colours.text}; }}"
        f"QToolButton:hover {{ background: {colours.raised}; }}"
    )
