from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gui import system_check

ROOT = Path(__file__).parents[2]


def test_a_missing_library_gives_the_exact_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(system_check.ALWAYS, "libakin-none.so.1", "libakin1")
    monkeypatch.setitem(system_check.X11_ONLY, "libakin-x11.so.1", "libakin-x11-1")
    assert "libakin1" in system_check.missing_packages({"QT_QPA_PLATFORM": "offscreen"})
    text = system_check.problem({"DISPLAY": ":0"})
    assert text.startswith("error: Qt's system libraries are not all installed.\n")
    line = text.splitlines()[-1]
    assert line.startswith("hint: sudo apt-get install -y ")
    assert line.split()[-1] == "libakin-x11-1"
    assert "libakin1" in line.split()


def test_the_libraries_of_x11_are_asked_for_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(system_check.X11_ONLY, "libakin-x11.so.1", "libakin-x11-1")
    for environment in (
        {"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"},
        {"QT_QPA_PLATFORM": "offscreen"},
    ):
        assert "libakin-x11-1" not in system_check.missing_packages(environment)
    assert "libakin-x11-1" in system_check.missing_packages({"QT_QPA_PLATFORM": "xcb:foo"})


def test_what_is_installed_is_not_asked_for() -> None:
    assert system_check.missing_packages({"QT_QPA_PLATFORM": "offscreen"}) == []


def test_without_a_screen_the_process_says_so_and_loads_no_qt() -> None:
    environment = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME"}}
    done = subprocess.run(
        [sys.executable, "-m", "gui"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "error: There is no screen to open a window on.",
        "hint: Start it from a desktop session, or train without a window: "
        "akin train --recipe demo",
    ]
