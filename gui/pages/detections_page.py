"""Detections: the images of the data set, their boxes, and what a run made of them."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, QSize, QTimer, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from core.data.index import DatasetIndex, IntArray
from core.detection.detector import Detections, Detector, GroundTruthDetector
from gui.models.image_model import ImageModel
from gui.pages.detections_data import (
    ANY,
    Filter,
    Judgement,
    NoJudgement,
    Tiles,
    find,
    read_judgement,
)
from gui.pages.detections_file_view import FileView
from gui.pages.detections_filters import FilterPanel
from gui.pages.detections_objects import BoxRow, ObjectPanel, box_rows
from gui.pages.detections_source import SourceBar
from gui.pages.detections_toolbar import EmptyNote, GridToolbar
from gui.pages.detections_viewer import ImageViewer, LargeImage, read_large
from gui.session import ObjectSelection, Session
from gui.tasks import LatestTask
from gui.theme import SPACING
from gui.thumbnails import ThumbnailLoader
from gui.widgets.columns import ThreeColumns
from gui.widgets.thumbnail_grid import ThumbnailGrid

PICTURE = QSize(160, 120)
REFILTER_MS = 40
NO_RUN = NoJudgement("Train a run, and its verdicts appear here.")


class DetectionsPage(QWidget):
    """The page; it knows the session only.

    Args:
        session: Shared state.
        parent: Owner.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._index: DatasetIndex | None = None
        self._detector: Detector | None = None
        self._judgement: Judgement | None = None
        self._verdict_O: IntArray | None = None
        self._threshold: float | None = None
        self._filter = Filter()
        self._image = -1
        self._rows: tuple[BoxRow, ...] = ()
        self._stale = True
        side = round(PICTURE.width() * self.devicePixelRatioF())
        self.loader = ThumbnailLoader(side, session.workspace / "thumbnails", parent=self)
        self.model = ImageModel(self.loader, self)
        self.filters = FilterPanel()
        self.file_view = FileView(self.loader, PICTURE)
        self.source = SourceBar(session, self.file_view)
        self.toolbar = GridToolbar(self.source)
        self.grid = ThumbnailGrid("Images", PICTURE)
        self.grid.setModel(self.model)
        self.viewer = ImageViewer()
        self.panel = ObjectPanel()
        self.note = EmptyNote()
        self._image_task = LatestTask(self)
        self._run_task = LatestTask(self)
        self._refilter_timer = QTimer(self)
        self._refilter_timer.setSingleShot(True)
        self._refilter_timer.setInterval(REFILTER_MS)
        self._refilter_timer.timeout.connect(self.refilter)
        self._lay_out()
        self._connect()
        if session.dataset is not None:
            self._on_dataset_changed(session.dataset)
        else:
            self._show_note()

    # ----- layout -----

    def _lay_out(self) -> None:
        self._views = QStackedWidget()
        for view in (self.grid, self.viewer, self.note):
            self._views.addWidget(view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * SPACING, 2 * SPACING, 3 * SPACING, 2 * SPACING)
        layout.setSpacing(2 * SPACING)
        layout.addWidget(self.toolbar)
        layout.addWidget(self.source.detection)
        self._sources = QStackedWidget()
        self._sources.addWidget(ThreeColumns(self.filters, self._views, self.panel))
        self._sources.addWidget(self.file_view)
        layout.addWidget(self._sources, 1)

    def _connect(self) -> None:
        session = self._session
        session.dataset_changed.connect(self._on_dataset_changed)
        session.dataset_loading.connect(self._on_dataset_loading)
        session.run_changed.connect(self._read_run)
        session.selection_changed.connect(self._on_selection_changed)
        self.filters.filter_changed.connect(self._on_filter_changed)
        self.filters.threshold_changed.connect(self._on_threshold_changed)
        self.toolbar.selection_cleared.connect(self._on_selection_cleared)
        self.toolbar.kind_changed.connect(self.refilter)
        self.note.reset_requested.connect(self._on_reset)
        self.note.data_requested.connect(self._on_data_requested)
        self.grid.opened.connect(self.open_row)
        self.grid.current_row_changed.connect(self._on_grid_row)
        self.grid.pictures_wanted.connect(self.loader.want)
        self.viewer.back_requested.connect(self.close_viewer)
        self.viewer.step_requested.connect(self._on_step)
        self.viewer.error_requested.connect(self._on_error_requested)
        self.viewer.canvas.box_clicked.connect(self._choose_box)
        self.panel.object_chosen.connect(self.viewer.canvas.set_selected)
        self.panel.table.installEventFilter(self.viewer)
        self._keys = [*self.viewer.add_keys(self.viewer), *self.viewer.add_keys(self.panel)]
        self._set_keys_enabled(False)
        self.source.source_changed.connect(self._on_source_changed)
        self.file_view.counts_changed.connect(self._on_file_counts)
        self._image_task.succeeded.connect(self._on_read)
        self._run_task.succeeded.connect(self._on_judgement)
        for task in (self._image_task, self._run_task):
            task.failed.connect(session.post_error)

    # ----- data, run and selection -----

    @Slot(object)
    def _on_dataset_changed(self, index: DatasetIndex) -> None:
        self._index = index
        self._detector = GroundTruthDetector(index)
        self._set_judgement(None, "")
        self._filter = Filter()
        self._take_selection()
        self._image = -1
        self.loader.clear()
        self.filters.set_data(index, self._filter)
        self.source.set_data(index)
        self.close_viewer()
        self.refilter()
        self._read_run()

    @Slot(str, int, int)
    def _on_dataset_loading(self, what: str, done: int, total: int) -> None:
        if self._index is None:
            self._show_note(f"{what} {done:,}/{total:,}" if total else what)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._read_run()
        self.grid.ask_soon()

    @Slot()
    def _read_run(self) -> None:
        """Reads the run's predictions in a worker, once the page is seen."""
        run, index = self._session.run, self._index
        self._stale = True
        if index is None or not self.isVisible():
            return
        self._stale = False
        if run is None:
            self._run_task.start(lambda _progress, _stop: NO_RUN)
        else:
            self._run_task.start(lambda _progress, _stop: read_judgement(run, index))

    @Slot(object)
    def _on_judgement(self, found: Judgement | NoJudgement) -> None:
        if self._stale:
            return
        if isinstance(found, Judgement):
            self._set_judgement(found, "")
        else:
            self._set_judgement(None, f"{found.text} {found.hint}".strip())
        self.refilter()

    def _set_judgement(self, judgement: Judgement | None, note: str) -> None:
        self._judgement = judgement
        self._threshold = judgement.threshold if judgement else None
        self._verdict_O = judgement.verdicts(self._threshold) if judgement else None
        if judgement is None and self._filter.verdict != ANY:
            self._filter = replace(self._filter, verdict=ANY)
        self.filters.set_judgement(judgement, note)

    @Slot(float)
    def _on_threshold_changed(self, threshold: float) -> None:
        assert self._judgement is not None
        self._threshold = threshold
        self._verdict_O = self._judgement.verdicts(threshold)
        self._refilter_timer.start()

    @Slot(object)
    def _on_selection_changed(self, _selection: ObjectSelection | None) -> None:
        self._take_selection()
        self.source.show_file(False)
        if self._index is not None:
            self.close_viewer()
            self.refilter()

    def _take_selection(self) -> None:
        selection = self._session.selection
        objects = None if selection is None else selection.object_indices
        # A selection is shown whole: other filters would hide a part of what was asked for.
        base = self._filter if objects is None else Filter()
        self._filter = replace(base, objects=objects)
        self.toolbar.set_selection(selection.text if selection else "")

    @Slot()
    def _on_selection_cleared(self) -> None:
        self._session.select_objects(None)

    # ----- the boxes of a file -----

    @Slot(bool)
    def _on_source_changed(self, is_file: bool) -> None:
        self._sources.setCurrentIndex(int(is_file))
        self.toolbar.offer_kinds(not is_file)
        (self.file_view if is_file else self).refilter()

    @Slot(int, int)
    def _on_file_counts(self, images: int, detections: int) -> None:
        self.toolbar.show_counts(images, detections, "detection")

    # ----- filtering -----

    @Slot(object)
    def _on_filter_changed(self, chosen: Filter) -> None:
        self._filter = chosen
        self.close_viewer()
        self.refilter()

    @Slot()
    def refilter(self) -> None:
        """Applies the filters and shows what passes."""
        index = self._index
        if index is None:
            return
        found = find(index, self._verdict_O, self._filter)
        with_unknown = self._judgement is not None and self._judgement.threshold is not None
        self.filters.show_found(found, self._filter, with_unknown=with_unknown)
        if not self.source.shows_file:
            self.toolbar.show_counts(len(found.images), len(found.objects))
        kind = self.toolbar.kind
        items = (found.images if kind == "image" else found.objects).tolist()
        tiles = self._tiles()
        badge = tiles.image_words if kind == "image" else tiles.object_words
        with QSignalBlocker(self.grid.selectionModel()):
            if self.model.kind != kind or self.model.items != tuple(items):
                self.model.show_items(index, items, kind, badge)
            else:
                self.model.set_badge(badge)
        self._show_view()
        row = self.model.row_of_image(self._image)
        if row >= 0:
            with QSignalBlocker(self.grid):
                self.grid.set_current_row(row)
        else:
            self._image = -1
        self._show_objects()

    def _tiles(self) -> Tiles:
        assert self._index is not None
        return Tiles(self._index, self._judgement, self._verdict_O)

    @Slot()
    def _on_reset(self) -> None:
        self._filter = Filter()
        if self._session.selection is not None:
            self._session.select_objects(None)
        else:
            self.refilter()

    @Slot()
    def _on_data_requested(self) -> None:
        self._session.page_requested.emit("data")

    # ----- what is shown in the middle -----

    def _show_view(self) -> None:
        if self._index is None or not self.model.items:
            self._show_note()
        elif self._views.currentWidget() is self.note:
            self._views.setCurrentWidget(self.grid)
        self.filters.setVisible(self._index is not None)
        self.panel.setVisible(self._index is not None)

    def _show_note(self, loading: str = "") -> None:
        if self._index is None:
            self.filters.hide()
            self.panel.hide()
            self.note.show_no_data(loading)
        else:
            self.note.show_no_match()
        self._views.setCurrentWidget(self.note)

    @Slot(int)
    def open_row(self, row: int) -> None:
        """Shows a row's image large."""
        if not 0 <= row < len(self.model.items):
            return
        with QSignalBlocker(self.grid):
            self.grid.set_current_row(row)
        image = self.model.image_at(row)
        if self._views.currentWidget() is not self.viewer:
            self.viewer.canvas.set_message("Reading the image …")
            self._views.setCurrentWidget(self.viewer)
            self._set_keys_enabled(True)
            self.viewer.canvas.setFocus()
        index, detector = self._index, self._detector
        assert index is not None
        assert detector is not None
        self._image = image
        title = f"{index.image_ids[image]}   {row + 1:,} of {len(self.model.items):,}"
        self.viewer.show_title(title)
        self._image_task.start(lambda _progress, _stop: read_large(index, detector, image))

    @Slot()
    def close_viewer(self) -> None:
        """Goes back to the grid."""
        if self._views.currentWidget() is self.viewer:
            self.viewer.canvas.set_boxes_hidden(False)
            self._views.setCurrentWidget(self.grid)
            self._set_keys_enabled(False)
            self.grid.setFocus()

    def _set_keys_enabled(self, on: bool) -> None:
        for key in self._keys:
            key.setEnabled(on)

    @Slot(int)
    def _on_step(self, by: int) -> None:
        self.open_row(self.grid.current_row + by)

    @Slot(int)
    def _on_error_requested(self, step: int) -> None:
        at, items = self.grid.current_row, self.model.items
        row = self._tiles().error_from(items, self.model.kind, at, step)
        if row >= 0:
            self.open_row(row)
            return
        self.viewer.show_title(
            "No image here has an error."
            if self._judgement
            else "No run has been judged on this data: there are no errors to walk."
        )

    # ----- the objects of the image -----

    @Slot(int)
    def _on_grid_row(self, row: int) -> None:
        if 0 <= row < len(self.model.items):
            self._image = self.model.image_at(row)
            self._show_objects()

    @Slot(object)
    def _on_read(self, large: LargeImage) -> None:
        if large.index is self._index and large.image == self._image:
            self.viewer.show_large(large)
            self._show_objects(large.detections)

    def _show_objects(self, detections: Detections | None = None) -> None:
        index = self._index
        if index is None or self._image < 0:
            self.panel.show_image("", (), None, None)
            return
        if detections is None:
            detections = GroundTruthDetector(index).detect([self._image])[0]
        self._rows = box_rows(index, detections, self._judgement, self._verdict_O)
        title = f"Objects of {index.image_ids[self._image]}"
        self.panel.show_image(title, self._rows, self._judgement, self._threshold)
        if self._views.currentWidget() is self.viewer:
            self.viewer.canvas.set_boxes([row.canvas_box() for row in self._rows])
        self._choose_box(self._box_of_tile())

    def _box_of_tile(self) -> int:
        """Returns the box of the current tile's object, where the tiles are objects."""
        row = self.grid.current_row
        if self.model.kind == "image" or not 0 <= row < len(self.model.items):
            return -1
        assert self._index is not None
        objects = self._index.objects_of_image(self._image).tolist()
        at = self.model.items[row]
        return objects.index(at) if at in objects else -1

    @Slot(int)
    def _choose_box(self, which: int) -> None:
        self.panel.set_current(which)
        self.viewer.canvas.set_selected(which)

    def shut_down(self) -> None:
        """Stops the workers, before the window goes."""
        for worker in (self.loader, self._image_task, self._run_task, self.file_view, self.source):
            worker.shut_down()
