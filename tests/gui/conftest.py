"""What every test of the window shares: an application off screen, a session, a small data set."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QSettings, QTimer
from PySide6.QtWidgets import QApplication

from core.data.demo import write_demo
from gui.garbage import GarbageCollector
from gui.main_window import MainWindow
from gui.session import Session
from gui.settings import Settings
from gui.theme import apply_theme

WaitUntil = Callable[..., None]


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QApplication]:
    """The application, with the light theme and settings of its own."""
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    folder = str(tmp_path_factory.mktemp("settings"))
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
    application = QApplication.instance() or QApplication(["akin-tests"])
    assert isinstance(application, QApplication)
    apply_theme(application, "light")
    GarbageCollector(application)
    yield application
    for widget in application.topLevelWidgets():
        widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def garbage(app: QApplication) -> Iterator[None]:
    """What a test leaves behind is collected in the window's thread."""
    yield
    collector = app.findChild(GarbageCollector)
    assert collector is not None
    collector.collect_due()


@pytest.fixture(scope="session")
def wait_until() -> WaitUntil:
    """wait_until(predicate, timeout_s): runs the event loop until it holds, or fails."""

    def wait(predicate: Callable[[], object], timeout_s: float = 30.0) -> None:
        end = time.monotonic() + timeout_s
        loop = QEventLoop()
        timer = QTimer()
        timer.setInterval(10)
        timer.timeout.connect(lambda: loop.quit() if predicate() else None)
        while not predicate():
            left = end - time.monotonic()
            assert left > 0, f"did not happen within {timeout_s} s"
            QTimer.singleShot(int(left * 1000) + 1, loop.quit)
            timer.start()
            loop.exec()
            timer.stop()

    return wait


@pytest.fixture
def session(app: QApplication, tmp_path: Path) -> Iterator[Session]:
    """A session on an empty workspace."""
    session = Session(tmp_path / "workspace")
    yield session
    session.close()
    session.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(scope="session")
def tiny_voc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real VOC folder of 40 demo images; read only, please."""
    folder = tmp_path_factory.mktemp("tiny") / "demo"
    write_demo(folder, images=40)
    return folder


@pytest.fixture
def loaded_session(session: Session, tiny_voc: Path, wait_until: WaitUntil) -> Session:
    """A session with tiny_voc open."""
    session.open_data(tiny_voc)
    wait_until(lambda: session.dataset is not None and session.loading.is_idle)
    return session


@pytest.fixture
def settings(session: Session) -> Settings:
    """Settings and preferences of the session's workspace."""
    return Settings(session.workspace)


@pytest.fixture
def window(
    app: QApplication, loaded_session: Session, settings: Settings, wait_until: WaitUntil
) -> Iterator[MainWindow]:
    """The main window with all its pages, on tiny_voc."""
    window = MainWindow(loaded_session, settings)
    ready: list[bool] = []
    window.pages_ready.connect(lambda: ready.append(True))
    window.show()
    window.activateWindow()
    wait_until(lambda: ready and window.isActiveWindow(), 30)
    yield window
    window.close_now()
    window.deleteLater()
