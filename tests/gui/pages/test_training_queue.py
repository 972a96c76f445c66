"""The panel of waiting runs: by mouse, by keyboard, held and released."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QTest

from gui.pages.training_queue import QueuePanel
from gui.run_queue import WaitingRun
from gui.session import Session


@pytest.fixture
def panel(session: Session) -> QueuePanel:
    panel = QueuePanel(session.trainings)
    for seed in range(4):
        config = session.config.with_values({"seed": seed})
        session.trainings.queue.add(WaitingRun(config, session.ranking))
    return panel


def seeds(session: Session) -> list[int]:
    return [waiting.config.seed for waiting in session.trainings.queue.runs]


def shown(panel: QueuePanel) -> list[str]:
    texts = [panel.list.item(row).text() for row in range(panel.list.count())]
    return [text.partition("seed ")[2][0] for text in texts]


def test_it_is_hidden_while_nothing_waits(session: Session) -> None:
    panel = QueuePanel(session.trainings)
    assert panel.isHidden()
    session.trainings.queue.add(WaitingRun(session.config, session.ranking))
    assert not panel.isHidden()
    session.trainings.queue.remove(0)
    assert panel.isHidden()


def test_the_keyboard_moves_and_takes_out(panel: QueuePanel, session: Session) -> None:
    panel.list.setCurrentRow(2)
    QTest.keyClick(panel.list, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert seeds(session) == [0, 2, 1, 3]
    assert panel.list.currentRow() == 1
    QTest.keyClick(panel.list, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert seeds(session) == [0, 1, 2, 3]
    panel.list.setCurrentRow(3)
    QTest.keyClick(panel.list, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert seeds(session) == [0, 1, 2, 3]
    QTest.keyClick(panel.list, Qt.Key.Key_Delete)
    assert seeds(session) == [0, 1, 2]
    assert shown(panel) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("row", "to", "expected"),
    [(0, 3, [1, 2, 0, 3]), (3, 0, [3, 0, 1, 2]), (1, 4, [0, 2, 3, 1])],
)
def test_a_drag_reorders(
    panel: QueuePanel, session: Session, row: int, to: int, expected: list[int]
) -> None:
    assert panel.list.model().moveRow(QModelIndex(), row, QModelIndex(), to)
    assert seeds(session) == expected
    assert shown(panel) == [str(seed) for seed in expected]


def test_a_held_queue_says_so_and_can_be_released(panel: QueuePanel, session: Session) -> None:
    assert panel.go_button.isHidden()
    session.trainings.queue.set_held(True)
    assert not panel.go_button.isHidden()
    begun: list[int] = []
    session.trainings.begin = lambda run: begun.append(run.config.seed)  # type: ignore[method-assign]
    panel.go_button.click()
    assert begun == [0]
    assert panel.go_button.isHidden()


def test_a_held_queue_says_so_while_a_run_trains(
    loaded_session: Session, wait_until: Callable[..., None]
) -> None:
    session = loaded_session
    quick = {"training.epochs": 1, "crops.size": 16, "encoder.stem": "ordinary", "device": "cpu"}
    session.set_config_values(quick)
    panel = QueuePanel(session.trainings)
    session.trainings.queue.add(WaitingRun(session.config, session.ranking))
    session.trainings.queue.set_held(True)
    session.start_training()
    assert session.is_training
    assert panel._title.text() == "Queue, held (1)"
    assert not panel.go_button.isHidden()
    panel.go_button.click()
    assert panel._title.text() == "Queue (1)"
    assert panel.go_button.isHidden()
    wait_until(lambda: len(session.store.list()) == 2, 90)
    assert panel.isHidden()
    session.cancel_training()
    wait_until(lambda: not session.is_training, 60)
