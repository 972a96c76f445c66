"""Whose boxes are shown, the run's or a file's, and the way out of the filtered ones."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QToolButton, QWidget

from core.data.index import DatasetIndex
from core.errors import AkinError
from core.training.detection_job import DetectionJob
from gui.messages import Message
from gui.pages.detections_boxes import FileBoxes, read_boxes
from gui.pages.detections_file_view import FileView
from gui.pages.detections_run import DetectDialog, DetectionBar
from gui.pages.export_messages import ExportMessages
from gui.session import Session
from gui.tasks import LatestTask
from gui.theme import SPACING

_EXPORTS = (
    ("coco", "Detections shown, as COCO JSON…"),
    ("voc", "Detections shown, as VOC XML…"),
    ("png", "Picture with its boxes, as PNG…"),
)
_RUN, _FILE, _OPEN = "run", "file", "open"


class SourceBar(QWidget):
    """Chooses between the run and a file, opens files and exports.

    Args:
        session: Shared state.
        view: Shows the file's detections.
        parent: Owner.
    """

    source_changed = Signal(bool)  # a file's boxes are shown

    def __init__(self, session: Session, view: FileView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._view = view
        self._index: DatasetIndex | None = None
        self._shows_file = False
        self._reading = LatestTask(self)
        self._writing = LatestTask(self)
        self.source = QToolButton()
        self.export = QToolButton()
        self.detect = QToolButton()
        self.detection = DetectionBar(session)  # The page has a place for it.
        self._actions: dict[str, QAction] = {}
        self._make_menus()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self.detect)
        layout.addWidget(self.source)
        layout.addWidget(self.export)
        self._reading.succeeded.connect(self._on_read)
        self._reading.failed.connect(self._on_not_read)
        self._writing.succeeded.connect(self._on_written)
        self._writing.failed.connect(session.post_error)
        self.detection.running_changed.connect(self._show)
        self.detection.file_written.connect(self._on_detected)
        view.failed.connect(session.post_error)
        ExportMessages(view, session)
        view.viewing_changed.connect(self._actions["png"].setEnabled)
        self._show()

    def _make_menus(self) -> None:
        for button, tip in (
            (self.source, "Whose boxes are shown"),
            (self.export, "Export the detections that pass the filters"),
        ):
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setToolTip(tip)
            button.setMenu(QMenu(button))
        group = QActionGroup(self)
        menu = self.source.menu()
        for key, text in ((_RUN, "Annotations and run"), (_FILE, "")):
            action = self._actions[key] = menu.addAction(text)
            action.setCheckable(True)
            group.addAction(action)
            action.setData(key)
        menu.addSeparator()
        self._actions[_OPEN] = menu.addAction("Open a detections file…")
        self._actions[_OPEN].setData(_OPEN)
        menu.triggered.connect(self._on_source)
        self.detect.setText("Run a detector…")
        self.detect.setAccessibleName("Run a detector")
        self.detect.setToolTip("Find the objects of a split and show them here")
        self.detect.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.detect.clicked.connect(self._on_detect)
        self.export.setText("Export ▾")
        self.export.setAccessibleName("Export the detections shown")
        menu = self.export.menu()
        for key, text in _EXPORTS:
            self._actions[key] = menu.addAction(text)
            self._actions[key].setData(key)
        self._actions["png"].setEnabled(False)
        menu.triggered.connect(self._on_export)

    @property
    def shows_file(self) -> bool:
        return self._shows_file

    @property
    def is_idle(self) -> bool:
        return self._reading.is_idle and self._writing.is_idle and self.detection.is_idle

    # ----- source -----

    def set_data(self, index: DatasetIndex) -> None:
        """Forgets the file: its detections were of other data."""
        self._index = index
        self._view.show_boxes(None)
        self.show_file(False)

    def show_file(self, on: bool) -> None:
        """Shows the file's boxes, if there is one, or the run's."""
        on = on and self._view.boxes is not None
        changed = on != self._shows_file
        self._shows_file = on
        self._show()
        if changed:
            self.source_changed.emit(on)

    def open_file(self, path: Path) -> None:
        """Reads a detections file and shows it."""
        index = self._index
        if index is None:
            self._session.post_error(AkinError("There is no data yet.", "Open a folder first."))
            return
        self.source.setText(f"reading {path.name} …")
        self._reading.start(lambda _progress, should_stop: read_boxes(path, index, should_stop))

    @Slot()
    def _show(self) -> None:
        boxes = self._view.boxes
        name = boxes.path.name if boxes is not None else ""
        self._actions[_FILE].setVisible(boxes is not None)
        self._actions[_FILE].setText(name)
        self._actions[_FILE if self._shows_file else _RUN].setChecked(True)
        text = name if self._shows_file else "run"
        self.source.setText(f"Boxes: {text if len(text) <= 24 else text[:23] + '…'} ▾")
        self.source.setAccessibleName(f"Boxes of: {text}")
        self.source.setEnabled(self._index is not None)
        self.export.setVisible(self._shows_file)
        self.detect.setEnabled(self._index is not None and not self.detection.is_running)

    @Slot(QAction)
    def _on_source(self, action: QAction) -> None:
        if action.data() == _OPEN:
            self._show()
            self._ask_for_file()
        else:
            self.show_file(action.data() == _FILE)

    def _ask_for_file(self) -> None:
        dialog = QFileDialog(self, "Open detections")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(["COCO results (*.json)", "All files (*)"])
        dialog.fileSelected.connect(self._on_file_selected)
        dialog.open()

    @Slot(str)
    def _on_file_selected(self, path: str) -> None:
        self.open_file(Path(path))

    @Slot(object)
    def _on_read(self, boxes: FileBoxes) -> None:
        if boxes.index is self._index:
            self._view.show_boxes(boxes)
            self.show_file(True)

    @Slot(object)
    def _on_not_read(self, error: AkinError) -> None:
        self._show()
        self._session.post_error(error)

    # ----- running a detector -----

    @Slot()
    def _on_detect(self) -> None:
        if self._index is not None:
            session = self._session
            dialog = DetectDialog(session.workspace, self._index, session.run, self)
            dialog.job_chosen.connect(self._on_job)
            dialog.open()

    @Slot(object)
    def _on_job(self, job: DetectionJob) -> None:
        assert self._index is not None
        self.detection.start(job, self._index)

    @Slot(object, object)
    def _on_detected(self, path: Path, index: DatasetIndex) -> None:
        if index is self._index:
            self.open_file(path)

    # ----- export -----

    @Slot(QAction)
    def _on_export(self, action: QAction) -> None:
        kind = str(action.data())
        dialog = QFileDialog(self, action.text().rstrip("…"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        name = {"coco": "detections.json", "voc": "Annotations", "png": "detections.png"}[kind]
        if kind != "voc":
            suffix = name.rpartition(".")[2]
            dialog.setDefaultSuffix(suffix)
            dialog.setNameFilter(f"{suffix.upper()} (*.{suffix})")
        else:
            dialog.setLabelText(QFileDialog.DialogLabel.FileName, "New folder:")
        dialog.selectFile(name)
        dialog.setProperty("kind", kind)
        dialog.fileSelected.connect(self._on_target_selected)
        dialog.open()

    @Slot(str)
    def _on_target_selected(self, path: str) -> None:
        self.export_to(str(self.sender().property("kind")), Path(path))

    def export_to(self, kind: str, path: Path) -> None:
        """Writes the detections shown ("coco", "voc") or the picture ("png")."""
        try:
            write = self._view.writer(kind, path)
        except AkinError as error:
            self._session.post_error(error)
        else:
            self._writing.start(lambda _progress, _stop: write())

    @Slot(object)
    def _on_written(self, sentence: str) -> None:
        self._session.post(Message("success", sentence))

    def shut_down(self) -> None:
        """Stops the workers, before the window goes."""
        self._reading.shut_down()
        self._writing.shut_down()
        self.detection.shut_down()
