"""The classes of the data set as a list, for the pool of the ranking page."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QByteArray, QMimeData, QModelIndex, QObject, Qt
from PySide6.QtGui import QPixmap

from core.ranking import Ranking
from gui.models.ladder import MIME_TYPE, encode_classes

AnyIndex = QModelIndex


class PoolRole(IntEnum):
    """Roles beside Qt's own."""

    COUNT = Qt.ItemDataRole.UserRole + 1  # how many classes it ranks
    RANK = Qt.ItemDataRole.UserRole + 2  # its rank in the anchor's ladder; 0: a negative
    IS_ANCHOR = Qt.ItemDataRole.UserRole + 3


class ClassPoolModel(QAbstractListModel):
    """One row a class: name, picture, how many classes it ranks, its rank for the anchor."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[str, ...] = ()
        self._ranking = Ranking()
        self._anchor = ""
        self._pictures: Mapping[str, QPixmap] = {}

    @property
    def classes(self) -> tuple[str, ...]:
        return self._classes

    def set_classes(self, classes: tuple[str, ...]) -> None:
        self.beginResetModel()
        self._classes = classes
        self._pictures = {}
        self.endResetModel()

    def set_ranking(self, ranking: Ranking) -> None:
        self._ranking = ranking
        self._all_changed()

    def set_anchor(self, anchor: str) -> None:
        self._anchor = anchor
        self._all_changed()

    def set_pictures(self, pictures: Mapping[str, QPixmap]) -> None:
        self._pictures = pictures
        self._all_changed()

    def row_of(self, name: str) -> int:
        """Returns the row of a class, -1 for none."""
        return self._classes.index(name) if name in self._classes else -1

    def rowCount(self, parent: AnyIndex | None = None) -> int:  # type: ignore[override]
        return 0 if parent is not None and parent.isValid() else len(self._classes)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # type: ignore[override]
        if not index.isValid() or not 0 <= index.row() < len(self._classes):
            return None
        name = self._classes[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return name
            case Qt.ItemDataRole.DecorationRole:
                return self._pictures.get(name)
            case Qt.ItemDataRole.AccessibleTextRole | Qt.ItemDataRole.ToolTipRole:
                return self._describe(name)
            case PoolRole.COUNT:
                return len(self._ranking.ranked(name))
            case PoolRole.RANK:
                return self._rank(name)
            case PoolRole.IS_ANCHOR:
                return name == self._anchor
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:  # type: ignore[override]
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return (
            Qt.ItemFlag.ItemIsEnabled
            | Qt.ItemFlag.ItemIsSelectable
            | Qt.ItemFlag.ItemIsDragEnabled
            | Qt.ItemFlag.ItemNeverHasChildren
        )

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [MIME_TYPE]

    def mimeData(self, indexes: Any) -> QMimeData:
        names = [self._classes[row] for row in sorted({index.row() for index in indexes})]
        return mime_of(names)

    def _rank(self, name: str) -> int:
        if name == self._anchor:
            return 1
        at = self._ranking.tier_index(self._anchor, name)
        return 0 if at is None else at + 2

    def _describe(self, name: str) -> str:
        count = len(self._ranking.ranked(name))
        ranks = f"ranks {count} class{'' if count == 1 else 'es'}" if count else "ranks none"
        rank = self._rank(name)
        if rank == 1:
            return f"{name}: its ladder is shown; it {ranks}"
        place = f"rank {rank}" if rank else "a negative"
        return f"{name}: {ranks}; for {self._anchor} it is {place}" if self._anchor else name

    def _all_changed(self) -> None:
        if self._classes:
            self.dataChanged.emit(self.index(0), self.index(len(self._classes) - 1))


def mime_of(names: list[str]) -> QMimeData:
    """Returns the payload of a drag of classes."""
    mime = QMimeData()
    mime.setData(MIME_TYPE, QByteArray(encode_classes(names)))
    return mime
