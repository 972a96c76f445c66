"""The line above the pages: which data, which ranking, which run; each is a menu."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QProgressBar, QToolButton, QWidget

from gui.session import Session
from gui.settings import Settings
from gui.theme import SPACING, set_role, tokens
from gui.widgets.ranking_dialogs import RankingFiles
from gui.widgets.ranking_menu import RankingMenu

MOST_RUNS = 15


class HeaderBar(QFrame):
    """Where am I: data, ranking, run.

    Args:
        session: The state it shows.
        settings: For the recent folders.
        choose_folder: Asks for a data folder.
        files: Opens and saves rankings.
        parent: Owner.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        choose_folder: Callable[[], None],
        files: RankingFiles,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._choose_folder = choose_folder
        self._data = self._menu_button("dataMenu", "Data set", self._fill_data)
        self._ranking = self._menu_button("rankingMenu", "Ranking", None)
        self.rankings = RankingMenu(session, files, self)
        self._ranking.setMenu(self.rankings.menu)
        self._run = self._menu_button("runMenu", "Run to judge", self._fill_runs)
        self._loading = QLabel()
        set_role(self._loading, "muted")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(120)
        self._bar.setAccessibleName("Progress of reading data")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(SPACING, 4, SPACING * 2, 4)
        layout.setSpacing(SPACING)
        for widget in (self._data, self._ranking, self._run):
            layout.addWidget(widget)
        layout.addStretch(1)
        layout.addWidget(self._loading)
        layout.addWidget(self._bar)
        session.dataset_changed.connect(self._refresh)
        session.ranking_changed.connect(self._refresh)
        session.run_changed.connect(self._refresh)
        session.undo_stack.cleanChanged.connect(self._refresh)
        session.dataset_loading.connect(self._on_loading)
        self._on_loading("", 0, 0)
        self._refresh()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = tokens(self.palette())
        painter.fillRect(self.rect(), colours.window)
        painter.fillRect(0, self.height() - 1, self.width(), 1, colours.border)

    def _menu_button(
        self, name: str, label: str, fill: Callable[[QMenu], None] | None
    ) -> QToolButton:
        button = QToolButton()
        button.setObjectName(name)
        button.setAccessibleName(label)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        if fill is None:
            return button
        menu = QMenu(button)

        def refill() -> None:
            menu.clear()
            fill(menu)

        menu.aboutToShow.connect(refill)
        button.setMenu(menu)
        return button

    @Slot()
    def _refresh(self) -> None:
        session = self._session
        data = session.dataset.name if session.dataset else "none"
        self._show(self._data, "Data", data)
        changed = "" if session.undo_stack.isClean() else " •"
        self._show(self._ranking, "Ranking", session.ranking.name + changed)
        self._show(self._run, "Run", session.run.name if session.run else "none")

    @staticmethod
    def _show(button: QToolButton, label: str, value: str) -> None:
        text = value if len(value) <= 36 else value[:35] + "…"
        button.setText(f"{label}:  {text}  ▾".replace("&", "&&"))
        button.setToolTip(f"{label}: {value}")
        button.setAccessibleDescription(value)

    @Slot(str, int, int)
    def _on_loading(self, what: str, done: int, total: int) -> None:
        self._loading.setVisible(bool(what))
        self._bar.setVisible(bool(what))
        self._loading.setText(f"{what}  {done}/{total}" if total else what)
        self._bar.setRange(0, total)
        self._bar.setValue(done)

    def _fill_data(self, menu: QMenu) -> None:
        menu.addAction("Open data folder…", self._choose_folder)
        menu.addAction("Built-in demo", self._session.open_demo)
        folders = self._settings.recent_folders
        if folders:
            menu.addSeparator()
        for folder in folders:
            action = menu.addAction(_short_path(folder))
            action.setData(str(folder))
            action.triggered.connect(
                lambda _checked=False, chosen=folder: self._session.open_data(chosen)
            )

    def _fill_runs(self, menu: QMenu) -> None:
        runs = list(reversed(self._session.store.list()))
        for run in runs[:MOST_RUNS]:
            action = menu.addAction(run.name)
            action.setCheckable(True)
            action.setChecked(run == self._session.run)
            action.triggered.connect(
                lambda _checked=False, chosen=run: self._session.select_run(chosen)
            )
        if not runs:
            menu.addAction("No runs yet: Train makes the first").setEnabled(False)


def _short_path(path: Path) -> str:
    parts = list(_tail(path))
    return str(path) if len(str(path)) <= 48 else "…/" + "/".join(parts)


def _tail(path: Path) -> Iterator[str]:
    yield from path.parts[-3:]
