"""Cycles are collected in the window's thread, whichever thread makes them."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable

from PySide6.QtWidgets import QApplication

from gui.tasks import Task

Wait = Callable[..., None]


class Cycle:
    def __init__(self, freed_in: list[int]) -> None:
        self.me = self
        weakref.finalize(self, lambda: freed_in.append(threading.get_ident())).atexit = False


def test_a_worker_that_makes_much_garbage_collects_none(
    app: QApplication, wait_until: Wait
) -> None:
    freed_in: list[int] = []
    made = 3 * gc.get_threshold()[0]

    def work(_progress: object, _should_stop: object) -> int:
        for _ in range(made):
            Cycle(freed_in)
        return len(freed_in)

    freed_meanwhile: list[int] = []
    task = Task(work)
    task.succeeded.connect(freed_meanwhile.append)
    task.begin()
    wait_until(lambda: freed_meanwhile and len(freed_in) == made)
    assert {*freed_in} == {threading.get_ident()}
