"""The session: data, ranking, undo, configuration and training, with real files and threads."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.events import EpochCompleted, Event, Outcome, StepCompleted
from core.ranking import Ranking
from core.runs import Run
from gui.messages import Message
from gui.session import ObjectSelection, Session

WaitUntil = Callable[..., None]

QUICK = {
    "training.epochs": 1,
    "training.batch_size": 32,
    "crops.size": 16,
    "encoder.name": "resnet18",
    "encoder.stem": "ordinary",
    "device": "cpu",
    "training.precision": "float32",
    "optimizer.learning_rate": 0.01,
}


@pytest.fixture
def messages(session: Session) -> list[Message]:
    seen: list[Message] = []
    session.message_posted.connect(seen.append)
    return seen


def test_opening_data_tells_everyone_and_sets_the_folder(
    session: Session, tiny_voc: Path, wait_until: WaitUntil
) -> None:
    opened, chosen, loading = [], [], []
    session.dataset_changed.connect(opened.append)
    session.class_selected.connect(chosen.append)
    session.dataset_loading.connect(lambda what, *_: loading.append(what))
    session.open_data(tiny_voc)
    wait_until(lambda: loading[-1:] == [""])
    assert opened[0] is session.dataset
    assert chosen == [session.dataset.classes[0]]
    assert session.config.data.folder == str(session.dataset.folder)


def test_a_folder_without_data_is_a_message_and_keeps_the_present_data(
    loaded_session: Session, messages: list[Message], tmp_path: Path, wait_until: WaitUntil
) -> None:
    before = loaded_session.dataset
    loaded_session.open_data(tmp_path / "nowhere")
    wait_until(lambda: messages)
    assert messages[0].level == "error"
    assert messages[0].hint
    assert loaded_session.dataset is before


def test_every_edit_is_one_step_and_no_change_is_none(session: Session) -> None:
    seen: list[Ranking] = []
    session.ranking_changed.connect(seen.append)
    session.edit(session.ranking, "nothing")
    assert session.undo_stack.count() == 0
    first = session.ranking.moved("cat", ["dog"], 0)
    session.edit(first, "cat: dog to rank 2")
    assert (session.undo_stack.undoText(), session.ranking) == ("cat: dog to rank 2", first)
    session.undo_stack.undo()
    session.undo_stack.redo()
    assert seen == [first, Ranking(), first]


def test_steps_of_one_gesture_are_one_step(session: Session) -> None:
    start = Ranking().moved("cat", ["dog"], 0).moved("cat", ["cow"], 1).moved("cat", ["bus"], 2)
    session.edit(start, "made")
    for rank in (3, 2):
        session.edit(session.ranking.stepped("cat", ["bus"], -1), f"bus to rank {rank}", "step bus")
    assert session.undo_stack.count() == 2
    assert session.undo_stack.undoText() == "bus to rank 2"
    session.undo_stack.undo()
    assert session.ranking == start
    session.undo_stack.redo()
    assert session.ranking.ranked("cat") == ("bus", "dog", "cow")
    session.edit(session.ranking.stepped("cat", ["cow"], -1), "cow", "step cow")
    assert session.undo_stack.count() == 3, "another gesture is another step"
    session.edit(session.ranking.stepped("cat", ["cow"], 1), "cow", "step cow")
    assert session.undo_stack.count() == 2, "there and back is no step"
    session.edit(session.ranking.cleared("cat"), "clear")
    session.edit(start, "again")
    assert session.undo_stack.count() == 4


def test_200_random_edits_and_undos_give_the_same_yaml(session: Session) -> None:
    chance = random.Random(4)
    names = ["bird", "boat", "bus", "car", "cat", "cow"]
    texts = [session.ranking.to_yaml()]
    for i in range(200):
        anchor, some = chance.choice(names), chance.sample(names, 2)
        now = session.ranking
        after = chance.choice(
            [
                now.moved(anchor, some, chance.randrange(4)),
                now.tied(anchor, some, chance.randrange(3)),
                now.removed(anchor, some),
                now.stepped(anchor, some[: chance.choice([1, 2])], chance.choice([-1, 1])),
            ]
        )
        session.edit(after, f"edit {i}")
        if session.undo_stack.count() == len(texts):
            texts.append(session.ranking.to_yaml())
    assert len(texts) > 50
    for index in [*range(len(texts))][::-1] + chance.sample(range(len(texts)), 40):
        session.undo_stack.setIndex(index)
        assert session.ranking.to_yaml() == texts[index]


def test_save_and_open_come_back_the_same(
    session: Session, messages: list[Message], tmp_path: Path
) -> None:
    ranking = Ranking(name="mine").moved("cat", ["dog", "cow"], 0).moved("cat", ["sheep"], 1)
    session.edit(ranking, "made")
    assert session.save_ranking(tmp_path / "mine.yaml")
    assert session.undo_stack.isClean()
    session.edit(Ranking(), "emptied")
    session.open_ranking(tmp_path / "mine.yaml")
    assert session.ranking == ranking
    assert messages[-1].level == "success"


def test_a_broken_ranking_file_changes_nothing(
    session: Session, messages: list[Message], tmp_path: Path
) -> None:
    session.edit(Ranking().moved("cat", ["dog"], 0), "made")
    path = tmp_path / "broken.yaml"
    path.write_text("similar: {cat: [dog")
    session.open_ranking(path)
    assert session.ranking.ranked("cat") == ("dog",)
    assert messages[0].level == "error"
    assert not session.save_ranking(tmp_path / "broken.yaml" / "below-a-file.yaml")


def test_an_impossible_value_changes_nothing(session: Session) -> None:
    before = session.config
    with pytest.raises(ConfigError, match="batch_size"):
        session.set_config_values({"training.batch_size": 0})
    assert session.config is before


def test_training_without_data_says_what_to_do(session: Session, messages: list[Message]) -> None:
    session.start_training()
    assert not session.is_training
    assert messages[0].level == "error"
    assert "demo" in messages[0].hint


def test_a_run_trains_and_ends_selected(
    loaded_session: Session, messages: list[Message], wait_until: WaitUntil
) -> None:
    session = loaded_session
    events: list[Event] = []
    outcomes: list[Outcome] = []
    session.events_received.connect(events.extend)
    session.training_finished.connect(outcomes.append)
    session.edit(Ranking().moved("cat", ["dog"], 0), "made")
    session.set_config_values(QUICK)
    session.start_training()
    run = session.training_run
    assert run is not None
    wait_until(lambda: outcomes, 90)
    assert outcomes[0].status == "done", outcomes[0]
    assert not session.is_training
    assert session.run == run
    assert run.ranking.ranked("cat") == ("dog",)
    assert session.ranking.ranked("cat") == ("dog",)
    assert next(e.step for e in events if isinstance(e, StepCompleted)) == 1
    assert sum(isinstance(e, EpochCompleted) for e in events) == 1
    assert run.metrics() is not None
    assert messages[-1].level == "success"


def test_stop_keeps_the_run_and_cancel_discards_it(
    loaded_session: Session, wait_until: WaitUntil
) -> None:
    session = loaded_session
    outcomes: list[Outcome] = []
    steps: list[Event] = []
    session.training_finished.connect(outcomes.append)
    session.events_received.connect(
        lambda events: steps.extend(e for e in events if isinstance(e, StepCompleted))
    )
    session.set_config_values({**QUICK, "training.epochs": 5000})
    session.start_training()
    kept = session.training_run
    assert kept is not None
    wait_until(lambda: steps, 60)
    session.stop_training()
    wait_until(lambda: outcomes, 10)
    assert outcomes[0].status == "stopped"
    assert (kept.checkpoint_folder / "last.pt").is_file()
    session.start_training()
    discarded = session.training_run
    assert discarded is not None
    session.cancel_training()
    wait_until(lambda: len(outcomes) == 2, 30)
    assert outcomes[1].status == "cancelled"
    assert not discarded.path.exists()
    assert session.store.list() == [kept]


def test_a_run_is_judged_trained_on_and_trained_anew_with_a_smaller_batch(
    loaded_session: Session, messages: list[Message], wait_until: WaitUntil
) -> None:
    session = loaded_session
    outcomes: list[Outcome] = []
    session.training_finished.connect(outcomes.append)
    session.set_config_values(QUICK)
    session.start_training()
    run = session.training_run
    assert run is not None
    wait_until(lambda: outcomes, 90)
    (run.path / "metrics.json").unlink()
    session.judge_run(run)
    wait_until(lambda: len(outcomes) == 2, 30)
    assert outcomes[1].message.startswith("The run was judged.")
    assert run.metrics() is not None
    session.train_again(run, more=1)
    wait_until(lambda: len(outcomes) == 3, 60)
    assert outcomes[2].epochs == 2, outcomes[2]
    session.train_again(run, batch_size=14)
    wait_until(lambda: len(outcomes) == 4, 60)
    assert session.run == run
    assert Run(run.path).config.training.batch_size == 14
    for name in ("last.pt", "previous.pt"):
        (run.checkpoint_folder / name).unlink(missing_ok=True)
    session.train_again(run, batch_size=12)
    wait_until(lambda: len(outcomes) == 5, 60)
    anew = session.run
    assert anew is not None
    assert anew != run
    assert anew.config.training.batch_size == 12
    session.train_again(run, batch_size=1)
    assert messages[-1].level == "error"
    assert not session.is_training


def test_selections_are_told_once(session: Session) -> None:
    seen: list[ObjectSelection | None] = []
    session.selection_changed.connect(seen.append)
    selection = ObjectSelection((1, 2), "true cat, predicted dog (2)")
    session.select_objects(selection)
    session.select_objects(ObjectSelection((1, 2), "true cat, predicted dog (2)"))
    session.select_objects(None)
    assert seen == [selection, None]
