"""Preferences, the tour, and what the help says of keys and licences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QTextBrowser

from core.data.demo import write_demo
from core.data.demo_set import demo_path
from gui.main_preferences import PreferencesWindow
from gui.main_tour import STEPS
from gui.main_window import MainWindow
from gui.session import Session
from gui.settings import Settings
from gui.theme import BASE_POINTS, apply_theme
from gui.widgets.command_palette import commands_of
from gui.widgets.help_window import about

Wait = Callable[..., None]


def choose(box: object, data: object) -> None:
    """Chooses an entry as a person does."""
    row = box.findData(data)  # type: ignore[attr-defined]
    box.setCurrentIndex(row)  # type: ignore[attr-defined]
    box.activated.emit(row)  # type: ignore[attr-defined]


def test_preferences_apply_at_once_and_are_kept(
    app: QApplication, window: MainWindow, session: Session
) -> None:
    QTest.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    shown = window.findChild(PreferencesWindow)
    assert shown is not None
    assert shown.isVisible()
    assert not shown.isModal()
    try:
        choose(shown.theme, "dark")
        choose(shown.text_size, 125)
        assert window.palette().window().color().lightness() < 60
        assert app.font().pointSizeF() == pytest.approx(BASE_POINTS * 1.25)
        QTest.qWait(50)
        wrapped = [label for label in shown.findChildren(QLabel) if label.wordWrap()]
        assert wrapped
        assert all(label.height() >= label.heightForWidth(label.width()) for label in wrapped)
        assert not shown.processes.isEnabled()
        shown.own_process.setChecked(True)
        shown.processes.setValue(2)
        assert (session.trainings.own_process, session.trainings.processes) == (True, 2)
        kept = Settings(session.workspace)
        assert (kept.theme, kept.text_size, kept.own_process, kept.processes) == (
            "dark",
            125,
            True,
            2,
        )
    finally:
        apply_theme(app, "light")
    assert any(str(session.workspace) == label.text() for label in shown.findChildren(QLabel))


def test_the_menu_and_the_preferences_are_one(window: MainWindow, session: Session) -> None:
    window.show_preferences()
    shown = window.findChild(PreferencesWindow)
    assert shown is not None
    actions = window.findChildren(QAction)
    apart = next(action for action in actions if "process of its own" in action.text())
    apart.trigger()
    assert shown.own_process.isChecked()
    assert session.trainings.own_process
    shown.own_process.click()
    assert not apart.isChecked()


@pytest.fixture
def demo_session(session: Session, wait_until: Wait) -> Session:
    """A session whose demo is small, so that opening it is quick."""
    folder = demo_path(session.workspace)
    folder.parent.mkdir(parents=True)
    write_demo(folder, images=40)
    return session


def test_the_tour_is_four_sentences_shown_until_it_is_dismissed(
    demo_session: Session, settings: Settings, wait_until: Wait
) -> None:
    assert len(STEPS) == 4
    assert all(sentence.count(".") == 1 for _, sentence in STEPS)
    window = MainWindow(demo_session, settings)
    window.show()
    bar = window.tour.bar
    assert bar.isHidden()
    demo_session.open_demo()
    wait_until(bar.isVisible)
    seen = []
    for _ in STEPS:
        seen.append((settings.page, bar.sentence.text()))
        bar.next.click()
    assert seen == [(page, sentence) for page, sentence in STEPS]
    assert bar.isHidden()
    assert Settings(demo_session.workspace).tour_done
    window.close_now()

    again = MainWindow(demo_session, Settings(demo_session.workspace))
    again.show()
    demo_session.dataset_changed.emit(demo_session.dataset)
    assert again.tour.bar.isHidden()
    again.tour.start()
    assert again.tour.bar.isVisible()
    again.show_page("training")
    assert again.tour.bar.at == 2, "the tour follows whoever goes ahead"
    again.show_page("detections")
    assert again.tour.bar.at == 2
    again.tour.bar.close_button.click()
    assert again.tour.bar.isHidden()
    again.close_now()
    for window_ in (window, again):
        window_.deleteLater()


def test_about_names_each_part_with_version_and_licence() -> None:
    rows = [line.split(" | ") for line in about().splitlines() if line.startswith("| ")][1:]
    found = {name.strip("| "): (version, licence.strip(" |")) for name, version, licence in rows}
    assert {"PySide6-Essentials", "torch", "numpy", "faster-coco-eval"} <= set(found)
    assert "LGPL-3.0" in found["PySide6-Essentials"][0] + found["PySide6-Essentials"][1]
    for name, (version, licence) in found.items():
        assert version[0].isdigit(), name
        assert 2 < len(licence) < 120, name
    assert "LGPL, version 3" in about()


def test_the_help_lists_every_shortcut_of_the_menus(window: MainWindow) -> None:
    window.show_help("keyboard")
    assert window.help is not None
    text = window.help.findChild(QTextBrowser)
    assert text is not None
    shown = text.toPlainText()
    keys = [key.toString() for c in commands_of(window.menuBar()) for key in c.keys]
    assert len(keys) > 12
    assert [key for key in keys if key not in shown] == []
    assert "Alt+Up" in shown
    window.help.close()
