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
    QVBoxLayout,
    QWidget,
)

from core.runs import Run
from gui.models.runs_model import RUN_ROLE, RunListModel, RunSummary
from gui.theme import SPACING, set_role, tokens


class RunList(QWidget):
    """A table of runs, newest first."""

    overlay_toggled = Signal(object, bool)  # Run, on
    judge_requested = Signal(object)  # Run
    resume_requested = Signal(object)  # Run

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = RunListModel(self)
        self.model.overlay_toggled.connect(self.overlay_toggled)
        title = QLabel("Runs")
        set_role(title, "heading")
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName("Earlier runs")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setFrameShape(QTableView.Shape.NoFrame)
        self.table.verticalHeader().hide()
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._on_menu)
        self.table.doubleClicked.connect(self._on_double_clicked)
        empty = QLabel("Finished runs appear here;\na tick lays their curves over each other.")
        empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        empty.setWordWrap(True)
        set_role(empty, "muted")
        hint = QLabel("Tick to overlay · double click to judge")
        hint.setWordWrap(True)
        set_role(hint, "muted")
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table, 1)
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
            self.judge_requested.emit(run)

    @Slot(QPoint)
    def _on_menu(self, position: QPoint) -> None:
        index = self.table.indexAt(position)
        run = index.data(RUN_ROLE)
        if not isinstance(run, Run):
            return
        status = self.model.summary(index.row()).status
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        judge = menu.addAction("Show its results")
        judge.setData((self.judge_requested, run))
        resume = menu.addAction("Continue training it")
        resume.setData((self.resume_requested, run))
        resume.setEnabled(status in {"stopped", "interrupted", "failed"})
        menu.triggered.connect(self._on_menu_triggered)
        menu.popup(self.table.viewport().mapToGlobal(position))

    @Slot(object)
    def _on_menu_triggered(self, action: object) -> None:
        signal, run = action.data()  # type: ignore[attr-defined]
        signal.emit(run)
