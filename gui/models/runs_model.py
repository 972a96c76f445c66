"""What is said of a run in a list, and the table that compares runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor

from core.errors import AkinError
from core.evaluation.report import FIXED_DEPTH, METHOD_NAMES
from core.experiments.groups import arm_key
from core.runs import Run

Index = QModelIndex | QPersistentModelIndex
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
RUN_ROLE = Qt.ItemDataRole.UserRole + 2
STATUS_ROLE = Qt.ItemDataRole.UserRole + 3


@dataclass(frozen=True)
class RunSummary:
    """What a list says about a run; read once, off the window's thread.

    Attributes:
        run: Its directory; None for a row quoted from the paper.
        name: Shown.
        status: running, paused, done, stopped, interrupted, failed, damaged; "paper" for quoted.
        method: ranked, SupCon, RINCE or SoftMax.
        depth: Ranks used; None where the method has none.
        data: What the figures were measured on.
        epochs: Asked for.
        accuracy: On the test split, of the known classes; None while there is none.
        balanced_accuracy: Mean recall.
        auroc: Withheld against known.
        auroc_interval: Its interval.
        note: Caveats, for the tooltip.
        accuracy_interval: 95 % interval of the accuracy.
        seed: Of the run.
        arm: The same for runs that differ in their seed only; "" where it is not known.
        tags: Given by a person.
        remark: A person's note.
    """

    run: Run | None
    name: str
    status: str
    method: str = ""
    depth: int | None = None
    data: str = ""
    epochs: int | None = None
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    auroc: float | None = None
    auroc_interval: tuple[float, float] | None = None
    note: str = ""
    accuracy_interval: tuple[float, float] | None = None
    seed: int = 0
    arm: str = ""
    tags: tuple[str, ...] = ()
    remark: str = ""


def summarize_run(run: Run, *, running: bool = False) -> RunSummary:
    """Reads a run's summary from its directory; a damaged one says so in its note.

    Args:
        run: Its directory.
        running: The window trains it now, whatever the directory says.
    """
    try:
        config = run.config
        outcome = None if running else run.outcome()
        metrics = run.metrics() or {}
        environment = run.environment()
        notes = run.notes()
        arm = arm_key(config, run.ranking)
    except AkinError as error:
        return RunSummary(run, run.title, "damaged", note=str(error))
    ood = metrics.get("ood") or {}
    interval = ood.get("auroc_interval")
    around = metrics.get("accuracy_interval")
    folder = config.data.folder.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1]
    return RunSummary(
        run,
        notes.title or run.name,
        "running" if outcome is None else outcome.status,
        METHOD_NAMES.get(config.objective.method, config.objective.method),
        FIXED_DEPTH.get(config.objective.method, config.ranking.depth),
        str(environment.get("data_name") or folder),
        config.training.epochs,
        metrics.get("accuracy"),
        metrics.get("balanced_accuracy"),
        ood.get("auroc"),
        (float(interval[0]), float(interval[1])) if interval else None,
        str(outcome) if outcome is not None and outcome.status != "done" else "",
        (float(around[0]), float(around[1])) if around else None,
        config.seed,
        arm,
        notes.tags,
        notes.note,
    )


def percent(value: float | None) -> str:
    """Returns "61.3 %", or a dash."""
    return "–" if value is None else f"{100 * value:.1f} %"


class ComparisonModel(QAbstractTableModel):
    """Runs and the paper's figures in one table, each row labelled with its data.

    A run has a tick, and the colour of its curve where it is overlaid.
    """

    overlay_toggled = Signal(object, bool)  # Run, on

    HEADERS = ("Run", "Data", "Method", "Accuracy", "Balanced", "AUROC")
    LEFT = frozenset({0, 1, 2})
    TIPS: ClassVar = {
        0: "Tick a run to see its curves; double click to judge it",
        3: "Share of test objects predicted right, ± half of the 95 % interval",
        4: "Mean recall over the classes",
        5: "Known against withheld objects, ± half of the 95 % interval (bootstrap over images)",
    }

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[RunSummary, ...] = ()
        self._current: Run | None = None
        self._colours: dict[Run, QColor] = {}

    def set_rows(self, rows: Sequence[RunSummary]) -> None:
        if tuple(rows) == self._rows:
            return
        self.beginResetModel()
        self._rows = tuple(rows)
        self.endResetModel()

    def set_current(self, run: Run | None) -> None:
        """Says which run is being judged; its row is set in bold."""
        self._current = run
        self._all_changed()

    def set_colours(self, colours: Mapping[Run, QColor]) -> None:
        """Says which runs are overlaid, and in which colour."""
        if colours != self._colours:
            self._colours = dict(colours)
            self._all_changed()

    def _all_changed(self) -> None:
        if self._rows:
            last = self.index(len(self._rows) - 1, len(self.HEADERS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    @property
    def current(self) -> Run | None:
        return self._current

    def summary(self, row: int) -> RunSummary:
        return self._rows[row]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.HEADERS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self.HEADERS[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
            if role == Qt.ItemDataRole.ToolTipRole:
                return self.TIPS.get(section)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        is_run = index.column() == 0 and self._rows[index.row()].run is not None
        return flags | Qt.ItemFlag.ItemIsUserCheckable if is_run else flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        run = self._rows[index.row()].run
        if role != Qt.ItemDataRole.CheckStateRole or run is None:
            return False
        self.overlay_toggled.emit(run, Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _texts(row)[column]
        if role == SORT_ROLE:
            return _values(row)[column]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if column == 0 and row.run is not None:
            if role == Qt.ItemDataRole.CheckStateRole:
                on = row.run in self._colours
                return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
            if role == Qt.ItemDataRole.DecorationRole:
                return self._colours.get(row.run)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tooltip(row)
        if role == RUN_ROLE:
            return row.run
        if role == STATUS_ROLE:
            return row.status
        return None

    def to_csv(self) -> str:
        """Returns the table as CSV, figures as numbers."""
        out = io.StringIO()
        writer = csv.writer(out)
        accuracy = ("Accuracy", "Accuracy low", "Accuracy high", "Balanced")
        auroc = ("AUROC", "AUROC low", "AUROC high")
        writer.writerow(["Run", "Data", "Method", "r", *accuracy, *auroc, "Epochs", "Note"])
        for row in self._rows:
            around = (row.accuracy, *(row.accuracy_interval or (None, None)))
            area = (row.auroc, *(row.auroc_interval or (None, None)))
            figure = (*around, row.balanced_accuracy, *area)
            values = (row.name, row.data, row.method, row.depth, *figure, row.epochs, row.note)
            writer.writerow(["" if value is None else value for value in values])
        return out.getvalue()


def _alignment(column: int) -> Qt.AlignmentFlag:
    left = column in ComparisonModel.LEFT
    side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter


def _texts(row: RunSummary) -> tuple[str, ...]:
    return (
        row.name,
        row.data,
        row.method if row.depth is None else f"{row.method} r{row.depth}",
        percent(row.accuracy) + _half(row.accuracy_interval, 100, 1),
        percent(row.balanced_accuracy),
        "–" if row.auroc is None else f"{row.auroc:.3f}" + _half(row.auroc_interval, 1, 2),
    )


def _half(interval: tuple[float, float] | None, unit: float, digits: int) -> str:
    """Returns half an interval's width, such as " ±2.4"."""
    if interval is None:
        return ""
    return f" ±{unit * (interval[1] - interval[0]) / 2:.{digits}f}"


def _values(row: RunSummary) -> tuple[Any, ...]:
    """What the columns sort by; absent figures sort below all others."""
    return (
        row.name,
        row.data,
        f"{row.method} {row.depth or 0:03d}",
        -1.0 if row.accuracy is None else row.accuracy,
        -1.0 if row.balanced_accuracy is None else row.balanced_accuracy,
        -1.0 if row.auroc is None else row.auroc,
    )


def _tooltip(row: RunSummary) -> str:
    lines = [f"{row.name} · measured on {row.data or 'unknown data'}"]
    if row.accuracy_interval is not None:
        low, high = row.accuracy_interval
        lines.append(f"Accuracy 95 % interval {percent(low)} to {percent(high)}")
    if row.auroc_interval is not None:
        low, high = row.auroc_interval
        lines.append(f"AUROC 95 % interval {low:.3f} to {high:.3f}")
    if row.epochs is not None:
        lines.append(f"{row.epochs} epochs asked for")
    if row.note:
        lines.append(row.note)
    return "\n".join(lines)
