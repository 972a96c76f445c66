"""Pause, stop and cancel, asked from another thread."""

from __future__ import annotations

import threading

import pytest

from core.training.control import TrainingControl


def test_flags() -> None:
    control = TrainingControl()
    assert not control.stop_requested
    assert not control.cancel_requested
    assert not control.paused
    control.pause()
    assert control.paused
    control.resume()
    assert not control.paused
    control.stop()
    assert control.stop_requested
    assert not control.cancel_requested
    control.cancel()
    assert control.cancel_requested


@pytest.mark.parametrize("release", ["resume", "stop", "cancel"])
def test_a_paused_thread_waits_until_it_is_released(release: str) -> None:
    control = TrainingControl()
    control.pause()
    thread = threading.Thread(target=control.wait_while_paused)
    thread.start()
    thread.join(0.05)
    assert thread.is_alive(), "it did not wait"
    getattr(control, release)()
    thread.join(10)
    assert not thread.is_alive(), f"{release} left it waiting"
