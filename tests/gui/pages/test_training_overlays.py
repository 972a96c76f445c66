"""A ticked run that is still training grows in the plot as its events are written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.events import Event
from core.runs import EventLog, Run
from gui.pages.training_page import TrainingPage
from gui.session import Session

MakeRun = Callable[..., Run]
Wait = Callable[..., None]


@pytest.fixture
def page(training_page: TrainingPage) -> TrainingPage:
    return training_page


@pytest.fixture
def run(loaded_session: Session, make_run: MakeRun) -> Run:
    assert loaded_session.dataset is not None
    return make_run(loaded_session.store, loaded_session.dataset, results=False)


def up_to(run: Run, step: int) -> list[Event]:
    return [event for event in run.events() if getattr(event, "step", 0) <= step]


def write(run: Run, events: list[Event], *, anew: bool = False) -> None:
    if anew:
        (run.path / "events.jsonl").unlink()
    log = EventLog(run)
    for event in events:
        log.write(event)
    log.close()


def tick(page: TrainingPage, run: Run, wait_until: Wait) -> None:
    page.run_actions.reload()
    wait_until(lambda: page.runs.model.rowCount() == 1)
    box = page.runs.model.index(0, 0)
    page.runs.model.setData(box, Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
    wait_until(lambda: page.plots.overlays == (run,))


def test_a_ticked_run_grows_with_its_file_and_rests_while_the_page_is_hidden(
    page: TrainingPage, run: Run, wait_until: Wait
) -> None:
    events, stack, key = list(run.events()), page.plots.stack, str(run.path)
    first, second = up_to(run, 12), up_to(run, 21)
    write(run, first, anew=True)
    tick(page, run, wait_until)
    assert stack.point_count("loss", key) == 12
    write(run, second[len(first) :])
    wait_until(lambda: stack.point_count("loss", key) == 21)
    assert stack.point_count("validation", key) == 2
    page.hide()
    write(run, events[len(second) :])
    QTest.qWait(1200)  # more than two looks
    assert stack.point_count("loss", key) == 21
    page.show()
    wait_until(lambda: stack.point_count("loss", key) == 30)
    assert stack.point_count("validation", key) == 3


def test_a_ticked_run_that_is_resumed_from_an_earlier_step_is_drawn_anew(
    page: TrainingPage, run: Run, wait_until: Wait
) -> None:
    events, stack, key = list(run.events()), page.plots.stack, str(run.path)
    tick(page, run, wait_until)
    assert stack.point_count("loss", key) == 30
    run.cut_events_after(9)
    wait_until(lambda: stack.point_count("loss", key) < 12)
    assert stack.point_count("validation", key) == 0
    write(run, events[len(list(run.events())) :])
    wait_until(lambda: stack.point_count("loss", key) == 30)


def test_a_run_that_is_not_ticked_any_more_is_not_followed(
    page: TrainingPage, run: Run, wait_until: Wait
) -> None:
    events, stack, key = list(run.events()), page.plots.stack, str(run.path)
    write(run, up_to(run, 12), anew=True)
    tick(page, run, wait_until)
    box = page.runs.model.index(0, 0)
    page.runs.model.setData(box, Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    write(run, events[-4:])
    QTest.qWait(1200)
    assert stack.point_count("loss", key) == 0
    page.overlays._on_toggled(run, True)
    page.overlays._on_toggled(run, False)  # before it has been read
    wait_until(lambda: page.is_idle)
    assert page.plots.overlays == ()
