"""The line above the pages: which workspace, data, ranking and run; each is a menu."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QSizePolicy,
    QStyleOptionToolButton,
    QToolButton,
    QWidget,
)

from gui.main_files import Opener
from gui.session import Session
from gui.settings import Settings
from gui.theme import SPACING, set_role, tokens
from gui.widgets.ranking_menu import RankingMenu
from gui.workspaces import workspace_name

MOST_RUNS = 15
MOST_LETTERS = 36
LEAST_BUTTON_PX = 96
BUTTON_PADDING_PX = 14


class HeaderButton(QToolButton):
    """A name, a value and a menu; gives way where the window is narrow."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_value(self, label: str, value: str) -> None:
        text = value if len(value) <= MOST_LETTERS else value[: MOST_LETTERS - 1] + "…"
        self.setText(f"{label}:  {text}  ▾".replace("&", "&&"))
        self.setToolTip(f"{label}: {value}")
        self.setAccessibleDescription(value)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_BUTTON_PX, super().minimumSizeHint().height())

    def initStyleOption(self, option: QStyleOptionToolButton) -> None:
        super().initStyleOption(option)
        room = self.width() - BUTTON_PADDING_PX
        text = option.fontMetrics.elidedText(self.text(), Qt.TextElideMode.ElideMiddle, room)
        option.text = text


class HeaderBar(QFrame):
    """Where am I: workspace, data, ranking, run.

    Args:
        session: The state it shows.
        settings: For what was opened before.
        files: Opens and saves what is chosen.
        parent: Owner.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        files: Opener,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._files = files
        self._workspace = self._menu_button("workspaceMenu", "Workspace", self._fill_workspaces)
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
        for widget in (self._workspace, self._data, self._ranking, self._run):
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
    ) -> HeaderButton:
        button = HeaderButton()
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
        self._workspace.show_value("Workspace", workspace_name(session.workspace))
        self._workspace.setToolTip(f"Workspace: {session.workspace}")
        data = session.dataset.name if session.dataset else "none"
        self._data.show_value("Data", data)
        changed = "" if session.undo_stack.isClean() else " •"
        self._ranking.show_value("Ranking", session.ranking.name + changed)
        self._run.show_value("Run", session.run.name if session.run else "none")

    @Slot(str, int, int)
    def _on_loading(self, what: str, done: int, total: int) -> None:
        self._loading.setVisible(bool(what))
        self._bar.setVisible(bool(what))
        self._loading.setText(f"{what}  {done}/{total}" if total else what)
        self._bar.setRange(0, total)
        self._bar.setValue(done)

    def _fill_workspaces(self, menu: QMenu) -> None:
        menu.addAction("Open workspace…", self._files.choose_workspace)
        menu.addAction("New workspace…", self._files.make_workspace)
        present = self._session.workspace.absolute()
        others = [path for path in self._settings.recent_workspaces if path != present]
        if others:
            menu.addSeparator()
        for folder in others:
            action = menu.addAction(f"{workspace_name(folder)}    {_short_path(folder)}")
            action.triggered.connect(
                lambda _checked=False, chosen=folder: self._files.open_workspace(chosen)
            )

    def _fill_data(self, menu: QMenu) -> None:
        menu.addAction("Open data folder…", self._files.choose_data)
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
