"""Detectors trained for a test: the small network on 40 scenes, three steps an epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.events import EpochCompleted, Event, Outcome, StepCompleted
from core.training.control import TrainingControl
from core.training.detector_config import DetectorConfig
from core.training.detector_run import DetectorRun, create_detector_run
from core.training.detector_trainer import DetectorTrainer

Act = Callable[[Event, TrainingControl], None]


@dataclass(frozen=True)
class TrainedDetector:
    """What a training left behind."""

    run: DetectorRun
    outcome: Outcome
    events: list[Event]

    def losses(self) -> dict[int, tuple[float, dict[str, float]]]:
        """Losses by step, as events.jsonl has them."""
        steps = [e for e in self.run.events() if isinstance(e, StepCompleted)]
        return {e.step: (e.loss, e.loss_parts) for e in steps}

    def epochs(self) -> list[tuple[Any, ...]]:
        found = [e for e in self.run.events() if isinstance(e, EpochCompleted)]
        return [(e.epoch, e.step, e.loss, e.ap, e.ap50, e.proposal_recall) for e in found]

    def state(self) -> dict[str, Any]:
        path = self.run.checkpoint_folder / "last.pt"
        loaded: dict[str, Any] = torch.load(path, weights_only=True)
        return loaded


def quick_config(folder: Path, **values: Any) -> DetectorConfig:
    dotted = {key.replace("__", "."): value for key, value in values.items()}
    quick = {"data.folder": str(folder), "training.epochs": 2, "training.validation_images": 4}
    return DetectorConfig().with_values(quick | dotted)


def train_detector(
    path: Path,
    config: DetectorConfig | None = None,
    act: Act = lambda _event, _control: None,
    *,
    resume: bool = False,
) -> TrainedDetector:
    """Trains in this thread; without a configuration, the run that is there."""
    run = DetectorRun(path) if config is None else create_detector_run(config, path)
    control = TrainingControl()
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)
        act(event, control)

    outcome = DetectorTrainer(run, emit, control, resume=resume).run()
    return TrainedDetector(DetectorRun(path), outcome, events)
