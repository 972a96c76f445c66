"""Memory that runs out: a step's, which smaller batches need less of, and any other."""

from __future__ import annotations

import resource
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.events import (
    EpochCompleted,
    Event,
    PhaseChanged,
    RunFinished,
    RunStarted,
    StepCompleted,
    WarningRaised,
)
from core.memory import in_halves, is_out_of_memory
from core.runs import Run
from core.training.control import TrainingControl
from core.training.extension import replanned, smaller_batch
from core.training.judging import Crops, embed_objects, features_of
from core.training.learner import Learner

# The command line, with room for 100 MB once everything is read.
LITTLE_ROOM = """
import resource
from pathlib import Path
from core.training.loop import TrainingLoop
run = TrainingLoop.run
def in_little_room(loop, interval_s):
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + 100_000_000
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    return run(loop, interval_s)
TrainingLoop.run = in_little_room
"""


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Lets this process take so many bytes more."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


# ----- of a step -----


def test_out_of_memory_says_what_to_halve(train: Any) -> None:
    limits = resource.getrlimit(resource.RLIMIT_AS)

    def act(event: Event, _control: TrainingControl) -> None:
        if isinstance(event, PhaseChanged) and event.phase == "warming up":
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            room = pages * resource.getpagesize() + 300_000_000
            resource.setrlimit(resource.RLIMIT_AS, (room, limits[1]))

    try:
        found = train(act=act, crops__size=128, encoder__stem="small")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert (found.outcome.status, found.outcome.cause) == ("failed", "memory"), found.outcome
    assert found.outcome.hint == "Halve the batch size to 20 and train again."
    assert found.run.outcome() == found.outcome


def test_the_command_line_names_the_command_that_goes_on(
    akin: Any, akin_process: Any, create: Any, tiny_voc: Path
) -> None:
    values = {"crops__size": 64, "encoder__stem": "small", "training__batch_size": 80}
    config = create(**values, training__epochs=1)
    path = config.path.parent / "a run"
    words = (config.path / "config.yaml", "--ranking", config.path / "ranking.yaml")
    answer = akin_process("train", *words, "--run", path, first=LITTLE_ROOM)
    answer.expect_error("The device ran out of memory.", "Halve the batch size to 40", code=1)
    hint = answer.err.splitlines()[-1]
    command = f"akin train --run '{path}' --resume --batch-size 40"
    assert hint == f"hint: Halve the batch size to 40 and train again: {command}"
    Run(path).replanned({"crops.size": 16, "encoder.stem": "ordinary"})  # quick from here on
    again = akin(*shlex.split(command)[1:], "--json")
    assert again.code == 0, again.err
    assert Run(path).config.training.batch_size == 40
    (started,) = [e for e in Run(path).events() if isinstance(e, RunStarted)][1:]
    assert (started.batch_size, started.resumed_at_step) == (40, 0)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()])
def test_out_of_memory_in_mid_epoch_goes_on_with_half_the_batch(
    train: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Step 5 is in the middle of the second epoch; what is left of it is done in halves."""
    monkeypatch.setattr("core.training.trainer.CHECKPOINT_INTERVAL_S", 0.0)

    def act(event: Event, _control: TrainingControl) -> None:
        if isinstance(event, StepCompleted) and event.step == 5:
            raise error

    found = train(act=act, training__epochs=3)
    per_epoch = next(e.steps_per_epoch for e in found.events if isinstance(e, RunStarted))
    assert (found.outcome.status, found.outcome.cause) == ("failed", "memory")
    assert found.outcome.hint == (
        "Halve the batch size to 20 and resume; its last checkpoint is kept."
    )
    saved = found.state()["progress"]
    assert (saved["batch_size"], saved["steps_per_epoch"]) == (40, per_epoch)
    assert saved["step"] == 4
    resumed = train(replanned(found.run, batch_size=smaller_batch(found.run)), resume=True)
    assert resumed.outcome.status == "done", resumed.outcome
    assert resumed.run.config.training.batch_size == 20
    (told,) = [e.message for e in resumed.events if isinstance(e, WarningRaised)]
    assert "a batch holds 20 objects instead of 40" in told
    started = [e for e in resumed.events if isinstance(e, RunStarted)][-1]
    seen = 40 * (4 - per_epoch)
    assert started.resumed_at_step == started.steps_per_epoch + seen // 20
    steps = [e.step for e in resumed.run.events() if isinstance(e, StepCompleted)]
    assert steps[:4] == [1, 2, 3, 4]
    assert steps[4:] == list(range(started.resumed_at_step + 1, 3 * started.steps_per_epoch + 1))
    epochs = [e for e in resumed.run.events() if isinstance(e, EpochCompleted)]
    assert [e.epoch for e in epochs] == [1, 2, 3]
    assert all(0 < e.loss < 100 for e in epochs)


def test_a_batch_is_halved_by_what_it_holds_down_to_the_least(create: Any, train: Any) -> None:
    run = create(training__batch_size=4000)
    assert smaller_batch(run) == 2000

    def act(event: Event, _control: TrainingControl) -> None:
        if isinstance(event, StepCompleted):
            raise MemoryError

    found = train(run, act)
    started = next(e for e in found.events if isinstance(e, RunStarted))
    assert started.batch_size == started.train_objects < 4000
    assert smaller_batch(found.run) == started.train_objects // 2
    assert smaller_batch(create(training__batch_size=3)) == 2
    least = train(act=act, training__batch_size=2)
    assert (least.outcome.cause, smaller_batch(least.run)) == ("memory", None)
    assert least.outcome.hint == (
        "Batches cannot be smaller: choose smaller images or a smaller network."
    )


# ----- beside the steps -----


def test_work_is_cut_in_halves_until_it_fits() -> None:
    """64 rows of 64 MB are 4 GB; there is room for a quarter of it at once."""
    sizes = []

    def work(rows: slice) -> list[int]:
        count = rows.stop - rows.start
        torch.empty(count << 24)
        sizes.append(count)
        return list(range(rows.start, rows.stop))

    with room_for(1_200_000_000):
        found = in_halves(work, 3, 67)
    assert [row for part in found for row in part] == list(range(3, 67))
    assert sizes == [16] * 4


def test_what_is_no_matter_of_memory_is_not_tried_again() -> None:
    tried = []

    def work(rows: slice) -> None:
        tried.append(rows)
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        in_halves(work, 0, 8)
    assert tried == [slice(0, 8)]
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"))


@pytest.mark.parametrize("method", ["ranked", "softmax"])
def test_crops_are_embedded_fewer_at_a_time_where_memory_is_short(
    create: Any, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    config = create(objective__method=method).config
    learner = Learner(config, torch.eye(3), torch.device("cpu"), None)
    pixels = np.random.default_rng(0).integers(0, 256, (11, 3, 16, 16), dtype=np.uint8)
    crops = Crops(pixels, np.arange(11), torch.device("cpu"))
    rows = np.arange(11)
    at_once = (*embed_objects(learner, crops, rows), features_of(learner, crops, rows))
    plain = learner._plain

    def short(crops_NCHW: torch.Tensor) -> torch.Tensor:
        if len(crops_NCHW) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return plain(crops_NCHW)

    monkeypatch.setattr(learner, "_plain", short)
    in_parts = (*embed_objects(learner, crops, rows), features_of(learner, crops, rows))
    for one, other in zip(at_once, in_parts, strict=True):
        if one is not None:
            np.testing.assert_allclose(one, other, atol=1e-5)
    assert (at_once[1] is None) == (method == "ranked")


@pytest.mark.parametrize("doing", ["preparing", "validating", "judging"])
def test_beside_the_steps_no_smaller_batch_is_advised(
    train: Any, monkeypatch: pytest.MonkeyPatch, doing: str
) -> None:
    def out_of_memory(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    where = {
        "preparing": "core.training.trainer.build_optimizer",
        "validating": "core.training.learner.Learner.embed",
        "judging": "core.training.finish.judge_test",
    }
    with monkeypatch.context() as patch:
        patch.setattr(where[doing], out_of_memory)
        found = train(training__epochs=1)
    assert (found.outcome.status, found.outcome.cause) == ("failed", "device")
    assert found.outcome.message == f"The device ran out of memory while {doing}."
    assert found.outcome.hint == (
        "Smaller batches need no less there: end other programs that use it, then try again."
    )
    assert isinstance(found.events[-1], RunFinished)
    again = train(Run(found.run.path), resume=True)
    assert again.outcome.status == "done", again.outcome
    assert [epoch[0] for epoch in again.epochs()] == [1]
