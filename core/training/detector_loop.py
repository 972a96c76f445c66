"""The loop over a detector's steps: a pure function of seed and step, so that a resume is exact.

Shape suffixes: S steps, B images.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torchvision.models.detection import FasterRCNN

from core.detection.networks import DetectorDescription
from core.detection.torchvision_detector import TorchvisionDetector
from core.events import Emit, EpochCompleted, PhaseChanged, WarningRaised
from core.training.control import TrainingControl
from core.training.detector_config import DetectorConfig
from core.training.detector_data import DetectorData, TrainingImages
from core.training.detector_judging import Judged, judge
from core.training.learner import StepLoss
from core.training.outcomes import beside_the_steps
from core.training.progress import DetectorProgress, Stopwatch
from core.training.sampling import epoch_batches, steps_in_epoch, view_seed
from core.training.schedule import learning_rate
from core.training.step_reporter import StepReporter, gradient_norm

# torchvision's name of each loss, and ours.
LOSSES = {
    "loss_objectness": "rpn_objectness",
    "loss_rpn_box_reg": "rpn_box",
    "loss_classifier": "roi_class",
    "loss_box_reg": "roi_box",
}


class DetectorLoop:
    """Runs the steps from `progress` to the end or a stop.

    Args:
        config: The run's configuration.
        network: Changed in place.
        description: Of the network.
        optimizer: Over its weights.
        data: The data set and its splits.
        images: Those to learn from, already read.
        progress: Changed in place.
        precision: Autocast type; None: float32.
        emit: Receives the events.
        control: Looked at before every step.
        save: Called now and then, when a checkpoint is due.

    Attributes:
        best: Whether the network is the best so far and not yet saved as such.
    """

    def __init__(
        self,
        config: DetectorConfig,
        network: FasterRCNN,
        description: DetectorDescription,
        optimizer: torch.optim.Optimizer,
        data: DetectorData,
        images: TrainingImages,
        progress: DetectorProgress,
        device: torch.device,
        precision: torch.dtype | None,
        emit: Emit,
        control: TrainingControl,
        save: Callable[[], None],
    ) -> None:
        self._config = config
        self._network = network
        self._description = description
        self._optimizer = optimizer
        self._data = data
        self._images = images
        self._progress = progress
        self._device = device
        self._precision = precision
        self._emit = emit
        self._control = control
        self._save = save
        self.best_state: dict[str, Any] | None = None
        count = len(images.images)
        size = min(config.training.batch_size, count)
        self.steps_per_epoch = steps_in_epoch(count, size)
        self._total_steps = self.steps_per_epoch * config.training.epochs
        self.batch_size_before = progress.batch_size
        progress.rebatch(size, self.steps_per_epoch)
        self._watch = Stopwatch(progress)
        self._reporter = StepReporter(emit, size * data.objects_per_image, tuple(LOSSES.values()))

    def run(self, checkpoint_interval_s: float) -> None:
        """Trains; returns at the end of the last epoch or when a stop is requested."""
        progress = self._progress
        self._network.train()
        saved_at = time.perf_counter()
        self._watch.restart()
        self._reporter.restart_clock()
        first = True
        while progress.step < self._total_steps:
            if self._control.paused:
                self._pause()
            if self._control.stop_requested:
                break
            self._step()
            if first:
                self._emit(PhaseChanged(phase="training"))
                first = False
            self._watch.count()
            if progress.step % self.steps_per_epoch == 0:
                self._complete_epoch()
            if time.perf_counter() - saved_at > checkpoint_interval_s:
                self._flush()
                self._save()
                saved_at = time.perf_counter()
        self._flush()

    def _step(self) -> None:
        config, progress = self._config, self._progress
        epoch, position = divmod(progress.step, self.steps_per_epoch)
        if position == 0 or not hasattr(self, "_row_SB"):
            no_label_N = np.zeros(len(self._images.images), dtype=np.int64)
            size = config.training.batch_size
            self._row_SB = epoch_batches(no_label_N, size, config.seed, epoch)
        options = config.optimizer
        rate = learning_rate(
            config.schedule,
            options.learning_rate,
            progress.step,
            self.steps_per_epoch,
            self._total_steps,
        )
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        loss = self._loss(self._row_SB[position])
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss.total)
        norm = gradient_norm(self._network, config.training.gradient_clip)
        self._optimizer.step()
        progress.step += 1
        self._reporter.add(progress.step, epoch + 1, loss, rate, norm)

    def _loss(self, row_B: Any) -> StepLoss:
        step, config = self._progress.step, self._config
        random = np.random.Generator(np.random.PCG64(view_seed(config.seed, step, 1)))
        flipped_B = random.random(len(row_B)) < config.training.flip_probability
        images, targets = self._images.batch(self._images.images[row_B], flipped_B)
        # torchvision samples anchors and regions with the global generator.
        torch.manual_seed(view_seed(config.seed, step, 2))
        with self._autocast():
            losses = self._network(images, targets)
        parts = torch.stack([losses[name].float() for name in LOSSES])
        return StepLoss(parts.sum(), parts.detach())

    def _autocast(self) -> AbstractContextManager[Any]:
        if self._precision is None:
            return nullcontext()
        return torch.autocast(self._device.type, self._precision)

    def _flush(self) -> None:
        self._reporter.flush()
        self._progress.loss_sum = sum(self._reporter.losses, self._progress.loss_sum)
        self._reporter.losses.clear()

    def judge(self, images: Any, should_stop: Callable[[], bool], **options: Any) -> Judged | None:
        """Judges the network as it is on some images; None without any, or when stopped."""
        if not len(images):
            return None
        source = self._images.source
        told = len(source.problems)
        detector = TorchvisionDetector(
            self._data.index,
            self._network,
            self._description,
            self._device,
            keep=True,
            source=source,
        )
        judged = judge(self._data.index, images, detector, should_stop, **options)
        self._network.train()
        for problem in source.problems[told:]:
            self._emit(WarningRaised(message=problem.message))
        return judged

    def _complete_epoch(self) -> None:
        progress = self._progress
        self._flush()
        self._watch.count()
        duration_s = progress.epoch_s
        progress.epochs = progress.step // self.steps_per_epoch
        mean_loss = progress.loss_sum / self.steps_per_epoch
        progress.loss_sum = 0.0
        self._emit(PhaseChanged(phase="validating"))
        with beside_the_steps("validating"):
            judged = self.judge(self._data.validation, lambda: self._control.cancel_requested)
        self._emit(
            EpochCompleted(
                epoch=progress.epochs,
                step=progress.step,
                loss=mean_loss,
                duration_s=duration_s,
                is_best=self._note_best(judged),
                ap=judged.ap if judged else None,
                ap50=judged.ap50 if judged else None,
                proposal_recall=judged.proposal_recall if judged else None,
            )
        )
        self._watch.count()
        progress.epoch_s = 0.0
        self._reporter.restart_clock()

    def _note_best(self, judged: Judged | None) -> bool:
        if judged is None or judged.ap50 is None or judged.ap50 <= self._progress.best_ap50:
            return False
        self._progress.best_ap50 = judged.ap50
        state = self._network.state_dict()
        self.best_state = {
            "detector": self._description.to_plain(),
            "model": {name: value.detach().to("cpu", copy=True) for name, value in state.items()},
            "epoch": self._progress.epochs,
            "validation_ap50": judged.ap50,
        }
        return True

    def _pause(self) -> None:
        self._emit(PhaseChanged(phase="paused"))
        self._control.wait_while_paused()
        self._watch.restart()
        self._emit(PhaseChanged(phase="training"))
        self._reporter.restart_clock()
