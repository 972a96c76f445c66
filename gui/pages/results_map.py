"""The map: all judged embeddings in the plane, by PCA or t-SNE; a lasso shows what is there.

Shape suffixes: N judged objects, S objects in the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QColor, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from core.errors import AkinError
from core.evaluation.projection import Projection, pca, tsne
from gui.pages.results_confusion import IntArray, require_comparable
from gui.pages.results_data import RunResults
from gui.tasks import LatestTask, Progress
from gui.theme import SPACING, class_colour, set_role, tokens
from gui.widgets.choice_button import ChoiceButton
from gui.widgets.figure_export import ExportButton
from gui.widgets.scatter_symbols import ScatterGroup, shape_of
from gui.widgets.scatter_view import ScatterView
from gui.widgets.view_card import ViewCard

METHODS = (("pca", "PCA"), ("tsne", "t-SNE"))
COLOURS = (("true", "By true class"), ("predicted", "By predicted class"), ("errors", "Errors"))
MOST_TSNE_OBJECTS = 3000


@dataclass(frozen=True, eq=False)
class _Picture:
    """A finished projection.

    Attributes:
        results: Of the run.
        method: "pca" or "tsne".
        rows_S: Rows of the predictions that are in it.
        projection: Their points.
    """

    results: RunResults
    method: str
    rows_S: IntArray
    projection: Projection


class MapCard(ViewCard):
    """Points coloured and shaped by class."""

    rows_selected = Signal(object, str)  # rows of the predictions, words
    chosen_changed = Signal(object)  # rows of the predictions that the matrix counts | None
    query_requested = Signal(int)  # row of the predictions
    cleared = Signal()
    failed = Signal(object)  # AkinError

    def __init__(self, parent: QWidget | None = None) -> None:
        self._results: RunResults | None = None
        self._pictures: dict[str, _Picture] = {}
        self._picture: _Picture | None = None
        self.view = ScatterView("Map of the embeddings")
        self.method = ChoiceButton("How the map is made", METHODS)
        self.colours = ChoiceButton("What the marks show", COLOURS)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress of t-SNE")
        self.cancel = QPushButton("Cancel")
        self.cancel.setAccessibleName("Cancel t-SNE")
        self.state = QLabel()
        set_role(self.state, "muted")
        self.hint = QLabel("Draw around points to see them. Click one for its neighbours.")
        self.hint.setWordWrap(True)
        set_role(self.hint, "muted")
        self.export = ExportButton(self.view, "embedding map")
        super().__init__("Map", self._body(), (self.export,), parent)
        self._task = LatestTask(self)
        self._task.succeeded.connect(self._on_made)
        self._task.failed.connect(self._on_failed)
        self._task.progressed.connect(self._on_progress)
        self.method.chosen.connect(self._on_method)
        self.colours.chosen.connect(self._on_colours)
        self.cancel.clicked.connect(self._on_cancel)
        self.view.lassoed.connect(self._on_lassoed)
        self.view.point_clicked.connect(self._on_point)
        self.view.group_clicked.connect(self._on_group)
        self.view.cleared.connect(self._on_cleared)
        self._show_running(False)

    def _body(self) -> QWidget:
        tools = QHBoxLayout()
        tools.setSpacing(SPACING // 2)
        tools.addWidget(self.method)
        tools.addWidget(self.colours)
        tools.addStretch(1)
        tools.addWidget(self.state)
        tools.addWidget(self.progress)
        tools.addWidget(self.cancel)
        self.progress.setFixedWidth(90)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING // 2)
        column.addLayout(tools)
        column.addWidget(self.view, 1)
        column.addWidget(self.hint)
        return body

    # ----- making -----

    def show_results(self, results: RunResults) -> None:
        """Takes another run; its map is made when it is looked at."""
        if self._results is not None and not _same_objects(self._results, results):
            self._pictures.clear()
        self._results = results
        self._picture = None
        if self.isVisible():
            self.make()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._picture is None:
            self.make()

    @property
    def is_idle(self) -> bool:
        return self._task.is_idle

    def make(self) -> None:
        """Makes the map in the background, unless it is there."""
        results = self._results
        if results is None or results.predictions is None:
            return
        name = self.method.choice
        old = self._pictures.get(name)
        if old is not None and old.results is results:
            self._show(old)
            return
        if len(results.predictions.label_N) < 4:
            self.hint.setText("There are too few judged objects for a map.")
            return
        self._show_running(name == "tsne")
        self._task.start(_work(results, name, old))

    def shut_down(self) -> None:
        """Stops and waits."""
        self._task.shut_down()

    def _show_running(self, on: bool) -> None:
        for widget in (self.state, self.progress, self.cancel):
            widget.setVisible(on)
        if on:
            self.state.setText("t-SNE …")
            self.progress.setRange(0, 0)

    @Slot(int, int)
    def _on_progress(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self.state.setText(f"t-SNE, {done:,} of {total:,} steps")

    @Slot(object)
    def _on_made(self, picture: _Picture) -> None:
        if picture.results is not self._results:
            return
        self._pictures[picture.method] = picture
        if picture.method == self.method.choice:
            self._show_running(False)
            self._show(picture)

    @Slot(object)
    def _on_failed(self, error: AkinError) -> None:
        self._show_running(False)
        self.failed.emit(error)

    @Slot()
    def _on_cancel(self) -> None:
        self._task.drop()
        self._show_running(False)
        self.method.set_choice("pca")
        self.make()

    # ----- showing -----

    def _show(self, picture: _Picture) -> None:
        self._picture = picture
        group_S, groups = _groups(picture, self.colours.choice, tokens(self.palette()).is_dark)
        self.view.set_points(picture.projection.points_NK, group_S, groups, self._words)
        explained = picture.projection.explained_K
        count, total = len(picture.rows_S), self._total(picture)
        words = f"{count:,} objects" if count == total else f"{count:,} of {total:,} objects"
        if explained is not None:
            words += f", {100 * float(explained.sum()):.0f} % of the variance"
        self.subtitle.setText(words)
        self.hint.setText("Draw around points to see them. Click one for its neighbours.")

    def _total(self, picture: _Picture) -> int:
        assert picture.results.predictions is not None
        return len(picture.results.predictions.label_N)

    def _words(self, point: int) -> str:
        assert self._picture is not None
        predictions = self._picture.results.predictions
        assert predictions is not None
        row = int(self._picture.rows_S[point])
        predicted = predictions.classes[int(predictions.predicted_N[row])]
        return f"{predictions.true_name_N[row]}, predicted {predicted}"

    def let_go(self) -> None:
        """Fades nothing."""
        self.view.set_chosen(None)

    @Slot(str)
    def _on_method(self, _name: str) -> None:
        self.make()

    @Slot(str)
    def _on_colours(self, _name: str) -> None:
        if self._picture is not None:
            self._show(self._picture)

    @Slot(object)
    def _on_lassoed(self, points: IntArray) -> None:
        self._choose(points, f"lassoed on the map ({len(points)})")

    @Slot(int)
    def _on_group(self, group: int) -> None:
        points = np.flatnonzero(self.view.groups_N == group).astype(np.int64)
        self._choose(points, f"{self.view.groups[group].name} on the map ({len(points)})")

    def _choose(self, points: IntArray, text: str) -> None:
        assert self._picture is not None
        rows = self._picture.rows_S[points]
        self.chosen_changed.emit(rows)
        self.rows_selected.emit(rows, text)
        self.view.set_chosen(points)

    @Slot(int)
    def _on_point(self, point: int) -> None:
        assert self._picture is not None
        self.query_requested.emit(int(self._picture.rows_S[point]))

    @Slot()
    def _on_cleared(self) -> None:
        self.let_go()
        self.cleared.emit()


def _same_objects(a: RunResults, b: RunResults) -> bool:
    if a.predictions is None:
        return False
    try:
        require_comparable(a, b)
    except AkinError:
        return False
    return True


def _work(
    results: RunResults, method: str, old: _Picture | None
) -> Callable[[Progress, Callable[[], bool]], _Picture]:
    def work(progress: Progress, should_stop: Callable[[], bool]) -> _Picture:
        assert results.predictions is not None
        embedding_ND = results.predictions.embedding_ND
        rows_S = np.arange(len(embedding_ND), dtype=np.int64)
        if method == "tsne" and len(rows_S) > MOST_TSNE_OBJECTS:
            drawn = np.random.default_rng(0).choice(rows_S, MOST_TSNE_OBJECTS, replace=False)
            rows_S = np.sort(drawn)
        previous = None
        if old is not None and np.array_equal(old.rows_S, rows_S):
            previous = old.projection.points_NK
        if method == "pca":
            projection = pca(embedding_ND[rows_S], previous_NK=previous)
        else:
            projection = tsne(
                embedding_ND[rows_S],
                previous_NK=previous,
                progress=progress,
                should_stop=should_stop,
            )
        return _Picture(results, method, rows_S, projection)

    return work


def _groups(
    picture: _Picture, colours: str, is_dark: bool
) -> tuple[IntArray, tuple[ScatterGroup, ...]]:
    """Returns the group of each point of the picture, and the groups."""
    predictions = picture.results.predictions
    assert predictions is not None
    label_S = predictions.label_N[picture.rows_S]
    predicted_S = predictions.predicted_N[picture.rows_S]
    true_S = predictions.true_name_N[picture.rows_S]
    if colours == "errors":
        group_S = np.where(label_S < 0, 2, (label_S != predicted_S).astype(np.int64))
        right = QColor("#6cc7f2" if is_dark else "#3aa0d8")
        groups = [
            ScatterGroup("right", right, "circle"),
            ScatterGroup("wrong", QColor("#d55e00"), "cross"),
            ScatterGroup("withheld", QColor("#8b929c"), "square", hollow=True),
        ]
        return group_S, tuple(groups[: 3 if (label_S < 0).any() else 2])
    withheld = sorted(set(true_S[label_S < 0].tolist()))
    names = [*predictions.classes, *(withheld if colours == "true" else ())]
    groups = []
    for at, name in enumerate(names):
        shape, hollow = shape_of(at)
        text = f"{name} (withheld)" if name in withheld and colours == "true" else name
        groups.append(ScatterGroup(text, class_colour(at), shape, hollow))
    if colours == "predicted":
        return predicted_S, tuple(groups)
    index = {name: at for at, name in enumerate(names)}
    return np.array([index[str(name)] for name in true_S], dtype=np.int64), tuple(groups)
