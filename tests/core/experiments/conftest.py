"""An experiment small enough for a test: two arms, two seeds, one epoch, crops of 16 pixels."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.events import Emit, Event
from core.experiments.grid import Grid, grid_from_tree
from core.experiments.plan import Plan, PlannedRun, make_plan
from core.experiments.queue import RunRecord, run_all
from core.training.control import TrainingControl

QUICK: dict[str, Any] = {
    "crops.size": 16,
    "encoder.embedding_size": 16,
    "optimizer.learning_rate": 0.01,
    "training.epochs": 1,
    "training.batch_size": 40,
    "training.precision": "float32",
    "data.withheld": ["chair"],
    "device": "cpu",
}


def quick_grid(**keys: Any) -> Grid:
    values = QUICK | keys.pop("set", {})
    tree = {"name": "quick", "methods": ["supcon", "ranked"], "seeds": [0, 1], "set": values}
    return grid_from_tree(tree | keys)


def run_quietly(
    plan: Plan, act: Callable[[Event, TrainingControl], None] = lambda _event, _control: None
) -> tuple[RunRecord, ...]:
    """Runs what is left of a plan; `act` sees every event."""
    control = TrainingControl()

    @contextmanager
    def watch(_place: int, _planned: PlannedRun) -> Iterator[Emit]:
        yield lambda event: act(event, control)

    with pytest.MonkeyPatch.context() as patch:  # Figures take longer than such a run.
        patch.setattr("core.training.finish.write_figures", lambda *_: None)
        return run_all(plan, watch, control)


@pytest.fixture(scope="session")
def finished(tiny_voc: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """A finished experiment, shared: read it, never write into it."""
    folder = tmp_path_factory.mktemp("experiment") / "quick"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AKIN_CACHE", str(folder.parent / "cache"))
        plan = make_plan(quick_grid(), folder, tiny_voc)
        records = run_quietly(plan)
    assert [record.status for record in records] == ["done"] * 4, records
    yield plan
    shutil.rmtree(folder.parent, ignore_errors=True)
