from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QAbstractItemModelTester, QSignalSpy
from PySide6.QtWidgets import QApplication

from core.config import ExperimentConfig
from core.events import Outcome
from core.files import write_json
from core.ranking import Ranking
from core.run_notes import RunNotes, write_notes
from core.runs import Run, RunStore
from gui.models.run_tree import KEY_ROLE, RunFilter, RunTreeModel
from gui.models.runs_model import RunSummary, summarize_run
from gui.models.summary_reader import SummaryReader

CHECK = Qt.ItemDataRole.CheckStateRole


def row(name: str, accuracy: float | None = None, arm: str = "", seed: int = 0) -> RunSummary:
    run = Run(Path(name))
    return RunSummary(run, name, "done", "ranked", 3, "d", accuracy=accuracy, arm=arm, seed=seed)


@pytest.fixture
def model(app: QApplication) -> RunTreeModel:
    model = RunTreeModel()
    mode = QAbstractItemModelTester.FailureReportingMode.Fatal
    model.setProperty("tester", QAbstractItemModelTester(model, mode, model))
    return model


def texts(model: RunTreeModel, column: int = 0) -> list[object]:
    found: list[object] = []
    for at in range(model.rowCount()):
        top = model.index(at, 0)
        found.append(model.index(at, column).data())
        inner = [model.index(i, column, top).data() for i in range(model.rowCount(top))]
        found += [inner] if inner else []
    return found


def test_the_list_is_newest_first(model: RunTreeModel) -> None:
    model.set_summaries([row("1", 0.5), row("2")])
    assert texts(model) == ["2", "1"]
    assert texts(model, 1) == ["done", "50.0 %"]


def test_runs_of_one_arm_stand_together_at_the_place_of_the_newest(model: RunTreeModel) -> None:
    rows = [row("1", 0.5, "a", 0), row("2", 0.4, "b", 0), row("3", 0.7, "a", 1), row("4")]
    model.set_summaries(rows)
    assert texts(model) == ["4", "ranked r3 × 2", ["3", "1"], "2"]
    assert texts(model, 1)[1] == "60.0 %"
    model.set_grouped(False)
    assert texts(model) == ["4", "3", "2", "1"]


def test_two_runs_of_one_seed_are_no_group_and_count_once_in_one(model: RunTreeModel) -> None:
    model.set_summaries([row("1", 0.5, "a", 0), row("2", 0.7, "a", 0)])
    assert texts(model) == ["2", "1"]
    model.set_summaries([row("1", 0.5, "a", 0), row("2", 0.7, "a", 0), row("3", 0.9, "a", 4)])
    assert texts(model) == ["ranked r3 × 2", ["3", "2", "1"]]
    assert texts(model, 1)[0] == "80.0 %"
    assert [each.name for each in model.seeds_of("a")] == ["2", "3"]


def test_a_tick_asks_for_an_overlay_and_shows_once_it_has_a_colour(model: RunTreeModel) -> None:
    model.set_summaries([row("1", arm="a"), row("2", arm="a", seed=1)])
    spy = QSignalSpy(model.overlay_toggled)
    group = model.index(0, 0)
    child = model.index(1, 0, group)
    for index in (group, child):
        model.setData(index, Qt.CheckState.Checked.value, CHECK)
        assert Qt.CheckState(index.data(CHECK)) == Qt.CheckState.Unchecked
    assert [spy.at(i) for i in range(2)] == [["a", True], [Run(Path("1")), True]]
    model.set_colour("a", QColor("red"))
    model.set_colour(Run(Path("1")), QColor("blue"))
    for index in (group, child):
        assert Qt.CheckState(index.data(CHECK)) == Qt.CheckState.Checked


def test_the_overlay_of_what_is_gone_goes_but_not_of_what_is_filtered(model: RunTreeModel) -> None:
    rows = [row("1", arm="a"), row("2", arm="a", seed=1), row("3")]
    model.set_summaries(rows)
    model.set_colour("a", QColor("red"))
    model.set_colour(Run(Path("3")), QColor("blue"))
    spy = QSignalSpy(model.overlay_toggled)
    model.set_filter(RunFilter("nothing is called so"))
    assert model.rowCount() == spy.count() == 0
    model.set_summaries(rows[:1])
    gone = {str(spy.at(i)[0]) for i in range(spy.count())}
    assert gone == {"a", str(Run(Path("3")))}
    assert model.index_of("a") == QModelIndex()


def test_the_filter_looks_at_names_tags_notes_and_status() -> None:
    one = replace(row("0001-ranked"), tags=("night", "paper"), remark="Batch norm frozen.")
    assert RunFilter().takes(one)
    assert RunFilter("FROZEN night").takes(one)
    assert RunFilter("ranked", "done", "paper").takes(one)
    assert not RunFilter("supcon").takes(one)
    assert not RunFilter(status="failed").takes(one)
    assert not RunFilter(tag="nigh").takes(one)


def test_another_name_is_asked_for_and_the_same_is_not(model: RunTreeModel) -> None:
    model.set_summaries([row("1")])
    spy = QSignalSpy(model.renamed)
    index = model.index(0, 0)
    assert index.flags() & Qt.ItemFlag.ItemIsEditable
    model.setData(index, "1")
    assert spy.count() == 0
    model.setData(index, "the good one")
    assert spy.at(0) == [Run(Path("1")), "the good one"]
    assert index.data(KEY_ROLE) == Run(Path("1"))


# ----- reading -----


def test_the_arm_is_the_same_but_for_the_seed_and_tells_rankings_apart(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    config, ranking = ExperimentConfig(), Ranking().moved("cat", ["dog"], 0)
    other = ranking.moved("cat", ["bus"], 1)

    def arm(ranking: Ranking, **values: object) -> str:
        keys = {key.replace("__", "."): value for key, value in values.items()}
        return summarize_run(store.create(config.with_values(keys), ranking)).arm

    assert arm(ranking, seed=1) == arm(ranking, seed=2)
    assert arm(ranking) != arm(other)
    assert arm(ranking) != arm(ranking, training__batch_size=64)
    assert arm(ranking, objective__method="supcon") == arm(other, objective__method="supcon")


def test_only_what_changed_is_read_again_and_a_killed_run_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, reader = RunStore(tmp_path), SummaryReader()
    done, running = (store.create(ExperimentConfig(), Ranking()) for _ in "ab")
    done.write_outcome(Outcome("done", "Trained."))
    assert [row.status for row in reader.read(store, None)] == ["done", "running"]
    read: list[Run] = []

    def noted(run: Run, *, running: bool = False) -> RunSummary:
        read.append(run)
        return summarize_run(run, running=running)

    monkeypatch.setattr("gui.models.summary_reader.summarize_run", noted)
    reader.read(store, None)
    assert read == [running]
    write_json(running.path / "environment.json", {"pid": 2**22 + 1, "process_start": "1"})
    assert [row.status for row in reader.read(store, None)] == ["done", "interrupted"]
    write_notes(done.path, RunNotes(title="A good one", tags=("x",)))
    found = reader.read(store, None)
    assert (found[0].name, found[0].tags) == ("A good one", ("x",))
    os.rename(done.path, tmp_path / "elsewhere")
    assert len(reader.read(store, None)) == 2
