from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QComboBox, QLineEdit, QListWidget, QMenu, QSpinBox

from core.config_files import recipe_names
from core.events import (
    Event,
    Outcome,
    PhaseChanged,
    RunFinished,
    RunStarted,
    StepCompleted,
    WarningRaised,
)
from core.ranking import Ranking
from core.ranking_repairs import UNRANKED
from core.runs import Run
from gui.pages.training_controls import duration_text
from gui.pages.training_page import TrainingPage
from gui.session import Session

MakeRun = Callable[..., Run]
Wait = Callable[..., None]


def dispose(page: TrainingPage) -> None:
    page.close()
    page.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def page(training_page: TrainingPage) -> TrainingPage:
    return training_page


@pytest.fixture
def run(loaded_session: Session) -> Run:
    return loaded_session.store.create(loaded_session.config, Ranking())


def started(run: Run, at: int = 0) -> RunStarted:
    return RunStarted(
        run=run.name,
        method="ranked",
        device="cpu",
        epochs=2,
        steps_per_epoch=50,
        train_objects=100,
        validation_objects=10,
        test_objects=10,
        resumed_at_step=at,
    )


def step(number: int, time_s: float = 0.0) -> StepCompleted:
    return StepCompleted(
        time_s=1000.0 + time_s,
        step=number,
        epoch=(number - 1) // 50 + 1,
        loss=2.0,
        learning_rate=0.1,
        objects_per_s=123.4,
    )


def start(session: Session, run: Run, *events: Event) -> None:
    session.training_started.emit(run)
    session.events_received.emit([started(run), *events])


def test_it_says_what_to_do_before_a_first_run(page: TrainingPage) -> None:
    assert page.plotted_points()["loss"] == 0
    assert page.controls.train_button.isVisible()
    assert page.controls.train_button.isEnabled()
    assert not page.controls.stop_button.isVisible()


def test_without_data_train_is_off_and_says_why(session: Session, wait_until: Wait) -> None:
    page = TrainingPage(session)
    assert not page.controls.train_button.isEnabled()
    assert "data set" in page.controls.status.text()
    wait_until(lambda: page.is_idle)
    dispose(page)


def test_method_ranked_without_a_ranked_class_is_told_before_train(
    page: TrainingPage, loaded_session: Session
) -> None:
    session, notice = loaded_session, page.controls.notice
    session.set_config_values({"objective.method": "ranked", "ranking.depth": 3})
    session.edit(Ranking(), "clear")
    assert notice.isVisible()
    assert notice.text() == UNRANKED
    session.set_config_values({"objective.method": "supcon"})
    assert not notice.isVisible()
    session.set_config_values({"objective.method": "ranked", "data.withheld": ["dog"]})
    session.edit(Ranking().moved("cat", ["dog"], 0), "rank what is withheld")
    assert notice.isVisible()
    session.set_config_values({"data.withheld": []})
    assert not notice.isVisible()


def test_editing_a_field_changes_the_session(page: TrainingPage, loaded_session: Session) -> None:
    box = page.form.editor("training.epochs").inner
    assert isinstance(box, QSpinBox)
    box.setValue(7)
    assert loaded_session.config.training.epochs == 7
    names = page.form.editor("data.withheld").inner
    assert isinstance(names, QListWidget)
    assert names.count() == 20
    names.item(3).setCheckState(Qt.CheckState.Checked)
    assert loaded_session.config.data.withheld == ("boat",)


def test_a_bad_value_is_told_beside_its_field_and_blocks_train(
    page: TrainingPage, loaded_session: Session
) -> None:
    line = page.form.editor("optimizer.learning_rate").inner
    assert isinstance(line, QLineEdit)
    before = loaded_session.config
    line.setText("-1")
    line.editingFinished.emit()
    assert "above 0" in page.form.problems()["optimizer.learning_rate"]
    assert loaded_session.config == before
    assert not page.controls.train_button.isEnabled()
    line.setText("0.1")
    line.editingFinished.emit()
    assert not page.form.problems()
    assert loaded_session.config.optimizer.learning_rate == 0.1
    assert page.controls.train_button.isEnabled()


def test_a_bad_device_gets_a_sentence_not_a_pattern(page: TrainingPage) -> None:
    box = page.form.editor("device").inner
    assert isinstance(box, QComboBox)
    box.setEditText("gpu")
    line = box.lineEdit()
    assert line is not None
    line.editingFinished.emit()
    assert "cuda" in page.form.problems()["device"]
    assert "^" not in page.form.problems()["device"]


def test_a_fault_of_two_fields_stands_at_the_one_that_was_edited(page: TrainingPage) -> None:
    line = page.form.editor("objective.temperature_min").inner
    assert isinstance(line, QLineEdit)
    line.setText("4")
    line.editingFinished.emit()
    assert "above temperature_max" in page.form.problems()["objective.temperature_min"]


def test_a_recipe_replaces_the_settings_and_clears_problems(
    page: TrainingPage, loaded_session: Session
) -> None:
    page.form.set_problem("device", "no")
    folder = loaded_session.config.data.folder
    name = recipe_names()[0]
    page.recipes.setCurrentText(name)
    page.recipes.textActivated.emit(name)
    assert not page.form.problems()
    assert page.form.changed_keys() == ()
    assert loaded_session.config.data.folder == folder


def test_a_change_from_elsewhere_is_shown(page: TrainingPage, loaded_session: Session) -> None:
    loaded_session.set_config_values({"training.epochs": 3})
    assert page.form.editor("training.epochs").shown == 3


def test_phases_are_told_before_the_first_batch(
    page: TrainingPage, loaded_session: Session, run: Run
) -> None:
    loaded_session.training_started.emit(run)
    assert page.controls.stop_button.isVisible()
    loaded_session.events_received.emit([PhaseChanged(phase="loading torch")])
    assert "loading torch" in page.controls.status.text()
    loaded_session.events_received.emit([PhaseChanged(phase="caching crops", done=120, total=900)])
    assert "caching crops 120/900" in page.controls.status.text()
    assert (page.controls.progress.value(), page.controls.progress.maximum()) == (120, 900)


def test_steps_are_plotted_counted_and_timed(
    page: TrainingPage, loaded_session: Session, run: Run
) -> None:
    start(loaded_session, run, *(step(i, i / 10) for i in range(1, 51)))
    points = page.plotted_points()
    assert points["loss"] == points["loss smoothed"] == points["learning rate"] == 50
    assert "epoch 1 of 2" in page.controls.status.text()
    assert "ETA 0:05" in page.controls.figures.text()
    assert "123 objects/s" in page.controls.figures.text()
    assert page.controls.progress.value() == 500


def test_a_hidden_page_draws_nothing_until_it_is_shown(
    page: TrainingPage, loaded_session: Session, run: Run
) -> None:
    start(loaded_session, run, step(1))
    page.hide()
    loaded_session.events_received.emit([step(i) for i in range(2, 21)])
    assert page.plotted_points()["loss"] == 1
    page.show()
    assert page.plotted_points()["loss"] == 20


def test_stop_says_so_at_once(page: TrainingPage, loaded_session: Session, run: Run) -> None:
    start(loaded_session, run, step(1))
    spy = QSignalSpy(page.controls.stop_clicked)
    page.controls.stop_button.click()
    assert spy.count() == 1
    assert page.controls.status.text() == "Stopping …"
    assert not page.controls.stop_button.isEnabled()
    loaded_session.events_received.emit([step(2)])
    assert page.controls.status.text() == "Stopping …"


def test_cancel_asks_first_and_can_be_taken_back(
    page: TrainingPage, loaded_session: Session, run: Run
) -> None:
    start(loaded_session, run, step(1))
    spy = QSignalSpy(page.controls.cancel_confirmed)
    page.controls.cancel_button.click()
    assert spy.count() == 0
    page.controls.keep_button.click()
    assert page.controls.stop_button.isEnabled()
    page.controls.cancel_button.click()
    page.controls.discard_button.click()
    assert spy.count() == 1
    assert "Discarding" in page.controls.status.text()


def test_a_cancelled_run_leaves_no_curve(
    page: TrainingPage, loaded_session: Session, run: Run
) -> None:
    start(loaded_session, run, step(1))
    loaded_session.training_finished.emit(Outcome("cancelled", "Cancelled."))
    assert page.plotted_points()["loss"] == 0
    assert page.controls.train_button.isVisible()


def test_pause_and_continue(page: TrainingPage, loaded_session: Session, run: Run) -> None:
    start(loaded_session, run, step(1))
    spy = QSignalSpy(page.controls.pause_toggled)
    page.controls.pause_button.click()
    assert page.controls.pause_button.text() == "Continue"
    page.controls.cancel_button.click()
    page.controls.keep_button.click()
    assert page.controls.pause_button.text() == "Continue"
    page.controls.pause_button.click()
    assert [spy.at(i) for i in range(2)] == [[True], [False]]


def test_a_failure_opens_the_log_with_the_traceback(
    page: TrainingPage, loaded_session: Session, run: Run, tmp_path: Path
) -> None:
    outcome = Outcome("failed", "Training failed: out of luck.", "Look.", "Traceback: line 1")
    start(loaded_session, run, WarningRaised(message="sheep is alone."))
    loaded_session.events_received.emit([RunFinished(outcome=outcome)])
    loaded_session.training_finished.emit(outcome)
    assert page.log.is_open
    assert "Traceback: line 1" in page.log.text()
    assert "sheep is alone." in page.log.text()
    assert "out of luck" in page.controls.status.text()
    page.log.save_to(str(tmp_path / "log.txt"))
    assert "Traceback: line 1" in (tmp_path / "log.txt").read_text()


def test_earlier_runs_are_listed_and_overlaid(
    page: TrainingPage, loaded_session: Session, make_run: MakeRun, wait_until: Wait
) -> None:
    assert loaded_session.dataset is not None
    run = make_run(loaded_session.store, loaded_session.dataset)
    loaded_session.runs_changed.emit()
    model = page.runs.model
    wait_until(lambda: model.rowCount() == 1)
    index = model.index(0, 0)
    assert index.data() == run.name
    model.setData(index, Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
    wait_until(lambda: page.plots.overlays == (run,))
    assert page.plots.stack.point_count("loss", str(run.path)) == 30
    assert page.plots.stack.point_count("validation", str(run.path)) == 3
    assert Qt.CheckState(index.data(Qt.ItemDataRole.CheckStateRole)) == Qt.CheckState.Checked
    model.setData(index, Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    assert page.plots.stack.point_count("loss", str(run.path)) == 0


def test_a_run_of_the_list_can_be_judged(
    page: TrainingPage, loaded_session: Session, make_run: MakeRun, wait_until: Wait
) -> None:
    assert loaded_session.dataset is not None
    run = make_run(loaded_session.store, loaded_session.dataset)
    page.run_actions.reload()
    wait_until(lambda: page.runs.model.rowCount() == 1)
    spy = QSignalSpy(loaded_session.page_requested)
    page.runs.tree.doubleClicked.emit(page.runs.model.index(0, 0))
    assert loaded_session.run == run
    assert spy.at(0) == ["results"]


def test_what_can_be_done_with_a_run_depends_on_its_state(
    page: TrainingPage,
    loaded_session: Session,
    make_run: MakeRun,
    wait_until: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert loaded_session.dataset is not None
    assert not page.runs.run_button.isEnabled()
    run = make_run(loaded_session.store, loaded_session.dataset)
    (run.path / "metrics.json").unlink()
    run.write_outcome(Outcome("stopped", "Stopped and kept."))
    run.checkpoint_folder.mkdir(exist_ok=True)
    ZipFile(run.checkpoint_folder / "last.pt", "w").close()  # as far as is looked at
    epochs = run.config.training.epochs
    page.run_actions.reload()
    wait_until(lambda: page.runs.model.rowCount() == 1)
    page.runs.choose(run)
    assert page.runs.run_button.isEnabled()

    menu = page.runs.run_button.menu()
    enabled = {action.text(): action.isEnabled() for action in menu.actions() if action.text()}
    assert not enabled.pop("Compare the two…")
    assert all(enabled.values()), enabled
    asked = []
    monkeypatch.setattr(
        loaded_session.trainings, "start", lambda run, **how: asked.append((run, how))
    )
    page.runs.asked.emit("judge", (run,))
    more = page.runs.run_button.menu().findChild(QMenu)
    assert more is not None
    more.actions()[1].trigger()
    assert asked == [(run, {"judge_only": True}), (run, {"resume": True})]
    assert Run(run.path).config.training.epochs == epochs + 10


def test_out_of_memory_offers_half_the_batch(
    page: TrainingPage, loaded_session: Session, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not page.controls.smaller_button.isVisible()
    start(loaded_session, run)
    loaded_session.select_run(run)
    outcome = Outcome("failed", "The device ran out of memory.", "Halve it.", cause="memory")
    loaded_session.training_finished.emit(outcome)
    assert page.controls.smaller_button.isVisible()
    assert page.controls.smaller_button.text() == "Halve the batch and train anew"
    other = loaded_session.store.create(loaded_session.config, Ranking())
    loaded_session.select_run(other)  # the button is about the run that failed all the same
    begun: list[Run] = []
    monkeypatch.setattr(loaded_session.trainings, "start", lambda run, **_: begun.append(run))
    page.controls.smaller_button.click()
    size = run.config.training.batch_size
    assert [anew.config.training.batch_size for anew in begun] == [size // 2]


def test_out_of_memory_after_a_checkpoint_goes_on_with_the_same_run_at_one_click(
    page: TrainingPage, loaded_session: Session, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ZipFile(run.checkpoint_folder / "last.pt", "w").close()  # as far as is looked at
    start(loaded_session, run)
    told = QSignalSpy(loaded_session.message_posted)
    begun: list[tuple[Run, dict[str, bool]]] = []
    monkeypatch.setattr(
        loaded_session.trainings, "start", lambda run, **how: begun.append((run, how))
    )
    outcome = Outcome("failed", "The device ran out of memory.", "Halve it.", cause="memory")
    loaded_session._on_training_ended(run, outcome)
    size = run.config.training.batch_size
    assert page.controls.smaller_button.text() == "Halve the batch and resume"
    page.controls.smaller_button.click()
    assert Run(run.path).config.training.batch_size == size // 2
    message = told.at(0)[0]
    assert message.link == "Halve the batch and resume"
    message.act()
    assert begun == [(run, {"resume": True})] * 2


@pytest.mark.parametrize(("cause", "batch_size"), [("device", 128), ("memory", 2)])
def test_where_no_smaller_batch_helps_none_is_offered(
    page: TrainingPage, loaded_session: Session, cause: str, batch_size: int
) -> None:
    config = loaded_session.config.with_values({"training.batch_size": batch_size})
    run = loaded_session.store.create(config, Ranking())
    start(loaded_session, run)
    told = QSignalSpy(loaded_session.message_posted)
    loaded_session._on_training_ended(run, Outcome("failed", "No memory.", "End it.", cause=cause))
    assert not page.controls.smaller_button.isVisible()
    assert told.at(0)[0].link == ""


def test_the_ranking_of_a_run_is_opened_as_it_was(
    page: TrainingPage, loaded_session: Session
) -> None:
    was = Ranking().moved("cat", ["dog"], 0)
    run = loaded_session.store.create(loaded_session.config, was)
    loaded_session.edit(Ranking().moved("cat", ["bus"], 0), "another")
    asked = QSignalSpy(loaded_session.page_requested)
    page.runs.asked.emit("ranking", (Run(run.path),))
    assert loaded_session.ranking.similar == was.similar
    assert asked.at(0) == ["ranking"]
    loaded_session.undo_stack.undo()
    assert loaded_session.ranking.ranked("cat") == ("bus",)


def test_curves_follow_axis_smoothing_and_ranks(
    page: TrainingPage, loaded_session: Session, make_run: MakeRun
) -> None:
    assert loaded_session.dataset is not None
    run = make_run(loaded_session.store, loaded_session.dataset)
    loaded_session.training_started.emit(run)
    plots = page.plots
    assert plots.plotted_points()["accuracy"] == 3
    plots.tools.by_rank.setChecked(True)
    assert {"rank 1", "rank 2"} <= set(plots.stack.curve_keys("loss"))
    plots.tools.by_rank.setChecked(False)
    assert "rank 1" not in plots.stack.curve_keys("loss")
    for name in ("epoch", "time", "step"):
        plots.tools.x_axis.setCurrentText(f"by {name}")
        assert plots.plotted_points()["loss"] == 30
    plots.tools.log_y.setChecked(True)
    assert len(plots.stack.figure_csv().splitlines()) == 31


def test_a_resumed_run_goes_on_from_its_curves(
    page: TrainingPage, loaded_session: Session, make_run: MakeRun
) -> None:
    assert loaded_session.dataset is not None
    run = make_run(loaded_session.store, loaded_session.dataset, results=False)
    loaded_session.training_started.emit(run)
    loaded_session.events_received.emit([started(run, at=30), step(31)])
    assert page.plotted_points()["loss"] == 31


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (48, "0:48"), (725, "12:05"), (3725, "1:02:05")]
)
def test_durations_read_as_clocks(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
