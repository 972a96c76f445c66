"""Turns losses on the device into events, without waiting for the device at every step.

Shape suffixes: S steps, R ranks, X figures of a step.
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


class _Sent:
    """Steps whose figures are on their way from the device, behind what it has yet to do.

    Args:
        steps: At least one.
    """

    def __init__(self, steps: list[_Pending]) -> None:
        self.steps = steps
        figures_SX = torch.stack(
            [
                torch.cat([p.loss.total[None], p.gradient_norm[None], p.loss.by_rank_R])
                for p in steps
            ]
        )
        self._figures_SX = figures_SX.to("cpu", non_blocking=True)
        self._copied = None
        if figures_SX.device.type == "cuda":
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record(torch.cuda.current_stream(figures_SX.device))

    def has_arrived(self) -> bool:
        """Tells whether they can be read without waiting."""
        return self._copied is None or bool(self._copied.query())  # type: ignore[no-untyped-call]

    def figures(self) -> list[list[float]]:
        """Returns the loss of each step, its gradient's norm and the parts of the loss."""
        if self._copied is not None:
            self._copied.synchronize()  # Sync point, unless they have arrived.
        figures: list[list[float]] = self._figures_SX.tolist()
        return figures


class StepReporter:
    """Collects steps and emits them about ten times a second.

    A device that is waited for has nothing to do afterwards until the next step is prepared. So
    the figures are sent for and, in one of the steps that follow, emitted when they have come.

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
        self._sent: _Sent | None = None
        self._emitted_at = time.perf_counter()
        self.losses: list[float] = []

    def add(
        self,
        step: int,
        epoch: int,
        loss: StepLoss,
        learning_rate: float,
        gradient_norm: torch.Tensor,
    ) -> None:
        """Notes a completed step (1 is the first, of epoch 1), and emits what has come.

        Raises:
            LossNotFiniteError: At the first loss that is not finite.
        """
        detached = StepLoss(loss.total.detach(), loss.by_rank_R.detach())
        norm = gradient_norm.detach().to(detached.total)
        self._pending.append(_Pending(step, epoch, detached, learning_rate, norm))
        if self._sent is None and time.perf_counter() - self._emitted_at >= REPORT_INTERVAL_S:
            self._send()
        if self._sent is not None and self._sent.has_arrived():
            self._tell()

    def flush(self) -> None:
        """Emits all steps, and waits for the device where they are not known yet.

        Raises:
            LossNotFiniteError: At the first loss that is not finite.
        """
        if self._sent is not None:
            self._tell()
        if self._pending:
            self._send()
            self._tell()

    def _send(self) -> None:
        self._sent, self._pending = _Sent(self._pending), []

    def _tell(self) -> None:
        assert self._sent is not None
        sent, self._sent = self._sent, None
        figures = sent.figures()
        now = time.perf_counter()
        rate = self._batch_size * len(sent.steps) / max(1e-9, now - self._emitted_at)
        self._emitted_at = now
        for noted, (total, norm, *ranks) in zip(sent.steps, figures, strict=True):
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
        """Leaves the time since the last steps emitted out of objects/s (validation, pauses)."""
        self._emitted_at = time.perf_counter()


def gradient_norm(network: nn.Module, clip: float) -> torch.Tensor:
    """Returns the norm of the gradient of a network's weights, then clips them; waits for nothing.

    Args:
        network: After the backward pass.
        clip: Largest norm; 0 clips nothing.
    """
    if clip:
        return nn.utils.clip_grad_norm_(network.parameters(), clip)
    return nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
