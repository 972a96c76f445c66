"""The curves of a detector's training, and what a list says about it.

Shape suffixes: N points.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.errors import AkinError
from core.events import EpochCompleted, Event, RunStarted, StepCompleted
from core.training.detector_run import DetectorRun, list_detector_runs
from gui.models.run_curves import GrowingTable, curves_csv

PART_NAMES = {
    "rpn_objectness": "RPN objectness",
    "rpn_box": "RPN boxes",
    "roi_class": "ROI classes",
    "roi_box": "ROI boxes",
}


class DetectorCurves:
    """What the events of a detector's training draw.

    Attributes:
        steps: step, loss, learning_rate, objects_per_s, then a column for each part of the loss.
        epochs: step, ap, ap50, recall (of 50 proposals an image): validation split.
        parts: The parts of the loss, in the order in which they were told.
        total_epochs: As told by RunStarted; 0 before it.
    """

    def __init__(self) -> None:
        self.steps = GrowingTable(("step", "loss", "learning_rate", "objects_per_s"))
        self.epochs = GrowingTable(("step", "ap", "ap50", "recall"))
        self.parts: list[str] = []
        self.total_epochs = 0

    def extend(self, events: Iterable[Event]) -> None:
        """Takes events in; kinds without points are passed over."""
        for event in events:
            if isinstance(event, RunStarted):
                self.total_epochs = event.epochs
            elif isinstance(event, StepCompleted):
                self._append_step(event)
            elif isinstance(event, EpochCompleted):
                self.epochs.append((event.step, event.ap, event.ap50, event.proposal_recall))

    def to_csv(self) -> str:
        """Returns the steps as CSV, the epochs' columns filled in on their last step."""
        return curves_csv(self.steps, self.epochs, ("ap", "ap50", "recall"))

    def _append_step(self, event: StepCompleted) -> None:
        for part in event.loss_parts:
            if part not in self.parts:
                self.parts.append(part)
                self.steps.add_column(part)
        self.steps.append(
            (
                event.step,
                event.loss,
                event.learning_rate,
                event.objects_per_s,
                *(event.loss_parts.get(part) for part in self.parts),
            )
        )


@dataclass(frozen=True)
class DetectorSummary:
    """What a list says about a detector; read once, off the window's thread.

    Attributes:
        run: Its directory.
        status: running, done, stopped, interrupted, failed, damaged.
        network: Its name.
        ap50: On the test split; None while there is none.
        note: How it ended, or what is wrong.
    """

    run: DetectorRun
    status: str
    network: str = ""
    ap50: float | None = None
    note: str = ""


def summarize_detectors(folder: Path) -> tuple[DetectorSummary, ...]:
    """Reads the detectors of a folder, newest first; a damaged one says so in its note."""
    return tuple(_summary(run) for run in reversed(list_detector_runs(folder)))


def _summary(run: DetectorRun) -> DetectorSummary:
    try:
        network = run.detector_config.detector.network
        outcome, metrics = run.outcome(), run.metrics() or {}
    except AkinError as error:
        return DetectorSummary(run, "damaged", note=str(error))
    status = "running" if outcome is None else outcome.status
    note = "" if outcome is None else str(outcome)
    return DetectorSummary(run, status, network, metrics.get("ap50"), note)
