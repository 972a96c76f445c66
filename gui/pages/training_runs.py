"""Earlier runs: ticks that overlay their curves, and what to do with one."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QMenu,
    QStackedLayout,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.runs import Run
from gui.models.runs_model import RUN_ROLE, RunListModel, RunSummary
from gui.theme import SPACING, set_role, tokens

MORE_EPOCHS = (5, 10, 20, 50)


class RunList(QWidget):
    """A table of runs, newest first."""

    overlay_toggled = Signal(object, bool)  # Run, on
    results_requested = Signal(object)  # Run
    judge_requested = Signal(object)  # Run
    more_requested = Signal(object, int)  # Run, epochs
    ranking_requested = Signal(object)  # Run
    resume_requested = Signal(object)  # Run

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._menu: QMenu | None = None
        self.model = RunListModel(self)
        self.model.overlay_toggled.connect(self.overlay_toggled)
        title = QLabel("Runs")
        set_role(title, "heading")
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName("Earlier runs")
        _style(self.table)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._on_menu)
        self.table.doubleClicked.connect(self._on_double_clicked)
        empty = QLabel("Finished runs appear here;\na tick lays their curves over each other.")
        empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        empty.setWordWrap(True)
        set_role(empty, "muted")
        self.table.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self.model.modelReset.connect(self._on_selection_changed)
        self.run_button = QToolButton()
        self.run_button.setText("Run")
        self.run_button.setAccessibleName("What to do with the selected run")
        self.run_button.setToolTip("Results, judging, more training (also by right click)")
        self.run_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.run_button.setEnabled(False)
        hint = QLabel("Tick to overlay · double click for its results")
        hint.setWordWrap(True)
        set_role(hint, "muted")
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table, 1)
        column.addWidget(self.run_button)
        column.addWidget(hint)
        body = QWidget()
        self._pages = QStackedLayout(body)
        self._pages.addWidget(empty)
        self._pages.addWidget(full)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACING, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(title)
        layout.addWidget(body, 1)

    def set_summaries(self, summaries: tuple[RunSummary, ...]) -> None:
        self.model.set_summaries(summaries)
        self._pages.setCurrentIndex(1 if summaries else 0)

    def next_colour(self, used: int) -> QColor:
        """Returns the colour of an overlay when `used` others are on; the first is the run's."""
        series = tokens(self.palette()).series
        return QColor(series[1 + used % (len(series) - 1)])

    @Slot(QModelIndex)
    def _on_double_clicked(self, index: QModelIndex) -> None:
        run = index.data(RUN_ROLE)
        if isinstance(run, Run):
            self.results_requested.emit(run)

    @Slot()
    def _on_selection_changed(self) -> None:
        index = self.table.currentIndex()
        chosen = self.table.selectionModel().hasSelection() and index.isValid()
        self.run_button.setEnabled(chosen)
        if self._menu is not None:
            self._menu.deleteLater()
            self._menu = None
        if chosen:
            self._menu = self.menu_of(index.row())
            self.run_button.setMenu(self._menu)

    def menu_of(self, row: int) -> QMenu:
        """Returns what can be done with a run."""
        summary = self.model.summary(row)
        menu = QMenu(self)
        has_ended = summary.status not in {"running", "damaged"}
        results = menu.addAction("Show its results")
        results.setData((self.results_requested, summary.run))
        judge = menu.addAction("Judge it now")
        judge.setData((self.judge_requested, summary.run))
        judge.setEnabled(has_ended and summary.accuracy is None)
        resume = menu.addAction("Continue training it")
        resume.setData((self.resume_requested, summary.run))
        resume.setEnabled(summary.status in {"stopped", "interrupted", "failed"})
        more = menu.addMenu("Train more epochs")
        more.setEnabled(has_ended)
        for epochs in MORE_EPOCHS:
            action = more.addAction(f"{epochs} more")
            action.setData((self.more_requested, summary.run, epochs))
        ranking = menu.addAction("Open its ranking")
        ranking.setData((self.ranking_requested, summary.run))
        ranking.setEnabled(summary.status != "damaged")
        menu.triggered.connect(self._on_menu_triggered)
        return menu

    @Slot(QPoint)
    def _on_menu(self, position: QPoint) -> None:
        index = self.table.indexAt(position)
        if not index.isValid():
            return
        menu = self.menu_of(index.row())
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.table.viewport().mapToGlobal(position))

    @Slot(object)
    def _on_menu_triggered(self, action: object) -> None:
        signal, *values = action.data()  # type: ignore[attr-defined]
        signal.emit(*values)


def _style(table: QTableView) -> None:
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setShowGrid(False)
    table.setFrameShape(QTableView.Shape.NoFrame)
    table.verticalHeader().hide()
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
