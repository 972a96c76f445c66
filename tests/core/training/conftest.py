"""Runs small enough for a test: 40 scenes, crops of 16 pixels, three steps an epoch."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.config import ExperimentConfig
from core.events import CheckpointSaved, EpochCompleted, Event, Outcome, StepCompleted
from core.ranking_files import load_ranking
from core.runs import Run, RunStore

QUICK: dict[str, Any] = {
    "ranking.source": "voc2007-paper",
    "crops.size": 16,
    "encoder.embedding_size": 16,
    "optimizer.learning_rate": 0.01,
    "training.epochs": 2,
    "training.batch_size": 40,
    "training.precision": "float32",
}


@dataclass
class Watch:
    """Receives the events of a run, and may act on them.

    Attributes:
        act: Called with every event.
        events: What was received.
    """

    act: Callable[[Event], None] = lambda _event: None
    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self.act(event)


@dataclass(frozen=True)
class Trained:
    """A run that was trained, with what it said and how it ended."""

    run: Run
    outcome: Outcome
    events: Sequence[Event]

    def losses(self) -> dict[int, float]:
        """Loss by step, as events.jsonl has it."""
        return {e.step: e.loss for e in self.run.events() if isinstance(e, StepCompleted)}

    def epochs(self) -> list[tuple[Any, ...]]:
        """What must not depend on an interruption, by epoch."""
        return [
            (e.epoch, e.step, e.loss, e.validation_accuracy, e.compliance, e.is_best)
            for e in self.run.events()
            if isinstance(e, EpochCompleted)
        ]

    def state(self, name: str = "last.pt") -> dict[str, Any]:
        """The content of a checkpoint."""
        import torch

        path = self.run.checkpoint_folder / name
        loaded: dict[str, Any] = torch.load(path, weights_only=True)
        return loaded

    def saved_at(self) -> int:
        """The step of the last checkpoint that was saved."""
        return [e.step for e in self.events if isinstance(e, CheckpointSaved)][-1]


Create = Callable[..., Run]
Train = Callable[..., Trained]


@pytest.fixture(scope="session")
def disposable() -> list[Path]:
    """The folders of runs that only the current test needs."""
    return []


@pytest.fixture(autouse=True)
def tidy(disposable: list[Path]) -> Iterator[None]:
    """Removes a test's runs after it: their checkpoints are 50 to 150 MB each."""
    yield
    while disposable:
        shutil.rmtree(disposable.pop(), ignore_errors=True)


@pytest.fixture(scope="session")
def create(
    tiny_voc: Path, tmp_path_factory: pytest.TempPathFactory, disposable: list[Path]
) -> Iterator[Create]:
    """Returns a function that makes the directory of a quick run with some keys changed."""
    kept: list[Path] = []

    def make(*, keep: bool = False, **values: Any) -> Run:
        dotted = {key.replace("__", "."): value for key, value in values.items()}
        config = ExperimentConfig().with_values(QUICK | {"data.folder": str(tiny_voc)} | dotted)
        folder = tmp_path_factory.mktemp("runs")
        (kept if keep else disposable).append(folder)
        ranking = load_ranking(config.ranking.source)
        return RunStore(folder).create(config, ranking, folder / "run")

    yield make
    for folder in kept:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def train(create: Create) -> Train:
    """Returns a function that trains a run to its end, in this thread."""
    from core.training.control import TrainingControl
    from core.training.trainer import Trainer

    def run_it(
        run: Run | None = None,
        act: Callable[[Event, TrainingControl], None] = lambda _event, _control: None,
        *,
        resume: bool = False,
        judge_only: bool = False,
        figures: bool = False,
        **values: Any,
    ) -> Trained:
        run = create(**values) if run is None else run
        control = TrainingControl()
        watch = Watch(lambda event: act(event, control))
        with pytest.MonkeyPatch.context() as patch:
            if not figures:  # They take longer than everything else in such a short run.
                patch.setattr("core.training.finish.write_figures", lambda *_: None)
            outcome = Trainer(run, watch, control, resume=resume, judge_only=judge_only).run()
        return Trained(Run(run.path), outcome, watch.events)

    return run_it
