"""Runs in a process of their own, and the queue: real processes, killed for real."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QDeadlineTimer
from PySide6.QtWidgets import QApplication

from core.errors import AkinError
from core.events import EpochCompleted, Event, Outcome, PhaseChanged, RunStarted, StepCompleted
from core.runs import Run
from core.training.requests import request
from gui.messages import Message
from gui.run_queue import RunQueue, WaitingRun
from gui.session import Session

WaitUntil = Callable[..., None]

QUICK = {
    "training.epochs": 1,
    "training.batch_size": 32,
    "crops.size": 16,
    "encoder.name": "resnet18",
    "encoder.stem": "ordinary",
    "device": "cpu",
    "training.precision": "float32",
}
LONG = {**QUICK, "training.epochs": 5000}


class Heard:
    """What a session says about its runs."""

    def __init__(self, session: Session) -> None:
        self.events: list[Event] = []
        self.outcomes: list[Outcome] = []
        session.events_received.connect(self.events.extend)
        session.training_finished.connect(self.outcomes.append)

    def any_of(self, kind: type[Event]) -> bool:
        return any(isinstance(event, kind) for event in self.events)


def test_a_run_of_its_own_process_trains_and_is_judged(
    loaded_session: Session, wait_until: WaitUntil
) -> None:
    session, heard = loaded_session, Heard(loaded_session)
    session.trainings.own_process = True
    session.set_config_values(QUICK)
    session.start_training()
    assert session.trainings.survives_window
    wait_until(lambda: heard.outcomes, 60)
    assert [outcome.status for outcome in heard.outcomes] == ["done"]
    for kind in (PhaseChanged, RunStarted, StepCompleted, EpochCompleted):
        assert heard.any_of(kind)
    assert session.run is not None
    assert session.run.environment()["pid"] != os.getpid()
    assert session.run.metrics() is not None
    assert not session.is_training


def test_a_killed_process_is_noticed_within_3_s_and_the_run_can_be_continued(
    loaded_session: Session, wait_until: WaitUntil
) -> None:
    session, heard = loaded_session, Heard(loaded_session)
    session.trainings.own_process = True
    session.set_config_values(LONG)
    session.start_training()
    wait_until(lambda: heard.any_of(EpochCompleted), 60)
    run = session.training_run
    assert run is not None
    assert run.local_pid is not None
    session.set_training_paused(True)
    os.kill(run.local_pid, signal.SIGKILL)
    since = time.monotonic()
    wait_until(lambda: heard.outcomes, 10)
    assert time.monotonic() - since < 3
    outcome = heard.outcomes[0]
    assert outcome.status == "interrupted"
    assert "SIGKILL" in outcome.message
    later = run.outcome()
    assert later is not None
    assert later.status == "interrupted"


def test_the_window_closes_and_another_takes_the_run_up_again(
    loaded_session: Session, wait_until: WaitUntil, app: QApplication
) -> None:
    session, heard = loaded_session, Heard(loaded_session)
    session.trainings.own_process = True
    session.set_config_values(LONG)
    session.start_training()
    wait_until(lambda: heard.any_of(StepCompleted), 60)
    run = session.training_run
    assert run is not None
    assert session.trainings.close(QDeadlineTimer(1000))
    assert run.outcome() is None

    other = Session(session.workspace)
    again = Heard(other)
    other.trainings.attach()
    assert other.training_run == run
    wait_until(lambda: again.any_of(RunStarted) and again.any_of(StepCompleted), 10)
    steps = [event.step for event in again.events if isinstance(event, StepCompleted)]
    assert steps[0] == 1
    seen = len(again.events)
    wait_until(lambda: len(again.events) > seen, 20)
    other.stop_training()
    wait_until(lambda: again.outcomes, 30)
    assert [outcome.status for outcome in again.outcomes] == ["stopped"]
    steps = [event.step for event in again.events if isinstance(event, StepCompleted)]
    assert steps == list(range(1, len(steps) + 1))
    assert other.close()


def test_cancel_discards_a_run_of_another_process(
    loaded_session: Session, wait_until: WaitUntil
) -> None:
    session, heard = loaded_session, Heard(loaded_session)
    session.trainings.own_process = True
    session.set_config_values(LONG)
    session.start_training()
    wait_until(lambda: heard.any_of(StepCompleted), 60)
    run = session.training_run
    assert run is not None
    session.cancel_training()
    wait_until(lambda: heard.outcomes, 20)
    assert [outcome.status for outcome in heard.outcomes] == ["cancelled"]
    assert not run.path.exists()


def test_a_process_that_cannot_train_says_why(
    loaded_session: Session, wait_until: WaitUntil
) -> None:
    session, heard = loaded_session, Heard(loaded_session)
    session.trainings.own_process = True
    session.set_config_values({**QUICK, "encoder.weights": "/no/such/file.pt"})
    session.start_training()
    wait_until(lambda: heard.outcomes, 60)
    assert heard.outcomes[0].status == "failed"
    assert "/no/such/file.pt" in heard.outcomes[0].message


def test_a_request_to_a_run_that_is_not_trained_is_refused(loaded_session: Session) -> None:
    run = loaded_session.store.create(loaded_session.config, loaded_session.ranking)
    run.write_outcome(Outcome("done", "Done."))
    with pytest.raises(AkinError, match="is not being trained"):
        request(run, "stop")


# ----- the queue -----


def waiting(session: Session, seed: int) -> WaitingRun:
    return WaitingRun(session.config.with_values({"seed": seed}), session.ranking)


def test_the_queue_is_kept_ordered_and_taken_up_again(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "queue.json"
    queue = RunQueue(path)
    for seed in range(4):
        queue.add(waiting(session, seed))
    queue.move(3, 0)
    queue.move(1, 2)
    queue.remove(3)
    seeds = [3, 1, 0]
    assert [run.config.seed for run in queue.runs] == seeds
    assert not queue.held
    again = RunQueue(path)
    assert again.runs == queue.runs
    assert again.held
    first = again.take()
    assert first is not None
    assert first.config.seed == 3
    assert [run.config.seed for run in RunQueue(path).runs] == seeds[1:]
    while again.take() is not None:
        pass
    assert not again.held


@pytest.mark.parametrize("text", ["", "{", "[1, {}]", '{"a": 1}', '[{"config": 1, "ranking": 2}]'])
def test_a_damaged_queue_is_empty(tmp_path: Path, app: QApplication, text: str) -> None:
    (tmp_path / "queue.json").write_text(text)
    assert RunQueue(tmp_path / "queue.json").runs == ()


def test_runs_of_the_queue_are_trained_one_after_another(
    loaded_session: Session, wait_until: WaitUntil
) -> None:
    session, heard = loaded_session, Heard(loaded_session)
    for seed in range(2):
        session.set_config_values({**QUICK, "seed": seed})
        session.start_training()
    assert len(session.trainings.queue.runs) == 1
    wait_until(lambda: len(heard.outcomes) == 2, 120)
    assert [outcome.status for outcome in heard.outcomes] == ["done"] * 2
    assert [Run(run.path).config.seed for run in session.store.list()] == [0, 1]
    assert not session.is_training


def test_stop_holds_the_queue_until_it_is_released(
    loaded_session: Session, wait_until: WaitUntil
) -> None:
    session, heard = loaded_session, Heard(loaded_session)
    session.set_config_values(LONG)
    session.start_training()
    session.set_config_values(QUICK)
    session.start_training()
    wait_until(lambda: heard.any_of(StepCompleted), 60)
    session.stop_training()
    wait_until(lambda: heard.outcomes, 30)
    wait_until(lambda: not session.is_training)
    assert session.trainings.queue.held
    assert len(session.trainings.queue.runs) == 1
    session.trainings.release_queue()
    assert session.is_training
    wait_until(lambda: len(heard.outcomes) == 2, 60)
    assert heard.outcomes[-1].status == "done"


def test_a_run_that_somebody_else_trains_is_neither_resumed_nor_judged(
    loaded_session: Session,
) -> None:
    session = loaded_session
    messages: list[Message] = []
    session.message_posted.connect(messages.append)
    run = session.store.create(session.config, session.ranking)
    run.write_outcome(Outcome("stopped", "Stopped and kept."))
    before = {path.name for path in run.path.iterdir()}
    with run.claim():
        session.resume_training(run)
        session.judge_run(run)
        session.train_again(run, more=3)
    assert [message.text for message in messages] == [f"{run.name} is being trained."] * 3
    assert not session.is_training
    assert Run(run.path).config == session.config
    assert {path.name for path in run.path.iterdir()} == before
