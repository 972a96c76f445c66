"""The runs of a workspace as a tree: those that differ in their seed only stand together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor

from core.run_notes import matches
from core.runs import Run
from gui.models.runs_model import RUN_ROLE, STATUS_ROLE, RunSummary, percent

Index = QModelIndex | QPersistentModelIndex
Overlay = Run | str
KEY_ROLE = Qt.ItemDataRole.UserRole + 10  # Run, or the key of a group
TOP = 0


@dataclass(frozen=True)
class RunFilter:
    """Which runs are listed.

    Attributes:
        text: Every word of it is in the run's name, method, data, tags, note or status.
        status: "" for any.
        tag: "" for any.
    """

    text: str = ""
    status: str = ""
    tag: str = ""

    def takes(self, row: RunSummary) -> bool:
        if self.status and row.status != self.status:
            return False
        if self.tag and self.tag not in row.tags:
            return False
        name = row.run.name if row.run is not None else ""
        texts = (row.name, name, row.method, row.data, row.status, row.remark, *row.tags)
        return matches(self.text, texts)


@dataclass(frozen=True)
class _Node:
    """A run, or several of one arm.

    Attributes:
        rows: The run, or those of the group, newest first.
        key: Of the group; "" for a single run.
    """

    rows: tuple[RunSummary, ...]
    key: str = ""

    @property
    def seeds(self) -> tuple[RunSummary, ...]:
        """The newest run of each seed, by seed."""
        newest = {row.seed: row for row in reversed(self.rows)}
        return tuple(newest[seed] for seed in sorted(newest))

    @property
    def label(self) -> str:
        first = self.rows[0]
        depth = "" if first.depth is None or first.method == "SupCon" else f" r{first.depth}"
        return f"{first.method}{depth} × {len(self.seeds)}"


class RunTreeModel(QAbstractItemModel):
    """Runs, newest first; a tick overlays the curves of one, or mean and band of a group.

    Columns: name (with the tick and the colour of its curve); accuracy, or why there is none.
    """

    overlay_toggled = Signal(object, bool)  # Run or key of a group, on
    renamed = Signal(object, str)  # Run, title

    HEADERS = ("Run", "Accuracy")

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: tuple[RunSummary, ...] = ()
        self._nodes: tuple[_Node, ...] = ()
        self._filter = RunFilter()
        self._grouped = True
        self._colours: dict[Overlay, QColor] = {}

    # ----- content -----

    def set_summaries(self, summaries: Sequence[RunSummary]) -> None:
        """Shows these runs, given oldest first; ticks of what is still there stay."""
        rows = tuple(reversed(summaries))
        if rows == self._all:
            return
        self._all = rows
        self._rebuild()
        nodes = _nodes(self._all, grouped=True)
        there: set[Overlay | None] = {row.run for row in rows} | {node.key for node in nodes}
        for overlay in set(self._colours) - there:
            del self._colours[overlay]
            self.overlay_toggled.emit(overlay, False)

    def set_filter(self, wanted: RunFilter) -> None:
        if wanted != self._filter:
            self._filter = wanted
            self._rebuild()

    def set_grouped(self, on: bool) -> None:
        """Says whether runs that differ in their seed only stand together."""
        if on != self._grouped:
            self._grouped = on
            self._rebuild()

    @property
    def is_grouped(self) -> bool:
        return self._grouped

    def _rebuild(self) -> None:
        rows = tuple(row for row in self._all if self._filter.takes(row))
        self.beginResetModel()
        self._nodes = _nodes(rows, grouped=self._grouped)
        self.endResetModel()

    @property
    def summaries(self) -> tuple[RunSummary, ...]:
        """All runs, also those not listed now, newest first."""
        return self._all

    def summary(self, index: Index) -> RunSummary | None:
        """Returns what is said of a run; None for a group."""
        node = self._node(index)
        if index.internalId() != TOP:
            return node.rows[index.row()]
        return None if node.key else node.rows[0]

    def members(self, index: Index) -> tuple[RunSummary, ...]:
        """Returns the run of a row, or those of a group."""
        summary = self.summary(index)
        return self._node(index).rows if summary is None else (summary,)

    def seeds_of(self, key: str) -> tuple[RunSummary, ...]:
        """Returns one run of each seed of a group, whether it is listed now or not."""
        nodes = _nodes(self._all, grouped=True)
        return next((node.seeds for node in nodes if node.key == key), ())

    def label_of(self, key: str) -> str:
        nodes = _nodes(self._all, grouped=True)
        return next((node.label for node in nodes if node.key == key), "")

    def index_of(self, key: Overlay | None) -> QModelIndex:
        """Returns where a run or a group is; no index where it is not listed."""
        for at, node in enumerate(self._nodes):
            top = self.index(at, 0)
            if key == node.key or (not node.key and key == node.rows[0].run):
                return top
            for child, row in enumerate(node.rows if node.key else ()):
                if key == row.run:
                    return self.index(child, 0, top)
        return QModelIndex()

    def set_colour(self, overlay: Overlay, colour: QColor | None) -> None:
        """Says in which colour it is overlaid; None: it is not."""
        if colour is None:
            self._colours.pop(overlay, None)
        else:
            self._colours[overlay] = colour
        index = self.index_of(overlay)
        if index.isValid():
            self.dataChanged.emit(index, index)

    # ----- the tree -----

    def _node(self, index: Index) -> _Node:
        inner = index.internalId()
        return self._nodes[index.row() if inner == TOP else inner - 1]

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else TOP)

    def parent(self, index: Index = QModelIndex()) -> Any:  # noqa: B008 - two methods in Qt
        if not index.isValid() or index.internalId() == TOP:
            return QModelIndex()
        return self.createIndex(index.internalId() - 1, 0, TOP)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        if not parent.isValid():
            return len(self._nodes)
        if parent.column() or parent.internalId() != TOP or not self._nodes[parent.row()].key:
            return 0
        return len(self._nodes[parent.row()].rows)

    def columnCount(self, _parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(self.HEADERS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.HEADERS[section]
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and index.column() == 0:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
            if self.summary(index) is not None:
                flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self.summary(index)
        key = self._node(index).key if row is None else row.run
        first = index.column() == 0
        if role == Qt.ItemDataRole.CheckStateRole and first:
            return Qt.CheckState.Checked if key in self._colours else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.DecorationRole and first and key is not None:
            return self._colours.get(key)
        if role == Qt.ItemDataRole.TextAlignmentRole and not first:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == KEY_ROLE:
            return key
        if row is None:
            return _group_data(self._node(index), index.column(), role)
        return _run_data(row, index.column(), role)

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        key = index.data(KEY_ROLE)
        if key is None:
            return False
        if role == Qt.ItemDataRole.CheckStateRole:
            self.overlay_toggled.emit(key, Qt.CheckState(value) == Qt.CheckState.Checked)
            return True
        if role == Qt.ItemDataRole.EditRole and isinstance(key, Run):
            if str(value) != index.data(Qt.ItemDataRole.EditRole):
                self.renamed.emit(key, str(value))
            return True
        return False


def _nodes(rows: tuple[RunSummary, ...], *, grouped: bool) -> tuple[_Node, ...]:
    """Puts runs of one arm together where they are of two seeds or more."""
    arms: dict[str, list[RunSummary]] = {}
    for row in rows if grouped else ():
        if row.arm:
            arms.setdefault(row.arm, []).append(row)
    several = {arm for arm, found in arms.items() if len({row.seed for row in found}) > 1}
    nodes: list[_Node] = []
    placed: set[str] = set()
    for row in rows:
        if row.arm not in several:
            nodes.append(_Node((row,)))
        elif row.arm not in placed:
            placed.add(row.arm)
            nodes.append(_Node(tuple(arms[row.arm]), row.arm))
    return tuple(nodes)


def _group_data(node: _Node, column: int, role: int) -> Any:
    accuracies = [row.accuracy for row in node.seeds if row.accuracy is not None]
    mean = fmean(accuracies) if accuracies else None
    if role == Qt.ItemDataRole.DisplayRole:
        return (node.label, percent(mean))[column]
    if role in {Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole}:
        words = f"{node.label} seeds, otherwise the same. Tick for mean and band."
        if accuracies:
            spread = f"{percent(min(accuracies))} to {percent(max(accuracies))}"
            words += f"\nTest accuracy: mean of {len(accuracies)} {percent(mean)}, {spread}"
        return words
    return None


def _run_data(row: RunSummary, column: int, role: int) -> Any:
    if role == Qt.ItemDataRole.DisplayRole:
        figure = row.status if row.accuracy is None else percent(row.accuracy)
        tags = "".join(f"  #{tag}" for tag in row.tags)
        return (row.name + tags, figure)[column]
    if role == Qt.ItemDataRole.EditRole and column == 0:
        return row.name
    if role == Qt.ItemDataRole.ToolTipRole:
        name = row.run.name if row.run is not None else row.name
        called = "" if name == row.name else f" ({name})"
        tags = ", ".join(row.tags)
        lines = (
            f"{row.name}{called}: {row.status} · seed {row.seed} · {row.data}, test split",
            f"Tags: {tags}" if tags else "",
            row.remark,
            row.note,
        )
        return "\n".join(filter(None, lines))
    if role == Qt.ItemDataRole.AccessibleTextRole:
        tags = f", tags {', '.join(row.tags)}" if row.tags else ""
        return f"{row.name}, {row.status}, accuracy {percent(row.accuracy)}{tags}"
    if role == RUN_ROLE:
        return row.run
    if role == STATUS_ROLE:
        return row.status
    return None
