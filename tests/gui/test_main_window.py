"""The window: pages, menus, messages, dropped files, themes, help and closing while it trains."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from PySide6.QtCore import QEvent, QMimeData, QObject, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QToolButton,
    QWidget,
)

from core.events import Outcome, RunStarted, StepCompleted
from core.ranking import Ranking
from gui.app import ErrorCatcher
from gui.main_window import PAGES, MainWindow
from gui.messages import Message
from gui.pages.training_page import TrainingPage
from gui.session import Session
from gui.settings import Settings
from gui.widgets.help_window import help_topics, read_help
from gui.widgets.run_summary import RunProgress

WaitUntil = Callable[..., None]
SMALL = {
    "training.batch_size": 32,
    "training.precision": "float32",
    "crops.size": 16,
    "device": "cpu",
    "optimizer.learning_rate": 0.01,
}


def text_of(window: MainWindow) -> str:
    label = window.findChild(QLabel, "messageText")
    assert label is not None
    return label.text()


def drop_url(window: MainWindow, path: Path) -> bool:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    point = QPointF(600, 400)
    arguments = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton)
    enter = QDragEnterEvent(point.toPoint(), *arguments, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(window, enter)
    if enter.isAccepted():
        drop = QDropEvent(point, *arguments, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(window, drop)
    return enter.isAccepted()


def test_five_pages_by_rail_and_by_key(window: MainWindow, settings: Settings) -> None:
    for number, (key, _title, _icon) in enumerate(PAGES, start=1):
        QTest.keyClick(window, str(number), Qt.KeyboardModifier.ControlModifier)
        assert window.stack.currentIndex() == number - 1
        assert window.page(key).isVisible()
    button = window.findChild(QToolButton, "nav-ranking")
    assert button is not None
    button.click()
    assert settings.page == "ranking"
    assert window.page("ranking").isVisible()


def test_every_widget_that_takes_the_keyboard_has_a_name(window: MainWindow) -> None:
    shell = (window.rail, window.header, window.status, window.page("ranking"))
    nameless = [
        widget
        for part in shell
        for widget in part.findChildren(QWidget)
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and not widget.accessibleName()
    ]
    assert nameless == []


def test_nothing_but_the_window_is_ever_shown(
    app: QApplication, loaded_session: Session, settings: Settings, wait_until: WaitUntil
) -> None:
    class Watcher(QObject):
        shown: ClassVar[list[str]] = []

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            shows = event.type() == QEvent.Type.Show and isinstance(watched, QWidget)
            if shows and watched.isWindow():
                self.shown.append(type(watched).__name__)
            return False

    watcher = Watcher()
    app.installEventFilter(watcher)
    window = MainWindow(loaded_session, settings)
    ready: list[bool] = []
    window.pages_ready.connect(lambda: ready.append(True))
    window.show()
    wait_until(lambda: ready, 30)
    app.removeEventFilter(watcher)
    window.close_now()
    window.deleteLater()
    assert watcher.shown == ["MainWindow"]


def test_undo_and_redo_name_their_step(window: MainWindow, session: Session) -> None:
    session.edit(Ranking().moved("cat", ["dog"], 0), "cat: dog to rank 2")
    texts = [a.text() for menu in window.menuBar().actions() for a in menu.menu().actions()]
    assert "Undo cat: dog to rank 2" in texts
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert session.ranking == Ranking()
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(window, Qt.Key.Key_Z, both)
    assert session.ranking.ranked("cat") == ("dog",)


def test_a_message_shows_remedy_and_details_and_goes(window: MainWindow, session: Session) -> None:
    session.post(Message("error", "Two < three.", "The Data page lists them.", "line 1\nline 2"))
    assert "Two &lt; three." in text_of(window)
    assert '<a href="data">Data page</a>' in text_of(window)
    window.status.messages.show_details()
    text = next(w for w in window.findChildren(QPlainTextEdit) if w.accessibleName() == "Details")
    assert text.toPlainText() == "line 1\nline 2"
    text.window().copy()  # type: ignore[attr-defined]
    assert QGuiApplication.clipboard().text().startswith("Two < three.\nThe Data page lists them.")
    text.window().close()
    label = window.findChild(QLabel, "messageText")
    assert label is not None
    label.linkActivated.emit("data")
    assert window.stack.currentIndex() == 0
    window.status.messages.clear()
    assert text_of(window) == ""


def test_a_long_message_is_read_whole(window: MainWindow, session: Session) -> None:
    window.resize(1024, 680)
    session.post(Message("error", "Words of a message. " * 6, "Words of its remedy. " * 8))
    QTest.qWait(50)
    label = window.findChild(QLabel, "messageText")
    assert label is not None
    assert label.height() >= label.heightForWidth(label.width())
    assert label.heightForWidth(label.width()) > label.fontMetrics().height()
    assert window.status.geometry().bottom() <= window.centralWidget().rect().bottom()


def test_an_error_goes_when_it_has_come_right(
    window: MainWindow, session: Session, tiny_voc: Path, tmp_path: Path, wait_until: WaitUntil
) -> None:
    def fail() -> None:
        session.open_data(tmp_path)
        wait_until(lambda: "is not a VOC folder" in text_of(window))

    fail()
    session.open_data(tiny_voc)
    wait_until(lambda: text_of(window) == "")
    fail()
    session.set_config_values({**SMALL, "training.epochs": 1})
    session.start_training()
    assert text_of(window) == ""
    session.post(Message("error", "Not of data or training."))
    session.dataset_changed.emit(session.dataset)
    assert "Not of data" in text_of(window)


def test_an_exception_nobody_caught_becomes_a_message(
    window: MainWindow, session: Session, capsys: pytest.CaptureFixture[str], wait_until: WaitUntil
) -> None:
    catcher = ErrorCatcher(session)
    try:
        raise ValueError("boom")
    except ValueError as error:
        catcher.catch(type(error), error, error.__traceback__)
    wait_until(lambda: "boom" in text_of(window))
    message = window.status.messages.message
    assert message is not None
    assert "test_main_window.py" in message.detail
    assert "ValueError: boom" in capsys.readouterr().err


def test_dropped_files_open(
    window: MainWindow, session: Session, tiny_voc: Path, tmp_path: Path, wait_until: WaitUntil
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nsimilar: {cat: [dog]}\n")
    assert drop_url(window, path)
    assert session.ranking.name == "mine"
    assert window.page("ranking").isVisible()
    seen: list[object] = []
    session.dataset_changed.connect(seen.append)
    assert drop_url(window, tiny_voc)
    wait_until(lambda: seen)
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"")
    assert not drop_url(window, picture)


def test_the_header_says_where_i_am(window: MainWindow, session: Session) -> None:
    session.edit(Ranking(name="mine"), "name it mine")
    button = window.findChild(QToolButton, "rankingMenu")
    assert button is not None
    assert "mine •" in button.text()
    menu = button.menu()
    menu.aboutToShow.emit()
    presets = next(m for m in menu.findChildren(QMenu) if m.title() == "Presets")
    preset = next(a for a in presets.actions() if a.text() == "voc2007-paper")
    preset.trigger()
    assert session.ranking.ranked("aeroplane") == ("bird", "boat")
    assert "voc2007-paper" in button.text()


def test_themes_switch_and_are_remembered(
    app: QApplication, window: MainWindow, settings: Settings
) -> None:
    try:
        window.set_theme("dark")
        assert window.palette().window().color().lightness() < 60
        assert Settings(window._session.workspace).theme == "dark"
    finally:
        window.set_theme("light")
    assert window.palette().window().color().lightness() > 200


def test_help_shows_every_topic_beside_the_window(window: MainWindow) -> None:
    topics = help_topics()
    assert [topic for topic, _ in topics[:2]] == ["getting-started", "glossary"]
    assert topics[-1] == ("about", "About Akin")
    for topic, title in topics:
        window.show_help(topic)
        assert window.help is not None
        assert title in window.help.text or topic == "about"
        assert ("PySide6" in window.help.text) == (topic == "about")
    assert "Temperature" in read_help("glossary")
    assert not window.help.isModal()
    window.help.close()


def test_geometry_comes_back_and_is_clamped(
    window: MainWindow, session: Session, settings: Settings
) -> None:
    room = window.screen().availableGeometry()
    window.setMinimumSize(200, 200)
    window.setGeometry(room.right() - 50, room.bottom() - 50, 640, 500)
    settings.geometry = window.saveGeometry()
    other = MainWindow(session, settings)
    assert room.contains(other.geometry())
    other.deleteLater()


def test_a_damaged_window_ini_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "window.ini").write_bytes(b"[General]\ntheme=42\ngeometry=@Junk(\npage=\xff\n")
    settings = Settings(tmp_path)
    assert settings.theme == "system"
    assert settings.geometry.isEmpty()
    assert settings.recent_folders == []
    settings.remember_folder(tmp_path)
    settings.save()
    assert Settings(tmp_path).recent_folders == [tmp_path]
    assert isinstance(QSettings(), QSettings)


def test_run_progress_counts_and_estimates() -> None:
    progress = RunProgress("0001-ranked").after(
        [
            RunStarted(
                run="0001-ranked",
                method="ranked",
                device="cpu",
                epochs=4,
                steps_per_epoch=25,
                train_objects=800,
                validation_objects=0,
                test_objects=0,
            ),
            StepCompleted(step=1, epoch=1, loss=1, learning_rate=1, objects_per_s=1, time_s=100.0),
            StepCompleted(step=41, epoch=2, loss=1, learning_rate=1, objects_per_s=1, time_s=120.0),
        ]
    )
    assert progress.eta_s == pytest.approx(59 * 0.5)
    assert str(progress) == "0001-ranked  ·  epoch 2/4  ·  ETA 0:30"


def test_closing_while_it_trains_asks_once_then_keeps_the_run(
    window: MainWindow, session: Session, wait_until: WaitUntil
) -> None:
    steps: list[object] = []
    left: list[bool] = []
    window.left.connect(lambda: left.append(True))
    session.events_received.connect(
        lambda events: steps.extend(e for e in events if isinstance(e, StepCompleted))
    )
    session.set_config_values({**SMALL, "training.epochs": 5000})
    session.start_training()
    session.start_training()
    run = session.training_run
    assert run is not None
    wait_until(lambda: steps, 60)
    assert window.status.run.isVisible()
    assert "epoch 1/5000" in str(window.status.run.progress)
    assert not window.close()
    assert not window.close()
    questions = window.findChildren(QMessageBox)
    assert len(questions) == 1
    assert "1 run waits in the queue: it is kept, and held" in questions[0].informativeText()
    assert "(Preferences) go on without the window" in questions[0].informativeText()
    assert window.isVisible()
    button = next(b for b in questions[0].buttons() if "Stop" in b.text())
    start = time.monotonic()
    button.click()
    wait_until(lambda: left, 10)
    assert time.monotonic() - start < 5
    assert not window.isVisible()
    wait_until(lambda: not session.is_training)
    outcome = run.outcome()
    assert outcome is not None
    assert outcome.status == "stopped"
    assert (run.checkpoint_folder / "last.pt").is_file()


def test_the_question_ends_with_the_run_it_is_about(
    window: MainWindow, session: Session, wait_until: WaitUntil
) -> None:
    outcomes: list[Outcome] = []
    session.training_finished.connect(outcomes.append)
    session.set_config_values({**SMALL, "training.epochs": 1})
    session.start_training()
    session.start_training()
    assert not window.close()
    (question,) = window.findChildren(QMessageBox)
    assert "0001" in question.text()
    wait_until(lambda: outcomes, 60)
    assert not window.findChildren(QMessageBox)
    wait_until(lambda: len(outcomes) == 2, 60)
    assert [outcome.status for outcome in outcomes] == ["done", "done"]
    assert window.isVisible()


def test_the_window_never_imports_torch() -> None:
    code = (
        "import sys, gui.app, gui.main_window\n"
        "from gui.pages import data_page, ranking_page, training_page, results_page\n"
        "from gui.pages import detections_page\n"
        "bad = {'torch', 'torchvision'} & set(sys.modules)\n"
        "sys.exit(f'imported {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", ["results", "detections"])
def test_a_run_that_ends_is_offered_and_does_not_replace_what_is_read(
    window: MainWindow, loaded_session: Session, page: str
) -> None:
    session = loaded_session
    read, ended, later = (session.store.create(session.config, Ranking()) for _ in range(3))
    window.show_page(page)
    session._on_training_ended(read, Outcome("done", "Done."))
    assert session.run == read, "there was none to look at"
    session._on_training_ended(ended, Outcome("done", "Done."))
    assert session.run == read
    assert f"Show {ended.title}" in text_of(window)
    window.status.messages._on_link("#act")
    assert session.run == ended
    assert window.current_page() is window.page(page)
    window.show_page("training")
    session._on_training_ended(later, Outcome("done", "Done."))
    assert session.run == later
    assert "Show" not in text_of(window)


def test_the_link_of_a_run_that_ended_leads_to_the_results(
    window: MainWindow, loaded_session: Session
) -> None:
    session = loaded_session
    read, ended = (session.store.create(session.config, Ranking()) for _ in range(2))
    session.select_run(read)
    window.show_page("results")
    session._on_training_ended(ended, Outcome("done", "Done."))
    window.show_page("ranking")
    window.status.messages._on_link("#act")
    assert session.run == ended
    assert window.current_page() is window.page("results")


def test_a_paused_run_looks_paused_wherever_it_was_paused(
    window: MainWindow, loaded_session: Session, wait_until: WaitUntil
) -> None:
    session = loaded_session
    quick = {"crops.size": 16, "encoder.stem": "ordinary", "training.epochs": 500}
    session.set_config_values({**quick, "device": "cpu", "training.precision": "float32"})
    window.show_page("training")
    page = window.page("training")
    assert isinstance(page, TrainingPage)
    pause = next(
        a for m in window.menuBar().findChildren(QMenu) for a in m.actions() if a.text() == "Pause"
    )

    def statuses() -> list[str]:
        return [row.status for row in page.runs.model.summaries]

    session.start_training()
    wait_until(lambda: page.plotted_points()["loss"] > 2, 60)
    pause.trigger()
    wait_until(lambda: statuses() == ["paused"])
    assert page.controls.pause_button.text() == "Continue"
    assert page.controls.progress.maximum() > 0
    assert page.controls.progress.value() > 0
    assert "paused" in page.controls.status.text()
    page.controls.pause_button.click()
    wait_until(lambda: statuses() == ["running"])
    assert page.controls.pause_button.text() == "Pause"
    assert not pause.isChecked()
    page.controls.pause_button.click()
    wait_until(pause.isChecked)
    session.cancel_training()
    wait_until(lambda: not session.is_training, 60)
    assert not pause.isChecked()
