"""Two views of the results page: rank compliance and the comparison of runs."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal, Slot
from PySide6.QtGui import QFont, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStackedLayout,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolButton,
    QWidget,
)

from core.evaluation.report import METHOD_NAMES, PAPER_FIGURES
from core.runs import Run
from gui.models.runs_model import RUN_ROLE, SORT_ROLE, ComparisonModel, RunSummary
from gui.pages.results_data import RunResults
from gui.theme import SPACING
from gui.widgets.bar_strip import Bar, BarStrip
from gui.widgets.figure_export import ExportButton
from gui.widgets.notes import note_label
from gui.widgets.view_card import ViewCard

COLUMN_SAMPLES = ("0001-ranked", "", "SoftMax r3", "Accuracy", "Balanced", "AUROC ")


class ComplianceCard(ViewCard):
    """How far the learned similarities keep the order that was asked for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.bars = BarStrip("Rank compliance by class")
        self.export = ExportButton(self.bars, "rank compliance")
        body = QWidget()
        self._pages = QStackedLayout(body)
        self._pages.addWidget(note_label("This run has no ranking to comply with."))
        self._pages.addWidget(self.bars)
        super().__init__("Rank compliance", body, (self.export,), parent)

    def show_results(self, results: RunResults) -> None:
        compliance: dict[str, Any] = (results.metrics or {}).get("compliance") or {}
        overall = compliance.get("overall")
        self._pages.setCurrentIndex(0 if overall is None else 1)
        self.export.setEnabled(overall is not None)
        if overall is None:
            self.subtitle.clear()
            return
        bars = [
            Bar(name, row.get("share"), _compliance_tip(name, row))
            for name, row in compliance.get("per_class", {}).items()
        ]
        self.bars.set_bars(bars, overall)
        self.subtitle.setText(f"{100 * overall:.1f} % of the ordered pairs hold")


def _compliance_tip(name: str, row: dict[str, Any]) -> str:
    if row.get("share") is None:
        return f"{name}: nothing is ranked"
    tau = row.get("tau_b")
    extra = "" if tau is None else f", Kendall's tau-b {tau:.2f}"
    share = 100 * row["share"]
    return f"{name}: {share:.0f} % of the pairs hold over {row.get('count')} objects{extra}"


class _RowDelegate(QStyledItemDelegate):
    """Sets the run at hand in bold and the paper's rows in italics."""

    def initStyleOption(
        self,
        option: QStyleOptionViewItem,
        index: QModelIndex,  # type: ignore[override]
    ) -> None:
        super().initStyleOption(option, index)
        run = index.data(RUN_ROLE)
        font = QFont(option.font)
        font.setItalic(run is None)
        proxy = index.model()
        assert isinstance(proxy, QSortFilterProxyModel)
        source = proxy.sourceModel()
        assert isinstance(source, ComparisonModel)
        font.setBold(run is not None and run == source.current)
        option.font = font


class ComparisonCard(ViewCard):
    """The runs of the workspace, and the paper's figures, each with its data."""

    run_requested = Signal(object)  # Run

    def __init__(self, parent: QWidget | None = None) -> None:
        self.model = ComparisonModel()
        self.proxy = QSortFilterProxyModel()
        self.proxy.setSourceModel(self.model)
        self.proxy.setSortRole(SORT_ROLE)
        self.table = QTableView()
        self.table.setModel(self.proxy)
        self.table.setItemDelegate(_RowDelegate(self.table))
        self.table.setSortingEnabled(True)
        self.proxy.sort(-1)
        self.table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.table.setAccessibleName("Comparison of runs and the paper's figures")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setFrameShape(QTableView.Shape.NoFrame)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        self.table.setMinimumHeight(120)
        self.table.setWordWrap(True)
        header = self.table.horizontalHeader()
        metrics = self.table.fontMetrics()
        for column, sample in enumerate(COLUMN_SAMPLES):
            self.table.setColumnWidth(column, metrics.horizontalAdvance(sample) + 2 * SPACING)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.copy = QToolButton()
        self.copy.setText("Copy as CSV")
        self.copy.setAccessibleName("Copy the comparison as CSV")
        super().__init__("Runs compared", self.table, (self.copy,), parent)
        self.copy.clicked.connect(self._on_copy)
        self.table.doubleClicked.connect(self._on_double_clicked)

    def set_summaries(self, summaries: tuple[RunSummary, ...]) -> None:
        """Shows the runs that have figures, newest first, then the paper's rows."""
        judged = [row for row in reversed(summaries) if row.accuracy is not None]
        self.model.set_rows([*judged, *paper_rows()])
        self.table.resizeRowsToContents()
        self.subtitle.setText("only rows with the same data compare")

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.model.to_csv())

    @Slot(QModelIndex)
    def _on_double_clicked(self, index: QModelIndex) -> None:
        run = index.data(RUN_ROLE)
        if isinstance(run, Run):
            self.run_requested.emit(run)


def paper_rows() -> tuple[RunSummary, ...]:
    """Returns the paper's figures as rows of the comparison."""
    return tuple(
        RunSummary(
            None,
            "paper",
            "paper",
            METHOD_NAMES.get(row.method, row.method),
            row.depth,
            row.data,
            None,
            row.accuracy,
            row.balanced_accuracy,
            row.auroc,
            row.auroc_interval,
            row.caveat,
        )
        for row in PAPER_FIGURES
    )
