"""A list model of images, or of objects cut out of them, as a thumbnail grid shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Slot

from core.data.index import DatasetIndex
from gui.thumbnails import Picture, ThumbnailLoader, TileRole

Index = QModelIndex | QPersistentModelIndex
Words = Callable[[int], str]


class ImageModel(QAbstractListModel):
    """Images or objects of one data set, in the order given.

    Args:
        loader: Has the pictures.
        parent: Owner.
    """

    def __init__(self, loader: ThumbnailLoader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self._index: DatasetIndex | None = None
        self._kind: Literal["image", "object"] = "image"
        self._items: tuple[int, ...] = ()
        self._rows: dict[int, int] = {}
        self._badge: Words | None = None
        loader.loaded.connect(self._on_loaded)

    def show_items(
        self,
        index: DatasetIndex | None,
        items: Sequence[int],
        kind: Literal["image", "object"] = "image",
        badge: Words | None = None,
    ) -> None:
        """Shows other items.

        Args:
            index: The data set; None with no items.
            items: Image or object indices.
            kind: What they are.
            badge: The words in the corner of an item's picture.
        """
        self.beginResetModel()
        self._index, self._kind, self._badge = index, kind, badge
        self._items = tuple(items)
        self._rows = {item: row for row, item in enumerate(self._items)}
        self.endResetModel()

    def set_badge(self, badge: Words | None) -> None:
        """Changes the words in the corners."""
        self._badge = badge
        if self._items:
            self.dataChanged.emit(self.index(0), self.index(len(self._items) - 1))

    @property
    def items(self) -> tuple[int, ...]:
        """What is shown, in order."""
        return self._items

    @property
    def kind(self) -> Literal["image", "object"]:
        return self._kind

    def row_of(self, item: int) -> int:
        """Returns where an item is; -1 if it is not shown."""
        return self._rows.get(item, -1)

    def image_at(self, row: int) -> int:
        """Returns the image of a row, also where the row is an object."""
        assert self._index is not None
        item = self._items[row]
        return item if self._kind == "image" else int(self._index.image_index_N[item])

    def row_of_image(self, image: int) -> int:
        """Returns the first row of an image, or of an object in it; -1 if there is none."""
        if self._kind == "image":
            return self.row_of(image)
        rows = range(len(self._items))
        return next((row for row in rows if self.image_at(row) == image), -1)

    def picture(self, row: int) -> Picture:
        assert self._index is not None
        return Picture(self._index, self._kind, self._items[row])

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = index.row()
        match role:
            case Qt.ItemDataRole.DecorationRole:
                return self._loader.get(self.picture(row))
            case Qt.ItemDataRole.DisplayRole:
                return self._caption(row)
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleTextRole:
                return self._description(row)
            case TileRole.BADGE:
                return self._badge(self._items[row]) if self._badge else ""
            case TileRole.PROBLEM:
                return self._loader.problem(self.picture(row))
            case TileRole.PICTURE:
                return self.picture(row)
        return None

    def _caption(self, row: int) -> str:
        assert self._index is not None
        item = self._items[row]
        if self._kind == "image":
            return self._index.image_ids[item]
        return self._index.classes[int(self._index.label_N[item])]

    def _description(self, row: int) -> str:
        assert self._index is not None
        index, image = self._index, self.image_at(row)
        words = [f"Image {index.image_ids[image]}"]
        if self._kind == "object":
            words.insert(0, self._caption(row))
        else:
            labels = index.label_N[index.objects_of_image(image)].tolist()
            names = sorted({index.classes[label] for label in labels})
            words.append(", ".join(names) if names else "no objects")
        badge = self._badge(self._items[row]) if self._badge else ""
        return ": ".join([*words, badge] if badge else words)

    @Slot(object)
    def _on_loaded(self, pictures: list[Picture]) -> None:
        for picture in pictures:
            if picture.index is self._index and picture.kind == self._kind:
                row = self._rows.get(picture.at, -1)
                if row >= 0:
                    cell = self.index(row)
                    self.dataChanged.emit(cell, cell)
