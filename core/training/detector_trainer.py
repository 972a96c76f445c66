"""From the directory of a detector's training to a judged detector: every way it can end."""

from __future__ import annotations

import time

import torch
from torchvision.models.detection import FasterRCNN

from core.detection.detections_io import detection_items, write_detections
from core.detection.networks import (
    DetectorDescription,
    build_network,
    freezes,
    load_weights,
    read_weights,
    require_network,
)
from core.errors import AkinError, RunError
from core.evaluation.detection_report import detection_metrics
from core.events import (
    CheckpointSaved,
    Emit,
    EvaluationCompleted,
    Event,
    Outcome,
    PhaseChanged,
    RunFinished,
    RunStarted,
    WarningRaised,
)
from core.files import write_json
from core.runs import EventLog
from core.training.checkpoint import (
    BEST,
    LAST,
    load_checkpoint,
    remove_leftovers,
    save_checkpoint,
)
from core.training.control import TrainingControl
from core.training.detector_config import DetectorConfig
from core.training.detector_data import DetectorData, TrainingImages
from core.training.detector_judging import Judged
from core.training.detector_loop import DetectorLoop
from core.training.detector_run import DetectorRun
from core.training.device import choose_device, choose_precision, describe_device
from core.training.environment import write_environment
from core.training.extension import FROM_THE_START, smaller_batch, was_never_saved
from core.training.finish import write_detector_figures
from core.training.learner import make_optimizer
from core.training.outcomes import Cancelled, LossNotFiniteError, beside_the_steps, outcome_of
from core.training.progress import DetectorProgress, change_in_words
from core.training.same_data import other_data, require_data_there
from core.training.tables import write_detector_tables

CHECKPOINT_INTERVAL_S = 30.0


class DetectorTrainer:
    """Trains a detector from its directory's detector.yaml.

    Args:
        run: The directory.
        emit: Receives every event; all go to events.jsonl too.
        control: Looked at before every step.
        resume: Continue from the last checkpoint.
    """

    def __init__(
        self, run: DetectorRun, emit: Emit, control: TrainingControl, *, resume: bool = False
    ) -> None:
        self._run = run
        self._receive = emit
        self._control = control
        self._resume = resume
        self._log: EventLog | None = None
        self._unlogged: list[Event] = []
        self._progress = DetectorProgress()

    def run(self) -> Outcome:
        """Trains to the end, a stop or an error; the last event is RunFinished."""
        try:
            outcome = self._train()
        except Exception as error:  # noqa: BLE001 - every error becomes the run's outcome
            outcome = self._outcome_of(error)
        self._finish(outcome)
        return outcome

    def _train(self) -> Outcome:
        config = self._run.detector_config
        self._emit(PhaseChanged(phase="reading data"))
        device = choose_device(config.device)
        with beside_the_steps("preparing"):
            network, description, optimizer, data, images = self._prepare(config, device)
        loop = DetectorLoop(
            config,
            network,
            description,
            optimizer,
            data,
            images,
            self._progress,
            device,
            choose_precision(config.training.precision, device),
            self._emit,
            self._control,
            lambda: self._save(network, description, optimizer, loop),
        )
        self._announce(config, data, loop, device, optimizer)
        loop.run(CHECKPOINT_INTERVAL_S)
        if self._control.cancel_requested:
            raise Cancelled
        self._save(network, description, optimizer, loop)
        with beside_the_steps("judging"):
            return self._judge(config, data, loop)

    def _prepare(
        self, config: DetectorConfig, device: torch.device
    ) -> tuple[
        FasterRCNN, DetectorDescription, torch.optim.Optimizer, DetectorData, TrainingImages
    ]:
        write_environment(self._run, config.seed, device)
        require_network(config.detector.network)
        if self._resume:
            require_data_there(self._run, "detect train --run")
        data = DetectorData.prepare(config)
        change = other_data(self._run, data.index)
        torch.manual_seed(config.seed)
        is_saved = self._resume and not was_never_saved(self._run)
        network, description, warning = self._build(config, data, with_weights=not is_saved)
        network.to(device)
        optimizer = make_optimizer(config.optimizer, network)
        if is_saved:
            warning = self._load(network, description, optimizer, device)
        elif self._resume:
            warning = f"{FROM_THE_START} {warning}".rstrip()
        if self._resume:
            remove_leftovers(self._run.checkpoint_folder)
            self._run.rewind(self._progress.step, self._progress.epochs)
        write_environment(self._run, config.seed, device, data.index)
        self._open_log()
        for message in (*data.warnings, *filter(None, (change, warning))):
            self._emit(WarningRaised(message=message))
        images = TrainingImages(data, config, description.longest_side_px, device)
        images.read(self._emit, self._control)
        for problem in images.source.problems:
            self._emit(WarningRaised(message=problem.message))
        return network, description, optimizer, data, images

    def _build(
        self, config: DetectorConfig, data: DetectorData, *, with_weights: bool
    ) -> tuple[FasterRCNN, DetectorDescription, str]:
        options = config.detector
        frozen = freezes(options.network, options.weights)
        description = DetectorDescription(options.network, data.index.classes, frozen)
        network = build_network(description)
        warning = ""
        if options.weights is not None and with_weights:
            weights = read_weights(options.network, options.weights)
            is_whole = load_weights(network, description, weights, options.weights)
            if not is_whole and not weights.is_classifier:
                warning = (
                    f"The weights '{options.weights}' know other classes; the last layer starts "
                    "from random weights."
                )
        return network, description, warning

    def _announce(
        self,
        config: DetectorConfig,
        data: DetectorData,
        loop: DetectorLoop,
        device: torch.device,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        progress = self._progress

        def objects(split: str) -> int:
            return len(data.index.objects_of_split(split))

        self._emit(
            RunStarted(
                run=self._run.name,
                method=f"detector {config.detector.network}",
                device=describe_device(device),
                epochs=config.training.epochs,
                steps_per_epoch=loop.steps_per_epoch,
                train_objects=objects(config.data.train_split),
                validation_objects=objects(config.data.validation_split),
                test_objects=objects(config.data.test_split),
                resumed_at_step=progress.step,
                batch_size=progress.batch_size,
            )
        )
        rate = optimizer.param_groups[0]["lr"]
        message = change_in_words(config, progress, loop.batch_size_before, rate, "images")
        if message:
            self._emit(WarningRaised(message=message))
        self._emit(PhaseChanged(phase="warming up"))

    def _judge(self, config: DetectorConfig, data: DetectorData, loop: DetectorLoop) -> Outcome:
        progress, control = self._progress, self._control
        done = progress.epochs
        if control.stop_requested and done < config.training.epochs:
            message = f"Stopped and kept after {_epochs(done)}."
            hint = f"Continue it with: akin detect train --run {self._run.path} --resume"
            return Outcome("stopped", message, hint, epochs=done)
        self._emit(PhaseChanged(phase="judging"))
        started = time.perf_counter()
        judged = loop.judge(data.test, lambda: control.cancel_requested, progress=self._judging)
        if control.cancel_requested:
            raise Cancelled
        figure = ""
        if judged is not None:
            self._write(config, data, judged, time.perf_counter() - started)
            if judged.ap50 is not None:
                figure = f" Test AP50 {judged.ap50:.3f} on {data.index.name}."
        message = f"Trained {_epochs(done)} in {progress.trained_s:.0f} s.{figure}"
        return Outcome("done", message, epochs=done)

    def _judging(self, done: int, total: int) -> None:
        self._emit(PhaseChanged(phase="judging", done=done, total=total))

    def _write(
        self, config: DetectorConfig, data: DetectorData, judged: Judged, judging_s: float
    ) -> None:
        split = config.data.test_split
        write_detections(
            self._run.path / "detections.json", detection_items(data.index, judged.found)
        )
        metrics = detection_metrics(data.index, split, judged.found)
        metrics["proposal_recall_50"] = judged.proposal_recall
        metrics["timing"] = {"training_s": self._progress.trained_s, "judging_s": judging_s}
        write_json(self._run.path / "metrics.json", metrics)
        write_detector_tables(self._run, metrics)
        write_detector_figures(self._run, data.index.name, self._emit)
        self._emit(
            EvaluationCompleted(
                split=split,
                ap=judged.ap,
                ap50=judged.ap50,
                proposal_recall=judged.proposal_recall,
            )
        )

    # ----- checkpoints -----

    def _save(
        self,
        network: FasterRCNN,
        description: DetectorDescription,
        optimizer: torch.optim.Optimizer,
        loop: DetectorLoop,
    ) -> None:
        model, progress = network.state_dict(), self._progress
        finite = [value.isfinite().all() for value in model.values() if value.is_floating_point()]
        if not bool(torch.stack(finite).all()):  # Sync point.
            raise LossNotFiniteError(f"The weights are not finite at step {progress.step}.")
        folder = self._run.checkpoint_folder
        if loop.best_state is not None:
            save_checkpoint(folder, loop.best_state, BEST)
            loop.best_state = None
        state = {
            "detector": description.to_plain(),
            "model": model,
            "optimizer": optimizer.state_dict(),
            "progress": dict(vars(progress)),
        }
        path = save_checkpoint(folder, state)
        self._emit(CheckpointSaved(path=path.name, step=progress.step, epoch=progress.epochs))

    def _load(
        self,
        network: FasterRCNN,
        description: DetectorDescription,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
    ) -> str:
        loaded = load_checkpoint(self._run.checkpoint_folder, device)
        if loaded.state.get("detector") != description.to_plain():
            raise RunError(
                f"{loaded.path} is of another network or other classes than the run.",
                "Start a new run; the data or detector.yaml changed since this one began.",
            )
        network.load_state_dict(loaded.state["model"])
        optimizer.load_state_dict(loaded.state["optimizer"])
        self._progress = DetectorProgress(**loaded.state["progress"])
        return loaded.warning

    # ----- events and ends -----

    def _emit(self, event: Event) -> None:
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
        if isinstance(error, Cancelled):
            if self._resume:
                message = "Stopped; what the run had saved before is kept."
                return Outcome("stopped", message, "Continue it with --resume.", epochs=done)
            return Outcome("cancelled", "The run was cancelled and discarded.")
        return outcome_of(
            error,
            epochs=done,
            accepted=self._log is not None,
            has_checkpoint=(self._run.checkpoint_folder / LAST).exists(),
            smaller=smaller_batch(self._run),
        )

    def _finish(self, outcome: Outcome) -> None:
        unused = outcome.status == "failed" and outcome.cause == "input" and self._log is None
        event = RunFinished(outcome=outcome)
        try:
            if self._log is not None:
                _close(self._log, event)
            if not self._resume and (unused or outcome.status == "cancelled"):
                self._run.discard()
            elif not unused:
                self._run.write_outcome(outcome)
        except (AkinError, OSError) as error:
            self._receive(WarningRaised(message=f"The run could not be ended properly: {error}"))
        self._receive(event)


def _close(log: EventLog, last: Event) -> None:
    log.write(last)
    log.close()


def _epochs(count: int) -> str:
    return f"{count} epoch{'s' if count != 1 else ''}"
