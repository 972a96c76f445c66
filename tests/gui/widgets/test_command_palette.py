"""Commands found by typing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QMainWindow,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.widgets.command_palette import CommandPalette, commands_of, commands_on

Wait = Callable[..., None]


def page() -> QWidget:
    """A page with a button, one that is hidden, and one with a menu filled when it opens."""
    page = QWidget()
    layout = QVBoxLayout(page)
    shown, hidden, menu_button = QPushButton("&Train"), QPushButton("Hidden"), QToolButton()
    shown.setShortcut("Ctrl+T")
    shown.clicked.connect(lambda: page.window().done.append("trained"))  # type: ignore[attr-defined]
    menu_button.setText("Export ▾")
    menu = QMenu(menu_button)
    menu_button.setMenu(menu)
    menu.aboutToShow.connect(lambda: (menu.clear(), menu.addAction("PNG…")))
    for button in (shown, hidden, menu_button):
        layout.addWidget(button)
    hidden.hide()
    return page


@pytest.fixture
def window(app: QApplication) -> Iterator[QMainWindow]:
    window = QMainWindow()
    window.resize(800, 600)
    window.done = []  # type: ignore[attr-defined]
    file, view = window.menuBar().addMenu("&File"), window.menuBar().addMenu("&View")
    presets = file.addMenu("Presets")
    for menu, text in ((file, "&Open…"), (presets, "none"), (presets, "paper"), (view, "Data")):
        action = menu.addAction(text)
        action.triggered.connect(lambda _on=False, t=text: window.done.append(t))  # type: ignore[attr-defined]
        if text == "Data":
            action.setShortcut("Ctrl+1")
    file.addSeparator()
    file.addAction("Never").setEnabled(False)
    window.setCentralWidget(page())
    window.show()
    yield window
    window.close()
    window.deleteLater()


def test_every_command_is_found_under_its_menus(window: QMainWindow) -> None:
    assert [command.text for command in commands_of(window.menuBar())] == [
        "File › Presets › none",
        "File › Presets › paper",
        "File › Open…",
        "File › Never",
        "View › Data",
    ]


def test_type_choose_and_enter(window: QMainWindow, wait_until: Wait) -> None:
    palette = CommandPalette(window.menuBar(), window.centralWidget, window)
    palette.open_over()
    texts = [palette.rows.item(i).text() for i in range(palette.rows.count())]
    assert "File › Never" not in texts, "a command that cannot be given now"
    assert "View › Data    Ctrl+1" in texts
    QTest.keyClicks(palette.search, "pre FILE")
    assert [command.text for command in palette.found] == [
        "File › Presets › none",
        "File › Presets › paper",
    ]
    QTest.keyClick(palette.search, Qt.Key.Key_Down)
    QTest.keyClick(palette.search, Qt.Key.Key_Return)
    wait_until(lambda: window.done == ["paper"])  # type: ignore[attr-defined]
    assert not palette.isVisible()
    palette.open_over()
    assert palette.search.text() == ""
    QTest.keyClicks(palette.search, "nothing like it")
    assert palette.found == ()
    QTest.keyClick(palette.search, Qt.Key.Key_Return)
    QTest.keyClick(palette.search, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert window.done == ["paper"]  # type: ignore[attr-defined]


def test_the_buttons_of_the_page_are_commands(window: QMainWindow, wait_until: Wait) -> None:
    found = commands_on(window.centralWidget())
    assert [command.text for command in found] == ["This page › Train", "This page › Export › PNG…"]
    assert [key.toString() for key in found[0].keys] == ["Ctrl+T"]
    palette = CommandPalette(window.menuBar(), window.centralWidget, window)
    palette.open_over()
    QTest.keyClicks(palette.search, "train")
    QTest.keyClick(palette.search, Qt.Key.Key_Return)
    wait_until(lambda: window.done == ["trained"])  # type: ignore[attr-defined]
