"""The journal in use: nothing is lost, however the window ends."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from core.ranking import Ranking
from gui.messages import Message
from gui.session import Session
from gui.session_journal import SessionJournal

CLASSES = ("bird", "boat", "bus", "car", "cat", "cow", "dog")


def opened(workspace: Path) -> tuple[Session, SessionJournal, list[Message]]:
    session = Session(workspace)
    messages: list[Message] = []
    session.message_posted.connect(messages.append)
    journal = SessionJournal(session)
    journal.start()
    return session, journal, messages


def ended(session: Session, journal: SessionJournal) -> None:
    session.close()
    journal.close()


def rank(session: Session, anchor: str, name: str) -> None:
    ranking = session.ranking.moved(anchor, (name,), 0)
    session.edit(ranking, f"rank {name} for {anchor}")


def history(session: Session) -> list[str]:
    return [session.undo_stack.text(i) for i in range(session.undo_stack.count())]


def test_a_closed_window_is_taken_up_again(app: QApplication, tmp_path: Path) -> None:
    session, journal, messages = opened(tmp_path)
    rank(session, "cat", "dog")
    rank(session, "cat", "cow")
    rank(session, "bird", "boat")
    session.undo_stack.undo()
    session.save_ranking(tmp_path / "mine.yaml")
    session.undo_stack.undo()
    session.set_config_values({"training.epochs": 5})
    before = session.ranking
    ended(session, journal)

    session, journal, messages = opened(tmp_path)
    assert messages == []
    assert session.ranking == before
    assert session.config.training.epochs == 5
    assert session.ranking_path == tmp_path / "mine.yaml"
    assert history(session) == ["rank dog for cat", "rank cow for cat", "rank boat for bird"]
    assert not session.undo_stack.isClean()
    session.undo_stack.redo()
    assert session.undo_stack.isClean()
    session.undo_stack.redo()
    assert session.ranking.tier_index("bird", "boat") == 0
    session.undo_stack.setIndex(0)
    assert session.ranking == Ranking()
    ended(session, journal)


def test_every_ranking_of_the_history_keeps_its_file(app: QApplication, tmp_path: Path) -> None:
    session, journal, _ = opened(tmp_path)
    session.board.create(Ranking(name="anna").moved("cat", ["dog"], 0))
    rank(session, "cat", "cow")
    session.save_ranking(tmp_path / "rankings" / "anna.yaml")
    session.board.create(Ranking(name="bo").moved("cat", ["bird"], 0))
    ended(session, journal)
    session, journal, _ = opened(tmp_path)
    assert (session.ranking.name, session.ranking_path) == ("bo", tmp_path / "rankings" / "bo.yaml")
    session.undo_stack.undo()
    assert session.ranking.ranked("cat") == ("cow", "dog")
    assert session.ranking_path == tmp_path / "rankings" / "anna.yaml"
    session.open_ranking("none")
    assert session.ranking_path is None
    session.undo_stack.undo()
    assert session.ranking_path == tmp_path / "rankings" / "anna.yaml"
    ended(session, journal)


def test_merged_and_replaced_steps_are_taken_up_as_they_were(
    app: QApplication, tmp_path: Path
) -> None:
    session, journal, _ = opened(tmp_path)
    rank(session, "cat", "dog")
    for similarity in (0.6, 0.7, 0.8):
        ranking = session.ranking.with_similarity("cat", 0, similarity)
        session.edit(ranking, f"similarity {similarity}", "handle")
    rank(session, "cat", "cow")
    session.undo_stack.undo()
    rank(session, "bird", "bus")
    texts, before = history(session), session.ranking.to_yaml()
    assert texts == ["rank dog for cat", "similarity 0.8", "rank bus for bird"]
    ended(session, journal)
    session, journal, _ = opened(tmp_path)
    assert (history(session), session.ranking.to_yaml()) == (texts, before)
    ended(session, journal)


def test_a_second_window_keeps_no_journal_and_says_so(app: QApplication, tmp_path: Path) -> None:
    session, journal, _ = opened(tmp_path)
    rank(session, "cat", "dog")
    other, other_journal, messages = opened(tmp_path)
    assert ["open in another window" in message.text for message in messages] == [True]
    rank(other, "cat", "bird")
    ended(other, other_journal)
    rank(session, "cat", "cow")
    ended(session, journal)
    session, journal, messages = opened(tmp_path)
    assert messages == []
    assert session.ranking.ranked("cat") == ("cow", "dog")
    ended(session, journal)


def test_a_journal_that_cannot_be_written_is_said_once(app: QApplication, tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").mkdir()
    session, journal, messages = opened(tmp_path)
    assert ["cannot be written" in message.text for message in messages] == [True]
    rank(session, "cat", "dog")
    assert len(messages) == 1
    ended(session, journal)


WORKER = """
import random, sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from gui.session import Session
from gui.session_journal import SessionJournal

app = QApplication([])
session = Session(Path(sys.argv[1]))
journal = SessionJournal(session)
journal.start()
draw = random.Random(int(sys.argv[2]))
classes = {classes}

def gesture():
    try:
        step()
    except BaseException:
        app.exit(1)
        raise

def step():
    kind = draw.random()
    if kind < 0.2 and session.undo_stack.canUndo():
        session.undo_stack.undo()
    elif kind < 0.3 and session.undo_stack.canRedo():
        session.undo_stack.redo()
    else:
        anchor, name = draw.sample(classes, 2)
        session.edit(session.ranking.moved(anchor, (name,), 0), f"{{name}} for {{anchor}}")
    print(repr(session.ranking.to_yaml()), flush=True)

print(repr(session.ranking.to_yaml()), flush=True)
timer = QTimer()
timer.timeout.connect(gesture)
timer.start(0)
sys.exit(app.exec())
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_a_kill_loses_at_most_the_gesture_under_way(
    app: QApplication, tmp_path: Path, seed: int
) -> None:
    """Three windows, one after another, are killed in the middle of editing."""
    draw = random.Random(seed)
    last = repr(Ranking().to_yaml())
    for attempt in range(3):
        script = WORKER.format(classes=list(CLASSES))
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "work"), str(seed * 10 + attempt)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        )
        assert process.stdout is not None
        first = process.stdout.readline().rstrip("\n")
        shown = [first]
        end = time.monotonic() + draw.uniform(0.05, 0.3)
        while time.monotonic() < end:
            shown.append(process.stdout.readline().rstrip("\n"))
            assert shown[-1], "the window ended by itself"
        process.send_signal(signal.SIGKILL)
        shown += [line.rstrip("\n") for line in process.stdout if line.endswith("\n")]
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        assert attempt == 0 or first == last
        assert len(shown) > 5

        session, journal, messages = opened(tmp_path / "work")
        found = session.ranking.to_yaml()
        near = [found]
        at = session.undo_stack.index()
        for index in (at - 1, at + 1):
            session.undo_stack.setIndex(index)
            near.append(session.ranking.to_yaml())
        # The gesture under way may have reached the journal before it was shown.
        assert shown[-1] in map(repr, near)
        assert any("ended without being closed" in message.text for message in messages)
        session.undo_stack.setIndex(session.undo_stack.count())
        last = repr(session.ranking.to_yaml())
        ended(session, journal)
