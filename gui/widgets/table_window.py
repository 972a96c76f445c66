"""The numbers of a figure as a table beside it: to be read, sorted, copied and saved."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core.errors import AkinError
from core.files import write_text
from gui.theme import SPACING, number_font, set_role

Index = QModelIndex | QPersistentModelIndex
WIDEST_COLUMN_PX = 280
ROWS_MEASURED = 200


class Tabular(Protocol):
    """What has a table."""

    def figure_csv(self) -> str:
        """Returns its numbers as CSV text: one line of headers, then the rows."""
        ...

    def figure_summary(self) -> str:
        """Returns in a sentence or two what is to be seen."""
        ...


class TableModel(QAbstractTableModel):
    """Rows of text under headers; what reads as a number is sorted as one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.headers: tuple[str, ...] = ()
        self.rows: tuple[tuple[str, ...], ...] = ()

    def set_csv(self, text: str) -> None:
        """Shows CSV text, its first line as the headers."""
        self.beginResetModel()
        lines = [tuple(line) for line in csv.reader(io.StringIO(text)) if line]
        self.headers, self.rows = (lines[0], tuple(lines[1:])) if lines else ((), ())
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.headers)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        text = row[index.column()] if index.column() < len(row) else ""
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        number = _number(text)
        if role == Qt.ItemDataRole.UserRole:
            return (0, number, "") if number is not None else (1, 0.0, text)
        if role == Qt.ItemDataRole.TextAlignmentRole and number is not None:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return self.headers[section] if orientation == Qt.Orientation.Horizontal else section + 1


class _Sorted(QSortFilterProxyModel):
    """Numbers before words, each in their own order."""

    def lessThan(self, left: Index, right: Index) -> bool:
        model = self.sourceModel()
        keys = [model.data(index, Qt.ItemDataRole.UserRole) for index in (left, right)]
        return bool(keys[0] < keys[1])


class TableWindow(QDialog):
    """The table of one figure; blocks nothing.

    Args:
        figure: Whose numbers.
        name: Of the figure; the file's proposed name.
        parent: Owner.
    """

    saved = Signal(str)  # path
    failed = Signal(object)  # AkinError

    def __init__(self, figure: Tabular, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._figure = figure
        self._name = name
        self.setWindowTitle(f"{name[:1].upper()}{name[1:]}: table")
        self.resize(720, 480)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.summary.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.count = QLabel()
        set_role(self.count, "muted")
        self.model = TableModel(self)
        self._sorted = _Sorted(self)
        self._sorted.setSourceModel(self.model)
        self.table = QTableView()
        self.table.setTabKeyNavigation(False)  # Tab leaves it
        self.table.setModel(self._sorted)
        self.table.setAccessibleName(f"Numbers of {name}")
        self.table.setSortingEnabled(True)
        self.table.setAlternatingRowColors(True)
        self.table.setFont(number_font(self.table.font()))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.verticalHeader().hide()
        self._lay_out()
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self)
        copy.activated.connect(self.copy)
        refresh = QShortcut(QKeySequence(QKeySequence.StandardKey.Refresh), self)
        refresh.activated.connect(self.refresh)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING)
        buttons.addWidget(self.count, 1)
        for text, name, tip, slot in (
            ("Update", "Update the table", "Read the figure again (F5)", self.refresh),
            ("Copy", "Copy the table", "The chosen cells, or all (Ctrl+C)", self.copy),
            ("Save as CSV…", "Save the table as CSV", "", self._ask_where),
            ("Close", "Close the table", "", self.close),
        ):
            button = QPushButton(text)
            button.setAccessibleName(name)
            button.setToolTip(tip)
            button.setAutoDefault(False)
            button.clicked.connect(slot)
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACING * 2, SPACING * 2, SPACING * 2, SPACING * 2)
        layout.setSpacing(SPACING)
        layout.addWidget(self.summary)
        layout.addWidget(self.table, 1)
        layout.addLayout(buttons)

    def open_beside(self) -> None:
        """Shows the table as the figure is now, unsorted."""
        self._sorted.sort(-1)
        self.table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.refresh()
        self.show()
        self.raise_()
        self.activateWindow()
        self.table.setFocus()

    @Slot()
    def refresh(self) -> None:
        """Reads the figure again."""
        self.model.set_csv(self._figure.figure_csv())
        self.summary.setText(self._figure.figure_summary())
        self.summary.setVisible(bool(self.summary.text()))
        rows, columns = self.model.rowCount(), self.model.columnCount()
        self.count.setText(f"{rows:,} rows, {columns} columns" if rows else "Nothing to show yet.")
        self.table.setAccessibleDescription(f"{self.summary.text()} {self.count.text()}".strip())
        self.table.horizontalHeader().setResizeContentsPrecision(ROWS_MEASURED)
        self.table.resizeColumnsToContents()
        for column in range(columns):
            width = min(self.table.columnWidth(column), WIDEST_COLUMN_PX)
            self.table.setColumnWidth(column, width)
        if rows:
            self.table.setCurrentIndex(self._sorted.index(0, 0))
            self.table.clearSelection()

    def text(self) -> str:
        """Returns the chosen cells, or all under their headers, as tab-separated lines."""
        chosen = self.table.selectionModel().selectedIndexes()
        if len(chosen) > 1:
            rows = sorted({index.row() for index in chosen})
            columns = sorted({index.column() for index in chosen})
        else:
            rows = list(range(self._sorted.rowCount()))
            columns = list(range(self.model.columnCount()))
        lines = [[self.model.headers[column] for column in columns]]
        for row in rows:
            cells = (self._sorted.index(row, column) for column in columns)
            lines.append([str(self._sorted.data(cell)) for cell in cells])
        return "".join("\t".join(line) + "\n" for line in lines)

    @Slot()
    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text())

    @Slot()
    def _ask_where(self) -> None:
        dialog = QFileDialog(self, f"Save the table of {self._name}")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        dialog.setNameFilter("CSV (*.csv)")
        dialog.selectFile(f"{self._name.replace(' ', '-').lower()}.csv")
        dialog.fileSelected.connect(self.save_to)
        dialog.open()

    @Slot(str)
    def save_to(self, path: str) -> None:
        """Writes the table as it is sorted; tells by `saved` or `failed`."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(self.model.headers)
        for row in range(self._sorted.rowCount()):
            at = self._sorted.mapToSource(self._sorted.index(row, 0)).row()
            writer.writerow(self.model.rows[at])
        try:
            write_text(Path(path), out.getvalue())
        except AkinError as error:
            self.failed.emit(error)
        else:
            self.saved.emit(path)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
