from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QImage
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication

from core.data import open_dataset
from core.data.demo import write_demo
from core.evaluation.report import PAPER_FIGURES
from core.events import EpochCompleted, Outcome
from core.files import write_json
from core.ranking import Ranking
from core.runs import EventLog, Run
from gui.models.object_match import match_objects
from gui.pages.results_data import load_results
from gui.pages.results_page import ResultsPage
from gui.session import Session
from gui.widgets.figure_export import ExportButton

MakeRun = Callable[..., Run]
Wait = Callable[..., None]
WITHHELD = ("chair", "motorbike")


@pytest.fixture
def run(loaded_session: Session, make_run: MakeRun) -> Run:
    assert loaded_session.dataset is not None
    return make_run(loaded_session.store, loaded_session.dataset, withheld=WITHHELD)


@pytest.fixture
def page(loaded_session: Session, wait_until: Wait) -> Iterator[ResultsPage]:
    page = ResultsPage(loaded_session)
    page.resize(1120, 724)
    page.show()
    QTest.qWaitForWindowExposed(page)
    yield page
    wait_until(lambda: page.is_idle)
    page.close()
    page.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def shown(page: ResultsPage, run: Run) -> bool:
    return page.is_idle and page.results is not None and page.results.run == run


def test_before_a_first_run_it_says_what_to_do(page: ResultsPage, wait_until: Wait) -> None:
    wait_until(lambda: page.is_idle and "Train a run first" in page.panes.note.text())
    assert page.panes.to_training.isVisible()
    assert not page.drawer.isVisible()


def test_the_newest_judged_run_is_chosen_by_itself(
    run: Run, page: ResultsPage, loaded_session: Session, wait_until: Wait
) -> None:
    wait_until(lambda: shown(page, run))
    assert loaded_session.run == run
    names = [figure.name for figure in page.figures.figures]
    assert any("AUROC · chair, motorbike withheld" in name for name in names)
    assert any(name.startswith("seen drawings") for name in names)
    assert any(name.startswith("unseen drawings") for name in names)
    assert "test split" in page.header.data_label.text()


def test_figures_and_matrix_agree_with_metrics(
    run: Run, page: ResultsPage, wait_until: Wait
) -> None:
    wait_until(lambda: shown(page, run))
    metrics = run.metrics()
    assert metrics is not None
    matrix = page.matrix_card.matrix
    assert list(matrix.rows) == metrics["confusion"]["classes"]
    np.testing.assert_array_equal(matrix.counts_RC, metrics["confusion"]["counts"])
    assert page.figures.figures[0].value == f"{100 * metrics['accuracy']:.1f} %"


def test_every_cell_selects_as_many_objects_as_it_says(
    run: Run, page: ResultsPage, loaded_session: Session, wait_until: Wait
) -> None:
    wait_until(lambda: shown(page, run))
    index = loaded_session.dataset
    assert index is not None
    matrix = page.matrix_card.matrix
    selected = 0
    for row, true in enumerate(matrix.rows):
        for column, predicted in enumerate(matrix.columns):
            matrix.cell_clicked.emit(row, column)
            selection = loaded_session.selection
            count = int(matrix.counts_RC[row, column])
            assert selection is not None
            assert selection.text == f"true {true}, predicted {predicted} ({count})"
            assert len(set(selection.object_indices)) == count
            labels = index.label_N[list(selection.object_indices)]
            assert {index.classes[label] for label in labels} <= {true}
            assert page.drawer.model.objects == selection.object_indices
            selected += count
    known = [name not in WITHHELD for name in index.classes]
    test_labels = index.label_N[index.objects_of_split("test")]
    assert selected == np.array(known)[test_labels].sum()


def test_the_worst_confusion_is_found(
    run: Run, page: ResultsPage, loaded_session: Session, wait_until: Wait
) -> None:
    wait_until(lambda: shown(page, run))
    wrong_CC = page.matrix_card.matrix.counts_RC.copy()
    np.fill_diagonal(wrong_CC, 0)
    page.matrix_card.worst.click()
    selection = loaded_session.selection
    assert selection is not None
    assert len(selection.object_indices) == wrong_CC.max() > 0
    assert page.matrix_card.matrix.counts_RC.trace() > 0, "the matrix itself stays as it was"


def test_a_run_from_elsewhere_is_named(
    run: Run, page: ResultsPage, loaded_session: Session, wait_until: Wait, tmp_path: Path
) -> None:
    elsewhere = Run(run.path.rename(tmp_path / "elsewhere"))
    loaded_session.select_run(elsewhere)
    wait_until(lambda: shown(page, elsewhere))
    assert page.header.runs.currentText() == "elsewhere"
    assert page.header.runs.currentData() == elsewhere


def test_a_click_in_the_matrix_shows_crops_and_the_chip_lets_go(
    run: Run, page: ResultsPage, loaded_session: Session, wait_until: Wait
) -> None:
    wait_until(lambda: shown(page, run))
    matrix = page.matrix_card.matrix
    where = matrix.cell_centre(0, 0).toPoint()
    QTest.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=where)
    assert loaded_session.selection is not None
    count = len(loaded_session.selection.object_indices)
    assert page.drawer.view.isVisible()
    wait_until(lambda: page.drawer.model.decoded_count == count)
    assert f"({count})" in page.drawer.chip.text()
    page.drawer.chip.click()
    assert loaded_session.selection is None
    assert not page.drawer.view.isVisible()
    assert matrix.selected is None


def test_what_is_withheld_gets_a_roc_and_a_threshold(
    run: Run, page: ResultsPage, wait_until: Wait
) -> None:
    wait_until(lambda: shown(page, run))
    assert not page.ood_card.is_empty
    false, true = page.ood_card.plot.operating_point()
    assert true >= 0.9
    assert 0 <= false <= 1


def test_nothing_withheld_says_how_to_withhold(
    page: ResultsPage, loaded_session: Session, make_run: MakeRun, wait_until: Wait
) -> None:
    assert loaded_session.dataset is not None
    run = make_run(loaded_session.store, loaded_session.dataset)
    loaded_session.runs_changed.emit()
    wait_until(lambda: shown(page, run))
    assert page.ood_card.is_empty
    spy = QSignalSpy(loaded_session.page_requested)
    page.ood_card.withhold_requested.emit()
    assert spy.at(0) == ["training"]


def test_runs_and_the_paper_are_compared_and_labelled_with_their_data(
    run: Run, page: ResultsPage, loaded_session: Session, wait_until: Wait, app: QApplication
) -> None:
    wait_until(lambda: shown(page, run))
    proxy = page.comparison_card.proxy
    assert proxy.rowCount() == 1 + len(PAPER_FIGURES)
    data = [proxy.index(i, 1).data() for i in range(proxy.rowCount())]
    assert loaded_session.dataset is not None
    assert data[0] == loaded_session.dataset.name
    assert all("VOC 2007" in name for name in data[1:])
    tips = [proxy.index(i, 0).data(Qt.ItemDataRole.ToolTipRole) for i in range(1, proxy.rowCount())]
    assert any("one tier" in tip for tip in tips)
    page.comparison_card.export.menu().actions()[-1].trigger()
    assert len(app.clipboard().text().splitlines()) == 2 + len(PAPER_FIGURES)


def test_another_run_is_chosen_from_the_header(
    run: Run, page: ResultsPage, loaded_session: Session, make_run: MakeRun, wait_until: Wait
) -> None:
    assert loaded_session.dataset is not None
    second = make_run(loaded_session.store, loaded_session.dataset)
    loaded_session.runs_changed.emit()
    wait_until(lambda: page.header.runs.count() == 2 and page.is_idle)
    at = page.header.runs.findData(second)
    page.header.runs.setCurrentIndex(at)
    page.header.runs.activated.emit(at)
    wait_until(lambda: shown(page, second))
    assert page.ood_card.is_empty


def test_a_run_without_results_says_so_and_can_be_judged(
    page: ResultsPage,
    loaded_session: Session,
    wait_until: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = loaded_session.store.create(loaded_session.config, Ranking())
    run.write_outcome(Outcome("stopped", "Stopped and kept after 1 epoch."))
    loaded_session.select_run(run)
    wait_until(lambda: shown(page, run))
    assert "not been judged" in page.panes.note.text()
    assert not page.panes.to_training.isVisible()
    asked: list[tuple[Run, bool]] = []
    monkeypatch.setattr(
        loaded_session.trainings, "start", lambda run, judge_only: asked.append((run, judge_only))
    )
    page.panes.judge.click()
    assert asked == [(run, True)]


def test_damaged_figures_are_said(
    run: Run, page: ResultsPage, loaded_session: Session, wait_until: Wait
) -> None:
    (run.path / "predictions.npz").write_bytes(b"PK\x03\x04 cut")
    loaded_session.select_run(run)
    wait_until(lambda: shown(page, run))
    assert "damaged" in page.panes.note.text()


def test_crops_of_other_data_are_not_shown(
    page: ResultsPage,
    loaded_session: Session,
    make_run: MakeRun,
    wait_until: Wait,
    tmp_path: Path,
) -> None:
    write_demo(tmp_path / "other", images=40, seed=5)
    other = open_dataset(tmp_path / "other")
    run = make_run(loaded_session.store, other)
    loaded_session.select_run(run)
    wait_until(lambda: shown(page, run))
    page.matrix_card.matrix.cell_clicked.emit(0, 0)
    assert loaded_session.selection is None
    assert page.drawer.model.rowCount() == 0
    assert "cannot be shown" in page.drawer.note.text()
    page.drawer.open_data.click()
    wait_until(
        lambda: (
            page.is_idle
            and loaded_session.dataset is not None
            and loaded_session.dataset.fingerprint == other.fingerprint
            and shown(page, run)
        )
    )
    page.matrix_card.matrix.cell_clicked.emit(0, 0)
    assert loaded_session.selection is not None


def test_one_view_at_a_time_can_be_enlarged(run: Run, page: ResultsPage, wait_until: Wait) -> None:
    wait_until(lambda: shown(page, run))
    cards = page.panes.cards
    names = ("withheld", "compliance", "runs", "neighbours", "map")
    for view, beside in zip(names, cards[1:], strict=True):
        shown_cards = (cards[0], beside)
        page.header.show_view(view)
        for card in shown_cards:
            card.set_enlarged(True)
            assert [other.isVisible() for other in cards] == [c is card for c in cards]
            card.set_enlarged(False)
        assert [card for card in cards if card.isVisible()] == list(shown_cards)


def test_objects_match_by_image_and_box_only_in_their_own_data(
    run: Run, loaded_session: Session, tmp_path: Path
) -> None:
    index = loaded_session.dataset
    assert index is not None
    predictions = run.predictions()
    found = match_objects(predictions, index)
    assert found is not None
    np.testing.assert_array_equal(found, index.objects_of_split("test"))
    assert match_objects(predictions, index, "another fingerprint") is None
    write_demo(tmp_path / "other", images=40, seed=5)
    assert match_objects(predictions, open_dataset(tmp_path / "other")) is None


def test_a_running_run_is_told_from_an_unjudged_one(run: Run) -> None:
    for name in ("metrics.json", "outcome.json"):
        (run.path / name).unlink()
    write_json(run.path / "environment.json", {})
    assert "interrupted" in load_results(run).problem


def test_every_export_gives_the_file_it_promises(
    run: Run, page: ResultsPage, app: QApplication, wait_until: Wait, tmp_path: Path
) -> None:
    wait_until(lambda: shown(page, run))
    log = EventLog(run)
    log.write(EpochCompleted(epoch=4, step=40, loss=1.0, compliance=0.8, compliance_train=0.9))
    log.close()
    page.reload()
    wait_until(lambda: shown(page, run))
    failed: list[object] = []
    names = set()
    for view in ("withheld", "compliance", "runs", "neighbours", "map"):
        page.header.show_view(view)
        if view == "runs":
            tick = page.comparison_card.model.index(0, 0)
            page.comparison_card.model.setData(
                tick, Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole
            )
        wait_until(lambda: page.is_idle)
        QApplication.processEvents()
        for export in page.findChildren(ExportButton):
            if not export.isVisible() or not export.isEnabled():
                continue
            export.failed.connect(failed.append)
            name = export.accessibleName().removeprefix("Export ").replace(" ", "-")
            names.add(name)
            _require_files(export, tmp_path / name, app)
    assert failed == []
    assert names >= {
        *("confusion-matrix", "roc", "rank-compliance", "similarity-against-rank"),
        *("compliance-curve", "runs-compared", "run-curves", "neighbours", "embedding-map"),
    }


def _require_files(export: ExportButton, stem: Path, app: QApplication) -> None:
    """Exports in every way, as the menu does, and opens what came out."""
    size = export._figure.figure_size()
    for scale in (1, 2):
        export._scale = scale
        path = stem.with_suffix(f".{scale}.png")
        export.save_to(str(path))
        image = QImage(str(path))
        assert image.size() == size * scale, stem.name
        some = {
            image.pixel(x, y)
            for x in range(0, image.width(), 7)
            for y in range(0, 400, 5)
            if y < image.height()
        }
        assert len(some) > 2, f"{stem.name} is blank"
    export.save_to(str(stem.with_suffix(".svg")))
    assert QSvgRenderer(str(stem.with_suffix(".svg"))).isValid(), stem.name
    export.save_to(str(stem.with_suffix(".csv")))
    text = stem.with_suffix(".csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))
    assert len(rows) > 1, stem.name
    assert len({len(row) for row in rows}) == 1, stem.name
    for action in export.menu().actions():
        if action.text() == "Copy picture":
            action.trigger()
            assert app.clipboard().image().size() == size * 2
        elif action.text() == "Copy as CSV":
            action.trigger()
            assert app.clipboard().text().splitlines() == text.splitlines()
