"""The list of runs: groups of seeds, filter, names, tags, trash, comparing; all on real folders."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton

from core.events import Outcome, PhaseChanged
from core.run_notes import RunNotes
from core.runs import EventLog, Run
from gui.messages import Message
from gui.models.run_tree import RunFilter
from gui.pages.training_page import TrainingPage
from gui.session import Session
from gui.widgets.message_bar import MessageBar

MakeRun = Callable[..., Run]
Wait = Callable[..., None]


@pytest.fixture
def page(training_page: TrainingPage) -> TrainingPage:
    return training_page


@pytest.fixture
def runs(
    page: TrainingPage, loaded_session: Session, make_run: MakeRun, wait_until: Wait
) -> list[Run]:
    """Three seeds of one arm, and a run of another, listed."""
    session = loaded_session
    assert session.dataset is not None
    made = []
    for seed in range(4):
        run = make_run(session.store, session.dataset)
        values = {"seed": seed} if seed < 3 else {"training.batch_size": 16}
        text = run.config.with_values(values).to_yaml()
        (run.path / "config.yaml").write_text(text)
        made.append(Run(run.path))
    session.runs_changed.emit()
    wait_until(lambda: len(page.runs.model.summaries) == 4 and page.is_idle)
    return made


def shown(page: TrainingPage) -> list[str]:
    model = page.runs.model
    found = []
    for at in range(model.rowCount()):
        top = model.index(at, 0)
        found.append(str(top.data()))
        found += [str(model.index(i, 0, top).data()) for i in range(model.rowCount(top))]
    return found


def test_a_tick_on_a_group_shows_mean_and_band_and_says_of_how_many(
    page: TrainingPage, runs: list[Run], wait_until: Wait
) -> None:
    model = page.runs.model
    group = next(
        model.index(at, 0) for at in range(model.rowCount()) if model.rowCount(model.index(at, 0))
    )
    assert group.data() == "ranked r3 × 3"
    assert page.runs.tree.isExpanded(group)
    model.setData(group, Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
    wait_until(lambda: page.plots.overlays)
    stack = page.plots.stack
    (key,) = page.plots.overlays
    assert stack.band_keys("loss") == stack.band_keys("validation") == (key,)
    assert stack.point_count("loss", str(key)) == 30
    assert "mean of 3, min–max" in stack.title_text("loss")
    kinds = page.plots.tools._bands.actions()
    kinds[1].trigger()
    assert "mean of 3, ± 1 sd" in stack.title_text("loss")
    model.setData(group, Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    assert stack.band_keys("loss") == ()


def test_a_shorter_seed_ends_the_mean(
    page: TrainingPage, runs: list[Run], wait_until: Wait
) -> None:
    events = [event for event in runs[0].events() if getattr(event, "step", 0) <= 12]
    (runs[0].path / "events.jsonl").unlink()
    log = EventLog(runs[0])
    for event in events:
        log.write(event)
    log.close()
    key = page.runs.model.summaries[-1].arm
    page.runs.model.overlay_toggled.emit(key, True)
    wait_until(lambda: page.plots.overlays)
    assert page.plots.stack.point_count("loss", key) == 12


def test_the_list_is_filtered_by_text_status_and_tag(page: TrainingPage, runs: list[Run]) -> None:
    page.runs.search.setText(runs[3].name)
    assert shown(page) == [runs[3].name]
    page.runs.search.clear()
    assert len(shown(page)) == 5
    page.runs.set_filter(RunFilter(status="failed"))
    assert shown(page) == []
    actions = {action.text(): action for action in page.runs.filter_button.menu().actions()}
    assert actions["Failed"].isChecked()
    actions["Of any status"].trigger()
    assert len(shown(page)) == 5


def test_f2_renames_and_the_folder_keeps_its_name(
    page: TrainingPage, runs: list[Run], wait_until: Wait
) -> None:
    page.runs.choose(runs[3])
    page.runs.tree.setFocus()
    page.runs.tree.setCurrentIndex(page.runs.model.index_of(runs[3]))
    QTest.keyClick(page.runs.tree, Qt.Key.Key_F2)
    editor = page.runs.tree.findChild(QLineEdit)
    assert editor is not None
    assert editor.text() == runs[3].name
    editor.setText("small batches")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    wait_until(lambda: "small batches" in shown(page))
    assert runs[3].path.is_dir()
    assert runs[3].title == "small batches"
    page.runs.renamed.emit(runs[3], runs[3].name)
    wait_until(lambda: runs[3].name in shown(page))
    assert runs[3].notes() == RunNotes()


def test_a_name_that_cannot_be_is_told(
    page: TrainingPage, runs: list[Run], loaded_session: Session
) -> None:
    told = QSignalSpy(loaded_session.message_posted)
    page.runs.renamed.emit(runs[3], "x" * 100)
    assert told.at(0)[0].level == "error"
    assert runs[3].title == runs[3].name


def test_tags_and_note_are_written_shown_and_found(
    page: TrainingPage, runs: list[Run], wait_until: Wait
) -> None:
    page.runs.asked.emit("notes", (runs[1],))
    window = page.run_actions.notes
    assert window is not None
    assert window.isVisible()
    window.tags.setText("paper,  night run, paper")
    window.note.setPlainText("Looks good.")
    window.save()
    assert runs[1].notes() == RunNotes("", ("paper", "night run"), "Looks good.")
    wait_until(lambda: f"{runs[1].name}  #paper  #night run" in shown(page))
    page.runs.set_filter(RunFilter(tag="night run"))
    assert shown(page) == [f"{runs[1].name}  #paper  #night run"]
    page.runs.set_filter(RunFilter("looks GOOD"))
    assert len(shown(page)) == 1


def test_delete_throws_away_and_the_message_takes_it_back(
    page: TrainingPage, runs: list[Run], loaded_session: Session, wait_until: Wait
) -> None:
    bar = MessageBar()
    loaded_session.message_posted.connect(bar.show_message)
    loaded_session.select_run(runs[0])
    page.runs.choose(runs[0], runs[3])
    QTest.keyClick(page.runs.tree, Qt.Key.Key_Delete)
    wait_until(lambda: len(page.runs.model.summaries) == 2)
    assert not runs[0].path.exists()
    assert loaded_session.run is None
    assert bar.message is not None
    assert bar.message.text == "2 runs are in the trash."
    bar._on_link("#act")
    wait_until(lambda: len(page.runs.model.summaries) == 4)
    assert runs[0].path.is_dir()
    assert "taken back" in str(bar.message)
    bar.deleteLater()


def test_a_run_in_the_trash_leaves_no_curve_and_no_message(
    page: TrainingPage, runs: list[Run], loaded_session: Session, wait_until: Wait
) -> None:
    small = {"training.epochs": 1, "training.batch_size": 32, "crops.size": 16, "device": "cpu"}
    loaded_session.set_config_values({**small, "training.precision": "float32"})
    loaded_session.start_training()
    trained = loaded_session.training_run
    assert trained is not None
    wait_until(lambda: not loaded_session.is_training, 60)
    page.runs.overlay_toggled.emit(runs[3], True)
    wait_until(lambda: page.plots.overlays == (runs[3],))
    assert page.plotted_points()["loss"]
    assert page.controls.status.text()
    page.runs.asked.emit("trash", (runs[0],))
    assert page.plotted_points()["loss"]
    page.runs.asked.emit("trash", (trained, runs[3]))
    assert not any(page.plotted_points().values())
    assert page.plots.overlays == ()
    assert page.controls.status.text() == ""
    assert page.log.text() == ""


def test_the_trash_gives_back_and_is_emptied_by_a_second_click_only(
    page: TrainingPage, runs: list[Run], loaded_session: Session, wait_until: Wait
) -> None:
    page.runs.asked.emit("trash", tuple(runs[:2]))
    page.run_actions.open_trash()
    window = page.run_actions.trash
    assert window is not None
    assert window.list.count() == 2
    assert not window.restore_button.isEnabled()
    window.list.item(0).setSelected(True)
    window.restore_button.click()
    assert window.list.count() == 1
    window.empty_button.click()
    assert not window.empty_button.isVisible()
    window.keep_button.click()
    assert window.list.count() == 1
    window.empty_button.click()
    told = QSignalSpy(loaded_session.message_posted)
    window.delete_button.click()
    wait_until(lambda: window.is_idle and window.list.count() == 0)
    assert told.at(0)[0].text == "1 run deleted for good."
    assert sum(run.path.is_dir() for run in runs) == 3
    assert not any((loaded_session.workspace / "trash").glob("*/config.yaml"))
    window.close()


def test_a_run_that_is_trained_is_not_thrown_away(
    page: TrainingPage, loaded_session: Session
) -> None:
    run = loaded_session.store.create(loaded_session.config, loaded_session.ranking)
    told = QSignalSpy(loaded_session.message_posted)
    page.runs.asked.emit("trash", (run,))
    assert "is being trained" in told.at(0)[0].text
    assert run.path.is_dir()


def test_a_run_is_compared_with_what_is_set_now_and_its_settings_are_taken(
    page: TrainingPage, runs: list[Run], loaded_session: Session
) -> None:
    session = loaded_session
    session.set_config_values({"training.batch_size": 8, "training.epochs": 77})
    session.edit(runs[3].ranking.cleared("cat"), "clear cat")
    page.runs.asked.emit("diff", (runs[3],))
    window = page.run_actions.differences
    assert window is not None
    rows = {
        window.table.item(row, 0).text(): [window.table.item(row, i).text() for i in (1, 2)]
        for row in range(window.table.rowCount())
    }
    assert rows["Training: Batch size"] == ["16", "8"]
    assert rows["Training: Epochs"] == [str(runs[3].config.training.epochs), "77"]
    assert [window.rankings.item(i).text()[:4] for i in range(window.rankings.count())] == ["cat:"]
    buttons = {button.text(): button for button in window.findChildren(QPushButton)}
    buttons["Take its settings"].click()
    folder = session.config.data.folder
    assert session.config == runs[3].config.with_values({"data.folder": folder})


def test_two_runs_are_compared_and_their_results_shown(
    page: TrainingPage, runs: list[Run], loaded_session: Session, app: QApplication
) -> None:
    page.runs.choose(runs[0], runs[3])
    actions = {action.text(): action for action in page.runs.run_button.menu().actions()}
    assert actions["Compare the two…"].isEnabled()
    assert not actions["Show its results"].isEnabled()
    other = QSignalSpy(loaded_session.comparison_requested)
    asked = QSignalSpy(loaded_session.page_requested)
    actions["Compare the two…"].trigger()
    window = page.run_actions.differences
    assert window is not None
    buttons = {button.text(): button for button in window.findChildren(QPushButton)}
    buttons["Show both results"].click()
    app.processEvents()
    assert {loaded_session.run, other.at(0)[0]} == {runs[0], runs[3]}
    assert asked.at(0) == ["results"]


def test_a_message_without_a_link_has_none(app: QApplication) -> None:
    bar = MessageBar()
    done: list[str] = []
    bar.show_message(Message("info", "Thrown.", link="Undo", act=lambda: done.append("undone")))
    assert "Undo" in bar._text.text()
    bar._on_link("#act")
    assert done == ["undone"]
    assert bar.message is None
    bar.show_message(Message("info", "Nothing."))
    assert "href" not in bar._text.text()
    bar.deleteLater()


def test_what_changed_since_the_last_run_is_counted_marked_and_taken_back(
    page: TrainingPage, runs: list[Run], loaded_session: Session
) -> None:
    session, changes = loaded_session, page.changes
    last = runs[3]
    session.edit(last.ranking, "as it was")
    session.set_config(last.config)
    assert not changes.isVisible()
    session.set_config_values({"training.epochs": 77, "optimizer.weight_decay": 0.02})
    assert changes.isVisible()
    assert changes.text().startswith("2 changes since the last run")
    texts = [action.text() for action in changes.menu().actions()]
    epochs = last.config.training.epochs
    assert f"Training: Epochs: {epochs} → 77" in texts
    titles = {row.key: row._title.text() for row in page.form._rows.values()}
    assert titles["training.epochs"] == "Epochs •"
    assert titles["training.batch_size"] == "Batch size"
    described = page.form.editor("training.epochs").accessibleDescription()
    assert f"in the last run: {epochs}" in described
    assert not page.form.editor("optimizer.weight_decay").isVisible()
    changes.setting_chosen.emit("optimizer.weight_decay")
    assert page.form.editor("optimizer.weight_decay").isVisible()
    session.edit(session.ranking.cleared("cat"), "clear cat")
    assert changes.text().startswith("3 changes")
    actions = {action.text(): action for action in changes.menu().actions()}
    assert "Ranking: 1 class ranked differently" in actions
    actions[f"Take the settings of {last.title}"].trigger()
    assert session.config == last.config
    assert changes.text().startswith("1 change since")


def test_the_report_of_a_failure_has_all_that_is_asked_for(
    page: TrainingPage, runs: list[Run], loaded_session: Session, app: QApplication
) -> None:
    run = runs[3]
    assert not page.log.report_button.isVisible()
    loaded_session.training_started.emit(run)
    loaded_session.events_received.emit([PhaseChanged(phase="reading data")])
    outcome = Outcome("failed", "Training failed: odd.", "Report it.", "Trace\nback", cause="bug")
    loaded_session._on_training_ended(run, outcome)
    assert page.log.report_button.isVisible()
    page.log.report_button.click()
    text = app.clipboard().text()
    for part in ("Akin 0.", "Python 3.", "Qt 6.", run.name, "failed (bug)", "Trace\nback"):
        assert part in text
    assert "batch_size: 16" in text
    assert "reading data" in text
    loaded_session.training_started.emit(run)
    assert not page.log.report_button.isVisible()
