"""The window: it wires pages, menus, header and status line to the session, and no more."""

from __future__ import annotations

from collections.abc import Callable
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
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.data.index import DatasetIndex
from core.errors import AkinError
from core.runs import open_run
from gui.main_header import HeaderBar
from gui.main_menu import build_menus
from gui.main_status import StatusLine
from gui.session import Session
from gui.settings import Settings
from gui.theme import ThemeName, apply_theme
from gui.widgets.help_window import HelpWindow
from gui.widgets.nav_rail import NavRail
from gui.widgets.ranking_dialogs import RankingFiles

STOP_WITHIN_MS = 3000
PAGES = (
    ("data", "Data", "mdi6.image-multiple-outline"),
    ("ranking", "Ranking", "mdi6.sort-variant"),
    ("training", "Training", "mdi6.chart-line"),
    ("results", "Results", "mdi6.grid"),
    ("detections", "Detections", "mdi6.image-search-outline"),
)


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
        self._waiting = [key for key, _, _ in PAGES]
        self._current = PAGES[0][0]
        self._painted = False
        self._closing = False
        self._question: QMessageBox | None = None
        self.help: HelpWindow | None = None
        self.files = RankingFiles(session, self)
        session.trainings.own_process = settings.own_process
        session.trainings.processes = settings.processes
        self.setWindowTitle("Akin")
        self.setMinimumSize(1024, 680)
        self.setAcceptDrops(True)
        self._build()
        self._connect()
        self._restore_geometry()
        self.show_page(settings.page if settings.page in dict_of_pages() else PAGES[0][0])

    # ----- building -----

    def _build(self) -> None:
        self.rail = NavRail(PAGES)
        theme_button = self.rail.add_action_button(
            "Theme", "mdi6.theme-light-dark", "Switch between light and dark"
        )
        theme_button.clicked.connect(self._toggle_theme)
        help_button = self.rail.add_action_button("Help", "mdi6.help-circle-outline", "Help (F1)")
        help_button.clicked.connect(self.show_getting_started)
        self.header = HeaderBar(self._session, self._settings, self.choose_folder, self.files)
        self.stack = QStackedWidget()
        for key, _, _ in PAGES:
            slot = QWidget()
            self._slots[key] = QVBoxLayout(slot)
            self._slots[key].setContentsMargins(0, 0, 0, 0)
            self.stack.addWidget(slot)
        self.status = StatusLine(self._session)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self.stack, 1)
        column.addWidget(self.status)
        centre = QWidget()
        row = QHBoxLayout(centre)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addLayout(column, 1)
        self.setCentralWidget(centre)
        build_menus(self, self._session, self._settings, PAGES)

    def _connect(self) -> None:
        session = self._session
        self.rail.chosen.connect(self.show_page)
        session.page_requested.connect(self.show_page)
        session.dataset_changed.connect(self._on_dataset_changed)
        session.dataset_loading.connect(self._on_dataset_loading)
        session.training_finished.connect(self._on_training_finished)
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._on_colour_scheme_changed)

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
            page = _make_page(name, self._session)
            self._slots[name].addWidget(page)
            self._pages[name] = page
        return self._pages[name]

    @Slot(str)
    def show_page(self, name: str) -> None:
        self._current = name
        self._settings.page = name
        self.rail.set_current(name)
        if self._painted:
            self.page(name)
        self.stack.setCurrentIndex([key for key, _, _ in PAGES].index(name))

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

    # ----- files -----

    @Slot()
    def choose_folder(self) -> None:
        dialog = QFileDialog(self, "Open a data folder (VOC layout)")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.open_path)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    @Slot(str)
    def open_path(self, path: str) -> None:
        """Opens whatever it is: a run directory, a data folder or a ranking file."""
        chosen = Path(path)
        if (chosen / "config.yaml").is_file():
            try:
                self._session.select_run(open_run(chosen))
            except AkinError as error:
                self._session.post_error(error)
            else:
                self.show_page("results")
        elif chosen.is_dir():
            self._session.open_data(chosen)
        else:
            self._session.open_ranking(chosen)
            self.show_page("ranking")

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped_path(event) is not None:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped_path(event)
        if path is not None:
            event.accept()
            self.open_path(str(path))

    @Slot(object)
    def _on_dataset_changed(self, index: DatasetIndex) -> None:
        is_demo = self._session.workspace in index.folder.parents
        self._settings.data_folder = None if is_demo else index.folder
        if not is_demo:
            self._settings.remember_folder(index.folder)

    @Slot(str, int, int)
    def _on_dataset_loading(self, what: str, _done: int, _total: int) -> None:
        if not what and self._session.dataset is None:
            self._session.dataset_loading.disconnect(self._on_dataset_loading)
            QTimer.singleShot(0, self._session, self._session.open_demo)

    # ----- theme and help -----

    @Slot(str)
    def set_theme(self, name: ThemeName) -> None:
        self._settings.theme = name
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        apply_theme(application, name)

    @Slot()
    def _toggle_theme(self) -> None:
        dark = self.palette().window().color().lightness() < 128
        self.set_theme("light" if dark else "dark")

    @Slot()
    def _on_colour_scheme_changed(self) -> None:
        if self._settings.theme == "system":
            self.set_theme("system")

    def show_help(self, topic: str) -> None:
        """Shows resources/help/TOPIC.md, or "about", beside the window."""
        if self.help is None:
            self.help = HelpWindow(self)
        self.help.show_topic(topic)

    @Slot()
    def show_getting_started(self) -> None:
        self.show_help("getting-started")

    # ----- closing -----

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
        box = QMessageBox(self)
        box.setObjectName("closeQuestion")
        box.setText(f"{run.name if run else 'A run'} is being trained.")
        box.setInformativeText(
            "It can be stopped and kept: its checkpoint is saved, and it can be continued later."
        )
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


def dict_of_pages() -> dict[str, str]:
    """Returns the pages' titles by name."""
    return {key: title for key, title, _ in PAGES}


def _make_page(name: str, session: Session) -> QWidget:
    makers: dict[str, Callable[[Session], QWidget]] = {
        "data": _data_page,
        "ranking": _ranking_page,
        "training": _training_page,
        "results": _results_page,
        "detections": _detections_page,
    }
    return makers[name](session)


def _data_page(session: Session) -> QWidget:
    from gui.pages.data_page import DataPage  # noqa: PLC0415 - pages load after the first paint

    return DataPage(session)


def _ranking_page(session: Session) -> QWidget:
    from gui.pages.ranking_page import RankingPage  # noqa: PLC0415

    return RankingPage(session)


def _training_page(session: Session) -> QWidget:
    from gui.pages.training_page import TrainingPage  # noqa: PLC0415

    return TrainingPage(session)


def _results_page(session: Session) -> QWidget:
    from gui.pages.results_page import ResultsPage  # noqa: PLC0415

    return ResultsPage(session)


def _detections_page(session: Session) -> QWidget:
    from gui.pages.detections_page import DetectionsPage  # noqa: PLC0415

    return DetectionsPage(session)


def _dropped_path(event: QDropEvent) -> Path | None:
    urls = event.mimeData().urls() if event.mimeData() else []
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    return path if path.is_dir() or path.suffix.lower() in {".yaml", ".yml"} else None
