"""The one button that matters now, and how far the training is."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Signal, SignalInstance, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.events import EpochCompleted, Event, Outcome, PhaseChanged, RunStarted, StepCompleted
from gui.theme import SPACING, Role, set_role

State = Literal["idle", "running", "paused", "stopping", "confirming"]
PROGRESS_STEPS = 1000


def duration_text(seconds: float) -> str:
    """Returns "0:48", "12:05" or "1:02:05"."""
    whole = max(round(seconds), 0)
    hours, rest = divmod(whole, 3600)
    minutes, seconds_left = divmod(rest, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{seconds_left:02d}"
    return f"{minutes}:{seconds_left:02d}"


class TrainingControls(QWidget):
    """Train; then Pause, Stop and keep, Cancel and discard; progress beneath."""

    train_clicked = Signal()  # or, while a run is being trained: add to the queue
    pause_toggled = Signal(bool)
    stop_clicked = Signal()
    cancel_confirmed = Signal()
    smaller_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state: State = "idle"
        self._started: RunStarted | None = None
        self._clock_s = 0.0
        self._first_step = 0
        self._paused = False
        self._has_outcome = False
        self._can_halve = False
        self.train_button = self._button("Train", "primary", self.train_clicked)
        self.queue_button = self._button("Add to queue", None, self.train_clicked)
        self.queue_button.setToolTip("Train with these settings and this ranking afterwards")
        self.smaller_button = self._button("Halve the batch", None, self.smaller_requested)
        self.pause_button = self._button("Pause", None, None)
        self.pause_button.clicked.connect(self._on_pause)
        self.stop_button = self._button("Stop and keep", None, None)
        self.stop_button.clicked.connect(self._on_stop)
        self.cancel_button = self._button("Cancel and discard", "danger", None)
        self.cancel_button.clicked.connect(self._on_cancel)
        self.discard_button = self._button("Discard the run", "danger", None)
        self.discard_button.clicked.connect(self._on_discard)
        self.keep_button = self._button("Keep training", None, None)
        self.keep_button.clicked.connect(self._on_keep)
        self.status = QLabel()
        self.status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.status.setWordWrap(True)
        self.notice = QLabel()
        self.notice.setWordWrap(True)
        set_role(self.notice, "warn")
        self.notice.hide()
        self.figures = QLabel()
        set_role(self.figures, "muted")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.progress.setAccessibleName("Progress of the training")
        self._lay_out()
        self._show_state("idle")

    def _button(self, text: str, role: Role | None, signal: SignalInstance | None) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(text)
        if role is not None:
            set_role(button, role)
        if signal is not None:
            button.clicked.connect(signal)
        return button

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(SPACING)
        for button in (
            self.train_button,
            self.smaller_button,
            self.pause_button,
            self.stop_button,
            self.cancel_button,
            self.queue_button,
            self.discard_button,
            self.keep_button,
        ):
            line.addWidget(button)
        line.addStretch(1)
        below = QHBoxLayout()
        below.setSpacing(SPACING)
        below.addWidget(self.status, 1)
        below.addWidget(self.figures)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(line)
        layout.addWidget(self.progress)
        layout.addLayout(below)
        layout.addWidget(self.notice)

    # ----- state -----

    @property
    def state(self) -> State:
        return self._state

    def _show_state(self, state: State) -> None:
        self._state = state
        running = state in {"running", "paused"}
        self.train_button.setVisible(state == "idle")
        self.smaller_button.setVisible(state == "idle" and self._can_halve)
        for button in (self.pause_button, self.stop_button, self.cancel_button):
            button.setVisible(running or state == "stopping")
            button.setEnabled(running)
        self.queue_button.setVisible(running)
        self.discard_button.setVisible(state == "confirming")
        self.keep_button.setVisible(state == "confirming")
        self.pause_button.setText("Continue" if state == "paused" else "Pause")
        self.pause_button.setAccessibleName(self.pause_button.text())

    def set_blocked(self, reason: str) -> None:
        """Says why Train cannot be clicked; "" if it can."""
        self.train_button.setEnabled(not reason)
        self.train_button.setToolTip(reason)
        self.queue_button.setEnabled(not reason)
        if self._state == "idle" and (reason or not self._has_outcome):
            self._say(reason)

    def set_notice(self, text: str) -> None:
        """Says what should be known before Train is clicked; "" for nothing."""
        self.notice.setText(text)
        self.notice.setVisible(bool(text))

    def started(self) -> None:
        """A run begins."""
        self._started = None
        self._first_step = 0
        self._paused = False
        self._has_outcome = False
        self.progress.setRange(0, 0)
        self.figures.clear()
        self._say("starting …")
        self._show_state("running")

    def stopping(self, how: str) -> None:
        """The user asked for the end; said at once, whoever asked."""
        self._say("Stopping …" if how == "stop" else "Discarding …")
        self.progress.setRange(0, 0)
        self._show_state("stopping")

    def finished(self, outcome: Outcome, smaller: str = "") -> None:
        """The run ended.

        Args:
            outcome: How.
            smaller: What can be done where memory ran out; "" where it did not.
        """
        self.progress.setRange(0, PROGRESS_STEPS)
        self.progress.setValue(PROGRESS_STEPS if outcome.status == "done" else 0)
        self.figures.clear()
        self._has_outcome = True
        self._can_halve = bool(smaller)
        self.smaller_button.setText(smaller)
        self.smaller_button.setAccessibleName(smaller)
        self._say(str(outcome), bad=outcome.status == "failed")
        self._show_state("idle")

    def forget(self) -> None:
        """The run that ended is gone."""
        self.progress.setValue(0)
        self._has_outcome = self._can_halve = False
        self._say("")
        self._show_state("idle")

    def _say(self, text: str, *, bad: bool = False) -> None:
        self.status.setText(text)
        set_role(self.status, "bad" if bad else "body")

    # ----- events -----

    def take(self, event: Event) -> None:
        """Follows an event of the run."""
        if isinstance(event, RunStarted):
            self._started = event
            self._first_step = event.resumed_at_step
        elif isinstance(event, PhaseChanged):
            self._take_phase(event)
        elif isinstance(event, StepCompleted):
            self._take_step(event)
        elif isinstance(event, EpochCompleted) and self._started is not None:
            self._say_running(f"epoch {event.epoch} of {self._started.epochs}")

    def _take_phase(self, event: PhaseChanged) -> None:
        counted = f" {event.done}/{event.total}" if event.total else ""
        self._say_running(f"{event.phase}{counted} …")
        if event.phase == "training":
            self._clock_s, self._paused = 0.0, False
            if self._state == "paused":
                self._show_state("running")
            return
        self.figures.clear()
        if event.phase == "paused":
            self._show_paused()
        elif self._state != "stopping":
            self.progress.setRange(0, event.total)
            self.progress.setValue(event.done)

    def _show_paused(self) -> None:
        """Whoever asked for it; the bar stands where it was."""
        if not self.progress.maximum():
            self.progress.setRange(0, PROGRESS_STEPS)
        if self._state == "running":
            self._paused = True
            self._show_state("paused")

    def _take_step(self, event: StepCompleted) -> None:
        if self._started is None:
            return
        if not self._clock_s:
            self._clock_s, self._first_step = event.time_s, event.step
        total = self._started.epochs * self._started.steps_per_epoch
        if self._state != "stopping":
            self.progress.setRange(0, PROGRESS_STEPS)
            self.progress.setValue(round(PROGRESS_STEPS * event.step / max(total, 1)))
        self._say_running(f"epoch {event.epoch} of {self._started.epochs}")
        words = [f"{event.objects_per_s:.0f} objects/s"]
        done = event.step - self._first_step
        if done > 2:
            rate_s = (event.time_s - self._clock_s) / done
            words.append(f"ETA {duration_text(rate_s * (total - event.step))}")
        self.figures.setText(" · ".join(words))

    def _say_running(self, text: str) -> None:
        if self._state in {"running", "paused"}:
            self._say(text)

    # ----- gestures -----

    @Slot()
    def _on_pause(self) -> None:
        paused = self._paused = self._state != "paused"
        self._show_state("paused" if paused else "running")
        self._say("Pausing …" if paused else "continuing …")
        self.pause_toggled.emit(paused)

    @Slot()
    def _on_stop(self) -> None:
        self.stopping("stop")
        self.stop_clicked.emit()

    @Slot()
    def _on_cancel(self) -> None:
        self._show_state("confirming")
        self._say("Discard this run? Its checkpoints and curves are deleted.")
        self.keep_button.setFocus()

    @Slot()
    def _on_discard(self) -> None:
        self.stopping("cancel")
        self.cancel_confirmed.emit()

    @Slot()
    def _on_keep(self) -> None:
        self._show_state("paused" if self._paused else "running")
        self._say("")
