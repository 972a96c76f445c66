"""The learning rate of every step."""

from __future__ import annotations

import itertools
import math

import pytest

from core.config import ExperimentConfig, ScheduleConfig
from core.training.schedule import learning_rate, rate_change

STEPS, EPOCHS = 10, 8
TOTAL = STEPS * EPOCHS


def rates(peak: float = 0.5, **settings: object) -> list[float]:
    schedule = ScheduleConfig.model_validate(settings)
    return [learning_rate(schedule, peak, step, STEPS, TOTAL) for step in range(TOTAL)]


def test_cosine_is_the_papers() -> None:
    found = rates(final_factor=1e-3)
    floor = 0.5 * 0.1**3
    expected = [floor + (0.5 - floor) * (1 + math.cos(math.pi * s / TOTAL)) / 2 for s in range(80)]
    assert found == pytest.approx(expected, rel=1e-12)
    assert found[0] == 0.5
    assert found[40] == pytest.approx((0.5 + floor) / 2)


@pytest.mark.parametrize("name", ["cosine", "step", "constant"])
def test_warm_up_rises_in_equal_steps_to_the_peak(name: str) -> None:
    found = rates(name=name, warmup_epochs=1.5, step_epochs=100)
    assert found[:15] == pytest.approx([0.5 * (i + 1) / 15 for i in range(15)])
    assert found[15] == pytest.approx(0.5)
    assert max(found) == pytest.approx(0.5)


def test_constant_and_step() -> None:
    assert rates(name="constant") == [0.5] * TOTAL
    found = rates(name="step", step_epochs=3, step_factor=0.1)
    assert found == pytest.approx([0.5] * 30 + [0.05] * 30 + [0.005] * 20)


def test_cosine_falls_and_stays_above_its_floor() -> None:
    found = rates(warmup_epochs=2, final_factor=0.1)
    assert all(a > b for a, b in itertools.pairwise(found[20:]))
    assert found[-1] > 0.05
    assert found[-1] == pytest.approx(0.05, rel=0.01)


def test_a_warm_up_as_long_as_the_run() -> None:
    found = rates(warmup_epochs=EPOCHS)
    assert found[-1] == 0.5
    assert all(rate > 0 for rate in found)


def test_another_schedule_on_resume_is_told_with_both_rates() -> None:
    config = ExperimentConfig().with_values({"training.epochs": EPOCHS})
    last = rates()[-1]
    assert rate_change(config, last, TOTAL, STEPS) == ""
    longer = config.with_values({"training.epochs": 2 * EPOCHS})
    message = rate_change(longer, last, TOTAL, STEPS)
    assert message.startswith("The learning rate now follows the schedule of 16 epochs")
    assert message.endswith(f"it goes on at 0.25, after {last:.3g}.")
    for name in ("constant", "step"):
        same = longer.with_values({"schedule.name": name})
        assert rate_change(same, rates(name=name)[-1], TOTAL, STEPS) == ""
