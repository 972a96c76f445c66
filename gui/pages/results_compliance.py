"""Does the order that was asked for hold? By class, over the epochs, and by rank.

Shape suffixes: N judged objects.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.evaluation.compliance import ViolatingPair, rank_compliance, similarity_by_rank
from gui.models.run_curves import RunCurves
from gui.pages.results_confusion import IntArray
from gui.pages.results_data import RunResults
from gui.theme import SPACING, set_role, tokens
from gui.widgets.curve_plot import CurveStack, Line, Panel
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.figure_export import ExportButton
from gui.widgets.heat_strip import HeatCell, HeatStrip
from gui.widgets.notes import note_label
from gui.widgets.quantile_plot import QuantileBox, QuantilePlot
from gui.widgets.view_card import ViewCard

NO_RANKING = (
    "This run has no ranking to comply with.\nRank classes on the Ranking page and train again."
)
NO_COSINES = (
    "SoftMax learns no similarities, so there is no order to check.\n"
    "Choose another method on the Training page."
)
PANEL = "compliance"


class ComplianceCard(ViewCard):
    """Heat strip by class, curve over epochs, similarity against rank, severity in words."""

    rows_selected = Signal(object, str)  # rows of the predictions, words

    def __init__(self, parent: QWidget | None = None) -> None:
        self._results: RunResults | None = None
        self._worst: ViolatingPair | None = None
        self.strip = HeatStrip("Rank compliance by class; Enter shows a class")
        self.curve = CurveStack((Panel(PANEL, "", unit_range=True),))
        self.curve.set_x_label("epoch")
        self.curve.view.setAccessibleName("Rank compliance over the epochs")
        self.ranks = QuantilePlot("Similarity against rank")
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
        super().__init__("Rank compliance", body, (self.exports[0],), parent)
        self.strip.column_clicked.connect(self._on_class)
        self.show_violation.clicked.connect(self._on_violation)

    def _full(self) -> QWidget:
        title = ElidedLabel()
        title.setText("holds on validation, by epoch")
        set_role(title, "muted")
        self._curve_side = QWidget()
        side = QVBoxLayout(self._curve_side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(0)
        side.addWidget(title)
        side.addWidget(self.curve, 1)
        plots = QHBoxLayout()
        plots.setSpacing(SPACING)
        for plot, export in ((self._curve_side, self.exports[1]), (self.ranks, self.exports[2])):
            plots.addWidget(plot, 1)
            plots.addWidget(export, 0, Qt.AlignmentFlag.AlignTop)
        self.curve.setMinimumHeight(150)
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

    # ----- showing -----

    def show_results(self, results: RunResults, other: RunResults | None = None) -> None:
        """Shows a run, and a second one's curve beside its own."""
        self._results = results
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
        self._show_curves(results, other)
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

    def _show_curves(self, results: RunResults, other: RunResults | None) -> None:
        series = tokens(self.palette()).series
        shown = [("A", results)] + ([("B", other)] if other is not None else [])
        found = False
        for key in self.curve.curve_keys(PANEL):
            self.curve.remove_curve(PANEL, key)
        for at, (key, run) in enumerate(shown):
            epoch_N = run.curves.epochs.column("epoch")
            share_N = run.curves.epochs.column("compliance")
            if np.isfinite(share_N).any():
                line = Line(series[at], 2.0, symbol="os"[at], label=key)
                self.curve.set_curve(PANEL, key, epoch_N, share_N, line)
                found = found or key == "A"
        self.curve.set_csv(lambda: _curves_csv([(run.run.name, run.curves) for _, run in shown]))
        self._curve_side.setVisible(found)
        self.exports[1].setVisible(found)

    def _show_class(self, name: str | None) -> None:
        """Shows similarity against rank, and the worst pair, of a class or of all."""
        results = self._results
        assert results is not None
        assert results.predictions is not None
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
    lines = ["run,epoch,compliance"]
    for name, curves in runs:
        for epoch, share in zip(
            curves.epochs.column("epoch"), curves.epochs.column("compliance"), strict=True
        ):
            if np.isfinite(share):
                lines.append(f"{name},{epoch:.0f},{share:.6g}")
    return "\n".join(lines) + "\n"
