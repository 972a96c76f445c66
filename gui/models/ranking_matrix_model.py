"""The whole ranking as a table: row = anchor, column = class, cell = similarity."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from core.ranking import Ranking

Index = QModelIndex | QPersistentModelIndex
SIMILARITY_ROLE = Qt.ItemDataRole.UserRole + 1
USED_ROLE = Qt.ItemDataRole.UserRole + 2


class RankingMatrixModel(QAbstractTableModel):
    """An adapter over a Ranking; edits are asked for, not made."""

    entry_requested = Signal(str, str, float)  # anchor, class, similarity

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[str, ...] = ()
        self._ranking = Ranking()
        self._similarity_CC = self._ranking.similarity_matrix(())
        self._used_CC = self._similarity_CC

    @property
    def classes(self) -> tuple[str, ...]:
        return self._classes

    def set_ranking(self, ranking: Ranking, classes: tuple[str, ...], depth: int) -> None:
        """Shows a ranking of these classes; ranks below `depth` are marked as not used."""
        if classes != self._classes:
            self.beginResetModel()
            self._classes = classes
            self._fill(ranking, depth)
            self.endResetModel()
            return
        self._fill(ranking, depth)
        if classes:
            last = self.index(len(classes) - 1, len(classes) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def _fill(self, ranking: Ranking, depth: int) -> None:
        self._ranking = ranking
        self._similarity_CC = ranking.similarity_matrix(self._classes)
        self._used_CC = ranking.similarity_matrix(self._classes, depth)

    def names(self, index: Index) -> tuple[str, str]:
        """Returns anchor and class of a cell."""
        return self._classes[index.row()], self._classes[index.column()]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._classes)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._classes)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return self._classes[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            is_row = orientation == Qt.Orientation.Vertical
            name = self._classes[section]
            return f"what {name} ranks" if is_row else f"who ranks {name}"
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags if index.row() == index.column() else flags | Qt.ItemFlag.ItemIsEditable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        value = float(self._similarity_CC[index.row(), index.column()])
        if role == Qt.ItemDataRole.DisplayRole:
            if index.row() == index.column():
                return "1"
            return f"{value:.2f}".removeprefix("0") if value else ""
        if role == Qt.ItemDataRole.EditRole:
            return round(value, 4)
        if role == SIMILARITY_ROLE:
            return value
        if role == USED_ROLE:
            return bool(self._used_CC[index.row(), index.column()] > 0)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignCenter
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._in_words(index, value)
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or index.row() == index.column():
            return False
        similarity = min(max(round(float(value), 4), 0.0), 0.99)
        if similarity == round(float(self._similarity_CC[index.row(), index.column()]), 4):
            return False
        self.entry_requested.emit(*self.names(index), similarity)
        return True

    def _in_words(self, index: Index, value: float) -> str:
        anchor, name = self.names(index)
        if anchor == name:
            return f"{anchor}: rank 1 is the class itself"
        tier = self._ranking.tier_index(anchor, name)
        if tier is None:
            return f"{anchor}: {name} is a negative"
        used = "" if index.data(USED_ROLE) else ", below the depth: not used in training"
        return f"{anchor}: {name} at rank {tier + 2}, similarity {value:.2f}{used}"
