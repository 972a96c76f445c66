"""Runs laid beside each other: a table with intervals, curves, and A against B in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QModelIndex, QSortFilterProxyModel, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.errors import AkinError
from core.evaluation.report import METHOD_NAMES, PAPER_FIGURES
from core.experiments.comparing import compare_runs
from core.runs import Run
from gui.models.run_curves import RunCurves
from gui.models.runs_model import RUN_ROLE, SORT_ROLE, ComparisonModel, RunSummary
from gui.pages.results_confusion import FloatArray
from gui.pages.results_verdict import Verdict
from gui.tasks import LatestTask, Progress
from gui.theme import SPACING, set_role, tokens
from gui.widgets.choice_button import ChoiceButton
from gui.widgets.curve_plot import CurveStack, Line, Panel
from gui.widgets.figure_export import ExportButton, WidgetFigure
from gui.widgets.view_card import ViewCard

COLUMN_SAMPLES = ("", "VOC 2007, test", "SoftMax r3", "99.9 % ±9.9", "99.9 %", "0.999 ±0.99")
BALANCED = 4
MOST_PAIRS = 3
PANEL = "runs"
CURVES = (("accuracy", "Validation accuracy"), ("compliance", "Compliance"), ("loss", "Loss"))
NO_OTHER = "Choose a run “against” which to test this one, in the header above."


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
    """The runs of the workspace and the paper's figures; a tick overlays a run's curves."""

    run_requested = Signal(object)  # Run
    rows_selected = Signal(object, str)  # rows of the predictions, words

    def __init__(self, parent: QWidget | None = None) -> None:
        self._verdict: Verdict | None = None
        self._curves: dict[Run, RunCurves] = {}
        self._several: dict[tuple[Run, ...], str] = {}
        self._ticked: list[Run] = []
        self.model = ComparisonModel()
        self.proxy = QSortFilterProxyModel()
        self.proxy.setSourceModel(self.model)
        self.proxy.setSortRole(SORT_ROLE)
        self.table = _table(self.proxy)
        self.words = QLabel(NO_OTHER)
        self.words.setWordWrap(True)
        self.flips = QToolButton()
        self.which = ChoiceButton("Which curve", CURVES)
        self.plot = CurveStack((Panel(PANEL, "", titled=False),))
        self.plot.set_x_label("epoch")
        self.plot.view.setAccessibleName("Curves of the ticked runs")
        self.plot.setMinimumHeight(150)
        self.tick_hint = QLabel("Tick runs to lay their curves over each other.")
        set_role(self.tick_hint, "muted")
        self.export = ExportButton(
            WidgetFigure(self.model.to_csv, self.table, self.words.text), "runs compared"
        )
        self.export_curves = ExportButton(self.plot, "run curves", icon_only=True)
        super().__init__("Runs compared", self._body(), (self.export,), parent)
        self._task = LatestTask(self)
        self._task.succeeded.connect(self._on_read)
        self.table.doubleClicked.connect(self._on_double_clicked)
        self.model.overlay_toggled.connect(self._on_overlay_toggled)
        self.which.chosen.connect(self._on_which)
        self.flips.clicked.connect(self._on_flips)
        self.enlarge_toggled.connect(self._on_enlarged)
        self._on_enlarged(False)
        self.show_verdict(None)
        self._show_curves()

    @Slot(bool)
    def _on_enlarged(self, on: bool) -> None:
        """Leaves out what there is no room for in the small card."""
        self.table.setColumnHidden(BALANCED, not on)

    def _body(self) -> QWidget:
        self._tools = QWidget()
        line = QVBoxLayout(self._tools)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING // 2)
        heads = QWidget()
        row = QHBoxLayout(heads)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.which)
        row.addStretch(1)
        row.addWidget(self.export_curves)
        line.addWidget(heads)
        line.addWidget(self.plot, 1)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING // 2)
        column.addWidget(self.words)
        column.addWidget(self.flips, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.table, 2)
        column.addWidget(self.tick_hint)
        column.addWidget(self._tools, 1)
        return body

    # ----- the table -----

    def set_summaries(self, summaries: tuple[RunSummary, ...]) -> None:
        """Shows the runs that have figures, newest first, then the paper's rows."""
        judged = [row for row in reversed(summaries) if row.accuracy is not None]
        self.model.set_rows([*judged, *paper_rows()])
        self.subtitle.setText("only rows with the same data compare")
        there = {row.run for row in judged}
        self._ticked = [run for run in self._ticked if run in there]
        self._refresh_ticks()

    @Slot(QModelIndex)
    def _on_double_clicked(self, index: QModelIndex) -> None:
        run = index.data(RUN_ROLE)
        if isinstance(run, Run):
            self.run_requested.emit(run)

    # ----- A against B -----

    def show_verdict(self, verdict: Verdict | None) -> None:
        """Says how A and B compare; None: there is no B."""
        self._verdict = verdict
        self._show_words()
        count = 0 if verdict is None else len(verdict.flips)
        self.flips.setVisible(count > 0)
        self.flips.setText(f"Show {count} objects that only one gets right")
        self.flips.setAccessibleName(self.flips.text())

    def _show_words(self) -> None:
        """Says how the ticked runs compare; with fewer than two, A and B."""
        several = self.ticked if len(self._ticked) > 1 else ()
        text = NO_OTHER if self._verdict is None else self._verdict.text
        if several:
            text = self._several.get(several, "Comparing the ticked runs …")
        self.words.setText(text)
        set_role(self.words, "muted" if text == NO_OTHER else "plain")

    @Slot()
    def _on_flips(self) -> None:
        assert self._verdict is not None
        rows = self._verdict.flips
        self.rows_selected.emit(rows, f"right in only one of A and B ({len(rows)})")

    # ----- curves -----

    @property
    def is_idle(self) -> bool:
        return self._task.is_idle

    @property
    def ticked(self) -> tuple[Run, ...]:
        """The runs whose curves are shown."""
        return tuple(self._ticked)

    @Slot(object, bool)
    def _on_overlay_toggled(self, run: Run, on: bool) -> None:
        if on and run not in self._ticked:
            self._ticked.append(run)
        elif not on and run in self._ticked:
            self._ticked.remove(run)
        self._refresh_ticks()

    def _refresh_ticks(self) -> None:
        self._colour_ticks()
        missing = tuple(run for run in self._ticked if run not in self._curves)
        several = self.ticked if len(self._ticked) > 1 else ()
        if missing or (several and several not in self._several):
            self._task.start(_read(missing, several))
        self._show_curves()
        self._show_words()

    def _colour_ticks(self) -> None:
        series = tokens(self.palette()).series
        self.model.set_colours(
            {run: QColor(series[at % len(series)]) for at, run in enumerate(self._ticked)}
        )

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_task"):
            self._colour_ticks()
            self._show_curves()

    @Slot(object)
    def _on_read(self, found: _Read) -> None:
        self._curves.update(found.curves)
        if found.several:
            self._several[found.several] = found.words
        self._refresh_ticks()

    @Slot(str)
    def _on_which(self, _key: str) -> None:
        self._show_curves()

    def _show_curves(self) -> None:
        for key in self.plot.curve_keys(PANEL):
            self.plot.remove_curve(PANEL, key)
        series = tokens(self.palette()).series
        name = self.which.choice
        for at, run in enumerate(self._ticked):
            if run in self._curves:
                x_N, y_N = _points(self._curves[run], name)
                line = Line(series[at % len(series)], 2.0, label=run.name)
                self.plot.set_curve(PANEL, str(run.path), x_N, y_N, line)
        self.plot.set_csv(self.curves_csv)
        self._tools.setVisible(bool(self._ticked))
        self.tick_hint.setVisible(not self._ticked)

    def curves_csv(self) -> str:
        """Returns the curves shown as CSV."""
        lines = [f"run,epoch,{self.which.choice}"]
        for run in self._ticked:
            if run in self._curves:
                x_N, y_N = _points(self._curves[run], self.which.choice)
                lines += [
                    f"{run.name},{x:.6g},{y:.6g}"
                    for x, y in zip(x_N, y_N, strict=True)
                    if np.isfinite(y)
                ]
        return "\n".join(lines) + "\n"


def _table(proxy: QSortFilterProxyModel) -> QTableView:
    table = QTableView()
    table.setTabKeyNavigation(False)  # Tab leaves it
    table.setModel(proxy)
    table.setItemDelegate(_RowDelegate(table))
    table.setSortingEnabled(True)
    proxy.sort(-1)
    table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
    table.setAccessibleName("Comparison of runs and the paper's figures")
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setShowGrid(False)
    table.setFrameShape(QTableView.Shape.NoFrame)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(24)
    table.setMinimumHeight(150)
    table.setWordWrap(False)
    header = table.horizontalHeader()
    metrics = table.fontMetrics()
    for column, sample in enumerate(COLUMN_SAMPLES):
        title = str(proxy.headerData(column, Qt.Orientation.Horizontal))
        width = max(metrics.horizontalAdvance(text) for text in (sample, title))
        table.setColumnWidth(column, width + 3 * SPACING)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return table


@dataclass(frozen=True, eq=False)
class _Read:
    """What was read of ticked runs.

    Attributes:
        curves: Of those whose curves were not there yet.
        several: The runs compared with each other; empty: none were.
        words: What came out.
    """

    curves: dict[Run, RunCurves]
    several: tuple[Run, ...]
    words: str


def _read(
    runs: tuple[Run, ...], several: tuple[Run, ...]
) -> Callable[[Progress, Callable[[], bool]], _Read]:
    def work(_progress: Progress, _should_stop: Callable[[], bool]) -> _Read:
        found = {}
        for run in runs:
            found[run] = RunCurves()
            found[run].extend(run.events())
        return _Read(found, several, compared_in_words(several) if several else "")

    return work


def compared_in_words(runs: tuple[Run, ...]) -> str:
    """Returns a sentence for every two runs (p-values adjusted by Holm), and what differs."""
    try:
        found = compare_runs(runs)
    except AkinError as error:
        return f"Not compared: {error.message} {error.hint}".strip()
    lines = [str(pair) for pair in found.pairs[:MOST_PAIRS]]
    if len(found.pairs) == 1:
        lines += [str(pair) for pair in found.aurocs]
    if len(found.pairs) > MOST_PAIRS:
        more = len(found.pairs) - MOST_PAIRS
        lines.append(f"{more} more pairs: akin runs compare RUN ... lists them all.")
    if found.differences:
        lines.append(f"They differ in {', '.join(found.differences)}.")
    return "\n".join(lines)


def _points(curves: RunCurves, name: str) -> tuple[FloatArray, FloatArray]:
    table = curves.steps if name == "loss" else curves.epochs
    return table.column("epoch"), table.column(name)


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
            accuracy=row.accuracy,
            balanced_accuracy=row.balanced_accuracy,
            auroc=row.auroc,
            auroc_interval=row.auroc_interval,
            note=row.caveat.replace("\n", " "),
        )
        for row in PAPER_FIGURES
    )
