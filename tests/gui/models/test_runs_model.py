from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from PySide6.QtCore import QSortFilterProxyModel, Qt
from PySide6.QtWidgets import QApplication

from core.config import ExperimentConfig
from core.events import Outcome
from core.files import write_json
from core.ranking import Ranking
from core.runs import Run, RunStore
from gui.models.runs_model import (
    SORT_ROLE,
    ComparisonModel,
    RunSummary,
    summarize_run,
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    config = ExperimentConfig().with_values({"data.folder": "/somewhere/VOC2007"})
    return RunStore(tmp_path).create(config, Ranking())


def row(name: str, accuracy: float | None = None, auroc: float | None = None) -> RunSummary:
    return RunSummary(Run(Path(name)), name, "done", accuracy=accuracy, auroc=auroc, data="d")


def test_a_summary_has_the_figures_and_the_data(run: Run) -> None:
    write_json(run.path / "environment.json", {"data_name": "VOC 2007"})
    ood = {"auroc": 0.7, "auroc_interval": [0.6, 0.8]}
    write_json(run.path / "metrics.json", {"accuracy": 0.6, "balanced_accuracy": 0.5, "ood": ood})
    run.write_outcome(Outcome("done", "Trained."))
    summary = summarize_run(run)
    assert (summary.status, summary.accuracy, summary.auroc) == ("done", 0.6, 0.7)
    assert summary.auroc_interval == (0.6, 0.8)
    assert (summary.data, summary.method, summary.depth) == ("VOC 2007", "ranked", 3)


def test_a_run_without_environment_names_its_folder(run: Run) -> None:
    assert summarize_run(run).data == "VOC2007"


def test_a_run_that_is_gone_is_interrupted_unless_the_window_trains_it(run: Run) -> None:
    assert summarize_run(run).status == "running"
    write_json(run.path / "environment.json", {"pid": 2**22 + 1, "process_start": "1"})
    assert summarize_run(run).status == "interrupted"
    assert summarize_run(run, running=True).status == "running"


def test_a_damaged_run_is_listed_with_its_reason(run: Run) -> None:
    (run.path / "metrics.json").write_text("{")
    summary = summarize_run(run)
    assert summary.status == "damaged"
    assert "metrics.json" in summary.note


def test_the_comparison_sorts_by_number_with_absent_figures_last(app: QApplication) -> None:
    model = ComparisonModel()
    model.set_rows([row("a", 0.5, 0.1), row("b", None, None), row("c", 0.06)])
    proxy = QSortFilterProxyModel()
    proxy.setSourceModel(model)
    proxy.setSortRole(SORT_ROLE)
    column = ComparisonModel.HEADERS.index("Accuracy")
    proxy.sort(column, Qt.SortOrder.DescendingOrder)
    assert [proxy.index(i, 0).data() for i in range(3)] == ["a", "c", "b"]


def test_the_comparison_as_csv_has_numbers(app: QApplication) -> None:
    model = ComparisonModel()
    model.set_rows([row("a", 0.5, 0.25), row("b")])
    rows = list(csv.DictReader(io.StringIO(model.to_csv())))
    assert rows[0]["Accuracy"] == "0.5"
    assert rows[0]["AUROC"] == "0.25"
    assert rows[1]["Accuracy"] == ""
    assert rows[0]["Data"] == "d"
