"""Work outside the window's thread: only the latest request counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QThread, Slot
from PySide6.QtWidgets import QApplication

from core.errors import AkinError
from gui.tasks import LatestTask, Task

WaitUntil = Callable[..., None]


class Listener(QObject):
    def __init__(self, task: LatestTask) -> None:
        super().__init__()
        self.results: list[object] = []
        self.errors: list[AkinError] = []
        self.threads: list[QThread] = []
        task.succeeded.connect(self._on_succeeded)
        task.failed.connect(self._on_failed)

    @Slot(object)
    def _on_succeeded(self, result: object) -> None:
        self.results.append(result)
        self.threads.append(QThread.currentThread())

    @Slot(object)
    def _on_failed(self, error: AkinError) -> None:
        self.errors.append(error)


def test_only_the_latest_result_arrives(app: QApplication, wait_until: WaitUntil) -> None:
    task = LatestTask()
    listener = Listener(task)
    go = threading.Event()
    started: list[int] = []

    def work(number: int) -> Callable[..., int]:
        def run(_progress: object, _should_stop: object) -> int:
            started.append(number)
            go.wait(5)
            return number

        return run

    for number in (1, 2, 3):
        task.start(work(number))
    go.set()
    wait_until(lambda: task.is_idle)
    assert listener.results == [3]
    assert started == [1, 3]
    assert listener.threads == [app.thread()]


def test_a_parent_that_goes_stops_its_task_and_outlives_nothing(
    app: QApplication, wait_until: WaitUntil
) -> None:
    parent = QObject()
    seen = threading.Event()
    ended: list[bool] = []

    def work(_progress: object, should_stop: Callable[[], bool]) -> None:
        seen.set()
        end = time.monotonic() + 20
        while not should_stop() and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.2)  # the parent is long gone
        ended.append(should_stop())

    Task(work, parent).begin()
    assert seen.wait(20)
    parent.deleteLater()
    QCoreApplication.sendPostedEvents(parent, QEvent.Type.DeferredDelete)
    assert not ended
    wait_until(lambda: ended)
    assert ended == [True]


def test_what_runs_is_asked_to_stop(app: QApplication, wait_until: WaitUntil) -> None:
    task = LatestTask()
    listener = Listener(task)
    stopped = threading.Event()

    def endless(_progress: object, should_stop: Callable[[], bool]) -> None:
        while not should_stop():
            threading.Event().wait(0.005)
        stopped.set()

    task.start(endless)
    task.start(lambda _progress, _should_stop: "next")
    wait_until(lambda: listener.results == ["next"])
    assert stopped.is_set()


def test_an_error_is_told_and_work_goes_on(app: QApplication, wait_until: WaitUntil) -> None:
    task = LatestTask()
    listener = Listener(task)

    def fail(_progress: object, _should_stop: object) -> None:
        raise AkinError("It broke.", "Mend it.")

    task.start(fail)
    wait_until(lambda: task.is_idle)
    assert [error.message for error in listener.errors] == ["It broke."]
    task.start(lambda _progress, _should_stop: 1)
    wait_until(lambda: listener.results == [1])


def test_shut_down_waits(app: QApplication) -> None:
    task = LatestTask()
    done = threading.Event()

    def slow(_progress: object, should_stop: Callable[[], bool]) -> None:
        while not should_stop():
            threading.Event().wait(0.005)
        done.set()

    task.start(slow)
    task.shut_down()
    assert done.is_set()
