"""Workspaces: which folders may be one, how the window goes to another, what it remembers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox, QToolButton

from core.errors import AkinError
from core.runs import default_workspace
from gui.main_window import MainWindow
from gui.messages import Message
from gui.session import Session
from gui.settings import Settings
from gui.workspaces import is_workspace, require_workspace, workspace_name

Wait = Callable[..., None]


def test_an_empty_or_a_new_folder_may_be_a_workspace_and_others_may_not(tmp_path: Path) -> None:
    require_workspace(tmp_path / "a" / "new one")
    assert (tmp_path / "a" / "new one").is_dir()
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    (photographs / "one.jpg").write_bytes(b"")
    with pytest.raises(AkinError, match="photographs is no workspace"):
        require_workspace(photographs)
    (photographs / "runs" / "0001").mkdir(parents=True)
    assert not is_workspace(photographs)
    (photographs / "runs" / "0001" / "config.yaml").write_text("")
    require_workspace(photographs)
    with pytest.raises(AkinError, match="cannot be a workspace"):
        require_workspace(photographs / "one.jpg")


def test_a_used_workspace_is_one(session: Session) -> None:
    session.workspace.mkdir(parents=True)
    settings = Settings(session.workspace)
    settings.page = "ranking"
    settings.save()
    assert is_workspace(session.workspace)
    assert workspace_name(session.workspace) == "workspace"
    assert workspace_name(default_workspace()) == "default"


def test_preferences_belong_to_the_person_and_pages_to_the_workspace(tmp_path: Path) -> None:
    user, a, b = (tmp_path / name for name in ("user", "a", "b"))
    a.mkdir()
    b.mkdir()
    settings = Settings(a, user)
    settings.theme, settings.text_size, settings.own_process = "dark", 125, True
    settings.processes, settings.tour_done, settings.page = 4, True, "results"
    settings.remember_workspace(a)
    settings.remember_workspace(b)
    settings.save()
    other = Settings(b, user)
    assert (other.theme, other.text_size, other.own_process) == ("dark", 125, True)
    assert (other.processes, other.tour_done, other.page) == (4, True, "")
    assert other.recent_workspaces == [b, a]
    a.rename(tmp_path / "gone")
    assert other.recent_workspaces == [b]


def test_the_header_names_the_workspace_and_offers_the_recent_ones(
    window: MainWindow, settings: Settings, tmp_path: Path
) -> None:
    other = tmp_path / "the other"
    other.mkdir()
    settings.remember_workspace(other)
    settings.remember_workspace(window._session.workspace)
    button = window.findChild(QToolButton, "workspaceMenu")
    assert button is not None
    assert button.accessibleDescription() == "workspace"
    button.menu().aboutToShow.emit()
    texts = [action.text() for action in button.menu().actions()]
    assert texts[:2] == ["Open workspace…", "New workspace…"]
    assert len([text for text in texts if "the other" in text]) == 1
    left: list[bool] = []
    window.left.connect(lambda: left.append(True))
    next(a for a in button.menu().actions() if "the other" in a.text()).trigger()
    assert left
    assert window.next_workspace == other


def test_a_folder_of_other_things_is_refused_and_said(window: MainWindow, tmp_path: Path) -> None:
    messages: list[Message] = []
    window._session.message_posted.connect(messages.append)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("")
    window.files.open_workspace(tmp_path / "other")
    assert ["no workspace" in message.text for message in messages] == [True]
    assert window.next_workspace is None
    assert window.isVisible()
    window.files.open_workspace(window._session.workspace)
    assert window.next_workspace is None


def test_staying_with_the_run_stays_with_the_workspace(
    window: MainWindow, session: Session, tmp_path: Path, wait_until: Wait
) -> None:
    session.set_config_values({"training.epochs": 5000, "crops.size": 16, "device": "cpu"})
    session.start_training()
    for answer in ("Go on", "Stop"):
        window.files.open_workspace(tmp_path / "next")
        assert window.next_workspace == tmp_path / "next"
        question = next(q for q in window.findChildren(QMessageBox) if q.isVisible())
        next(b for b in question.buttons() if answer in b.text()).click()
        wait_until(partial(QMessageBox.isHidden, question))
        assert window.next_workspace == (tmp_path / "next" if answer == "Stop" else None)
    wait_until(lambda: not session.is_training, 60)


CODE = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
import gui.app, gui.main_window
from gui.main_window import MainWindow

def ready(window):
    print(window._session.workspace.name, flush=True)
    if window._session.workspace.name == "first":
        QTimer.singleShot(0, lambda: window.files.open_workspace(
            window._session.workspace.parent / "second"))
    else:
        QTimer.singleShot(0, window.close)

build = MainWindow._build_next_page
def build_and_tell(window):
    waiting = bool(window._waiting)
    build(window)
    if not waiting:
        ready(window)
MainWindow._build_next_page = build_and_tell
sys.exit(gui.app.main(sys.argv[1:]))
"""


def test_the_window_opens_again_on_the_other_workspace(tmp_path: Path, tiny_voc: Path) -> None:
    """A real process; the second window is told of by what it leaves behind."""
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "AKIN_CONFIG": str(tmp_path / "config"),
        "AKIN_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    words = ["--workspace", str(tmp_path / "first"), "--data", str(tiny_voc)]
    log = tmp_path / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, *words], env=environment, stdout=out, stderr=out
        )
        try:
            second = tmp_path / "second"
            end = time.monotonic() + 60
            while not (second / "journal.jsonl").exists() and time.monotonic() < end:
                time.sleep(0.1)
            assert (second / "journal.jsonl").exists(), log.read_text()
            assert process.poll() is None, log.read_text()
            lines = (tmp_path / "first" / "journal.jsonl").read_text().splitlines()
            assert "closed" in lines[-1], "the first window did not close"
        finally:
            process.kill()
            process.wait()
    assert Settings(second, tmp_path / "config").recent_workspaces == [second, tmp_path / "first"]
    assert log.read_text().split() == ["first"]
