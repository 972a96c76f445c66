"""What a step tells beside its loss: the gradient's norm, and what the machine gave."""

from __future__ import annotations

import math
import sys

import pytest
import torch
from torch import nn

from core.events import Event, ResourcesMeasured, StepCompleted
from core.training import resources, step_reporter
from core.training.learner import StepLoss
from core.training.outcomes import LossNotFiniteError
from core.training.resources import ResourceMeter, resident_memory_bytes
from core.training.step_reporter import StepReporter, gradient_norm

CPU = torch.device("cpu")


@pytest.fixture
def network() -> nn.Module:
    """Two layers, one of them without a gradient."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3), nn.Linear(3, 3))
    network[:3](torch.randn(11, 5)).square().sum().backward()
    return network


def norm_by_hand(network: nn.Module) -> float:
    """The definition: the root of the sum of the squares of all entries, in float64."""
    gradients = [p.grad.double() for p in network.parameters() if p.grad is not None]
    return math.sqrt(sum(float(x) ** 2 for g in gradients for x in g.flatten()))


@pytest.mark.parametrize("clip", [0.0, 0.5, 1e6])
def test_the_norm_is_that_before_clipping(network: nn.Module, clip: float) -> None:
    expected = norm_by_hand(network)
    assert expected > 0.5
    assert float(gradient_norm(network, clip)) == pytest.approx(expected, rel=1e-6)
    after = 0.5 if clip == 0.5 else expected
    assert norm_by_hand(network) == pytest.approx(after, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_norm_that_is_not_finite_is_none_and_the_loss_is_told(dtype: torch.dtype) -> None:
    events: list[Event] = []
    reporter = StepReporter(events.append, 8)
    for step, norm in enumerate((2.5, math.inf), start=1):
        loss = StepLoss(torch.tensor(1.25, dtype=dtype), torch.ones(1, dtype=dtype))
        reporter.add(step, 1, loss, 0.1, torch.tensor(norm))
    reporter.flush()
    told = [e for e in events if isinstance(e, StepCompleted)]
    assert [e.gradient_norm for e in told] == [2.5, None]
    assert [e.loss for e in told] == [1.25, 1.25]


def test_steps_are_told_in_order_once_they_have_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device is late: nothing waits for it but the flush at the end."""
    events: list[StepCompleted] = []
    come = False
    monkeypatch.setattr(step_reporter, "REPORT_INTERVAL_S", 0.0)
    monkeypatch.setattr(step_reporter._Sent, "has_arrived", lambda _sent: come)
    reporter = StepReporter(events.append, 8)  # type: ignore[arg-type]

    def steps(*numbers: int) -> None:
        for number in numbers:
            loss = StepLoss(torch.tensor(number / 2), torch.tensor([number / 4, math.nan]))
            reporter.add(number, 1, loss, 0.1, torch.tensor(float(number)))

    steps(1, 2, 3)
    assert events == []
    come = True
    steps(4)
    assert [e.step for e in events] == [1]
    come = False
    steps(5, 6, 7)
    assert [e.step for e in events] == [1]
    reporter.flush()
    reporter.flush()
    assert [e.step for e in events] == [1, 2, 3, 4, 5, 6, 7]
    assert reporter.losses == [e.loss for e in events] == [n / 2 for n in range(1, 8)]
    assert [e.loss_by_rank for e in events] == [(n / 4, None) for n in range(1, 8)]
    assert [e.gradient_norm for e in events] == list(range(1, 8))
    assert all(e.objects_per_s > 0 for e in events)


def test_a_loss_that_is_not_finite_is_told_when_it_comes() -> None:
    reporter = StepReporter(lambda _event: None, 8)
    for step, value in enumerate((1.0, math.nan, 2.0), start=1):
        loss = StepLoss(torch.tensor(value), torch.ones(1))
        reporter.add(step, 1, loss, 0.1, torch.tensor(1.0))
    with pytest.raises(LossNotFiniteError, match="at step 2"):
        reporter.flush()
    assert reporter.losses == [1.0]


def test_a_gpu_that_does_not_tell_its_use_ends_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a GPU (MIG) answers with an error of the driver's library, which is no OSError."""

    class NVMLError(Exception):
        pass

    def refuse(_device: torch.device) -> int:
        raise NVMLError("Not Supported")

    events: list[Event] = []
    monkeypatch.setattr(resources, "INTERVAL_S", 0.0)
    monkeypatch.setattr(torch.cuda, "utilization", refuse)
    meter = ResourceMeter(events.append, CPU)
    meter._tells_use = True
    meter.look()
    (measured,) = events
    assert isinstance(measured, ResourcesMeasured)
    assert measured.device_use is None


def test_the_machine_is_measured_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Event] = []
    meter = ResourceMeter(events.append, CPU)
    meter.look()
    assert events == []
    monkeypatch.setattr(resources, "INTERVAL_S", 0.0)
    sum(i * i for i in range(200_000))
    meter.look()
    (measured,) = events
    assert isinstance(measured, ResourcesMeasured)
    assert measured.cpu_cores is not None
    assert measured.cpu_cores > 0
    assert measured.device_memory_bytes is None
    assert measured.device_use is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is said")
def test_the_memory_of_the_process_is_what_is_in_memory() -> None:
    before = resident_memory_bytes()
    assert before is not None
    block = torch.ones(64 * 2**20, dtype=torch.uint8)
    after = resident_memory_bytes()
    assert after is not None
    assert after - before > 0.8 * len(block)
