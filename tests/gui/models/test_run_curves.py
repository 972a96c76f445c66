from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from core.events import (
    EpochCompleted,
    PhaseChanged,
    ResourcesMeasured,
    RunStarted,
    StepCompleted,
)
from gui.models.run_curves import GrowingTable, RunCurves, RunningAverage, smoothed


def step(number: int, time_s: float, ranks: tuple[float | None, ...] = ()) -> StepCompleted:
    return StepCompleted(
        time_s=time_s,
        step=number,
        epoch=1 + (number - 1) // 4,
        loss=1.0 / number,
        loss_by_rank=ranks,
        learning_rate=0.1,
        objects_per_s=50.0,
    )


def started(time_s: float, at: int = 0) -> RunStarted:
    return RunStarted(
        time_s=time_s,
        run="r",
        method="ranked",
        device="cpu",
        epochs=2,
        steps_per_epoch=4,
        train_objects=8,
        validation_objects=2,
        test_objects=2,
        resumed_at_step=at,
    )


def test_a_table_keeps_every_row_while_it_grows() -> None:
    table = GrowingTable(("a", "b"))
    for i in range(1000):
        table.append((i, None if i % 2 else -i))
    assert len(table) == 1000
    assert table.column("a").tolist() == list(range(1000))
    assert np.isnan(table.column("b")[1::2]).all()
    assert table.column("b")[998] == -998


def test_a_column_added_late_is_nan_before() -> None:
    table = GrowingTable(("a",))
    table.append((1.0,))
    table.add_column("b")
    table.append((2.0, 3.0))
    assert np.isnan(table.column("b")[0])
    assert table.column("b")[1] == 3.0


def test_what_the_machine_gave_stands_where_the_steps_were() -> None:
    curves = RunCurves()
    measured = ResourcesMeasured(time_s=11.0, process_memory_bytes=3 * 2**30, cpu_cores=1.5)
    curves.extend([started(10.0), step(1, 10.5), step(2, 11.0), measured])
    table = curves.resources
    assert table.column("step").tolist() == [2.0]
    assert table.column("epoch").tolist() == [0.5]
    assert table.column("time_s").tolist() == [1.0]
    assert table.column("process_memory_gib").tolist() == [3.0]
    assert table.column("cpu_cores").tolist() == [1.5]
    assert np.isnan(table.column("device_memory_gib")).all()
    assert np.isnan(curves.steps.column("gradient_norm")).all()


def test_events_become_points() -> None:
    curves = RunCurves()
    curves.extend([started(0.0), PhaseChanged(phase="training"), step(1, 1.0), step(2, 2.0)])
    assert curves.steps.column("loss").tolist() == [1.0, 0.5]
    assert curves.steps.column("epoch").tolist() == [0.25, 0.5]
    assert curves.steps.column("time_s").tolist() == [1.0, 2.0]


def test_ranks_get_columns_and_gaps() -> None:
    curves = RunCurves()
    curves.extend([started(0.0), step(1, 1.0), step(2, 2.0, (0.5, None)), step(3, 3.0, (0.4, 0.1))])
    assert curves.ranks == 2
    assert np.isnan(curves.steps.column("loss 2")[:2]).all()
    assert curves.steps.column("loss 2")[2] == 0.1


def test_a_night_between_two_sessions_is_no_training_time() -> None:
    curves = RunCurves()
    curves.extend([started(0.0), step(1, 1.0), started(36000.0, at=1), step(2, 36001.0)])
    assert curves.steps.column("time_s").tolist() == [1.0, 2.0]


@pytest.mark.parametrize(("marked", "row"), [((True, True, False), 1), ((False,) * 3, 2)])
def test_the_best_epoch_is_the_one_marked_last_else_the_highest(
    marked: tuple[bool, ...], row: int
) -> None:
    curves = RunCurves()
    for i, (accuracy, best) in enumerate(zip((0.2, 0.4, 0.5), marked, strict=True)):
        curves.append(
            EpochCompleted(
                epoch=i + 1, step=4 * i, loss=1.0, validation_accuracy=accuracy, is_best=best
            )
        )
    assert curves.best_epoch() == (row, (0.2, 0.4, 0.5)[row])


def test_without_validation_there_is_no_best_epoch() -> None:
    curves = RunCurves()
    curves.append(EpochCompleted(epoch=1, step=4, loss=1.0))
    assert curves.best_epoch() is None


def test_csv_has_a_row_a_step_and_the_epochs_at_their_last_step() -> None:
    curves = RunCurves()
    curves.extend([started(0.0), step(1, 1.0, (0.5,)), step(2, 2.0, (0.4,))])
    curves.append(EpochCompleted(time_s=2.0, epoch=1, step=2, loss=0.75, validation_accuracy=0.3))
    rows = list(csv.DictReader(io.StringIO(curves.to_csv())))
    assert [row["step"] for row in rows] == ["1", "2"]
    assert [row["accuracy"] for row in rows] == ["", "0.3"]
    assert rows[1]["loss 1"] == "0.4"


def naive(y: list[float], weight: float) -> list[float]:
    average, out = 0.0, []
    for i, value in enumerate(y, start=1):
        average = weight * average + (1 - weight) * value
        out.append(average / (1 - weight**i))
    return out


@pytest.mark.parametrize("weight", [1e-9, 0.1, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("count", [2, 63, 64, 65, 500])
def test_smoothing_is_the_unbiased_moving_average(weight: float, count: int) -> None:
    y = np.random.default_rng(0).normal(size=count)
    np.testing.assert_allclose(smoothed(y, weight), naive(y.tolist(), weight), rtol=1e-9)


def test_smoothing_carries_values_over_gaps() -> None:
    y = np.array([np.nan, 2.0, np.nan, 2.0])
    np.testing.assert_allclose(smoothed(y, 0.5), 2.0)
    assert smoothed(y, 0.0)[1] == 2.0


def test_smoothing_piece_by_piece_is_smoothing_at_once() -> None:
    clean = np.random.default_rng(0).normal(size=700)
    average = RunningAverage(0.9)
    for end in (1, 2, 3, 299, 301, 302, 302, 700):
        pieces = average.update(clean[:end])
    np.testing.assert_allclose(pieces, smoothed(clean, 0.9), rtol=1e-12)


def test_a_gap_at_the_start_of_a_piece_is_filled_from_the_piece_before() -> None:
    average = RunningAverage(0.5)
    average.update(np.array([4.0]))
    np.testing.assert_allclose(average.update(np.array([4.0, np.nan, 4.0])), 4.0)
