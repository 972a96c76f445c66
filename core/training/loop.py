"""The loop over steps: a pure function of seed and step, so that a resume is exact.

Shape suffixes: S steps, B batch, b the rows of it that are this process's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from core.config import ExperimentConfig
from core.events import Emit, EpochCompleted, PhaseChanged
from core.training.control import TrainingControl
from core.training.distributed import Team
from core.training.experiment import Experiment
from core.training.judging import Crops, Validation, validate
from core.training.learner import Learner
from core.training.outcomes import beside_the_steps
from core.training.progress import Progress, Stopwatch
from core.training.resources import ResourceMeter
from core.training.sampling import background_batches, epoch_batches, steps_in_epoch
from core.training.schedule import learning_rate
from core.training.step_reporter import StepReporter, gradient_norm


class TrainingLoop:
    """Runs the steps from `progress` to the end or a stop.

    Args:
        config: The run's configuration.
        learner: Changed in place.
        optimizer: Over the learner's weights.
        experiment: Data and labels.
        crops: Of all its objects.
        progress: Changed in place.
        emit: Receives the events.
        control: Looked at before every step.
        save: Called now and then, when a checkpoint is due.
        keep: Called with every epoch and its validation.
        team: The processes that share every batch.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        learner: Learner,
        optimizer: torch.optim.Optimizer,
        experiment: Experiment,
        crops: Crops,
        progress: Progress,
        emit: Emit,
        control: TrainingControl,
        save: Callable[[], None],
        keep: Callable[[int, Validation], None],
        team: Team,
    ) -> None:
        self._config = config
        self._learner = learner
        self._optimizer = optimizer
        self._experiment = experiment
        self._crops = crops
        self._progress = progress
        self._emit = emit
        self._control = control
        self._save = save
        self._keep = keep
        self._team = team
        self.best_state: dict[str, Any] | None = None
        self._objects = crops.readable(experiment.train)
        self._label_N = experiment.label_N[self._objects]
        self._background = crops.readable(experiment.background)
        batch_size = min(config.training.batch_size, len(self._objects))
        team.require_rows(batch_size)
        self.steps_per_epoch = steps_in_epoch(len(self._objects), batch_size)
        self._total_steps = self.steps_per_epoch * config.training.epochs
        self.batch_size_before = progress.batch_size
        progress.rebatch(batch_size, self.steps_per_epoch)
        device = next(learner.encoder.parameters()).device
        self._watch = Stopwatch(progress)
        self._reporter = StepReporter(emit, batch_size, meter=ResourceMeter(emit, device))

    def run(self, checkpoint_interval_s: float) -> None:
        """Trains; returns at the end of the last epoch or when a stop is requested."""
        progress = self._progress
        self._learner.train(True)
        saved_at = time.perf_counter()
        self._watch.restart()
        self._reporter.restart_clock()
        first = True
        while progress.step < self._total_steps:
            if self._control.paused:
                self._pause()
            if self._team.agree(self._control):
                break
            self._step()
            if first:
                self._emit(PhaseChanged(phase="training"))
                first = False
            self._watch.count()
            if progress.step % self.steps_per_epoch == 0:
                self._complete_epoch()
            if time.perf_counter() - saved_at > checkpoint_interval_s and self._team.is_main:
                self._flush()
                self._save()
                saved_at = time.perf_counter()
        self._flush()

    def _step(self) -> None:
        config, progress = self._config, self._progress
        epoch, position = divmod(progress.step, self.steps_per_epoch)
        if position == 0 or not hasattr(self, "_row_SB"):
            self._row_SB = epoch_batches(
                self._label_N,
                config.training.batch_size,
                config.seed,
                epoch,
                balanced=config.training.balanced,
            )
            if len(self._background):
                self._background_SB = background_batches(
                    len(self._background), self.steps_per_epoch, config.seed, epoch
                )
        rate = learning_rate(
            config.schedule,
            config.optimizer.learning_rate,
            progress.step,
            self.steps_per_epoch,
            self._total_steps,
        )
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        row_B = self._row_SB[position]
        crops_bCHW = self._crops[self._objects[row_B[self._team.rows(len(row_B))]]]
        label_B = torch.from_numpy(self._label_N[row_B]).to(crops_bCHW.device, non_blocking=True)
        background = None
        if len(self._background):
            background = self._crops[self._background[self._background_SB[position]]]
        loss = self._learner.step_loss(crops_bCHW, label_B, progress.step, background)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss.total)
        self._team.sum_gradients(self._learner.encoder.parameters())
        norm = gradient_norm(self._learner.encoder, config.training.gradient_clip)
        self._optimizer.step()
        self._learner.after_step()
        progress.step += 1
        self._reporter.add(progress.step, epoch + 1, loss, rate, norm)

    def _flush(self) -> None:
        self._reporter.flush()
        # One after the other, so that the mean does not depend on when steps were flushed.
        self._progress.loss_sum = sum(self._reporter.losses, self._progress.loss_sum)
        self._reporter.losses.clear()

    def _complete_epoch(self) -> None:
        progress = self._progress
        self._flush()
        self._watch.count()
        duration_s = progress.epoch_s
        judged = None
        if self._team.is_main:  # The others wait for it at the next step.
            with beside_the_steps("validating"):
                judged = validate(self._learner, self._experiment, self._crops, self._config.seed)
        progress.epochs = progress.step // self.steps_per_epoch
        if judged is not None:
            self._keep(progress.epochs, judged)
        mean_loss = progress.loss_sum / self.steps_per_epoch
        progress.loss_sum = 0.0
        self._emit(
            EpochCompleted(
                epoch=progress.epochs,
                step=progress.step,
                loss=mean_loss,
                validation_accuracy=judged.accuracy if judged else None,
                validation_balanced_accuracy=judged.balanced_accuracy if judged else None,
                **_compliance_of(judged),
                duration_s=duration_s,
                is_best=self._note_best(judged),
            )
        )
        self._watch.count()
        progress.epoch_s = 0.0
        self._reporter.restart_clock()

    def _note_best(self, judged: Validation | None) -> bool:
        if judged is None or judged.accuracy is None:
            return False
        if judged.accuracy <= self._progress.best_accuracy:
            return False
        self._progress.best_accuracy = judged.accuracy
        encoder = self._learner.judged_encoder.state_dict()
        self.best_state = {
            "encoder": {key: value.detach().to("cpu", copy=True) for key, value in encoder.items()},
            "epoch": self._progress.epochs,
            "validation_accuracy": judged.accuracy,
        }
        return True

    def _pause(self) -> None:
        self._emit(PhaseChanged(phase="paused"))
        self._control.wait_while_paused()
        self._watch.restart()
        self._emit(PhaseChanged(phase="training"))
        self._reporter.restart_clock()


def _compliance_of(judged: Validation | None) -> dict[str, Any]:
    """Returns what an epoch's event says of the ranking's order."""
    if judged is None or judged.compliance is None:
        return {}
    found = judged.compliance
    by_class = {name: row.share for name, row in found.per_class.items() if row.share is not None}
    return {
        "compliance": found.overall,
        "compliance_train": judged.compliance_train,
        "tau_b": found.tau_b,
        "compliance_by_class": by_class,
    }
