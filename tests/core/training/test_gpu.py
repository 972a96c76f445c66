"""What only a GPU can show: the same numbers as on the CPU, and that a step waits for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from core.config import ExperimentConfig
from core.contrastive.crop_store import CropStore
from core.contrastive.loss import RankedInfoNCE
from core.contrastive.views import ViewSettings, make_view, plain_view
from core.events import ResourcesMeasured, StepCompleted
from core.training.learner import Learner, StepLoss, build_optimizer
from core.training.step_reporter import StepReporter, gradient_norm

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

CPU, GPU = torch.device("cpu"), torch.device("cuda")
SMALL: dict[str, Any] = {"encoder.name": "resnet18", "crops.size": 32, "training.batch_size": 32}


@contextmanager
def no_waiting() -> Iterator[None]:
    """Whatever waits for the GPU raises an error."""
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def similarity() -> torch.Tensor:
    known = torch.eye(6)
    known[0, 1], known[0, 2], known[3, 4] = 0.75, 0.5, 0.5
    return known


@pytest.mark.parametrize("positives", ["in", "out", "out-in", "supcon"])
@pytest.mark.parametrize("slots", [0, 500, 40_000])
def test_the_loss_is_that_of_the_cpu(positives: Any, slots: int) -> None:
    torch.manual_seed(0)
    query, key, bank = (normalize(torch.randn(n, 32), dim=1) for n in (64, 64, max(1, slots)))
    label, bank_label = torch.randint(6, (64,)), torch.randint(-1, 6, (max(1, slots),))
    found = []
    for device in (CPU, GPU):
        loss = RankedInfoNCE((0.1, 0.6), positives)
        own = [value.detach().to(device).requires_grad_() for value in (query, key)]
        rest = [label.to(device), similarity().to(device)]
        if slots:
            rest += [bank.to(device), bank_label.to(device)]
        loss(*own, *rest, include_batch=True)  # Ranks are read once for each matrix.
        with no_waiting() if device == GPU else nullcontext():
            total = loss(*own, *rest, include_batch=True)
            total.backward()
        found.append([total.detach().cpu(), *(value.grad.cpu() for value in own)])
    for ours, expected in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-3, atol=2e-6)


@pytest.mark.parametrize(("side", "size"), [(64, 64), (48, 64), (80, 64)])
def test_views_are_those_of_the_cpu(side: int, size: int) -> None:
    crops = torch.randint(0, 256, (96, 3, side, side), dtype=torch.uint8)
    settings = ViewSettings(size, jitter_p=0.8)
    for make in (lambda c: make_view(c, settings, 7), lambda c: plain_view(c, settings)):
        on_gpu = crops.to(GPU)
        with no_waiting():
            found = make(on_gpu)
        # Where a hue is hardly one, or a pixel lies between two, roundings decide.
        difference = (found.cpu() - make(crops)).abs()
        assert float(difference.mean()) < 1e-4
        assert float(difference.quantile(0.999)) < 1e-2


@pytest.mark.parametrize("resident", [True, False])
def test_crops_in_flight_are_not_overwritten(resident: bool) -> None:
    """Streamed batches share pinned memory: many are on their way while the GPU is busy."""
    crops = np.random.default_rng(0).integers(0, 256, (400, 3, 64, 64), np.uint8)
    store = CropStore(crops, GPU, resident=resident)
    busy = torch.randn(4096, 4096, device=GPU)
    rows = [np.random.default_rng(n).integers(0, 400, 100) for n in range(50)]
    for _ in range(20):
        busy = busy @ busy / 4096
    batches = [store[row_B] for row_B in rows]
    for row_B, batch in zip(rows, batches, strict=True):
        np.testing.assert_array_equal(batch.cpu().numpy(), crops[row_B])


STEPS: dict[str, dict[str, object]] = {
    "bank": {"contrast.bank_size": 64, "contrast.momentum": 0.9},
    "average": {"objective.positives": "supcon", "training.ema": 0.9},
    "softmax": {"objective.method": "softmax"},
    "triplet": {"objective.method": "triplet", "contrast.bank_size": 64},
}


def batch(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Crops and their classes."""
    g = torch.Generator().manual_seed(0)
    crops = torch.randint(0, 256, (32, 3, 32, 32), dtype=torch.uint8, generator=g)
    return crops.to(device), torch.arange(32).remainder(6).to(device)


def steps(
    learner: Learner,
    config: ExperimentConfig,
    crops: torch.Tensor,
    label: torch.Tensor,
    count: int,
) -> list[torch.Tensor]:
    """Trains a few steps and returns their losses."""
    optimizer = build_optimizer(config, learner)
    losses = []
    for step in range(count):
        loss = learner.step_loss(crops, label, step)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss.total)
        gradient_norm(learner.encoder, 1.0)
        optimizer.step()
        learner.after_step()
        losses.append(loss.total.detach())
    return losses


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("precision", [None, torch.bfloat16])
def test_a_step_waits_for_nothing(name: str, precision: torch.dtype | None) -> None:
    config = ExperimentConfig().with_values(SMALL | STEPS[name])
    learner = Learner(config, similarity(), GPU, precision)
    learner.train(True)
    crops, label = batch(GPU)
    steps(learner, config, crops, label, 2)
    with no_waiting():
        losses = steps(learner, config, crops, label, 3)
    assert torch.stack(losses).isfinite().all()


@pytest.mark.parametrize("name", ["bank", "softmax"])
def test_the_first_steps_are_those_of_the_cpu(name: str) -> None:
    config = ExperimentConfig().with_values(SMALL | STEPS[name])
    found = []
    for device in (CPU, GPU):
        learner = Learner(config, similarity(), device, None)
        learner.train(True)
        found.append(torch.stack(steps(learner, config, *batch(device), 2)).cpu())
    torch.testing.assert_close(found[1], found[0], rtol=5e-2, atol=0.0)


def test_steps_are_reported_without_waiting() -> None:
    busy, losses = torch.randn(8192, 8192, device=GPU), torch.arange(1.0, 6.0, device=GPU)

    def add(reporter: StepReporter) -> None:
        for step in range(1, 6):
            value = losses[step - 1]
            reporter.add(step, 1, StepLoss(value, value[None]), 0.1, value)

    add(first := StepReporter(lambda _event: None, 8))
    first.flush()  # Memory that copies go to is at hand now.
    told: list[StepCompleted] = []
    reporter = StepReporter(told.append, 8)  # type: ignore[arg-type]
    reporter._emitted_at -= 1.0  # A report is due.
    with no_waiting():
        for _ in range(30):
            busy = busy @ busy / 8192
        add(reporter)
        assert told == []
    reporter.flush()
    assert [(e.step, e.loss, e.gradient_norm) for e in told] == [(n, n, n) for n in range(1, 6)]


def test_a_run_trains_is_judged_and_goes_on(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.resources.INTERVAL_S", 0.0)
    run = train(device="cuda", training__precision="auto", contrast__bank_size=64)
    assert run.outcome.status == "done", run.outcome
    measured = [e for e in run.events if isinstance(e, ResourcesMeasured)]
    assert all(e.device_memory_bytes for e in measured)
    assert measured
    more = train(run.run, resume=True, judge_only=True)
    assert more.outcome.status == "done", more.outcome


@pytest.mark.filterwarnings("default")  # Compilers warn of what they could do.
def test_a_run_with_a_compiled_encoder(train: Any) -> None:
    values = {"training__compile": True, "training__precision": "auto", "contrast__bank_size": 64}
    run = train(device="cuda", **values)
    assert run.outcome.status == "done", run.outcome
