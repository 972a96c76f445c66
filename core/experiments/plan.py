"""What an experiment will do before it does it: its runs, which are done, and how long it takes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.config import ExperimentConfig, config_keys
from core.errors import AkinError, ConfigError, RunError
from core.events import EpochCompleted
from core.experiments.grid import Arm, Grid
from core.ranking import Ranking
from core.runs import Run
from core.training.experiment import Experiment, configured_ranking

State = Literal["done", "half-done", "new"]
LAST_CHECKPOINT = "last.pt"
# Where the data lie and what computes may change between two sittings of one experiment.
MOVABLE_KEYS = ("data.folder", "device")
COST_KEYS = (
    *("encoder.name", "encoder.stem", "encoder.embedding_size", "crops.size"),
    *("training.batch_size", "training.precision", "contrast.bank_size", "contrast.momentum"),
)


@dataclass(frozen=True, eq=False)
class PlannedRun:
    """One run of an experiment.

    Attributes:
        arm: What it is a repetition of.
        seed: Of weights, batches and views; runs of one seed start from the same weights.
        config: Complete.
        ranking: As it is saved in the run.
        path: The run directory.
    """

    arm: Arm
    seed: int
    config: ExperimentConfig
    ranking: Ranking
    path: Path

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.path.name

    def state(self) -> State:
        """How far it is.

        Raises:
            RunError: If another process trains it now.
        """
        if not (self.path / "config.yaml").is_file():
            return "new"
        run = Run(self.path)
        outcome = run.outcome()
        if outcome is None:
            raise RunError(
                f"{self.path} is being trained by another process.", "Wait for it, or stop it."
            )
        if outcome.status == "done" and (self.path / "metrics.json").is_file():
            return "done"
        return "half-done" if (run.checkpoint_folder / LAST_CHECKPOINT).is_file() else "new"

    def require_same(self, fingerprint: str) -> None:
        """Checks that what lies in its directory was made with the same settings and data.

        Raises:
            RunError: With the first difference.
        """
        run = Run(self.path)
        hint = "Give the experiment another name or --out, or delete that run."
        for key, now, then in changed_keys(self.config, run.config):
            raise RunError(f"{self.path} was trained with {key} = {then}, not {now}.", hint)
        if run.ranking.similar != self.ranking.similar:
            raise RunError(f"{self.path} was trained with another ranking.", hint)
        known = run.environment().get("data_fingerprint", fingerprint)
        if known != fingerprint:
            raise RunError(f"{self.path} was trained on other data.", hint)


@dataclass(frozen=True)
class Estimate:
    """How long something takes.

    Attributes:
        duration_s: None while there is nothing to judge by.
        basis: What it is judged by, in words.
    """

    duration_s: float | None
    basis: str

    def __str__(self) -> str:
        if self.duration_s is None:
            return f"unknown ({self.basis})"
        return f"about {format_duration(self.duration_s)} ({self.basis})"


@dataclass(frozen=True, eq=False)
class Plan:
    """An experiment, checked and ready to be run.

    Attributes:
        grid: What its file says.
        folder: Where it is kept.
        runs: In the order they are run: seed by seed, so that arms can be compared early.
        reference: The ranking by which all runs are judged, besides by their own.
        classes: The known classes.
        data_name: What the data are called.
        fingerprint: Of the data.
        train_objects: How many objects are learned from.
        test_objects: How many objects are judged, withheld ones included.
    """

    grid: Grid
    folder: Path
    runs: tuple[PlannedRun, ...]
    reference: Ranking
    classes: tuple[str, ...]
    data_name: str
    fingerprint: str
    train_objects: int
    test_objects: int

    def of_arm(self, arm: Arm) -> tuple[PlannedRun, ...]:
        """Returns the runs of an arm, by seed."""
        return tuple(run for run in self.runs if run.arm == arm)

    def to_json(self, earlier: Iterable[Run] = ()) -> dict[str, Any]:
        """Returns the plan for `--dry-run --json`; `earlier` as in `estimate_remaining`."""
        estimate = estimate_remaining(self, earlier)
        return {
            "name": self.grid.name,
            "folder": str(self.folder),
            "data": self.data_name,
            "train_objects": self.train_objects,
            "test_objects": self.test_objects,
            "runs": [
                {"run": r.name, "arm": r.arm.label, "seed": r.seed, "state": r.state()}
                for r in self.runs
            ],
            "remaining_s": estimate.duration_s,
            "basis": estimate.basis,
        }


def make_plan(grid: Grid, folder: Path, data: Path) -> Plan:
    """Plans an experiment; nothing is written.

    Args:
        grid: What its file says.
        folder: Where its runs are or will be.
        data: The data set.

    Raises:
        AkinError: If a run makes no sense, or what is there already was made otherwise.
    """
    base = grid.base(str(data.resolve()))
    arms = grid.arms()
    for one, other in itertools.combinations(arms, 2):
        if one.slug == other.slug:
            raise ConfigError(
                f"The rankings '{one.source}' and '{other.source}' have the same name.",
                "Give files names of their own, and controls a number: mine:shuffled:0",
            )
    first = arms[0].config(base, grid.seeds[0])
    experiment = Experiment.prepare(first, configured_ranking(first))
    index = experiment.index
    runs = []
    for seed, arm in itertools.product(grid.seeds, arms):
        config = arm.config(base, seed)
        ranking = configured_ranking(config, index)
        if arm.method == "ranked":
            ranking.require_valid(index.classes)
        path = folder / "runs" / f"{arm.slug}-seed{seed}"
        runs.append(PlannedRun(arm, seed, config, ranking, path))
    for run in runs:
        if run.state() != "new":
            run.require_same(index.fingerprint)
    return Plan(
        grid,
        folder,
        tuple(runs),
        runs[0].ranking,
        experiment.classes,
        index.name,
        index.fingerprint,
        len(experiment.train),
        len(experiment.test),
    )


# ----- time -----


def estimate_remaining(plan: Plan, earlier: Iterable[Run] = ()) -> Estimate:
    """Estimates how long the runs that are left take, one after another.

    Args:
        plan: The experiment.
        earlier: Other runs, whose timing counts until the experiment has a finished run.
    """
    left = [run for run in plan.runs if run.state() != "done"]
    if not left:
        return Estimate(0.0, "all runs are finished")
    timings = [t for r in plan.runs if r.state() == "done" for t in _timings(Run(r.path))]
    basis = f"judged by {len(timings)} finished run{'s' if len(timings) > 1 else ''}"
    if not timings:
        timings = [
            found
            for run in earlier
            for found in _timings(run)
            if _costs(found.config) == _costs(plan.runs[0].config)
            and run.environment().get("data_fingerprint") == plan.fingerprint
        ]
        basis = "judged by an earlier run of the same size"
    if not timings:
        return Estimate(None, "known when the first run has finished")
    return Estimate(sum(_duration_s(run, timings) for run in left), basis)


@dataclass(frozen=True, eq=False)
class _Timing:
    config: ExperimentConfig
    epoch_s: float
    around_s: float

    @property
    def is_softmax(self) -> bool:
        return self.config.objective.method == "softmax"


def _timings(run: Run) -> list[_Timing]:
    try:
        config, timing = run.config, (run.metrics() or {}).get("timing") or {}
    except AkinError:
        return []
    training_s = timing.get("training_s")
    if not training_s:
        return []
    around_s = sum(timing.get(key, 0.0) for key in ("reading_s", "caching_s", "judging_s"))
    return [_Timing(config, training_s / config.training.epochs, around_s)]


def _costs(config: ExperimentConfig) -> list[Any]:
    return [config.value(key) for key in COST_KEYS]


def _duration_s(planned: PlannedRun, timings: Sequence[_Timing]) -> float:
    alike = [t for t in timings if t.is_softmax == (planned.arm.method == "softmax")] or timings
    epochs = planned.config.training.epochs
    if planned.state() == "half-done":
        seen = [e.epoch for e in Run(planned.path).events() if isinstance(e, EpochCompleted)]
        epochs -= max(seen, default=0)
    return sum(epochs * t.epoch_s + t.around_s for t in alike) / len(alike)


def changed_keys(a: ExperimentConfig, b: ExperimentConfig) -> list[tuple[str, Any, Any]]:
    """Returns the keys in which two configurations differ, with both values.

    Where the data lie and the device are left out.
    """
    pairs = ((key, a.value(key), b.value(key)) for key, _ in config_keys())
    return [(k, x, y) for k, x, y in pairs if x != y and k not in MOVABLE_KEYS]


def format_duration(duration_s: float) -> str:
    """Returns a duration as people say it: "40 s", "12 min", "3 h 20 min"."""
    if duration_s < 90:
        return f"{max(1, round(duration_s))} s"
    minutes = round(duration_s / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"
