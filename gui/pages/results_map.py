"""The map: embeddings in the plane, at the end or epoch by epoch; a lasso shows what is there."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from core.epoch_embeddings import KeptObjects
from core.errors import AkinError
from gui.pages.results_confusion import IntArray, require_comparable
from gui.pages.results_data import RunResults
from gui.pages.results_map_pictures import Picture, picture_of_epochs, picture_of_test
from gui.tasks import LatestTask
from gui.theme import SPACING, set_role, tokens
from gui.widgets.choice_button import ChoiceButton
from gui.widgets.figure_export import ExportButton
from gui.widgets.play_slider import PlaySlider
from gui.widgets.scatter_symbols import ScatterGroup
from gui.widgets.scatter_view import ScatterView
from gui.widgets.view_card import ViewCard

METHODS = (("pca", "PCA"), ("tsne", "t-SNE"), ("umap", "UMAP"))
NAMES = dict(METHODS)
COLOURS = (("true", "By true class"), ("predicted", "By predicted class"), ("errors", "Errors"))
OBJECTS = (("test", "Test objects"), ("epochs", "Epoch by epoch"))
HINT = "Draw around points to see them. Click one for its neighbours."
HINT_OF_EPOCHS = "Validation objects, as each epoch left them. Draw around points and play."


class MapCard(ViewCard):
    """Points coloured and shaped by class."""

    rows_selected = Signal(object, str)  # rows of the predictions, words
    chosen_changed = Signal(object)  # rows of the predictions that the matrix counts | None
    kept_selected = Signal(object, object, str)  # KeptObjects, rows of them, words
    query_requested = Signal(int)  # row of the predictions
    cleared = Signal()
    failed = Signal(object)  # AkinError

    def __init__(self, parent: QWidget | None = None) -> None:
        self._results: RunResults | None = None
        self._pictures: dict[tuple[str, str], Picture] = {}
        self._picture: Picture | None = None
        self.view = ScatterView("Map of the embeddings")
        self.objects = ChoiceButton("Which objects the map shows", OBJECTS)
        self.epochs = PlaySlider("Epoch of the map")
        self.method = ChoiceButton("How the map is made", METHODS)
        self.colours = ChoiceButton("What the marks show", COLOURS)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress of the map")
        self.cancel = QPushButton("Cancel")
        self.cancel.setAccessibleName("Cancel the map")
        self.state = QLabel()
        set_role(self.state, "muted")
        self.hint = QLabel(HINT)
        self.hint.setWordWrap(True)
        set_role(self.hint, "muted")
        self.export = ExportButton(self.view, "embedding map")
        super().__init__("Map", self._body(), (self.export,), parent)
        self._task = LatestTask(self)
        self._task.succeeded.connect(self._on_made)
        self._task.failed.connect(self._on_failed)
        self._task.progressed.connect(self._on_progress)
        self.objects.chosen.connect(self._on_method)
        self.method.chosen.connect(self._on_method)
        self.epochs.moved.connect(self._on_moved)
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
        tools.addWidget(self.objects)
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
        column.addWidget(self.epochs)
        column.addWidget(self.hint)
        self.epochs.hide()
        return body

    # ----- making -----

    def show_results(self, results: RunResults) -> None:
        """Takes another run; its map is made when it is looked at."""
        if self._results is not None and not _same_objects(self._results, results):
            self._pictures.clear()
        self._results = results
        self._picture = None
        self.epochs.hide()
        has_epochs = len(results.run.epoch_embeddings.epochs()) > 1
        self.objects.setVisible(has_epochs)
        if not has_epochs:
            self.objects.set_choice("test")
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
        what, method = key = (self.objects.choice, self.method.choice)
        old = self._pictures.get(key)
        if old is not None and old.results is results:
            self._show(old)
            return
        if len(results.predictions.label_N) < 4:
            self.hint.setText("There are too few judged objects for a map.")
            return
        self._show_running(method != "pca")
        if what == "test":
            self._task.start(picture_of_test(results, method, old))
        else:
            self._task.start(picture_of_epochs(results, method))

    def shut_down(self) -> None:
        """Stops and waits."""
        self._task.shut_down()

    def _show_running(self, on: bool) -> None:
        for widget in (self.state, self.progress, self.cancel):
            widget.setVisible(on)
        if on:
            self.state.setText(f"{NAMES[self.method.choice]} …")
            self.progress.setRange(0, 0)

    @Slot(int, int)
    def _on_progress(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self.state.setText(f"{NAMES[self.method.choice]}, {done:,} of {total:,} steps")

    @Slot(object)
    def _on_made(self, picture: Picture) -> None:
        if picture.results is not self._results:
            return
        self._pictures[picture.key] = picture
        if picture.key == (self.objects.choice, self.method.choice):
            self._show_running(False)
            self._show(picture)

    @Slot(object)
    def _on_failed(self, error: AkinError) -> None:
        self._show_running(False)
        self.failed.emit(error)
        if self.method.choice == "umap":
            self.method.set_choice("pca")
        elif self.objects.choice == "epochs":
            self.objects.set_choice("test")
        else:
            return
        self.make()

    @Slot()
    def _on_cancel(self) -> None:
        self._task.drop()
        self._show_running(False)
        self.method.set_choice("pca")
        self.make()

    # ----- showing -----

    def _show(self, picture: Picture) -> None:
        self._picture = picture
        by_epoch = bool(picture.epochs)
        last = picture.epochs[-1] if by_epoch else 0
        self.epochs.set_steps([f"epoch {epoch} of {last}" for epoch in picture.epochs])
        self.epochs.setVisible(by_epoch)
        self.hint.setText(HINT_OF_EPOCHS if by_epoch else HINT)
        self._show_points()

    def _show_points(self) -> None:
        assert self._picture is not None
        picture, frame = self._picture, self.epochs.step
        group_S, groups = self._groups()
        self.view.set_points(
            picture.points_at(self.epochs.position), group_S, groups, self._words, picture.extent()
        )
        self.subtitle.setText(picture.subtitle(frame))

    def _groups(self) -> tuple[IntArray, tuple[ScatterGroup, ...]]:
        assert self._picture is not None
        is_dark = tokens(self.palette()).is_dark
        return self._picture.groups(self.epochs.step, self.colours.choice, is_dark)

    @Slot(float)
    def _on_moved(self, position: float) -> None:
        if self._picture is None:  # Another run's is being made.
            return
        self.view.move_points(self._picture.points_at(position), self._groups()[0])
        self.subtitle.setText(self._picture.subtitle(self.epochs.step))

    def _words(self, point: int) -> str:
        assert self._picture is not None
        return self._picture.words(point, self.epochs.step)

    def let_go(self) -> None:
        """Fades nothing."""
        self.view.set_chosen(None)

    @Slot(str)
    def _on_method(self, _name: str) -> None:
        self.make()

    @Slot(str)
    def _on_colours(self, _name: str) -> None:
        if self._picture is not None:
            self._show_points()

    @Slot(object)
    def _on_lassoed(self, points: IntArray) -> None:
        self._choose(points, f"lassoed on the map ({len(points)})")

    @Slot(int)
    def _on_group(self, group: int) -> None:
        points = np.flatnonzero(self.view.groups_N == group).astype(np.int64)
        self._choose(points, f"{self.view.groups[group].name} on the map ({len(points)})")

    def _choose(self, points: IntArray, text: str) -> None:
        picture = self._picture
        if picture is None:
            return
        rows = picture.rows_S[points]
        if isinstance(picture.objects, KeptObjects):
            self.kept_selected.emit(picture.objects, rows, text)
        else:
            self.chosen_changed.emit(rows)
            self.rows_selected.emit(rows, text)
        self.view.set_chosen(points)

    @Slot(int)
    def _on_point(self, point: int) -> None:
        if self._picture is None:
            return
        if self._picture.epochs:
            points = np.array([point], dtype=np.int64)
            self._choose(points, f"{self._words(point)}, on the map")
        else:
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
