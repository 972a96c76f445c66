"""Turns losses on the device into events, without waiting for the device at every step.

Shape suffixes: S steps, R ranks.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch import nn

from core.events import Emit, StepCompleted
from core.training.learner import StepLoss
from core.training.outcomes import LossNotFiniteError
from core.training.resources import ResourceMeter

REPORT_INTERVAL_S = 0.1


@dataclass(frozen=True)
class _Pending:
    step: int
    epoch: int
    loss: StepLoss
    learning_rate: float
    gradient_norm: torch.Tensor


class StepReporter:
    """Collects steps and emits them about ten times a second.

    Args:
        emit: Receives StepCompleted events.
        batch_size: Objects a step.
        part_names: What the parts of the loss are called, where they are not its ranks'.
        meter: Looked at when steps are emitted.
    """

    def __init__(
        self,
        emit: Emit,
        batch_size: float,
        part_names: tuple[str, ...] = (),
        meter: ResourceMeter | None = None,
    ) -> None:
        self._emit = emit
        self._meter = meter
        self._batch_size = batch_size
        self._part_names = part_names
        self._pending: list[_Pending] = []
        self._flushed_at = time.perf_counter()
        self.losses: list[float] = []

    def add(
        self,
        step: int,
        epoch: int,
        loss: StepLoss,
        learning_rate: float,
        gradient_norm: torch.Tensor,
    ) -> None:
        """Notes a completed step (1 is the first, of epoch 1)."""
        detached = StepLoss(loss.total.detach(), loss.by_rank_R.detach())
        norm = gradient_norm.detach().to(detached.total)
        self._pending.append(_Pending(step, epoch, detached, learning_rate, norm))
        if time.perf_counter() - self._flushed_at >= REPORT_INTERVAL_S:
            self.flush()

    def flush(self) -> None:
        """Emits what is pending.

        Raises:
            LossNotFiniteError: At the first loss that is not finite.
        """
        pending, self._pending = self._pending, []
        if not pending:
            return
        # Sync point: the figures of all pending steps come to the CPU at once.
        totals, norms = (
            torch.stack([figure for p in pending for figure in (p.loss.total, p.gradient_norm)])
            .reshape(-1, 2)
            .T.tolist()
        )
        parts = torch.stack([p.loss.by_rank_R for p in pending]).tolist()
        now = time.perf_counter()
        rate = self._batch_size * len(pending) / max(1e-9, now - self._flushed_at)
        self._flushed_at = now
        for noted, total, norm, ranks in zip(pending, totals, norms, parts, strict=True):
            if not math.isfinite(total):
                raise LossNotFiniteError(f"The loss is not finite at step {noted.step}.")
            self.losses.append(total)
            by_rank = () if self._part_names else ranks
            self._emit(
                StepCompleted(
                    step=noted.step,
                    epoch=noted.epoch,
                    loss=total,
                    loss_by_rank=tuple(v if math.isfinite(v) else None for v in by_rank),
                    loss_parts=dict(zip(self._part_names, ranks, strict=False)),
                    learning_rate=noted.learning_rate,
                    objects_per_s=rate,
                    gradient_norm=norm if math.isfinite(norm) else None,
                )
            )
        if self._meter is not None:
            self._meter.look()

    def restart_clock(self) -> None:
        """Leaves the time since the last flush out of objects/s (validation, pauses)."""
        self._flushed_at = time.perf_counter()


def gradient_norm(network: nn.Module, clip: float) -> torch.Tensor:
    """Returns the norm of the gradient of a network's weights, then clips them; waits for nothing.

    Args:
        network: After the backward pass.
        clip: Largest norm; 0 clips nothing.
    """
    if clip:
        return nn.utils.clip_grad_norm_(network.parameters(), clip)
    return nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
