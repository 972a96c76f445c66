"""Running a detector over the open data: what to run, how far it is, and its file at the end."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from core.data.index import ALL, DatasetIndex
from core.events import Event, PhaseChanged, WarningRaised
from core.runs import Run
from core.training.detection_job import (
    DetectionJob,
    DetectionReport,
    DetectionStopped,
    run_detection,
)
from core.training.detector_run import list_detector_runs
from gui.messages import Message
from gui.session import Session
from gui.tasks import LatestTask, Progress
from gui.theme import SPACING, set_role
from gui.torch_import import gentle_import
from gui.training_thread import yield_to_the_window

STOCK = (
    ("fasterrcnn_resnet50_fpn", "Faster R-CNN, ResNet-50 FPN"),
    ("fasterrcnn_resnet50_fpn_v2", "Faster R-CNN, ResNet-50 FPN v2"),
    ("fasterrcnn_mobilenet_v3_large_320_fpn", "Faster R-CNN, MobileNetV3-Large 320"),
)
GROUND_TRUTH = "ground-truth"
CHUNK_IMAGES = 8  # Between two looks at Cancel: a few seconds of a large network on a CPU.
WIDTH_PX = 440


class DetectDialog(QDialog):
    """Asks which detector runs over which images.

    Args:
        workspace: Whose detectors are offered, and where the file goes.
        index: The open data set.
        run: The run that is shown; its encoder can name what is found.
        parent: Owner.
    """

    job_chosen = Signal(object)  # DetectionJob

    def __init__(
        self, workspace: Path, index: DatasetIndex, run: Run | None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._run = run
        self.setWindowTitle("Run a detector")
        self.setMinimumWidth(WIDTH_PX)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.detector = self._choices("Detector")
        for trained in reversed(list_detector_runs(workspace / "detectors")):
            self.detector.addItem(f"{trained.name} (trained here)", str(trained.path))
        for name, title in STOCK:
            self.detector.addItem(title, f"torchvision:{name}")
        self.detector.addItem("Annotated boxes (ground truth)", GROUND_TRUTH)
        self.weights = QLineEdit()
        self.weights.setAccessibleName("Weights file")
        self.weights.setPlaceholderText("COCO's, downloaded once")
        self.browse = QPushButton("Choose…")
        self.browse.setAccessibleName("Choose a weights file")
        self.split = self._choices("Images")
        for split, images in index.splits.items():
            self.split.addItem(f"{split} ({len(images):,} images)", split)
        self.split.addItem(f"all ({len(index.image_ids):,} images)", ALL)
        self.split.setCurrentIndex(max(0, self.split.findData("test")))
        self.classes = self._choices("Classes from")
        if run is not None:
            self.classes.addItem(f"the encoder of {run.name}", True)
        self.classes.addItem("the detector itself", False)
        self.proposals = QSpinBox()
        self.proposals.setAccessibleName("Proposals an image")
        self.proposals.setRange(0, 1000)
        self.proposals.setSpecialValueText("none: its detections")
        self.proposals.setToolTip("So many of the best proposals an image, before any class")
        self.least_score = QDoubleSpinBox()
        self.least_score.setAccessibleName("Least score")
        self.least_score.setRange(0.0, 1.0)
        self.least_score.setSingleStep(0.05)
        self.least_score.setValue(0.05)
        self._lay_out()
        self.detector.currentIndexChanged.connect(self._on_detector)
        self.browse.clicked.connect(self._on_browse)
        self._on_detector()

    @staticmethod
    def _choices(name: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        return box

    def _lay_out(self) -> None:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.run_button = buttons.addButton("Run", QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        weights = QHBoxLayout()
        weights.addWidget(self.weights, 1)
        weights.addWidget(self.browse)
        form = QFormLayout()
        form.setSpacing(SPACING)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Detector", self.detector)
        form.addRow("Weights", weights)
        form.addRow("Images", self.split)
        form.addRow("Classes from", self.classes)
        form.addRow("Proposals", self.proposals)
        form.addRow("Least score", self.least_score)
        note = QLabel("The detections are kept in the workspace, folder detections.")
        note.setWordWrap(True)
        set_role(note, "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * SPACING, 2 * SPACING, 3 * SPACING, 2 * SPACING)
        layout.setSpacing(2 * SPACING)
        layout.addLayout(form)
        layout.addWidget(note)
        layout.addWidget(buttons)

    @Slot()
    def _on_detector(self) -> None:
        source = str(self.detector.currentData())
        takes_weights = source.startswith("torchvision:")
        self.weights.setEnabled(takes_weights)
        self.weights.setPlaceholderText("COCO's, downloaded once" if takes_weights else "its own")
        self.browse.setEnabled(takes_weights)

    @Slot()
    def _on_browse(self) -> None:
        dialog = QFileDialog(self, "Weights of the detector")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(["Weights (*.pt *.pth)", "All files (*)"])
        dialog.fileSelected.connect(self.weights.setText)
        dialog.open()

    def accept(self) -> None:
        self.job_chosen.emit(self.job())
        super().accept()

    def job(self) -> DetectionJob:
        """Returns what was chosen."""
        source, split = str(self.detector.currentData()), str(self.split.currentData())
        weights = self.weights.text().strip() if self.weights.isEnabled() else ""
        # A stored path may hold a colon and dots; the file's name has neither.
        name = Path(source).name if Path(source).is_dir() else source.rpartition(":")[2]
        return DetectionJob(
            detector=source,
            out=_next_path(self._workspace / "detections", f"{name}-{split}"),
            run=self._run if self.classes.currentData() else None,
            weights=weights or None,
            split=split,
            proposals=self.proposals.value(),
            least_score=self.least_score.value(),
            chunk_images=CHUNK_IMAGES,
        )


class DetectionBar(QWidget):
    """Runs a detector in the background: how far it is, and Cancel; hidden while nothing runs.

    Args:
        session: Whose training it stays away from, and where messages go.
        parent: Owner.
    """

    file_written = Signal(object, object)  # Path, the DatasetIndex it is of
    running_changed = Signal(bool)
    _phase_told = Signal(str, int, int)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._index: DatasetIndex | None = None
        self._warnings: list[WarningRaised] = []
        self._task = LatestTask(self)
        self._task.progressed.connect(self._on_progressed)
        self._task.succeeded.connect(self._on_succeeded)
        self._task.failed.connect(self._on_failed)
        self._phase_told.connect(self._on_phase)
        self.words = QLabel()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the detector")
        self.cancel = QPushButton("Cancel")
        self.cancel.setAccessibleName("Cancel the detector")
        self.cancel.clicked.connect(self._on_cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2 * SPACING)
        layout.addWidget(self.words)
        layout.addWidget(self.bar, 1)
        layout.addWidget(self.cancel)
        self._is_running = False
        self.hide()

    @property
    def is_running(self) -> bool:
        return self._is_running

    @property
    def is_idle(self) -> bool:
        """Whether nothing is at work, a cancelled job included."""
        return self._task.is_idle

    def start(self, job: DetectionJob, index: DatasetIndex) -> None:
        """Runs a job; its file is told of when it is complete."""
        if self._is_running:
            return
        if self._session.is_training:
            why = Message("warning", "A run is being trained.", "Run the detector when it is over.")
            self._session.post(why)
            return
        self._index = index
        self._warnings = []
        self._set_running(True)
        self._on_phase("Loading the detector", 0, 0)

        def work(progress: Progress, should_stop: object) -> DetectionReport | None:
            yield_to_the_window()
            with gentle_import():
                import core.training.run_classifier  # noqa: F401, PLC0415 - torch takes seconds
            try:
                return run_detection(job, index, self._take, progress, should_stop)  # type: ignore[arg-type]
            except DetectionStopped:
                return None

        self._task.start(work)

    def _take(self, event: Event) -> None:
        """Called in the worker."""
        if isinstance(event, PhaseChanged):
            phase = event.phase[:1].upper() + event.phase[1:]
            self._phase_told.emit(phase, event.done, event.total)
        elif isinstance(event, WarningRaised):
            self._warnings.append(event)

    def _set_running(self, on: bool) -> None:
        self._is_running = on
        self.setVisible(on)
        self.running_changed.emit(on)

    @Slot(int, int)
    def _on_progressed(self, done: int, total: int) -> None:
        self._on_phase("Detecting", done, total)

    @Slot(str, int, int)
    def _on_phase(self, phase: str, done: int, total: int) -> None:
        if self._is_running:
            self.words.setText(f"{phase}: {done:,} of {total:,}" if total else f"{phase} …")
            self.bar.setRange(0, total)
            self.bar.setValue(done)

    @Slot()
    def _on_cancel(self) -> None:
        self._task.drop()
        self._set_running(False)
        self._session.post(Message("info", "The detector was cancelled; no file was written."))

    @Slot(object)
    def _on_succeeded(self, report: DetectionReport | None) -> None:
        self._set_running(False)
        if report is None:
            return
        skipped = [problem.message for problem in report.problems]
        skipped += [event.message for event in self._warnings]
        text = f"{report.detections:,} detections in {report.images:,} images"
        if skipped:
            more = f" ({len(skipped) - 1} more)" if len(skipped) > 1 else ""
            self._session.post(Message("warning", f"{text}. {skipped[0]}{more}", str(report.path)))
        else:
            self._session.post(Message("success", f"{text}, kept as {report.path.name}."))
        self.file_written.emit(report.path, self._index)

    @Slot(object)
    def _on_failed(self, error: object) -> None:
        self._set_running(False)
        self._session.post_error(error)  # type: ignore[arg-type]

    def shut_down(self) -> None:
        """Stops and waits, before the window goes."""
        self._task.shut_down()


def _next_path(folder: Path, name: str) -> Path:
    number = 1
    while any(folder.glob(f"{number:04d}-*")):
        number += 1
    return folder / f"{number:04d}-{name}.json"
