"""Results: one run judged, its errors shown, and laid beside the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QVBoxLayout,
    QWidget,
)

from core.data.index import DatasetIndex
from core.epoch_embeddings import KeptObjects
from core.runs import Run
from gui.models.object_match import match_objects
from gui.models.runs_model import RunSummary, summarize_run
from gui.pages.export_messages import ExportMessages
from gui.pages.results_data import IntArray, RunResults, load_results
from gui.pages.results_drawer import SelectionDrawer
from gui.pages.results_figures import key_figures
from gui.pages.results_header import ResultsHeader
from gui.pages.results_panes import ResultsPanes
from gui.pages.results_verdict import Verdict, judge
from gui.session import ObjectSelection, Session
from gui.tasks import Task
from gui.theme import SPACING
from gui.widgets.figure_row import FigureRow


@dataclass(frozen=True, eq=False)
class _Loaded:
    """What one reading found.

    Attributes:
        results: Of run A; None where there is no run.
        other: Of run B; None where none is chosen.
        objects_N: The judged objects in the open data set; None if it is another.
        rows: Every run.
        verdict: A against B in words; None where there is no B.
    """

    results: RunResults | None
    other: RunResults | None
    objects_N: IntArray | None
    rows: tuple[RunSummary, ...]
    verdict: Verdict | None


class ResultsPage(QWidget):
    """The page; it knows the session only.

    Args:
        session: Shared state.
        parent: Owner.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._results: RunResults | None = None
        self._against: RunResults | None = None
        self._verdict: Verdict | None = None
        self._objects_N: IntArray | None = None
        self._task: Task | None = None
        self._stale = True
        self._selecting_cell = False
        self._other: Run | None = None
        self.header = ResultsHeader()
        self.figures = FigureRow()
        self.panes = ResultsPanes()
        self.matrix_card = self.panes.matrix_card
        self.ood_card = self.panes.ood_card
        self.comparison_card = self.panes.comparison_card
        self.compliance_card = self.panes.compliance_card
        self.neighbours_card = self.panes.neighbours_card
        self.map_card = self.panes.map_card
        self.drawer = SelectionDrawer()
        self._lay_out()
        self._connect()

    # ----- layout -----

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * SPACING, 2 * SPACING, 3 * SPACING, SPACING)
        layout.setSpacing(2 * SPACING)
        layout.addWidget(self.header)
        layout.addWidget(self.figures)
        layout.addWidget(self.panes, 1)
        layout.addWidget(self.drawer)

    def _connect(self) -> None:
        session = self._session
        self.header.run_chosen.connect(session.select_run)
        self.header.other_chosen.connect(self._on_other_chosen)
        self.header.view_chosen.connect(self.panes.show_view)
        self.panes.training_requested.connect(self._on_to_training)
        self.panes.judging_requested.connect(self._on_judge)
        self.matrix_card.rows_selected.connect(self._on_cell_selected)
        self.matrix_card.cleared.connect(self._on_cleared)
        self.ood_card.rows_selected.connect(self._on_rows_selected)
        self.ood_card.rejection_changed.connect(self.matrix_card.set_rejection)
        self.map_card.chosen_changed.connect(self.matrix_card.set_chosen)
        for card in (self.map_card, self.compliance_card, self.comparison_card):
            card.rows_selected.connect(self._on_rows_selected)
        self.map_card.kept_selected.connect(self._on_kept_selected)
        self.map_card.query_requested.connect(self.ask)
        self.map_card.cleared.connect(self._on_cleared)
        self.map_card.failed.connect(session.post_error)
        self.drawer.query_requested.connect(self._on_query_requested)
        self.comparison_card.run_requested.connect(session.select_run)
        self.drawer.cleared.connect(self._on_cleared)
        self.drawer.browse_requested.connect(self._on_browse)
        self.drawer.data_requested.connect(self._on_data_requested)
        ExportMessages(self, session)
        session.run_changed.connect(self._on_run_changed)
        session.runs_changed.connect(self.reload)
        session.comparison_requested.connect(self._on_other_chosen)
        session.dataset_changed.connect(self._on_dataset_changed)
        session.selection_changed.connect(self._on_selection_changed)

    # ----- loading -----

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            QTimer.singleShot(0, self.reload)

    @Slot()
    def reload(self) -> None:
        """Reads the run at hand and the list of runs again, in the background, once seen."""
        self._stale = True
        if self._task is not None or not self.isVisible():
            return
        self._stale = False
        session = self._session
        run, index, current = session.run, session.dataset, session.training_run
        if self._results is None:
            self._show_note("Reading the runs …")

        other = self._other

        def work(_progress: object, _should_stop: object) -> _Loaded:
            found = session.store.list()
            rows = tuple(summarize_run(run, running=run == current) for run in found)
            chosen = run or _newest_judged(rows)
            results = None if chosen is None else load_results(chosen)
            second = None if other is None or other == chosen else load_results(other)
            objects = None
            if results is not None and results.predictions is not None and index is not None:
                fingerprint = results.run.environment().get("data_fingerprint")
                objects = match_objects(results.predictions, index, fingerprint)
            verdict = None
            if second is not None and results is not None and results.predictions is not None:
                verdict = judge(results, second)
            return _Loaded(results, second, objects, rows, verdict)

        self._task = Task(work, self)
        self._task.succeeded.connect(self._on_loaded)
        self._task.failed.connect(session.post_error)
        self._task.finished.connect(self._on_task_finished)
        self._task.begin()

    @Slot(object)
    def _on_loaded(self, loaded: _Loaded) -> None:
        results, rows = loaded.results, loaded.rows
        if self._stale:
            return
        self._results, self._objects_N = results, loaded.objects_N
        self._against, self._verdict = loaded.other, loaded.verdict
        self.header.set_runs(
            rows,
            results.run if results else None,
            loaded.other.run if loaded.other else None,
        )
        self.comparison_card.set_summaries(rows)
        self.comparison_card.model.set_current(results.run if results else None)
        self._show_results()
        if results is not None and self._session.run is None:
            self._session.select_run(results.run)

    @Slot()
    def _on_task_finished(self) -> None:
        assert self._task is not None
        self._task.deleteLater()
        self._task = None
        if self._stale:
            self.reload()

    @Slot()
    def _on_judge(self) -> None:
        if self._results is not None:
            self._session.judge_run(self._results.run)

    # ----- showing -----

    def _show_note(self, text: str, **offers: bool) -> None:
        self.panes.show_note(text, **offers)
        self.figures.set_figures(())
        self.drawer.hide()

    def _show_results(self) -> None:
        results = self._results
        if results is None:
            self.header.data_label.clear()
            self._show_note(
                "There is nothing to judge yet. Train a run first.", offer_training=True
            )
            return
        self.header.data_label.setText(f"on {results.data}, test split" if results.data else "")
        if results.metrics is None or results.predictions is None:
            text = "\n".join(filter(None, (results.problem, results.hint)))
            self._show_note(text, offer_judging=results.can_be_judged)
            return
        self.figures.set_figures(key_figures(results.metrics))
        self.matrix_card.show_results(results, self._against)
        self.ood_card.show_results(results)
        self.compliance_card.show_results(
            results, self._against, self._session.dataset, self._objects_N
        )
        self.comparison_card.show_verdict(self._verdict)
        self.neighbours_card.show_results(results, self._session.dataset, self._objects_N)
        self.map_card.show_results(results)
        self.panes.show_views()
        self.drawer.show()
        self._show_selection()

    @property
    def results(self) -> RunResults | None:
        """What is shown."""
        return self._results

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being read or made in the background."""
        return self._task is None and self.map_card.is_idle and self.comparison_card.is_idle

    # ----- the selection -----

    def _show_selection(self) -> None:
        selection = self._session.selection
        self.drawer.show_selection(self._session.dataset, selection)
        if selection is None:
            self.matrix_card.let_go()
            if self._results is not None and self._objects_N is None:
                self._say_other_data()

    def _say_other_data(self) -> None:
        assert self._results is not None
        self.drawer.show_note(
            f"This run was judged on {self._results.data}, which is not the data set that is "
            "open: its objects cannot be shown.",
            offer_data=self._data_folder() is not None,
        )

    def _data_folder(self) -> Path | None:
        if self._results is None or not self._results.run.config.data.folder:
            return None
        folder = Path(self._results.run.config.data.folder)
        return folder if folder.is_dir() else None

    @Slot(object, str)
    def _on_cell_selected(self, rows_N: IntArray, text: str) -> None:
        if self._objects_N is None:
            self._say_other_data()
            return
        self._selecting_cell = True
        self._session.select_objects(ObjectSelection(tuple(self._objects_N[rows_N].tolist()), text))
        self._selecting_cell = False

    @Slot(object, str)
    def _on_rows_selected(self, rows_N: IntArray, text: str) -> None:
        """Selects judged objects from another view than the matrix."""
        self.matrix_card.let_go()
        self._on_cell_selected(rows_N, text)

    @Slot(object, object, str)
    def _on_kept_selected(self, kept: KeptObjects, rows_N: IntArray, text: str) -> None:
        """Selects validation objects, which are not in the matrix."""
        assert self._results is not None
        self.matrix_card.let_go()
        self.matrix_card.set_chosen(None)
        index = self._session.dataset
        fingerprint = self._results.run.environment().get("data_fingerprint")
        found = None if index is None else match_objects(kept, index, fingerprint)
        if found is None:
            self._say_other_data()
            return
        self._session.select_objects(ObjectSelection(tuple(found[rows_N].tolist()), text))

    @Slot()
    def select_worst_confusion(self) -> None:
        """Selects the largest cell off the diagonal, as a click on it would."""
        self.matrix_card.select_worst()

    @Slot()
    def _on_cleared(self) -> None:
        self.matrix_card.let_go()
        self._session.select_objects(None)
        self._forget_lasso()

    def _forget_lasso(self) -> None:
        self.matrix_card.set_chosen(None)
        self.map_card.let_go()

    # ----- neighbours -----

    @Slot(int)
    def ask(self, row: int) -> None:
        """Shows the neighbours of a judged object."""
        self.header.show_view("neighbours")
        self.neighbours_card.ask(row)

    @Slot(int)
    def _on_query_requested(self, object_index: int) -> None:
        if self._objects_N is not None:
            rows = np.flatnonzero(self._objects_N == object_index)
            if len(rows):
                self.ask(int(rows[0]))

    @Slot(object)
    def _on_selection_changed(self, _selection: ObjectSelection | None) -> None:
        if self._results is not None:
            if not self._selecting_cell:
                self.matrix_card.let_go()
            self._show_selection()

    # ----- signals -----

    @Slot(object)
    def _on_other_chosen(self, run: Run | None) -> None:
        self._other = run
        if run is not None and self.header.view == "withheld":
            self.header.show_view("runs")  # What says how they compare.
        self.reload()

    @Slot(object)
    def _on_run_changed(self, run: Run | None) -> None:
        if self._results is None or self._results.run != run or self._results.metrics is None:
            self.reload()

    @Slot(object)
    def _on_dataset_changed(self, _index: DatasetIndex) -> None:
        self.reload()

    @Slot()
    def _on_to_training(self) -> None:
        self._session.page_requested.emit("training")

    @Slot()
    def _on_browse(self) -> None:
        self._session.page_requested.emit("detections")

    @Slot()
    def _on_data_requested(self) -> None:
        folder = self._data_folder()
        if folder is not None:
            self._session.open_data(folder)


def _newest_judged(rows: tuple[RunSummary, ...]) -> Run | None:
    judged = [row.run for row in rows if row.accuracy is not None]
    return judged[-1] if judged else None
