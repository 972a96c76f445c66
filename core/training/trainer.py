"""From a run directory to a judged run: phases, checkpoints, and every way it can end."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch

from core.data.crops import BuildStopped
from core.errors import AkinError, DataError
from core.events import (
    CheckpointSaved,
    Emit,
    Event,
    Outcome,
    PhaseChanged,
    RunFinished,
    RunStarted,
    WarningRaised,
)
from core.runs import EventLog, Run, default_cache
from core.training.checkpoint import (
    BEST,
    LAST,
    load_checkpoint,
    remove_leftovers,
    save_checkpoint,
)
from core.training.control import TrainingControl
from core.training.device import (
    choose_device,
    choose_precision,
    describe_device,
    keep_freed_memory,
)
from core.training.distributed import ProcessLostError, Team
from core.training.environment import write_environment
from core.training.epoch_keeper import EpochKeeper
from core.training.experiment import Experiment
from core.training.extension import FROM_THE_START, smaller_batch, was_never_saved
from core.training.finish import judge_and_write
from core.training.judging import Crops, judging_duration_s
from core.training.learner import Learner, build_optimizer
from core.training.loop import TrainingLoop
from core.training.outcomes import Cancelled, LossNotFiniteError, beside_the_steps, outcome_of
from core.training.progress import Progress, change_in_words
from core.training.proposal_crops import with_proposals
from core.training.same_data import other_data, require_data_there

CHECKPOINT_INTERVAL_S = 30.0
JUDGING_AFTER_STOP_S = 1.0


class Trainer:
    """Trains one run, from its directory's config.yaml and ranking.yaml.

    Args:
        run: The run directory.
        emit: Receives every event; all but those of judging alone go to events.jsonl too.
        control: Looked at before every step.
        resume: Continue from the last checkpoint.
        judge_only: Only judge the last checkpoint on the test split.
        team: The processes that train together; only process 0 emits and writes.
    """

    def __init__(
        self,
        run: Run,
        emit: Emit,
        control: TrainingControl,
        *,
        resume: bool = False,
        judge_only: bool = False,
        team: Team | None = None,
    ) -> None:
        self._team = team if team is not None else Team()
        self._run = run
        self._receive = emit
        self._control = control
        self._resume = resume or judge_only
        self._judge_only = judge_only
        self._log: EventLog | None = None
        self._unlogged: list[Event] = []
        self._accepted = False
        self._timing: dict[str, float] = {}
        self._progress = Progress()

    def run(self) -> Outcome:
        """Trains to the end, a stop or an error; the last event is RunFinished."""
        try:
            outcome = self._train()
        except Exception as error:  # noqa: BLE001 - every error becomes the run's outcome
            outcome = self._outcome_of(error)
        if self._team.is_main:
            self._finish(outcome)
        elif outcome.status == "failed":
            self._team.report(outcome)
        return outcome

    # ----- phases -----

    def _train(self) -> Outcome:
        config = self._run.config
        keep_freed_memory()
        self._emit(PhaseChanged(phase="reading data"))
        device = self._team.device(choose_device(config.device))
        with beside_the_steps("preparing"):
            learner, optimizer, experiment, crops = self._prepare(device)
        loop = TrainingLoop(
            config,
            learner,
            optimizer,
            experiment,
            crops,
            self._progress,
            self._emit,
            self._control,
            lambda: self._save(learner, optimizer, loop),
            EpochKeeper(self._run.epoch_embeddings, config, experiment),
            self._team,
        )
        if not self._judge_only:
            self._announce(device, optimizer, experiment, crops, loop)
            loop.run(CHECKPOINT_INTERVAL_S)
            if self._control.cancel_requested:
                raise Cancelled
            self._team.leave()
            if not self._team.is_main:
                return Outcome("done", "Process 0 judges the run.", epochs=self._progress.epochs)
            self._save(learner, optimizer, loop)
        with beside_the_steps("judging"):
            return self._judge(learner, experiment, crops)

    def _prepare(
        self, device: torch.device
    ) -> tuple[Learner, torch.optim.Optimizer, Experiment, Crops]:
        config = self._run.config
        started = time.perf_counter()
        if self._writes_run:
            self._write_environment(device)
        if self._resume:
            require_data_there(self._run, "evaluate" if self._judge_only else "train --run")
        experiment = Experiment.prepare(config, self._run.ranking)
        change = other_data(self._run, experiment.index)
        experiment = with_proposals(experiment, config, device, self._emit, self._should_stop)
        similarity_CC = torch.from_numpy(experiment.similarity_CC)
        precision = choose_precision(config.training.precision, device)
        learner = Learner(config, similarity_CC, device, precision, self._team)
        optimizer = build_optimizer(config, learner)
        warning = self._load(learner, optimizer, device) if self._resume else ""
        learner.align()
        if config.training.compile and not self._judge_only:
            warning = " ".join(filter(None, (warning, learner.compile())))
        self._timing["reading_s"] = time.perf_counter() - started
        if self._writes_run:
            self._write_environment(device, experiment)
            self._open_log()
        self._accepted = True
        for message in (
            *experiment.warnings,
            *(WarningRaised(message=message) for message in (change, warning) if message),
        ):
            self._emit(message)
        with self._team.one_first():
            crops = self._build_crops(experiment, device)
        return learner, optimizer, experiment, crops

    def _announce(
        self,
        device: torch.device,
        optimizer: torch.optim.Optimizer,
        experiment: Experiment,
        crops: Crops,
        loop: TrainingLoop,
    ) -> None:
        config, progress = self._run.config, self._progress
        validated = experiment.label_N[crops.readable(experiment.validation)] >= 0
        self._emit(
            RunStarted(
                run=self._run.name,
                method=config.objective.method,
                device=self._describe(device),
                epochs=config.training.epochs,
                steps_per_epoch=loop.steps_per_epoch,
                train_objects=len(crops.readable(experiment.train)),
                validation_objects=int(validated.sum()),
                test_objects=len(crops.readable(experiment.test)),
                resumed_at_step=progress.step,
                batch_size=progress.batch_size,
            )
        )
        rate = optimizer.param_groups[0]["lr"]
        message = change_in_words(config, progress, loop.batch_size_before, rate)
        if message:
            self._emit(WarningRaised(message=message))
        self._emit(PhaseChanged(phase="warming up"))

    @property
    def _writes_run(self) -> bool:
        return self._team.is_main and not self._judge_only

    def _write_environment(
        self, device: torch.device, experiment: Experiment | None = None
    ) -> None:
        count, seed = self._team.num_processes, self._run.config.seed
        index = experiment.index if experiment is not None else None
        write_environment(self._run, seed, device, index, num_processes=count)

    def _describe(self, device: torch.device) -> str:
        count = self._team.num_processes
        return f"{count} x {describe_device(device)}" if count > 1 else describe_device(device)

    def _should_stop(self) -> bool:
        return self._control.stop_requested

    def _build_crops(self, experiment: Experiment, device: torch.device) -> Crops:
        started = time.perf_counter()
        self._emit(PhaseChanged(phase="caching crops"))
        bank = experiment.crops(
            self._run.config,
            default_cache() / "crops",
            self._emit,
            self._should_stop,
        )
        crops = Crops(bank.crops_NCHW, bank.object_index_N, device)
        if len(crops.readable(experiment.train)) < 2:
            raise DataError(
                "No training object could be read.", "akin data check DIR lists what is wrong."
            )
        self._timing["caching_s"] = time.perf_counter() - started
        return crops

    def _judge(self, learner: Learner, experiment: Experiment, crops: Crops) -> Outcome:
        config, progress, control = self._run.config, self._progress, self._control
        stopped = control.stop_requested and not self._judge_only
        self._timing["training_s"] = progress.trained_s
        metrics = None
        if not stopped or judging_duration_s(learner, experiment, crops) < JUDGING_AFTER_STOP_S:
            started = time.perf_counter()
            metrics = judge_and_write(
                self._run,
                learner,
                experiment,
                crops,
                self._timing,
                self._emit,
                lambda: control.cancel_requested,
            )
            self._timing["judging_s"] = time.perf_counter() - started
        if control.cancel_requested and not self._judge_only:
            raise Cancelled
        figure = "" if metrics is None else f" {_in_words(metrics, experiment)}"
        if self._judge_only:
            return Outcome("done", f"The run was judged.{figure}", epochs=progress.epochs)
        if stopped and progress.epochs < config.training.epochs:
            hint = "" if metrics else f"Judge it with: akin evaluate {self._run.path}"
            message = f"Stopped and kept after {_epochs(progress.epochs)}.{figure}"
            return Outcome("stopped", message, hint, epochs=progress.epochs)
        message = f"Trained {_epochs(progress.epochs)} in {progress.trained_s:.0f} s.{figure}"
        return Outcome("done", message, epochs=progress.epochs)

    # ----- checkpoints -----

    def _save(self, learner: Learner, optimizer: torch.optim.Optimizer, loop: TrainingLoop) -> None:
        if not learner.is_finite():
            raise LossNotFiniteError(f"The weights are not finite at step {self._progress.step}.")
        state = {
            "learner": learner.state_dict(),
            "optimizer": optimizer.state_dict(),
            "progress": dict(vars(self._progress)),
            "rng": torch.get_rng_state(),
        }
        folder = self._run.checkpoint_folder
        if loop.best_state is not None:
            save_checkpoint(folder, loop.best_state, BEST)
            loop.best_state = None
        path = save_checkpoint(folder, state)
        progress = self._progress
        self._emit(CheckpointSaved(path=path.name, step=progress.step, epoch=progress.epochs))

    def _load(
        self, learner: Learner, optimizer: torch.optim.Optimizer, device: torch.device
    ) -> str:
        warning = FROM_THE_START
        if self._judge_only or not was_never_saved(self._run):
            loaded = load_checkpoint(self._run.checkpoint_folder, device)
            learner.load_state_dict(loaded.state["learner"])
            optimizer.load_state_dict(loaded.state["optimizer"])
            self._progress = Progress(**loaded.state["progress"])
            torch.set_rng_state(loaded.state["rng"].cpu())
            warning = loaded.warning
        if self._writes_run:
            remove_leftovers(self._run.checkpoint_folder)
            self._run.rewind(self._progress.step, self._progress.epochs)
        return warning

    # ----- events and ends -----

    def _emit(self, event: Event) -> None:
        if not self._team.is_main:
            return
        if self._log is not None:
            self._log.write(event)
        else:
            self._unlogged.append(event)
        self._receive(event)

    def _open_log(self) -> None:
        self._log = EventLog(self._run)
        for event in self._unlogged:
            self._log.write(event)

    def _outcome_of(self, error: Exception) -> Outcome:
        done = self._progress.epochs
        if isinstance(error, Cancelled | BuildStopped) and self._resume:
            message = "Stopped; what the run had saved before is kept."
            return Outcome("stopped", message, "Continue it with --resume.", epochs=done)
        if isinstance(error, Cancelled | BuildStopped):
            return Outcome("cancelled", "The run was cancelled and discarded.")
        if isinstance(error, ProcessLostError):
            return replace(self._team.explain(error), epochs=done)
        return outcome_of(
            error,
            epochs=done,
            accepted=self._accepted,
            has_checkpoint=(self._run.checkpoint_folder / LAST).exists(),
            smaller=smaller_batch(self._run),
        )

    def _finish(self, outcome: Outcome) -> None:
        unused = outcome.status == "failed" and outcome.cause == "input" and not self._log
        event = RunFinished(outcome=outcome)
        discard = not self._resume and (unused or outcome.status == "cancelled")
        try:
            self._close_log(event)
            if discard:
                self._run.discard()
            elif not self._judge_only and not unused:
                self._run.write_outcome(outcome)
        except AkinError as error:
            self._receive(WarningRaised(message=error.message, hint=error.hint))
        self._receive(event)

    def _close_log(self, last: Event) -> None:
        if self._log is None:
            return
        try:
            self._log.write(last)
            self._log.close()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self._receive(WarningRaised(message=f"The event log could not be ended: {reason}."))


def _epochs(count: int) -> str:
    return f"{count} epoch{'s' if count != 1 else ''}"


def _in_words(metrics: dict[str, Any], experiment: Experiment) -> str:
    if metrics["accuracy"] is None:
        return "There was nothing to judge in the test split."
    auroc = (metrics["ood"] or {}).get("auroc")
    ood = "" if auroc is None else f", AUROC {auroc:.3f}"
    return f"Test accuracy {metrics['accuracy']:.3f}{ood} on {experiment.index.name}."
