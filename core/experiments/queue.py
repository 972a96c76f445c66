"""Runs an experiment's runs one after another on this machine; what is finished is kept."""

from __future__ import annotations

import gc
import json
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import AkinError, RunError
from core.events import Emit, Outcome, Status
from core.experiments.plan import Plan, PlannedRun
from core.files import write_json, write_text
from core.runs import Run, RunStore
from core.training.control import TrainingControl

RECORD = "experiment.json"


@dataclass(frozen=True)
class RunRecord:
    """How one run of an experiment ended.

    Attributes:
        run: The directory's name.
        arm: Its arm's label.
        seed: Its seed.
        status: As in its outcome; "kept" where it had been finished before.
        message: The sentence of its outcome.
        duration_s: Spent on it now.
    """

    run: str
    arm: str
    seed: int
    status: Status | str
    message: str
    duration_s: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether there is a judged run."""
        return self.status in ("done", "kept")


# Called for each run that is trained; yields what receives its events.
Watch = Callable[[int, PlannedRun], AbstractContextManager[Emit]]


def run_all(plan: Plan, watch: Watch, control: TrainingControl) -> tuple[RunRecord, ...]:
    """Trains every run that is not finished; a failed run does not end the experiment.

    Args:
        plan: The experiment.
        watch: Given the run's place in the plan; entered around its training.
        control: A stop keeps the current run half-done and begins no other.

    Returns:
        One record for each run that was looked at; fewer than planned after a stop.
    """
    start_experiment(plan)
    records: list[RunRecord] = []
    for place, planned in enumerate(plan.runs):
        if control.stop_requested:
            break
        records.append(_run_one(place, planned, watch, control))
        write_record(plan, records)
    return tuple(records)


def start_experiment(plan: Plan) -> None:
    """Writes the experiment's file into its folder."""
    write_text(plan.folder / "experiment.yaml", plan.grid.to_yaml())


def write_record(
    plan: Plan, records: list[RunRecord] | tuple[RunRecord, ...], **more: object
) -> None:
    """Writes experiment.json: the plan, how its runs ended, and what else is known."""
    data: dict[str, Any] = {
        "name": plan.grid.name,
        "description": plan.grid.description,
        "data": plan.data_name,
        "data_fingerprint": plan.fingerprint,
        "train_objects": plan.train_objects,
        "test_objects": plan.test_objects,
        "paper": plan.grid.paper,
        "planned": [{"run": r.name, "arm": r.arm.label, "seed": r.seed} for r in plan.runs],
        "runs": [asdict(record) for record in records],
    }
    write_json(plan.folder / RECORD, data | more)


def record_of(
    planned: PlannedRun, status: Status | str, message: str, duration_s: float
) -> RunRecord:
    """Returns the record of a run that has ended."""
    label, spent_s = planned.arm.label, round(duration_s, 1)
    return RunRecord(planned.name, label, planned.seed, status, message, spent_s)


def _run_one(place: int, planned: PlannedRun, watch: Watch, control: TrainingControl) -> RunRecord:
    if planned.state() == "done":
        return record_of(planned, "kept", "It was finished before.", 0.0)
    started = time.perf_counter()
    with watch(place, planned) as emit:
        outcome = train_planned(planned, emit, control)
    gc.collect()
    return record_of(planned, outcome.status, str(outcome), time.perf_counter() - started)


def train_planned(planned: PlannedRun, emit: Emit, control: TrainingControl) -> Outcome:
    """Trains a run that is not finished; every failure becomes its outcome."""
    from core.training.trainer import Trainer  # noqa: PLC0415 - torch takes seconds

    try:
        resume = planned.state() == "half-done"
        if resume:
            run = Run(planned.path)
        else:
            if (planned.path / "config.yaml").is_file():  # It broke off before a checkpoint.
                shutil.rmtree(planned.path)
            store = RunStore(planned.path.parent)
            run = store.create(planned.config, planned.ranking, planned.path)
    except (AkinError, OSError) as error:
        return Outcome("failed", str(error))
    try:
        with run.claim():
            return Trainer(run, emit, control, resume=resume).run()
    except RunError as error:  # another process was quicker
        return Outcome("failed", str(error))


def is_experiment(folder: Path) -> bool:
    """Tells whether a folder is an experiment's."""
    return (folder / RECORD).is_file()


def read_record(folder: Path) -> dict[str, Any]:
    """Returns the content of experiment.json.

    Raises:
        RunError: If it is damaged.
    """
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return record
    except (OSError, ValueError) as error:
        raise RunError(f"{folder / RECORD} is damaged.", "Run the experiment again.") from error


def experiment_runs(folder: Path) -> list[Run]:
    """Returns the finished runs of an experiment's folder, in the order of the plan.

    A run that was stopped is not among them, even where it was judged.

    Raises:
        RunError: If there are none.
    """
    names = [str(row["run"]) for row in read_record(folder).get("planned", [])]
    runs = [Run(folder / "runs" / name) for name in names]
    judged = [run for run in runs if _is_finished(run)]
    if not judged:
        raise RunError(f"{folder} has no finished run.", "Run it with: akin experiment")
    return judged


def _is_finished(run: Run) -> bool:
    outcome = run.outcome() if (run.path / "config.yaml").is_file() else None
    return outcome is not None and outcome.status == "done" and run.metrics() is not None
