"""The menus: every command with its shortcut."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu

from core.ranking_files import preset_names
from gui.main_pages import PAGES
from gui.session import Session
from gui.theme import THEME_NAMES
from gui.widgets.command_palette import CommandPalette
from gui.widgets.data_dialogs import DataDialogs
from gui.widgets.help_window import help_topics

if TYPE_CHECKING:
    from gui.main_window import MainWindow

Shortcut = QKeySequence.StandardKey | str | None


def build_menus(window: MainWindow, session: Session) -> None:
    """Fills the window's menu bar."""
    _file_menu(window, session)
    edit = window.menuBar().addMenu("&Edit")
    undo = session.undo_stack.createUndoAction(window, "Undo")
    undo.setShortcut(QKeySequence.StandardKey.Undo)
    redo = session.undo_stack.createRedoAction(window, "Redo")
    redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
    edit.addActions([undo, redo])
    edit.addSeparator()
    _add(edit, "Preferences…", window.show_preferences, "Ctrl+,")
    _run_menu(window, session)
    _view_menu(window)
    _help_menu(window)


def _add(menu: QMenu, text: str, run: Callable[[], object], shortcut: Shortcut = None) -> QAction:
    action = menu.addAction(text)
    action.triggered.connect(lambda _checked=False: run())
    if shortcut is not None:
        action.setShortcut(QKeySequence(shortcut))
    return action


def _file_menu(window: MainWindow, session: Session) -> None:
    menu = window.menuBar().addMenu("&File")
    _add(menu, "Open data folder…", window.files.choose_data, "Ctrl+Shift+O")
    _add(menu, "Open the built-in demo", session.open_demo)
    DataDialogs(session, window).fill(menu)
    menu.addSeparator()
    rankings = window.header.rankings
    _add(menu, "New ranking…", rankings.ask_new)
    _add(menu, "Open ranking…", window.files.open, QKeySequence.StandardKey.Open)
    presets = menu.addMenu("Ranking presets")
    for name in preset_names():
        _add(presets, name, partial(session.open_ranking, name))
    _add(menu, "Save ranking", window.files.save, QKeySequence.StandardKey.Save)
    _add(menu, "Save ranking as…", window.files.save_as, "Ctrl+Shift+S")
    _add(menu, "Duplicate ranking…", rankings.ask_duplicate)
    _add(menu, "Rename ranking…", rankings.ask_rename)
    _add(menu, "Delete ranking", rankings.delete)
    menu.addSeparator()
    _add(menu, "Open workspace…", window.files.choose_workspace, "Ctrl+Alt+O")
    _add(menu, "New workspace…", window.files.make_workspace, "Ctrl+Alt+N")
    menu.addSeparator()
    _add(menu, "Quit", window.close, QKeySequence.StandardKey.Quit)


def _run_menu(window: MainWindow, session: Session) -> None:
    menu = window.menuBar().addMenu("&Run")
    _RunActions(menu, session)
    menu.addSeparator()
    preferences = window.preferences
    apart = menu.addAction("Train in a process of its own")
    apart.setToolTip("The run survives the window, and gives its memory back at its end.")
    apart.setCheckable(True)
    apart.setChecked(preferences.own_process)
    apart.toggled.connect(preferences.set_own_process)
    preferences.changed.connect(lambda: apart.setChecked(preferences.own_process))


class _RunActions(QObject):
    """Train, stop and pause, enabled as they make sense."""

    def __init__(self, menu: QMenu, session: Session) -> None:
        super().__init__(menu)
        self._session = session
        self._train = _add(menu, "Train", self._on_train, "Ctrl+R")
        self._stop = _add(menu, "Stop and keep", session.stop_training, "Ctrl+.")
        self._pause = menu.addAction("Pause")
        self._pause.setCheckable(True)
        self._pause.triggered.connect(session.set_training_paused)
        session.training_paused.connect(self._pause.setChecked)
        session.training_started.connect(self._refresh)
        session.training_finished.connect(self._refresh)
        session.training_stopping.connect(self._refresh)
        self._refresh()

    def _on_train(self) -> None:
        self._session.page_requested.emit("training")
        self._session.start_training()

    @Slot()
    def _refresh(self) -> None:
        running = self._session.is_training
        self._train.setText("Add to queue" if running else "Train")
        self._stop.setEnabled(running)
        self._pause.setEnabled(running)
        if not running:
            self._pause.setChecked(False)


def _view_menu(window: MainWindow) -> None:
    menu = window.menuBar().addMenu("&View")
    for number, (key, title, _icon) in enumerate(PAGES, start=1):
        _add(menu, title, partial(window.show_page, key), f"Ctrl+{number}")
    menu.addSeparator()
    palette = CommandPalette(window.menuBar(), window.current_page, window)
    _add(menu, "Find a command…", palette.open_over, "Ctrl+Shift+P")
    themes = menu.addMenu("Theme")
    group = QActionGroup(window)
    for name in THEME_NAMES:
        action = _add(themes, name.capitalize(), partial(window.set_theme, name))
        action.setCheckable(True)
        action.setData(name)
        group.addAction(action)

    def mark_current() -> None:
        for action in group.actions():
            action.setChecked(action.data() == window.preferences.theme)

    window.preferences.changed.connect(mark_current)
    mark_current()
    _add(menu, "Full screen", window.toggle_full_screen, "F11")


def _help_menu(window: MainWindow) -> None:
    menu = window.menuBar().addMenu("&Help")
    _add(
        menu, "Getting started", window.show_getting_started, QKeySequence.StandardKey.HelpContents
    )
    _add(menu, "Tour of the demo", window.tour.start)
    for name, title in help_topics()[1:]:
        if name == "about":
            menu.addSeparator()
        _add(menu, title, partial(window.show_help, name))
