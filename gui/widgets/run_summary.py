"""The run being trained, in one line, with the button that stops it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from core.events import EpochCompleted, Event, PhaseChanged, RunStarted, StepCompleted
from gui.theme import SPACING, set_role


@dataclass(frozen=True)
class RunProgress:
    """How far a run is, as its events tell.

    Attributes:
        name: Of the run.
        phase: What it is busy with before the first step and after the last.
        epoch: The epoch under way, from 1; 0 before the first step.
        epochs: Epochs in all.
        step: Steps done.
        steps: Steps in all; 0 while unknown.
        first: Step and time (seconds) of the first step seen, for the pace.
        last_s: Time of the last step seen, seconds.
        is_stopping: The user asked it to stop.
    """

    name: str = ""
    phase: str = "starting"
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    first: tuple[int, float] | None = None
    last_s: float = 0.0
    is_stopping: bool = False

    def after(self, events: Sequence[Event]) -> RunProgress:
        """Returns the progress after more events."""
        now = self
        for event in events:
            match event:
                case RunStarted():
                    steps = event.steps_per_epoch * event.epochs
                    now = replace(now, epochs=event.epochs, steps=steps)
                case PhaseChanged():
                    count = f" {event.done}/{event.total}" if event.total else ""
                    first = None if event.phase == "training" else now.first  # after a pause
                    now = replace(now, phase=event.phase + count, first=first)
                case StepCompleted():
                    first = now.first or (event.step, event.time_s)
                    now = replace(
                        now,
                        epoch=event.epoch,
                        step=event.step,
                        first=first,
                        last_s=event.time_s,
                        phase="",
                    )
                case EpochCompleted():
                    now = replace(now, epoch=event.epoch, step=event.step)
                case _:
                    pass
        return now

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the pace so far; None until two steps are done."""
        if self.first is None or self.step <= self.first[0] or not self.steps:
            return None
        pace = (self.last_s - self.first[1]) / (self.step - self.first[0])
        return max(0.0, pace * (self.steps - self.step))

    def __str__(self) -> str:
        parts = [self.name]
        if self.is_stopping:
            parts.append("stopping…")
        elif self.epoch and self.phase in {"", "training"}:
            parts.append(f"epoch {self.epoch}/{self.epochs}")
            if self.eta_s is not None:
                parts.append(f"ETA {format_duration(self.eta_s)}")
        else:
            parts.append(self.phase)
        return "  ·  ".join(part for part in parts if part)


def format_duration(seconds: float) -> str:
    """Returns m:ss, or h:mm:ss from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class RunSummary(QWidget):
    """Hidden unless a run is being trained."""

    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.progress = RunProgress()
        self._label = QLabel()
        self._label.setObjectName("runSummaryText")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(120)
        self._bar.setAccessibleName("Progress of the run")
        self._stop = QPushButton("Stop and keep")
        self._stop.setObjectName("stopRunButton")
        self._stop.setAccessibleName("Stop the run and keep what it learned")
        set_role(self._stop, "danger")
        self._stop.clicked.connect(self.stop_requested)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        for widget in (self._label, self._bar, self._stop):
            layout.addWidget(widget)
        self.hide()

    def start(self, name: str) -> None:
        self._stop.setEnabled(True)
        self._set(RunProgress(name=name))
        self.show()

    def take(self, events: Sequence[Event]) -> None:
        self._set(self.progress.after(events))

    @Slot()
    def set_stopping(self) -> None:
        self._stop.setEnabled(False)
        self._set(replace(self.progress, is_stopping=True))

    def finish(self) -> None:
        self.hide()

    def _set(self, progress: RunProgress) -> None:
        if str(progress) != str(self.progress):
            self._label.setText(str(progress))
        self.progress = progress
        self._bar.setRange(0, progress.steps)
        self._bar.setValue(progress.step)
