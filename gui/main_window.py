"""The window: it wires pages, menus, header and status line to the session, and no more."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.data.index import DatasetIndex
from gui.main_files import Opener, dropped_path
from gui.main_header import HeaderBar
from gui.main_menu import build_menus
from gui.main_pages import PAGE_NAMES, PAGES, make_page
from gui.main_preferences import PreferencesWindow
from gui.main_status import StatusLine
from gui.main_tour import Tour
from gui.preferences import Preferences
from gui.session import Session
from gui.settings import Settings
from gui.theme import ThemeName
from gui.widgets.command_palette import Command, commands_of
from gui.widgets.help_window import HelpWindow
from gui.widgets.nav_rail import NavRail

STOP_WITHIN_MS = 3000


class MainWindow(QMainWindow):
    """The window.

    Args:
        session: The application's state.
        settings: What is remembered from start to start.
        parent: Owner.
    """

    first_painted = Signal()
    pages_ready = Signal()
    left = Signal()  # it is closed and the application may end

    def __init__(self, session: Session, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._pages: dict[str, QWidget] = {}
        self._slots: dict[str, QVBoxLayout] = {}
        self._waiting = list(PAGE_NAMES)
        self._current = PAGE_NAMES[0]
        self._painted = False
        self._closing = False
        self._question: QMessageBox | None = None
        self._preferences_window: PreferencesWindow | None = None
        self.help: HelpWindow | None = None
        self.next_workspace: Path | None = None
        self.preferences = Preferences(settings, session.trainings, self)
        self.files = Opener(session, self)
        self.tour = Tour(session, settings, self)
        self.setWindowTitle("Akin")
        self.setMinimumSize(1024, 680)
        self.setAcceptDrops(True)
        self._build()
        self._connect()
        self._restore_geometry()
        self.show_page(settings.page if settings.page in PAGE_NAMES else PAGE_NAMES[0])

    # ----- building -----

    def _build(self) -> None:
        self.rail = NavRail(PAGES)
        theme_button = self.rail.add_action_button(
            "Theme", "mdi6.theme-light-dark", "Switch between light and dark"
        )
        theme_button.clicked.connect(self.preferences.toggle_dark)
        help_button = self.rail.add_action_button("Help", "mdi6.help-circle-outline", "Help (F1)")
        help_button.clicked.connect(self.show_getting_started)
        self.header = HeaderBar(self._session, self._settings, self.files)
        self.stack = QStackedWidget()
        for key in PAGE_NAMES:
            slot = QWidget()
            self._slots[key] = QVBoxLayout(slot)
            self._slots[key].setContentsMargins(0, 0, 0, 0)
            self.stack.addWidget(slot)
        self.status = StatusLine(self._session)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self.tour.bar)
        column.addWidget(self.stack, 1)
        column.addWidget(self.status)
        centre = QWidget()
        row = QHBoxLayout(centre)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addLayout(column, 1)
        self.setCentralWidget(centre)
        build_menus(self, self._session)

    def _connect(self) -> None:
        session = self._session
        self.rail.chosen.connect(self.show_page)
        session.page_requested.connect(self.show_page)
        session.dataset_changed.connect(self._on_dataset_changed)
        session.dataset_loading.connect(self._on_dataset_loading)
        session.training_finished.connect(self._on_training_finished)
        self.files.workspace_requested.connect(self._on_workspace_requested)

    def _restore_geometry(self) -> None:
        if not self.restoreGeometry(self._settings.geometry):
            self.resize(1280, 800)
        self.clamp_to_screen()

    def clamp_to_screen(self) -> None:
        """Moves and shrinks the window so that all of it is on a screen there is."""
        now = self.geometry()
        screen = QGuiApplication.screenAt(now.center()) or self.screen()
        room = screen.availableGeometry()
        if room.contains(now):
            return
        self.setMinimumSize(self.minimumSize().boundedTo(room.size()))
        size = now.size().boundedTo(room.size())
        x = min(max(now.x(), room.left()), room.right() + 1 - size.width())
        y = min(max(now.y(), room.top()), room.bottom() + 1 - size.height())
        self.setGeometry(x, y, size.width(), size.height())

    # ----- pages -----

    def page(self, name: str) -> QWidget:
        """Returns a page, made on first use."""
        if name not in self._pages:
            page = make_page(name, self._session)
            self._slots[name].addWidget(page)
            self._pages[name] = page
        return self._pages[name]

    def current_page(self) -> QWidget:
        """Returns the page that is seen."""
        return self.page(self._current)

    @Slot(str)
    def show_page(self, name: str) -> None:
        self._current = name
        self._settings.page = self._session.page = name
        self.rail.set_current(name)
        self.tour.bar.follow(name)
        if self._painted:
            self.page(name)
        self.stack.setCurrentIndex(PAGE_NAMES.index(name))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self, self._on_first_paint)

    @Slot()
    def _on_first_paint(self) -> None:
        self.first_painted.emit()
        self.rail.load_icons()
        self.show_page(self._current)
        QTimer.singleShot(50, self, self._build_next_page)

    @Slot()
    def _build_next_page(self) -> None:
        if not self._waiting:
            self.pages_ready.emit()
            return
        QTimer.singleShot(20, self, self._build_next_page)
        self.page(self._waiting.pop(0))

    # ----- data -----

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_path(event) is not None:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        path = dropped_path(event)
        if path is not None:
            event.accept()
            self.files.open_path(str(path))

    @Slot(object)
    def _on_dataset_changed(self, index: DatasetIndex) -> None:
        is_demo = self._session.is_demo
        self._settings.data_folder = None if is_demo else index.folder
        if not is_demo:
            self._settings.remember_folder(index.folder)

    @Slot(str, int, int)
    def _on_dataset_loading(self, what: str, _done: int, _total: int) -> None:
        if not what and self._session.dataset is None:
            self._session.dataset_loading.disconnect(self._on_dataset_loading)
            QTimer.singleShot(0, self._session, self._session.open_demo)

    @Slot()
    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    # ----- preferences and help -----

    def set_theme(self, name: ThemeName) -> None:
        self.preferences.set_theme(name)

    @Slot()
    def show_preferences(self) -> None:
        """Opens the preferences beside the window."""
        if self._preferences_window is None:
            self._preferences_window = PreferencesWindow(
                self.preferences, self._session.workspace, self.files, self
            )
        self._preferences_window.show()
        self._preferences_window.raise_()
        self._preferences_window.activateWindow()

    def show_help(self, topic: str) -> None:
        """Shows resources/help/TOPIC.md, or "about", beside the window."""
        if self.help is None:
            self.help = HelpWindow(self._commands, self)
        self.help.show_topic(topic)

    def _commands(self) -> tuple[Command, ...]:
        return commands_of(self.menuBar())

    @Slot()
    def show_getting_started(self) -> None:
        self.show_help("getting-started")

    # ----- closing -----

    @Slot(object)
    def _on_workspace_requested(self, folder: Path) -> None:
        self.next_workspace = folder
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._settings.geometry = self.saveGeometry()
        self._settings.save()
        goes_on = self._session.trainings.survives_window
        if not self._session.is_training or goes_on or self._closing:
            event.accept()
            self._leave()
            return
        event.ignore()
        self._ask_before_closing()

    def _ask_before_closing(self) -> None:
        if self._question is not None:
            self._question.raise_()
            return
        run = self._session.training_run
        assert run is not None, "asked only while a run is trained"
        box = QMessageBox(self)
        box.setObjectName("closeQuestion")
        box.setText(f"{run.name} is being trained.")
        box.setInformativeText(_closing_words(len(self._session.trainings.queue.runs)))
        stop = box.addButton("Stop, keep and close", QMessageBox.ButtonRole.AcceptRole)
        stop.setObjectName("closeAnyway")
        stop.clicked.connect(self.close_now)
        stay = box.addButton("Go on training", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        box.finished.connect(self._on_question_finished)
        self._question = box
        box.open()

    @Slot()
    def _on_question_finished(self) -> None:
        if self._question is not None:
            button = self._question.clickedButton()
            if button is None or button.objectName() != "closeAnyway":
                self.next_workspace = None
            self._question.deleteLater()
            self._question = None

    @Slot()
    def close_now(self) -> None:
        """Stops and keeps the run if there is one, and closes without asking."""
        self._closing = True
        if self._session.is_training and not self._session.trainings.survives_window:
            self._session.stop_training()
            self.hide()
            QTimer.singleShot(STOP_WITHIN_MS, self, self._leave)
        else:
            self.close()

    @Slot()
    def _on_training_finished(self) -> None:
        if self._question is not None:
            self._question.reject()  # it asks about this run, not about the next
        if self._closing:
            self._leave()

    @Slot()
    def _leave(self) -> None:
        for page in self._pages.values():
            if callable(shut_down := getattr(page, "shut_down", None)):
                shut_down()
        self.left.emit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self._settings.geometry = self.saveGeometry()


def _closing_words(waiting: int) -> str:
    """Returns what closing does to the run and to those that wait."""
    words = "It can be stopped and kept: its checkpoint is saved, and it can be continued later."
    if waiting:
        who = "1 run waits" if waiting == 1 else f"{waiting} runs wait"
        goes_on = "it is" if waiting == 1 else "they are"
        words += f"\n\n{who} in the queue: {goes_on} kept, and held until you go on with the queue."
    return (
        f"{words}\n\nRuns begun with “Train in a process of its own” (Preferences) "
        "go on without the window."
    )
