"""Drives the real window with xdotool from inside its own event loop.

A script is a generator that yields conditions; the driver looks at them twenty times a second and
goes on when they hold. So the window under test never stops handling events, drags included.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QTimer, Slot
from PySide6.QtWidgets import QApplication, QToolButton, QWidget

from gui.garbage import GarbageCollector
from gui.main_window import MainWindow
from gui.session import Session
from gui.settings import Settings
from gui.theme import apply_theme

Condition = Callable[[], object]
Script = Generator[Condition, None, None]
INTERVAL_MS = 50
STEP_TIMEOUT_S = 120.0


class Driver(QObject):
    """Runs one script; quits the application at its end or at the first failure.

    Args:
        script: Yields conditions.
        timeout_s: How long one condition may take.
    """

    def __init__(self, script: Script, timeout_s: float) -> None:
        super().__init__()
        self._script = script
        self._timeout_s = timeout_s
        self._condition: Condition = lambda: True
        self._since = time.monotonic()
        self.failure = ""
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._on_timer)
        self._timer.start()

    @Slot()
    def _on_timer(self) -> None:
        try:
            if not self._condition():
                if time.monotonic() - self._since > self._timeout_s:
                    raise TimeoutError(f"waited {self._timeout_s:.0f} s in vain")
                return
            self._condition = next(self._script)
            self._since = time.monotonic()
        except StopIteration:
            self._end("")
        except Exception as error:  # noqa: BLE001 - reported by the process's exit status
            frame = self._script.gi_frame
            line = frame.f_lineno if frame else "?"
            self._end(f"{type(error).__name__}: {error} (script line {line})")

    def _end(self, failure: str) -> None:
        self.failure = failure
        self._timer.stop()
        QApplication.quit()


def xdotool(*words: object) -> Condition:
    """Starts xdotool and returns a condition that holds when it has ended."""
    process = subprocess.Popen(["xdotool", *map(str, words)])

    def ended() -> bool:
        code = process.poll()
        assert code in (None, 0), f"xdotool ended with {code}"
        return code == 0

    return ended


def wait(seconds: float) -> Condition:
    """Returns a condition that holds after some seconds."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def click(point: QPoint) -> Script:
    """Clicks a point in global coordinates."""
    yield xdotool("mousemove", point.x(), point.y())
    yield wait(0.1)
    yield xdotool("click", 1)
    yield wait(0.2)


def click_widget(widget: QWidget) -> Script:
    """Clicks a widget's centre."""
    assert widget.isVisible(), f"{widget.accessibleName() or widget} is not visible"
    assert widget.isEnabled(), f"{widget.accessibleName() or widget} is not enabled"
    yield from click(widget.mapToGlobal(widget.rect().center()))


def nav(window: MainWindow, page: str) -> QWidget:
    """Returns the rail's button of a page."""
    button = window.rail.findChild(QToolButton, f"nav-{page}")
    assert isinstance(button, QToolButton)
    return button


def drag(start: QPoint, end: Callable[[], QPoint]) -> Script:
    """Drags from a point to another, which is looked up again once the drag has begun."""
    yield xdotool("mousemove", start.x(), start.y())
    yield wait(0.1)
    yield xdotool("mousedown", 1)
    yield wait(0.1)
    for share in (0.1, 0.3, 0.6, 0.9, 1.0, 1.0):
        point = start + (end() - start) * share
        yield xdotool("mousemove", point.x(), point.y())
        yield wait(0.15)
    point = end()
    yield xdotool("mousemove", point.x(), point.y())
    yield wait(0.3)
    yield xdotool("mouseup", 1)
    yield wait(0.4)


def open_window(workspace: Path, theme: str = "light") -> tuple[QApplication, Session, MainWindow]:
    """Opens the real main window on a workspace."""
    app = QApplication([sys.argv[0]])
    GarbageCollector(app)
    settings = Settings(workspace)
    settings.tour_done = True
    apply_theme(app, theme)  # type: ignore[arg-type]
    session = Session(workspace)
    window = MainWindow(session, settings)
    window.move(0, 0)
    window.show()
    return app, session, window


def run_script(
    app: QApplication, session: Session, script: Script, timeout_s: float = STEP_TIMEOUT_S
) -> int:
    """Runs a script to its end and returns the process's exit status."""
    driver = Driver(script, timeout_s)
    app.exec()
    session.close()
    if driver.failure:
        sys.stderr.write(f"{driver.failure}\n")
        return 1
    return 0


@contextmanager
def virtual_screen(width: int = 1400, height: int = 900) -> Iterator[dict[str, str]]:
    """Starts Xvfb and yields the environment in which a window opens on it."""
    binary = shutil.which("Xvfb")
    assert binary, "Xvfb is not installed: apt-get install xvfb"
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        [
            binary,
            "-displayfd",
            str(write_end),
            "-screen",
            "0",
            f"{width}x{height}x24",
            "-nolisten",
            "tcp",
        ],
        pass_fds=(write_end,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    try:
        with os.fdopen(read_end) as answers:
            number = answers.readline().strip()
        assert number, "Xvfb did not start"
        environment = {k: v for k, v in os.environ.items() if k != "WAYLAND_DISPLAY"}
        yield environment | {"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}
    finally:
        server.terminate()
        server.wait()
