"""Several people's rankings side by side: how far they agree, where not, and their consensus."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.errors import AkinError
from core.ranking import Ranking
from core.ranking_controls import named_classes
from core.ranking_disagreement import (
    Disagreement,
    coefficient,
    consensus,
    disagreement,
    in_words,
    row_in_words,
)
from core.ranking_files import load_ranking
from gui.session import Session
from gui.theme import SPACING, number_font, set_role

COLUMNS = ("Class", "W", "Rank any", "Most disputed")
NUMBERS = (1, 2)
MOST_CLASS_SHARE = 0.35
_RANKING = Qt.ItemDataRole.UserRole


class DisagreementDialog(QDialog):
    """Rankings to tick at the left, what they agree on at the right; blocks nothing.

    Args:
        session: Whose rankings and classes; the consensus becomes a ranking of its workspace.
        parent: The window it belongs to.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Do these rankings agree?")
        self.resize(900, 520)
        self.sources = QListWidget()
        self.sources.setAccessibleName("Rankings to compare")
        self.sources.setFixedWidth(240)
        self.sources.setSpacing(3)
        self.sources.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.sources.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        add = QPushButton("Add files…")
        add.setAccessibleName("Add ranking files of others")
        add.clicked.connect(self._ask_files)
        self.verdict = QLabel()
        self.verdict.setObjectName("disagreementVerdict")
        self.verdict.setWordWrap(True)
        set_role(self.verdict, "heading")
        self.table = _table()
        self.table.itemSelectionChanged.connect(self._on_row)
        note = QLabel(
            "The consensus is the mean of the ranks: a class is ranked where at least half of "
            "those who rank any do, and equal means are a tie."
        )
        note.setWordWrap(True)
        set_role(note, "muted")
        self.take = QPushButton("Open the consensus")
        self.take.setAccessibleName("Keep the consensus in the workspace and open it")
        set_role(self.take, "primary")
        self.take.clicked.connect(self._on_take)
        left = QVBoxLayout()
        left.addWidget(QLabel("Rankings"))
        left.addWidget(self.sources, 1)
        left.addWidget(add)
        bottom = QHBoxLayout()
        bottom.addWidget(note, 1)
        bottom.addWidget(self.take)
        right = QVBoxLayout()
        right.addWidget(self.verdict)
        right.addWidget(self.table, 1)
        right.addLayout(bottom)
        columns = QHBoxLayout(self)
        columns.setContentsMargins(SPACING * 2, SPACING * 2, SPACING * 2, SPACING * 2)
        columns.setSpacing(SPACING * 2)
        columns.addLayout(left)
        columns.addLayout(right, 1)
        self._fill_sources()
        self.sources.itemChanged.connect(self._refresh)
        self._refresh()

    def add_files(self, paths: list[str]) -> None:
        """Adds ranking files, ticked."""
        for path in paths:
            self._add(Path(path).stem, path, ticked=True)
        self._refresh()

    @property
    def ticked(self) -> list[tuple[str, Ranking]]:
        """Names and rankings that are compared."""
        items = (self.sources.item(row) for row in range(self.sources.count()))
        chosen = [item for item in items if item.checkState() == Qt.CheckState.Checked]
        return [(item.text(), item.data(_RANKING)) for item in chosen]

    # ----- inside -----

    def _fill_sources(self) -> None:
        board = self._session.board
        if not self._session.undo_stack.isClean() or not board.library.owns(board.path):
            self._add_ranking(f"{board.ranking.name} (on the board)", board.ranking, ticked=True)
        for entry in board.library.entries():
            self._add(entry.name, entry.path, ticked=True)

    def _add(self, name: str, source: str | Path, *, ticked: bool) -> None:
        try:
            ranking = load_ranking(source)
        except AkinError as error:
            self._session.post_error(error)
            return
        self._add_ranking(name, ranking, ticked=ticked)

    def _add_ranking(self, name: str, ranking: Ranking, *, ticked: bool) -> None:
        taken = {self.sources.item(row).text() for row in range(self.sources.count())}
        number, unique = 2, name
        while unique in taken:
            number, unique = number + 1, f"{name} {number}"
        item = QListWidgetItem(unique)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        item.setData(_RANKING, ranking)
        item.setToolTip(f"{unique}: {len(ranking.similar)} classes rank others")
        self.sources.addItem(item)

    def _classes(self) -> tuple[str, ...]:
        if self._session.dataset is not None:
            return self._session.dataset.classes
        names = {name for _, ranking in self.ticked for name in named_classes(ranking)}
        return tuple(sorted(names))

    @Slot()
    def _refresh(self) -> None:
        chosen = self.ticked
        self.table.setRowCount(0)
        self.take.setEnabled(False)
        if len(chosen) < 2:
            self.verdict.setText("Tick two rankings or more, or add other people's files.")
            return
        rankings = [ranking for _, ranking in chosen]
        try:
            found = disagreement(rankings, self._classes(), [name for name, _ in chosen])
        except AkinError as error:
            self.verdict.setText(f"{error.message} {error.hint}")
            return
        self.verdict.setText(in_words(found))
        self.take.setEnabled(bool(found.per_class))
        self._fill_table(found)

    def _fill_table(self, found: Disagreement) -> None:
        self.table.setRowCount(len(found.per_class))
        for line, row in enumerate(found.per_class):
            w = "–" if row.concordance.w is None else coefficient(row.concordance.w)
            said = row_in_words(row)
            words = (row.anchor, w, f"{len(row.raters)} of {len(found.names)}", said)
            for column, text in enumerate(words):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                item.setTextAlignment(_alignment(column))
                if column in NUMBERS:
                    item.setFont(number_font(self.table.font()))
                self.table.setItem(line, column, item)
        self._fit_classes()

    def _fit_classes(self) -> None:
        """Leaves room for what is said of classes whose names are long."""
        needed = max(
            self.table.sizeHintForColumn(0), self.table.horizontalHeader().sectionSizeHint(0)
        )
        most = round(MOST_CLASS_SHARE * self.table.width())
        self.table.setColumnWidth(0, min(needed, most))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_classes()

    @Slot()
    def _on_row(self) -> None:
        items = self.table.selectedItems()
        if items:
            anchor = items[0].text()
            if self._session.dataset is not None and anchor in self._session.dataset.classes:
                self._session.select_class(anchor)

    @Slot()
    def _on_take(self) -> None:
        rankings = [ranking for _, ranking in self.ticked]
        self._session.board.create(consensus(rankings, self._classes(), "consensus"))
        self.close()

    @Slot()
    def _ask_files(self) -> None:
        dialog = QFileDialog(self, "Add rankings", "", "Rankings (*.yaml *.yml)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(self.add_files)
        dialog.open()


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in NUMBERS else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _table() -> QTableWidget:
    table = QTableWidget(0, len(COLUMNS))
    table.setTabKeyNavigation(False)  # Tab leaves it
    table.setAccessibleName("Agreement by class, the most disputed first")
    for column, text in enumerate(COLUMNS):
        item = QTableWidgetItem(text)
        item.setTextAlignment(_alignment(column))
        table.setHorizontalHeaderItem(column, item)
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setStyleSheet("QTableView::item { padding: 0 5px; }")  # as far in as the headings
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
    header.setSectionResizeMode(len(COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
    return table
