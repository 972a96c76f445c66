"""Starts the window: `python -m gui [--workspace DIR] [--data DIR] [--run DIR]`."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, TracebackType

from PySide6.QtCore import QObject, QSocketNotifier, QTimer, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from core.errors import AkinError
from core.runs import default_workspace, open_run
from gui.garbage import GarbageCollector
from gui.main_window import MainWindow
from gui.messages import Message
from gui.session import Session
from gui.session_journal import SessionJournal
from gui.settings import Settings, user_config
from gui.theme import ICON_FOLDER, apply_theme


class ErrorCatcher(QObject):
    """Brings exceptions that nobody caught, of any thread, to the message bar.

    Args:
        session: Where they are posted.
    """

    caught = Signal(str, str)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.caught.connect(self._on_caught)

    def install(self) -> None:
        sys.excepthook = self.catch
        threading.excepthook = self._catch_of_thread

    def catch(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Has the signature of sys.excepthook; may be called in any thread."""
        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(text)
        if isinstance(error, AkinError):
            self.caught.emit(error.message, error.hint)
        elif not issubclass(kind, KeyboardInterrupt):
            self.caught.emit("", text)

    def _catch_of_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self.catch(args.exc_type, args.exc_value, args.exc_traceback)

    @Slot(str, str)
    def _on_caught(self, text: str, detail: str) -> None:
        if text:
            self._session.post(Message("error", text, detail))
            return
        last = detail.strip().splitlines()[-1] if detail.strip() else "Unknown error"
        self._session.post(
            Message(
                "error",
                f"Akin met an error of its own: {last}",
                "Nothing is lost. Go on, or report the details.",
                detail,
            )
        )


class SignalWatcher(QObject):
    """Turns SIGINT and SIGTERM into `received`, inside the event loop."""

    received = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ignore)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_activated)

    @Slot()
    def _on_activated(self) -> None:
        self._reader.recv(16)
        self.received.emit()

    @staticmethod
    def _ignore(_number: int, _frame: FrameType | None) -> None:
        """The wake-up socket tells of the signal."""


def main(argv: Sequence[str]) -> int:
    """Runs the application and returns its exit status."""
    options = _parse(argv)
    app = QApplication([sys.argv[0]])
    GarbageCollector(app)
    app.setApplicationName("Akin")
    app.setDesktopFileName("akin")
    app.setWindowIcon(QIcon(str(ICON_FOLDER / "akin.svg")))
    settings = Settings(options.workspace, user_config())
    settings.remember_workspace(options.workspace)
    settings.save()
    apply_theme(app, settings.theme, settings.text_size)
    session = Session(options.workspace)
    ErrorCatcher(session).install()
    journal = SessionJournal(session)
    window = MainWindow(session, settings)
    journal.start()
    window.pages_ready.connect(session.trainings.attach)
    SignalWatcher(window).received.connect(window.close_now)
    window.left.connect(app.quit)
    window.show()
    QTimer.singleShot(0, window, lambda: _open_first(session, settings, options))
    status = app.exec()
    stopped = session.close(1.5)
    settings.save()
    journal.close()
    if window.next_workspace is not None:
        words = ["-m", "gui", "--workspace", str(window.next_workspace)]
        os.execv(sys.executable, [sys.executable, *words])
    if not stopped:
        sys.stderr.write("The run did not stop in time; its last checkpoint is kept.\n")
        sys.stderr.flush()
        os._exit(status)
    return status


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="akin", description="The window of Akin.")
    parser.add_argument("--workspace", type=Path, default=_last_workspace(), metavar="DIR")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the data folder to open")
    parser.add_argument("--run", type=Path, metavar="DIR", help="the run directory to show")
    return parser.parse_args(list(argv))


def _last_workspace() -> Path:
    """Returns the workspace that was open last, unless $AKIN_WORKSPACE names one."""
    default = default_workspace()
    recent = Settings(default, user_config()).recent_workspaces
    return recent[0] if recent and "AKIN_WORKSPACE" not in os.environ else default


def _open_first(session: Session, settings: Settings, options: argparse.Namespace) -> None:
    if folder := options.data or settings.data_folder:
        session.open_data(folder)
    else:
        session.open_demo()
    if options.run:
        try:
            session.select_run(open_run(options.run))
        except AkinError as error:
            session.post_error(error)
        else:
            session.page_requested.emit("results")
