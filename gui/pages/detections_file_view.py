"""The detections of a file over the images: filters, grid and large view, figures and boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QByteArray, QSignalBlocker, QSize, QTimer, Signal, Slot
from PySide6.QtGui import QImage, QImageWriter
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from core.detection.detections_io import DetectionSet, detection_items, write_detections
from core.detection.detector import GroundTruthDetector
from core.detection.voc_export import write_voc_annotations
from core.errors import AkinError
from gui.models.image_model import ImageModel
from gui.pages.detections_box_filters import BoxFilterPanel
from gui.pages.detections_box_panel import BoxPanel, canvas_box
from gui.pages.detections_boxes import (
    BoxFilter,
    BoxTiles,
    FileBoxes,
    FoundBoxes,
    Outcome,
    boxes_of_image,
    find_boxes,
    tiles_of,
)
from gui.pages.detections_toolbar import EmptyNote
from gui.pages.detections_viewer import ImageViewer, LargeImage, read_large
from gui.tasks import LatestTask
from gui.thumbnails import ThumbnailLoader
from gui.widgets.columns import ThreeColumns
from gui.widgets.thumbnail_grid import ThumbnailGrid

REFILTER_MS = 40


class FileView(QWidget):
    """Shows one file's detections.

    Args:
        loader: Has the pictures.
        picture: Size of a thumbnail.
        parent: Owner.
    """

    counts_changed = Signal(int, int)  # images, detections
    viewing_changed = Signal(bool)  # an image is shown large
    failed = Signal(object)  # AkinError

    def __init__(
        self, loader: ThumbnailLoader, picture: QSize, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._boxes: FileBoxes | None = None
        self._found: FoundBoxes | None = None
        self._tiles: BoxTiles | None = None
        self._filter = BoxFilter()
        self._image = -1
        self._rows: list[int] = []
        self.model = ImageModel(loader, self)
        self.filters = BoxFilterPanel()
        self.grid = ThumbnailGrid("Images with detections", picture)
        self.grid.setModel(self.model)
        self.viewer = ImageViewer()
        self.panel = BoxPanel()
        self.note = EmptyNote()
        self._task = LatestTask(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REFILTER_MS)
        self._timer.timeout.connect(self.refilter)
        self._lay_out()
        self._connect(loader)

    def _lay_out(self) -> None:
        self._views = QStackedWidget()
        for view in (self.grid, self.viewer, self.note):
            self._views.addWidget(view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(ThreeColumns(self.filters, self._views, self.panel))

    def _connect(self, loader: ThumbnailLoader) -> None:
        self.filters.filter_changed.connect(self._on_filter_changed)
        self.grid.opened.connect(self.open_row)
        self.grid.pictures_wanted.connect(loader.want)
        self.viewer.back_requested.connect(self.close_viewer)
        self.viewer.step_requested.connect(self._on_step)
        self.viewer.error_requested.connect(self._on_error_requested)
        self.viewer.canvas.box_clicked.connect(self._choose_box)
        self.panel.box_chosen.connect(self.viewer.canvas.set_selected)
        self.panel.label_chosen.connect(self._on_label_chosen)
        self.panel.threshold_chosen.connect(self._on_threshold_chosen)
        self.panel.boxes.installEventFilter(self.viewer)
        self.note.reset_requested.connect(self._on_reset)
        self._keys = [*self.viewer.add_keys(self.viewer), *self.viewer.add_keys(self.panel)]
        self._set_keys_enabled(False)
        self._task.succeeded.connect(self._on_read)
        self._task.failed.connect(self.failed)

    # ----- what is shown -----

    @property
    def boxes(self) -> FileBoxes | None:
        return self._boxes

    @property
    def filter(self) -> BoxFilter:
        return self._filter

    @property
    def found(self) -> FoundBoxes | None:
        return self._found

    def show_boxes(self, boxes: FileBoxes | None) -> None:
        """Shows another file's detections, in the split that they are of; None: nothing."""
        self.close_viewer()
        self._boxes, self._found, self._tiles, self._image = boxes, None, None, -1
        if boxes is None:
            self.model.show_items(None, ())
            return
        self._filter = BoxFilter(split=boxes.home)
        self.filters.set_data(boxes.index, is_proposals=boxes.is_proposals)
        self.panel.set_figures(boxes.figures[boxes.home], boxes.index.classes)
        self.refilter()

    @Slot(object)
    def _on_filter_changed(self, chosen: BoxFilter) -> None:
        boxes = self._boxes
        assert boxes is not None
        if chosen.split != self._filter.split:
            self.panel.set_figures(boxes.figures[chosen.split], boxes.index.classes)
        self._filter = chosen
        self._timer.start()

    @Slot(int)
    def _on_label_chosen(self, label: int) -> None:
        self._on_filter_changed(replace(self._filter, label=label))

    @Slot(int, float)
    def _on_threshold_chosen(self, label: int, score: float) -> None:
        highest = max(self._filter.score[1], score)
        self._filter = replace(self._filter, label=label, score=(score, highest))
        self.refilter()

    @Slot()
    def _on_reset(self) -> None:
        self._filter = BoxFilter(split=self._filter.split)
        self.refilter()

    @Slot()
    def refilter(self) -> None:
        """Applies the filters and shows what passes."""
        boxes = self._boxes
        if boxes is None:
            return
        found = find_boxes(boxes, self._filter)
        self._found, self._tiles = found, tiles_of(boxes, found)
        self.filters.show_found(found, self._filter)
        self.counts_changed.emit(len(found.images), found.detections)
        items = tuple(found.images.tolist())
        with QSignalBlocker(self.grid.selectionModel()):
            if self.model.items != items:
                self.model.show_items(boxes.index, items, "image", self._tiles.words)
            else:
                self.model.set_badge(self._tiles.words)
        row = self.model.row_of(self._image)
        if row >= 0:
            with QSignalBlocker(self.grid):
                self.grid.set_current_row(row)
        if not items:
            self.close_viewer()
            self.note.show_no_match()
            self._views.setCurrentWidget(self.note)
        elif self._views.currentWidget() is self.note:
            self._views.setCurrentWidget(self.grid)
        self._show_beside()

    def _show_beside(self) -> None:
        boxes, found = self._boxes, self._found
        assert boxes is not None
        assert found is not None
        if self._views.currentWidget() is not self.viewer:
            if boxes.is_proposals:
                self._show_recall(boxes)
                return
            mean = boxes.figures[self._filter.split].mean
            value = "none" if mean is None else f"{100 * mean:.1f}"
            heading = f"AP50 {value}, VOC all-point"
            self.panel.show_figures(self._filter.label, self._filter.score[0], heading)
            return
        self._rows = boxes_of_image(boxes, found, self._image, self._filter.score[0])
        outcomes = found.outcome_B[self._rows].tolist()
        self.panel.heading.setText(f"Boxes of {boxes.index.image_ids[self._image]}")
        self.panel.show_boxes(boxes, self._rows, outcomes)
        drawn = zip(self._rows, outcomes, strict=True)
        self.viewer.canvas.set_boxes([canvas_box(boxes, row, Outcome(o)) for row, o in drawn])
        self._choose_box(-1)

    def _show_recall(self, boxes: FileBoxes) -> None:
        lowest = self._filter.score[0]
        objects_C, found_C = boxes.recall_of_classes(self._filter.split, lowest)
        total, found = int(objects_C.sum()), int(found_C.sum())
        share = f"{100 * found / total:.1f} %" if total else "none"
        self.panel.set_recall(objects_C.tolist(), found_C.tolist())
        heading = f"Recall {share}: {found:,} of {total:,} objects overlap a proposal by IoU 0.5"
        self.panel.show_figures(self._filter.label, lowest, heading)

    # ----- one image -----

    @Slot(int)
    def open_row(self, row: int) -> None:
        """Shows a row's image large."""
        boxes = self._boxes
        if boxes is None or not 0 <= row < len(self.model.items):
            return
        with QSignalBlocker(self.grid):
            self.grid.set_current_row(row)
        self._image = image = self.model.image_at(row)
        if self._views.currentWidget() is not self.viewer:
            self.viewer.canvas.set_message("Reading the image …")
            self._views.setCurrentWidget(self.viewer)
            self._set_keys_enabled(True)
            self.viewer.canvas.setFocus()
            self.viewing_changed.emit(True)
        index = boxes.index
        self.viewer.show_title(
            f"{index.image_ids[image]}   {row + 1:,} of {len(self.model.items):,}"
        )
        detector = GroundTruthDetector(index)
        self._task.start(lambda _progress, _stop: read_large(index, detector, image))

    @Slot(object)
    def _on_read(self, large: LargeImage) -> None:
        boxes = self._boxes
        if boxes is not None and large.index is boxes.index and large.image == self._image:
            self.viewer.show_large(large)
            self._show_beside()

    @Slot()
    def close_viewer(self) -> None:
        """Goes back to the grid."""
        if self._views.currentWidget() is self.viewer:
            self.viewer.canvas.set_boxes_hidden(False)
            self._views.setCurrentWidget(self.grid)
            self._set_keys_enabled(False)
            self.viewing_changed.emit(False)
            if self._boxes is not None and self._found is not None:
                self._show_beside()
                self.grid.setFocus()

    def _set_keys_enabled(self, on: bool) -> None:
        for key in self._keys:
            key.setEnabled(on)

    @Slot(int)
    def _on_step(self, by: int) -> None:
        self.open_row(self.grid.current_row + by)

    @Slot(int)
    def _on_error_requested(self, step: int) -> None:
        if self._tiles is None:
            return
        row = self._tiles.error_from(self.model.items, self.grid.current_row, step)
        if row >= 0:
            self.open_row(row)
        else:
            self.viewer.show_title("No image here has an error.")

    @Slot(int)
    def _choose_box(self, which: int) -> None:
        self.panel.set_current_box(which)
        self.viewer.canvas.set_selected(which)

    # ----- export -----

    def shown_detections(self) -> DetectionSet:
        """Returns the detections that pass the filters."""
        boxes, found = self._boxes, self._found
        assert boxes is not None
        assert found is not None
        rows = np.flatnonzero(found.passing_B[: len(boxes.found)]).astype(np.int64)
        return boxes.found.take(rows)

    def writer(self, kind: str, path: Path) -> Callable[[], str]:
        """Returns what writes the detections shown ("coco", "voc") or the picture ("png").

        It is for a worker: it takes nothing from the window, and returns what it wrote, in a
        sentence.

        Raises:
            AkinError: There is nothing to write.
        """
        boxes = self._boxes
        assert boxes is not None
        if kind == "png":
            picture = self.viewer.canvas.picture()
            if picture.isNull():
                raise AkinError("No image is shown large.", "Open one: Enter or double click.")
            return lambda: _write_picture(picture, path)
        shown = self.shown_detections()
        if not len(shown):
            raise AkinError("No detection passes the filters.", "Widen the filters first.")
        index = boxes.index
        if kind == "coco":
            return lambda: (
                f"{write_detections(path, detection_items(index, shown)):,} detections "
                f"written to {path}."
            )
        return lambda: (
            f"{write_voc_annotations(path, index, shown):,} annotation files written to {path}."
        )

    def shut_down(self) -> None:
        """Stops the worker, before the window goes."""
        self._task.shut_down()


def _write_picture(picture: QImage, path: Path) -> str:
    writer = QImageWriter(str(path), QByteArray(b"png"))
    if not writer.write(picture):
        raise AkinError(f"{path} cannot be written: {writer.errorString()}.", "Choose another.")
    return f"Picture written to {path}."
