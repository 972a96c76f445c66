"""Does the order that was asked for hold? By class, over the epochs, and by rank.

Shape suffixes: N judged objects.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.data.index import DatasetIndex
from core.evaluation.compliance import ViolatingPair, rank_compliance, similarity_by_rank
from core.evaluation.object_pairs import ObjectPair, pairs_at_rank
from gui.models.run_curves import RunCurves
from gui.pages.results_confusion import FloatArray, IntArray
from gui.pages.results_data import RunResults
from gui.pages.results_pairs import CropPair, PairsPane
from gui.theme import SPACING, set_role, tokens, with_text
from gui.widgets.curve_plot import CurveStack, Line, Panel
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.figure_export import ExportButton
from gui.widgets.heat_strip import HeatCell, HeatStrip
from gui.widgets.notes import note_label
from gui.widgets.quantile_plot import QuantileBox, QuantilePlot
from gui.widgets.view_card import ViewCard, scrolled

NO_RANKING = (
    "This run has no ranking to comply with.\nRank classes on the Ranking page and train again."
)
NO_COSINES = (
    "SoftMax learns no similarities, so there is no order to check.\n"
    "Choose another method on the Training page."
)
PANEL = "compliance"
LEAST_CURVE_PX = 150


class ComplianceCard(ViewCard):
    """Heat strip by class, curve over epochs, similarity against rank, severity in words."""

    rows_selected = Signal(object, str)  # rows of the predictions, words

    def __init__(self, parent: QWidget | None = None) -> None:
        self._results: RunResults | None = None
        self._worst: ViolatingPair | None = None
        self.strip = HeatStrip("Rank compliance by class; Enter shows a class")
        self.curve = CurveStack((Panel(PANEL, "", unit_range=True, title_rows=2),))
        self.curve.set_x_label("epoch")
        self.curve.view.setAccessibleName("Rank compliance over the epochs")
        self.ranks = QuantilePlot("Similarity against rank; Enter shows pairs of crops")
        self.pairs = PairsPane()
        self.pairs.hide()
        self.violation = QLabel()
        self.violation.setWordWrap(True)
        self.show_violation = QToolButton()
        self.show_violation.setText("Show")
        self.severity = QLabel()
        self.severity.setWordWrap(True)
        self.note = note_label(NO_RANKING)
        self.exports = (
            ExportButton(self.strip, "rank compliance"),
            ExportButton(self.curve, "compliance curve", icon_only=True),
            ExportButton(self.ranks, "similarity against rank", icon_only=True),
        )
        body = QWidget()
        self._pages = QStackedWidget()
        empty, full = QWidget(), self._full()
        column = QVBoxLayout(empty)
        column.addWidget(self.note)
        for page in (empty, full):
            self._pages.addWidget(page)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING // 2)
        column.addWidget(self._pages, 1)
        column.addWidget(self.severity)
        super().__init__(
            "Rank compliance", scrolled(body, "Rank compliance"), (self.exports[0],), parent
        )
        self._name: str | None = None
        self._index: DatasetIndex | None = None
        self._objects_N: IntArray | None = None
        self._other: RunResults | None = None
        self.strip.column_clicked.connect(self._on_class)
        self.ranks.box_clicked.connect(self._on_rank)
        self.pairs.closed.connect(self._on_pairs_closed)
        self.pairs.pair_chosen.connect(self._on_pair)
        self.show_violation.clicked.connect(self._on_violation)

    def _full(self) -> QWidget:
        self._curve_title = title = ElidedLabel()
        set_role(title, "muted")
        self._curve_side = QWidget()
        side = QVBoxLayout(self._curve_side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(0)
        side.addWidget(title)
        side.addWidget(self.curve, 1)
        plots = QHBoxLayout()
        plots.setSpacing(SPACING)
        plots.addWidget(self.pairs, 2)
        for plot, export in ((self._curve_side, self.exports[1]), (self.ranks, self.exports[2])):
            plots.addWidget(plot, 1)
            plots.addWidget(export, 0, Qt.AlignmentFlag.AlignTop)
        self._fit_text()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addWidget(self.strip)
        column.addLayout(plots, 1)
        line = QHBoxLayout()
        line.addWidget(self.violation, 1)
        line.addWidget(self.show_violation)
        column.addLayout(line)
        return page

    def _fit_text(self) -> None:
        self.curve.setMinimumHeight(with_text(LEAST_CURVE_PX, self.curve.font()))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit_text()
        if event.type() == QEvent.Type.PaletteChange and self._results is not None:
            self._show_curves()

    # ----- showing -----

    def show_results(
        self,
        results: RunResults,
        other: RunResults | None = None,
        index: DatasetIndex | None = None,
        objects_N: IntArray | None = None,
    ) -> None:
        """Shows a run, and a second one's curve beside its own.

        Args:
            results: Of the run.
            other: Of the second.
            index: The data set that is open.
            objects_N: The judged objects in it; None if it is another.
        """
        self._results, self._other = results, other
        self._index, self._objects_N = index, objects_N
        metrics = results.metrics or {}
        compliance: dict[str, Any] = metrics.get("compliance") or {}
        overall = compliance.get("overall")
        self._pages.setCurrentIndex(0 if overall is None else 1)
        for export in self.exports:
            export.setEnabled(overall is not None)
        self.severity.setText(severity_in_words(metrics.get("severity")))
        self.severity.setVisible(bool(self.severity.text()))
        self.subtitle.clear()
        if overall is None:
            cosines = results.run.config.objective.method != "softmax"
            self.note.setText(NO_RANKING if cosines else NO_COSINES)
            return
        train = (metrics.get("compliance_train") or {}).get("overall")
        beside = "" if train is None else f" on test, {100 * train:.1f} % on training objects"
        self.subtitle.setText(f"{100 * overall:.1f} % of the ordered pairs hold{beside}")
        self._show_strip(compliance, metrics.get("compliance_train"))
        self._show_class(None)

    def _show_strip(self, test: dict[str, Any], train: dict[str, Any] | None) -> None:
        rows = [("test", test.get("per_class") or {})]
        if train and train.get("per_class"):
            rows.append(("train", train["per_class"]))
        classes = tuple(rows[0][1])
        cells = [
            [_cell(name, split, per_class.get(name) or {}) for name in classes]
            for split, per_class in rows
        ]
        self.strip.set_cells([split for split, _ in rows], classes, cells)

    def _show_curves(self) -> None:
        """Shows compliance by epoch, of the class at hand where its share was recorded."""
        assert self._results is not None
        shown = [("A", self._results)] + ([("B", self._other)] if self._other else [])
        series = tokens(self.palette()).series
        for key in self.curve.curve_keys(PANEL):
            self.curve.remove_curve(PANEL, key)
        lines = []
        for at, (key, run) in enumerate(shown):
            lines += self._lines(key, run.curves, series[at], "os"[at])
        for key, epoch_N, share_N, line in lines:
            self.curve.set_curve(PANEL, key, epoch_N, share_N, line)
        found = bool(lines) and self.pairs.isHidden()
        self._curve_title.setText(f"pairs that hold by epoch: {self._name or 'all classes'}")
        self.curve.set_csv(lambda: _curves_csv([(run.run.name, run.curves) for _, run in shown]))
        self._curve_side.setVisible(found)
        self.exports[1].setVisible(found)

    def _lines(
        self, key: str, curves: RunCurves, colour: str, symbol: str
    ) -> list[tuple[str, FloatArray, FloatArray, Line]]:
        epoch_N = curves.epochs.column("epoch")
        if self._name is not None:
            wanted = {f"{key} validation": curves.compliance_of(self._name)}
        else:
            wanted = {
                f"{key} validation": curves.epochs.column("compliance"),
                f"{key} training": curves.epochs.column("compliance_train"),
            }
        found = []
        for name, share_N in wanted.items():
            if np.isfinite(share_N).any():
                dash = Qt.PenStyle.DashLine if name.endswith("training") else Qt.PenStyle.SolidLine
                line = Line(colour, 2.0, style=dash, symbol=symbol, label=name)
                found.append((name, epoch_N, share_N, line))
        return found

    def _show_class(self, name: str | None) -> None:
        """Shows similarity against rank, and the worst pair, of a class or of all."""
        results = self._results
        assert results is not None
        assert results.predictions is not None
        self._name = name
        self._close_pairs()
        predictions, similarity_CC = results.predictions, results.similarity_CC()
        anchor = None if name is None else predictions.classes.index(name)
        rows = similarity_by_rank(predictions.score_NC, predictions.label_N, similarity_CC, anchor)
        boxes = [
            QuantileBox(row.rank, row.quantiles, row.mean, row.count, _short(row.rank))
            for row in rows
        ]
        self.ranks.set_boxes(f"cosine to class means: {name or 'all classes'}", boxes)
        chosen_N = predictions.label_N >= 0 if anchor is None else predictions.label_N == anchor
        pairs = rank_compliance(
            predictions.score_NC[chosen_N],
            predictions.label_N[chosen_N],
            similarity_CC,
            predictions.classes,
        ).violating_pairs
        self._worst = pairs[0] if pairs else None
        for widget in (self.violation, self.show_violation):
            widget.setVisible(self._worst is not None)
        if self._worst is not None:
            self.violation.setText(
                f"Worst: {_violation_text(self._worst)} ({self._worst.count} of "
                f"{round(self._worst.count / self._worst.share)})"
            )
            self.show_violation.setAccessibleName(f"Show the objects: {self.violation.text()}")

    @Slot(int)
    def _on_class(self, column: int) -> None:
        again = self.strip.selected == column
        self.strip.set_selected(None if again else column)
        self._show_class(None if again else self.strip.columns[column])
        if not again and self._worst is not None:
            self._on_violation()

    # ----- pairs of crops -----

    @Slot(int)
    def _on_rank(self, at: int) -> None:
        """Shows the most and the least alike pairs of crops at a rank."""
        results = self._results
        assert results is not None
        assert results.predictions is not None
        predictions, box = results.predictions, self.ranks.boxes[at]
        anchor = None if self._name is None else predictions.classes.index(self._name)
        rank = int(box.name.removeprefix("rank ")) if box.name.startswith("rank ") else 0
        alike, unlike = pairs_at_rank(
            predictions.embedding_ND,
            predictions.label_N,
            results.similarity_CC(),
            rank,
            anchor=anchor,
        )
        note = ""
        if self._objects_N is None:
            note = "Open the run's data to see the crops: its objects are not in the open one."
        elif not alike:
            note = "There is no pair of test objects at this rank."
        pairs = [] if note else [self._pair(pair) for pair in (*alike, *reversed(unlike))]
        whose = self._name or "all classes"
        title = f"{whose}, {box.name}: the most alike pairs first, the least alike last"
        self.pairs.show()
        self.pairs.show_pairs(title, self._index, pairs, note)
        self.ranks.set_selected(at)
        self._show_curves()

    def _pair(self, pair: ObjectPair) -> CropPair:
        assert self._results is not None
        assert self._results.predictions is not None
        assert self._objects_N is not None
        names = self._results.predictions.true_name_N
        rows = (pair.row, pair.other)
        objects = (int(self._objects_N[pair.row]), int(self._objects_N[pair.other]))
        return CropPair(objects, rows, (str(names[pair.row]), str(names[pair.other])), pair.cosine)

    def _close_pairs(self) -> None:
        self.pairs.hide()
        self.ranks.set_selected(None)
        self._show_curves()

    @Slot()
    def _on_pairs_closed(self) -> None:
        self._close_pairs()

    @Slot(object)
    def _on_pair(self, pair: CropPair) -> None:
        self.rows_selected.emit(np.array(pair.rows), f"{pair.words} (2)")

    @Slot()
    def _on_violation(self) -> None:
        results, pair = self._results, self._worst
        assert results is not None
        assert pair is not None
        rows = rows_of_violation(results, pair)
        self.rows_selected.emit(rows, f"{_violation_text(pair)} ({len(rows)})")


def _short(rank: str) -> str:
    return rank.removeprefix("rank ").replace("negatives", "neg.")


def rows_of_violation(results: RunResults, pair: ViolatingPair) -> IntArray:
    """Returns the judged objects for which an ordered pair fails."""
    predictions = results.predictions
    assert predictions is not None
    index = {name: label for label, name in enumerate(predictions.classes)}
    score_NC = predictions.score_NC
    fails_N = score_NC[:, index[pair.lower]] >= score_NC[:, index[pair.higher]]
    anchor_N = predictions.label_N == index[pair.anchor]
    return np.flatnonzero(anchor_N & fails_N).astype(np.int64)


def _violation_text(pair: ViolatingPair) -> str:
    what = "itself" if pair.higher == pair.anchor else pair.higher
    return f"{pair.anchor} at least as much like {pair.lower} as like {what}"


def severity_in_words(severity: dict[str, Any] | None) -> str:
    """Returns how bad the mistakes are by the ranking; "" where nothing can be said."""
    if not severity or severity.get("on_ranked") is None:
        return ""
    words = (
        f"{100 * severity['on_ranked']:.0f} % of the {severity['errors']} mistakes fall on classes "
        "ranked for the true one"
    )
    chance = severity.get("on_ranked_by_chance")
    if chance is not None:
        words += f" ({100 * chance:.0f} % by chance)"
    if severity.get("mean_rank") is not None:
        words += f"; mean rank of the predicted class {severity['mean_rank']:.2f}"
    if severity.get("weighted_accuracy") is not None:
        words += f"; accuracy weighed by similarity {100 * severity['weighted_accuracy']:.1f} %"
    return f"{words}."


def _cell(name: str, split: str, row: dict[str, Any]) -> HeatCell:
    share = row.get("share")
    if share is None:
        return HeatCell(None, f"{name}: nothing is ranked")
    tau = row.get("tau_b")
    extra = "" if tau is None else f", Kendall's tau-b {tau:.2f}"
    tip = (
        f"{name}, {split}: {100 * share:.0f} % of the pairs hold over {row.get('count')} "
        f"objects{extra}"
    )
    return HeatCell(share, tip)


def _curves_csv(runs: list[tuple[str, RunCurves]]) -> str:
    lines = ["run,epoch,compliance,compliance_train,tau_b"]
    for name, curves in runs:
        columns = [curves.epochs.column(key) for key in lines[0].split(",")[1:]]
        for epoch, *shares in zip(*columns, strict=True):
            if np.isfinite(shares[0]):
                cells = ("" if np.isnan(share) else f"{share:.6g}" for share in shares)
                lines.append(f"{name},{epoch:.0f},{','.join(cells)}")
    return "\n".join(lines) + "\n"
