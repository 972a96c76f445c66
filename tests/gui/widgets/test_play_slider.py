from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QWidget

from gui.widgets import play_slider
from gui.widgets.play_slider import PARTS, PlaySlider

Own = Callable[[QWidget], None]
Wait = Callable[..., None]


@pytest.fixture
def strip(own: Own) -> PlaySlider:
    strip = PlaySlider("Epoch")
    own(strip)
    strip.set_steps(["epoch 1", "epoch 3", "epoch 9"])
    strip.show()
    QTest.qWaitForWindowExposed(strip)
    return strip


def test_it_stands_on_the_last_step_and_says_which(strip: PlaySlider) -> None:
    assert strip.position == 2
    assert strip.label.text() == "epoch 9"
    spy = QSignalSpy(strip.moved)
    strip.set_steps(["only"])
    assert strip.position == 0
    assert spy.count() == 0


def test_keys_walk_from_step_to_step(strip: PlaySlider) -> None:
    spy = QSignalSpy(strip.moved)
    QTest.keyClick(strip.slider, Qt.Key.Key_Left)
    assert spy.at(0) == [1.0]
    assert strip.label.text() == "epoch 3"
    assert strip.slider.accessibleDescription() == "epoch 3"
    QTest.keyClick(strip.slider, Qt.Key.Key_Home)
    assert strip.step == 0


def test_playing_goes_smoothly_from_the_first_to_the_last_and_ends(
    strip: PlaySlider, wait_until: Wait
) -> None:
    spy = QSignalSpy(strip.moved)
    strip._timer.setInterval(1)
    strip.play.click()
    assert strip.play.accessibleName() == "Pause"
    wait_until(lambda: not strip.play.isChecked())
    positions = [spy.at(i)[0] for i in range(spy.count())]
    assert positions == [part / PARTS for part in range(2 * PARTS + 1)]
    assert strip.play.accessibleName().startswith("Play")


def test_pausing_and_hiding_stop_it(strip: PlaySlider) -> None:
    strip.play.click()
    strip.play.click()
    assert strip.position == 0
    QTest.qWait(3 * play_slider.TICK_MS)
    assert strip.position == 0
    strip.play.click()
    strip.hide()
    assert not strip.play.isChecked()
    assert not strip._timer.isActive()
