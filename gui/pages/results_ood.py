"""Withheld against known objects: curve, histogram, and the threshold that moves everything."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.evaluation.auroc import auroc
from core.evaluation.report import OOD_SCORE, validated_threshold
from gui.pages.results_confusion import IntArray, Rejection
from gui.pages.results_data import SCORES as SCORE_FUNCTIONS
from gui.pages.results_data import RunResults
from gui.theme import SPACING, set_role
from gui.widgets.choice_button import ChoiceButton
from gui.widgets.figure_export import ExportButton
from gui.widgets.notes import note_label
from gui.widgets.roc_plot import CurveKind, HistogramTable, RocPlot
from gui.widgets.view_card import ViewCard, scrolled

KINDS = (
    ("roc", "ROC"),
    ("known", "PR of known"),
    ("withheld", "PR of withheld"),
)
SCORES = tuple((name, name[:1].upper() + name[1:]) for name in SCORE_FUNCTIONS)
FULL_PX, EMPTY_PX = 300, 170
QWIDGETSIZE_MAX = (1 << 24) - 1


class OodCard(ViewCard):
    """ROC and scores of withheld against known objects, or how to get them."""

    withhold_requested = Signal()
    rejection_changed = Signal(object)  # Rejection | None
    rows_selected = Signal(object, str)  # rows of the predictions, words

    def __init__(self, parent: QWidget | None = None) -> None:
        self._results: RunResults | None = None
        self._score_N = np.zeros(0)
        self.plot = RocPlot()
        self.kind = ChoiceButton("Which curve", KINDS)
        self.score = ChoiceButton("Which score", SCORES)
        self.rejects = QCheckBox("Reject")
        self.rejects.setAccessibleName("Call objects below the threshold unknown in the matrix")
        self.rejects.setToolTip("Objects below the threshold become “unknown” in the matrix")
        self.validated = QToolButton()
        self.validated.setText("Reset")
        self.validated.setToolTip("Back to the threshold that was chosen on the validation split")
        self.validated.setAccessibleName(self.validated.toolTip())
        self.groups = QLabel()
        self.groups.setWordWrap(True)
        self.groups.setToolTip(
            "FPR95: share of withheld objects accepted where 95 % of the known are. AUPR: average "
            "precision of finding known, or withheld, objects; in brackets 95 % intervals of a "
            "bootstrap over images."
        )
        set_role(self.groups, "muted")
        self.lost = QToolButton()
        self.taken = QToolButton()
        self.export = ExportButton(
            self.plot, "roc", tables={"score histogram": HistogramTable(self.plot)}
        )
        body = QWidget()
        self._frame = body
        self._pages = QStackedLayout(body)
        self._pages.addWidget(self._empty_page())
        self._pages.addWidget(scrolled(self._full_page(), "Withheld against known"))
        super().__init__("Withheld against known", body, (self.export,), parent)
        self._to_training.clicked.connect(self.withhold_requested)
        self.kind.chosen.connect(self._on_kind)
        self.score.chosen.connect(self._on_score)
        self.rejects.toggled.connect(self._on_rejects)
        self.plot.threshold_changed.connect(self._on_threshold)
        self.validated.clicked.connect(self._on_validated)
        self.lost.clicked.connect(self._on_lost)
        self.taken.clicked.connect(self._on_taken)

    def _empty_page(self) -> QWidget:
        self._empty = note_label(
            "Nothing was withheld from this run, so there is nothing to tell from the known "
            "classes.\nTick classes under “Withheld classes” on the Training page and train again."
        )
        self._to_training = QPushButton("Go to Training")
        self._to_training.setAccessibleName("Go to Training to withhold classes")
        page = QWidget()
        column = QVBoxLayout(page)
        column.addStretch(1)
        column.addWidget(self._empty)
        column.addWidget(self._to_training, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return page

    def _full_page(self) -> QWidget:
        tools = QHBoxLayout()
        tools.setSpacing(SPACING // 2)
        tools.addWidget(self.kind)
        tools.addWidget(self.score)
        tools.addStretch(1)
        tools.addWidget(self.rejects)
        links = QHBoxLayout()
        links.setSpacing(SPACING // 2)
        links.addWidget(self.lost)
        links.addWidget(self.taken)
        links.addStretch(1)
        links.addWidget(self.validated)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING // 2)
        column.addLayout(tools)
        column.addWidget(self.plot, 1)
        column.addLayout(links)
        column.addWidget(self.groups)
        return page

    @property
    def is_empty(self) -> bool:
        return self._pages.currentIndex() == 0

    def show_results(self, results: RunResults) -> None:
        assert results.predictions is not None
        self._results = results
        known_N = results.predictions.label_N >= 0
        has_both = bool(known_N.any() and not known_N.all())
        self._pages.setCurrentIndex(1 if has_both else 0)
        self._frame.setMinimumHeight(FULL_PX if has_both else EMPTY_PX)
        self._frame.setMaximumHeight(QWIDGETSIZE_MAX if has_both else EMPTY_PX)
        self.export.setEnabled(has_both)
        self.subtitle.clear()
        with QSignalBlocker(self.rejects):
            self.rejects.setChecked(False)
        if has_both:
            for name, _ in SCORES:
                self.score.set_available(name, name in results.score_names())
            if self.score.choice not in results.score_names():
                self.score.set_choice(results.score_names()[0])
            known = int(known_N.sum())
            self.subtitle.setText(f"{len(known_N) - known} withheld, {known} known objects")
            self._show_score()

    def _show_score(self) -> None:
        results = self._results
        assert results is not None
        assert results.predictions is not None
        name = self.score.choice
        self._score_N = results.score_N(name)
        known_N = results.predictions.label_N >= 0
        known, withheld = self._score_N[known_N], self._score_N[~known_N]
        chosen = self._validated_threshold()
        self.plot.set_scores(known, withheld, name, self._caption(name, known, withheld), chosen)
        self.validated.setVisible(chosen is not None)
        groups = (results.metrics or {}).get("ood_groups") if name == OOD_SCORE else None
        words = (further_figures(self._row_of(name)), near_and_far(groups))
        self.groups.setText("\n".join(filter(None, words)))
        self.groups.setVisible(bool(self.groups.text()))
        self._show_links()

    def _caption(self, name: str, known: Any, withheld: Any) -> str:
        interval = self._row_of(name).get("auroc_interval")
        text = f"AUROC {auroc(known, withheld):.3f}"
        if interval and None not in interval:
            text += f"\n[{interval[0]:.3f}, {interval[1]:.3f}]"
        return text

    def _row_of(self, name: str) -> dict[str, Any]:
        """Returns what metrics.json says of a score; nothing in runs that lack it."""
        assert self._results is not None
        metrics = self._results.metrics or {}
        row: dict[str, Any] = (metrics.get("ood_scores") or {}).get(name) or {}
        if not row and (metrics.get("ood") or {}).get("score") == name:
            row = metrics["ood"]
        return row

    def _validated_threshold(self) -> float | None:
        """Returns the threshold that was chosen on validation data for the score at hand."""
        assert self._results is not None
        return validated_threshold(self._results.metrics or {}, self.score.choice)

    # ----- the threshold -----

    @property
    def rejection(self) -> Rejection:
        """The score and the threshold at hand."""
        return Rejection(self._score_N, self.plot.threshold)

    def _rows(self, *, known: bool, rejected: bool) -> IntArray:
        assert self._results is not None
        assert self._results.predictions is not None
        is_known_N = self._results.predictions.label_N >= 0
        found_N = (is_known_N == known) & (self.rejection.rejected_N == rejected)
        return np.flatnonzero(found_N).astype(np.int64)

    def _show_links(self) -> None:
        for button, words, rows in (
            (self.lost, "known rejected", self._rows(known=True, rejected=True)),
            (self.taken, "withheld accepted", self._rows(known=False, rejected=False)),
        ):
            button.setText(f"{len(rows)} {words}")
            button.setToolTip(f"Show the {len(rows)} {words} at this threshold")
            button.setAccessibleName(button.toolTip())
            button.setEnabled(len(rows) > 0)

    @Slot(float)
    def _on_threshold(self, _threshold: float) -> None:
        self._show_links()
        if not self.rejects.isChecked():
            with QSignalBlocker(self.rejects):
                self.rejects.setChecked(True)
        self.rejection_changed.emit(self.rejection)

    @Slot()
    def _on_validated(self) -> None:
        threshold = self._validated_threshold()
        if threshold is not None:
            self.plot.set_threshold(threshold)

    @Slot(bool)
    def _on_rejects(self, on: bool) -> None:
        self.rejection_changed.emit(self.rejection if on else None)

    @Slot(str)
    def _on_kind(self, kind: str) -> None:
        self.plot.set_kind(cast(CurveKind, kind))

    @Slot(str)
    def _on_score(self, _name: str) -> None:
        self._show_score()
        if self.rejects.isChecked():
            self.rejection_changed.emit(self.rejection)

    @Slot()
    def _on_lost(self) -> None:
        rows = self._rows(known=True, rejected=True)
        self.rows_selected.emit(rows, f"known, rejected as unknown ({len(rows)})")

    @Slot()
    def _on_taken(self) -> None:
        rows = self._rows(known=False, rejected=False)
        self.rows_selected.emit(rows, f"withheld, taken for known ({len(rows)})")


def near_and_far(groups: dict[str, Any] | None) -> str:
    """Returns how well near and far withheld classes are told from the known; "" if nothing is."""
    parts = []
    for name, row in (groups or {}).items():
        low, high = row.get("auroc_interval") or (None, None)
        if row.get("auroc") is not None:
            interval = "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"
            parts.append(f"{name} ({', '.join(row['classes'])}) {row['auroc']:.3f}{interval}")
    return f"AUROC by the ranking: {'; '.join(parts)}" if parts else ""


def further_figures(row: dict[str, Any]) -> str:
    """Returns FPR95 and both AUPR with their intervals, where they are known."""
    parts = []
    for key, name in (("fpr95", "FPR95"), ("aupr_in", "AUPR known"), ("aupr_out", "AUPR withheld")):
        if row.get(key) is not None:
            low, high = row.get(f"{key}_interval") or (None, None)
            interval = "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"
            parts.append(f"{name} {row[key]:.3f}{interval}")
    return "; ".join(parts)
