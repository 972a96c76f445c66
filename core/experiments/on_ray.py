"""Hands an experiment's runs to Ray: a cluster that is there, or one of this machine's cores.

Run directories and data must lie where every node of the cluster sees them under the same path.
Ray is an optional extra; this is the only module that imports it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from core.errors import RunError
from core.experiments.plan import Plan, PlannedRun
from core.experiments.queue import (
    RunRecord,
    record_of,
    start_experiment,
    train_planned,
    write_record,
)
from core.training.control import TrainingControl

WAIT_S = 0.5
CORES_OF_A_RUN = 2


def run_all_on_ray(
    plan: Plan, say: Callable[[str], None], control: TrainingControl
) -> tuple[RunRecord, ...]:
    """Trains every run that is not finished, as many at once as the cluster has room for.

    Args:
        plan: The experiment.
        say: Given a line when a run has ended.
        control: After a stop nothing more is begun; what runs is broken off at its last checkpoint.

    Returns:
        A record for each run that has ended, in the order of the plan.

    Raises:
        RunError: If Ray is not installed or no cluster can be had.
    """
    start_experiment(plan)
    records = {
        run.name: record_of(run, "kept", "It was finished before.", 0.0)
        for run in plan.runs
        if run.state() == "done"
    }

    def ordered() -> tuple[RunRecord, ...]:
        return tuple(records[run.name] for run in plan.runs if run.name in records)

    with _cluster() as ray:
        needs = _needs(ray)
        remote = ray.remote(**needs, max_retries=0)(_train_there)
        cores = int(needs["num_cpus"])
        waiting = {remote.remote(run, cores): run for run in plan.runs if run.name not in records}
        say(f"{len(waiting)} runs handed to Ray, {_in_words(needs)} each")
        while waiting and not control.stop_requested:
            ended, _ = ray.wait(list(waiting), timeout=WAIT_S)
            for reference in ended:
                record = _result(ray, reference, waiting.pop(reference))
                records[record.run] = record
                write_record(plan, ordered())
                left = len(waiting)
                say(f"{record.run}: {record.message} {record.duration_s:.0f} s, {left} runs left")
        for reference in waiting:
            ray.cancel(reference)
    return ordered()


def _train_there(planned: PlannedRun, cores: int) -> RunRecord:
    import torch  # noqa: PLC0415 - in the worker

    torch.set_num_threads(max(1, cores))
    started = time.perf_counter()
    outcome = train_planned(planned, lambda _event: None, TrainingControl())
    spent_s = time.perf_counter() - started
    return record_of(planned, outcome.status, str(outcome), spent_s)


def _result(ray: Any, reference: Any, planned: PlannedRun) -> RunRecord:
    try:
        record: RunRecord = ray.get(reference)
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0]
        return record_of(planned, "failed", f"Its worker was lost: {first}", 0.0)
    return record


@contextmanager
def _cluster() -> Iterator[Any]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray  # noqa: PLC0415
    except ImportError as error:
        raise RunError("Ray is not installed.", "pip install ray, or leave --on out.") from error
    try:
        ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise RunError(f"No Ray cluster can be had: {reason}", "Check RAY_ADDRESS.") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _needs(ray: Any) -> dict[str, float]:
    """Returns what a run asks for: a GPU where the cluster has any, else two cores."""
    has = ray.cluster_resources()
    if has.get("GPU", 0) >= 1:
        return {"num_gpus": 1, "num_cpus": 1}
    return {"num_cpus": max(1, min(CORES_OF_A_RUN, int(has.get("CPU", 1))))}


def _in_words(needs: dict[str, float]) -> str:
    if "num_gpus" in needs:
        return "a GPU"
    count = int(needs["num_cpus"])
    return f"{count} core{'s' if count > 1 else ''}"
