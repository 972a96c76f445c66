"""What the training page writes down: a log pane that folds, copies and saves."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.errors import AkinError
from core.events import (
    CheckpointSaved,
    EpochCompleted,
    EvaluationCompleted,
    Event,
    PhaseChanged,
    RunFinished,
    RunStarted,
    WarningRaised,
)
from core.files import write_text
from gui.models.runs_model import percent
from gui.theme import SPACING, set_role

LONGEST_LOG_LINES = 5000
LOG_HEIGHT_PX = 128


def log_text(event: Event) -> str:
    """Returns what the log says of an event; "" for those it passes over (steps)."""
    if isinstance(event, RunStarted):
        return (
            f"{event.run}: {event.method} on {event.device}, {event.epochs} epochs of "
            f"{event.steps_per_epoch} steps; {event.train_objects} training, "
            f"{event.validation_objects} validation, {event.test_objects} test objects"
        )
    if isinstance(event, PhaseChanged):
        return "" if event.done else f"{event.phase} …"
    if isinstance(event, EpochCompleted):
        accuracy = event.validation_accuracy
        judged = "" if accuracy is None else f", validation accuracy {percent(accuracy)}"
        best = " (best)" if event.is_best else ""
        return f"epoch {event.epoch}: loss {event.loss:.4f}{judged}{best}, {event.duration_s:.1f} s"
    if isinstance(event, EvaluationCompleted):
        auroc = "" if event.auroc is None else f", AUROC {event.auroc:.3f}"
        return f"{event.split}: accuracy {percent(event.accuracy)}{auroc}"
    if isinstance(event, CheckpointSaved):
        return f"saved {event.path} at step {event.step}"
    if isinstance(event, WarningRaised):
        return f"warning: {event.message} {event.hint}".rstrip()
    if isinstance(event, RunFinished):
        outcome = event.outcome
        return "\n".join(filter(None, (f"{outcome.status}: {outcome}", outcome.traceback)))
    return ""


class LogPane(QWidget):
    """A line that unfolds into the log."""

    failed = Signal(object)  # AkinError
    report_wanted = Signal()  # of the failure of the run that ended last

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fold = QToolButton()
        self._fold.setText("Log")
        self._fold.setCheckable(True)
        self._fold.setAutoRaise(True)
        self._fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._fold.setArrowType(Qt.ArrowType.RightArrow)
        self._fold.setAccessibleName("Show the log")
        self._fold.toggled.connect(self._on_folded)
        self._last_line = ""
        self._last = QLabel()
        self._last.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        set_role(self._last, "muted")
        self._copy = self._button("Copy", "Copy the log")
        self._copy.clicked.connect(self._on_copy)
        self._save = self._button("Save…", "Save the log")
        self._save.clicked.connect(self._on_save)
        self.report_button = self._button("Copy report", "Copy a report of the failure")
        self.report_button.setToolTip("Versions, configuration, traceback and log, to be sent")
        self.report_button.clicked.connect(self.report_wanted)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setMaximumBlockCount(LONGEST_LOG_LINES)
        self._text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._text.setFixedHeight(LOG_HEIGHT_PX)
        self._text.setAccessibleName("Training log")
        self._text.hide()
        self._lay_out()

    def _button(self, text: str, name: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setAutoRaise(True)
        button.setAccessibleName(name)
        button.hide()
        return button

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(SPACING)
        line.addWidget(self._fold)
        line.addWidget(self._last, 1)
        line.addWidget(self.report_button)
        line.addWidget(self._copy)
        line.addWidget(self._save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        layout.addLayout(line)
        layout.addWidget(self._text)

    # ----- text -----

    def append(self, text: str, time_s: float) -> None:
        """Adds lines under a time of day."""
        stamp = datetime.fromtimestamp(time_s).strftime("%H:%M:%S")
        self._text.appendPlainText(f"{stamp}  {text}")
        self._last_line = text.splitlines()[0]
        if not self.is_open:
            self._last.setText(self._last_line)

    def set_failed(self, failed: bool) -> None:
        """Opens the log and offers a report where the run failed."""
        self.report_button.setVisible(failed)
        if failed:
            self.set_open(True)

    def clear(self) -> None:
        self.report_button.hide()
        self._text.clear()
        self._last_line = ""
        self._last.clear()

    def text(self) -> str:
        return self._text.toPlainText()

    @property
    def is_open(self) -> bool:
        return self._fold.isChecked()

    def set_open(self, on: bool) -> None:
        self._fold.setChecked(on)

    # ----- gestures -----

    @Slot(bool)
    def _on_folded(self, on: bool) -> None:
        self._fold.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self._last.setText("" if on else self._last_line)
        for widget in (self._text, self._copy, self._save):
            widget.setVisible(on)
        if on:
            bar = self._text.verticalScrollBar()
            bar.setValue(bar.maximum())

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text())

    @Slot()
    def _on_save(self) -> None:
        dialog = QFileDialog(self, "Save the log")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("txt")
        dialog.selectFile("training-log.txt")
        dialog.fileSelected.connect(self.save_to)
        dialog.open()

    @Slot(str)
    def save_to(self, path: str) -> None:
        """Writes the log; tells of a failure by `failed`."""
        try:
            write_text(Path(path), self.text() + "\n")
        except AkinError as error:
            self.failed.emit(error)
