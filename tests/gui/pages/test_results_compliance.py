from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.events import EpochCompleted
from core.files import write_json
from core.runs import EventLog, Run
from gui.pages.results_compliance import severity_in_words
from gui.pages.results_page import ResultsPage
from gui.session import Session
from gui.theme import DARK, LIGHT, ThemeName, Tokens, apply_theme

MakeRun = Callable[..., Run]
Wait = Callable[..., None]


@pytest.fixture
def run(loaded_session: Session, make_run: MakeRun) -> Run:
    assert loaded_session.dataset is not None
    run = make_run(loaded_session.store, loaded_session.dataset)
    log = EventLog(run)
    for epoch in (4, 5):
        log.write(EpochCompleted(epoch=epoch, step=10 * epoch, loss=1.0, compliance=epoch / 10))
    log.close()
    return run


@pytest.fixture
def page(run: Run, loaded_session: Session, wait_until: Wait) -> Iterator[ResultsPage]:
    page = ResultsPage(loaded_session)
    page.resize(1120, 724)
    page.show()
    QTest.qWaitForWindowExposed(page)
    wait_until(lambda: page.is_idle and page.results is not None)
    yield page
    wait_until(lambda: page.is_idle)
    page.close()
    page.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def choose_other(page: ResultsPage, wait_until: Wait) -> None:
    page._session.runs_changed.emit()
    wait_until(lambda: page.is_idle and page.header.against.count() == 2)
    page.header.against.setCurrentIndex(1)
    page.header.against.activated.emit(1)
    wait_until(lambda: page.is_idle and page._verdict is not None)


def test_the_strip_shows_the_figures_of_metrics(page: ResultsPage, run: Run) -> None:
    metrics = run.metrics()
    assert metrics is not None
    per_class = metrics["compliance"]["per_class"]
    strip = page.compliance_card.strip
    assert strip.columns == tuple(per_class)
    for column, name in enumerate(strip.columns):
        assert strip.cell(0, column).value == per_class[name]["share"]
    assert f"{100 * metrics['compliance']['overall']:.1f} %" in page.compliance_card.subtitle.text()


def test_the_curve_has_a_point_an_epoch_that_was_judged(page: ResultsPage) -> None:
    page.header.show_view("compliance")
    lines = page.compliance_card.curve.figure_csv().splitlines()
    assert lines[0] == "run,epoch,compliance,compliance_train,tau_b"
    assert [line.split(",")[1:3] for line in lines[1:]] == [["4", "0.4"], ["5", "0.5"]]
    assert page.compliance_card.curve.isVisible()


def test_a_class_shows_its_ranks_and_the_objects_of_its_worst_pair(
    page: ResultsPage, loaded_session: Session
) -> None:
    card, index = page.compliance_card, loaded_session.dataset
    assert index is not None
    column = next(
        at
        for at, name in enumerate(card.strip.columns)
        if (card.strip.cell(0, at).value or 1.0) < 1.0 and name in ("bird", "cat", "dog", "horse")
    )
    name = card.strip.columns[column]
    card.strip.column_clicked.emit(column)
    assert name in card.ranks.title
    assert card._worst is not None
    assert card._worst.anchor == name
    selection = loaded_session.selection
    assert selection is not None
    assert len(selection.object_indices) == card._worst.count
    assert f"({card._worst.count} of " in card.violation.text()
    labels = index.label_N[list(selection.object_indices)]
    assert {index.classes[label] for label in labels} == {name}
    card.strip.column_clicked.emit(column)
    assert "all classes" in card.ranks.title


def test_a_run_without_compliance_says_what_to_do(
    page: ResultsPage, run: Run, wait_until: Wait
) -> None:
    metrics = run.metrics()
    assert metrics is not None
    write_json(run.path / "metrics.json", metrics | {"compliance": None})
    page.header.show_view("compliance")
    page.reload()
    wait_until(lambda: page.is_idle)
    assert page.compliance_card.note.isVisible()
    assert "Ranking page" in page.compliance_card.note.text()
    assert "mistakes fall on" in page.compliance_card.severity.text()


def test_severity_is_said_in_words() -> None:
    row = {
        "errors": 288,
        "on_ranked": 0.62,
        "on_ranked_by_chance": 0.07,
        "mean_rank": 1.38,
        "weighted_accuracy": 0.828,
    }
    assert severity_in_words(row) == (
        "62 % of the 288 mistakes fall on classes ranked for the true one (7 % by chance); mean "
        "rank of the predicted class 1.38; accuracy weighed by similarity 82.8 %."
    )
    assert severity_in_words(None) == ""
    assert severity_in_words(row | {"on_ranked": None}) == ""


def test_two_equal_runs_are_identical_in_words(
    page: ResultsPage, loaded_session: Session, make_run: MakeRun, wait_until: Wait
) -> None:
    assert "against" in page.comparison_card.words.text()
    assert loaded_session.dataset is not None
    make_run(loaded_session.store, loaded_session.dataset)
    choose_other(page, wait_until)
    assert page.header.view == "runs"
    assert "are identical" in page.comparison_card.words.text()
    assert not page.comparison_card.flips.isVisible()


def test_the_objects_that_flip_are_shown(
    page: ResultsPage, run: Run, loaded_session: Session, make_run: MakeRun, wait_until: Wait
) -> None:
    assert loaded_session.dataset is not None
    other = make_run(loaded_session.store, loaded_session.dataset)
    predictions = other.predictions()
    right = np.flatnonzero(predictions.label_N == predictions.predicted_N)[:3]
    predictions.predicted_N[right] = (predictions.predicted_N[right] + 1) % len(predictions.classes)
    predictions.save(other.path / "predictions.npz")
    choose_other(page, wait_until)
    assert "are not distinguishable" in page.comparison_card.words.text()
    assert "one training each: another seed may differ" in page.comparison_card.words.text()
    assert "In no class are" in page.comparison_card.words.text()
    page.comparison_card.flips.click()
    assert loaded_session.selection is not None
    assert page._objects_N is not None
    assert set(loaded_session.selection.object_indices) == set(page._objects_N[right].tolist())


def test_a_tick_overlays_a_runs_curves(page: ResultsPage, run: Run, wait_until: Wait) -> None:
    page.header.show_view("runs")
    card = page.comparison_card
    tick = card.model.index(0, 0)
    role = Qt.ItemDataRole.CheckStateRole
    assert card.model.setData(tick, Qt.CheckState.Checked, role)
    wait_until(lambda: page.is_idle)
    assert card.ticked == (run,)
    assert card.plot.isVisible()
    assert tick.data(role) == Qt.CheckState.Checked
    lines = card.curves_csv().splitlines()
    assert lines[:2] == ["run,epoch,accuracy", f"{run.name},1,0.2"]
    card.which.choose("loss")
    assert len(card.curves_csv().splitlines()) == 31
    assert card.model.setData(tick, Qt.CheckState.Unchecked, role)
    assert card.ticked == ()
    assert not card.plot.isVisible()
    paper = card.model.index(card.model.rowCount() - 1, 0)
    assert not card.model.setData(paper, Qt.CheckState.Checked, role)
    assert not paper.flags() & Qt.ItemFlag.ItemIsUserCheckable


def test_curves_take_the_colours_of_a_changed_theme(
    page: ResultsPage, app: QApplication, wait_until: Wait
) -> None:
    page.header.show_view("runs")
    card = page.comparison_card
    tick = card.model.index(0, 0)
    assert card.model.setData(tick, Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
    wait_until(lambda: page.is_idle)
    themes: tuple[tuple[ThemeName, Tokens], ...] = (("dark", DARK), ("light", LIGHT))
    stacks = (page.compliance_card.curve, card.plot)
    try:
        for theme, colours in themes:
            apply_theme(app, theme)
            app.processEvents()
            for stack in stacks:
                shown = {line.colour for line in stack._lines.values()}
                assert shown
                assert shown <= set(colours.series)
    finally:
        apply_theme(app, "light")


def test_several_ticked_runs_are_compared_in_words(
    page: ResultsPage, run: Run, loaded_session: Session, make_run: MakeRun, wait_until: Wait
) -> None:
    assert loaded_session.dataset is not None
    make_run(loaded_session.store, loaded_session.dataset)
    withheld = make_run(loaded_session.store, loaded_session.dataset, withheld=("chair",))
    loaded_session.runs_changed.emit()
    card = page.comparison_card
    wait_until(lambda: page.is_idle and page.header.runs.count() == 3)
    on, role = Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole
    for row in (1, 2):
        assert card.model.setData(card.model.index(row, 0), on, role)
    wait_until(lambda: page.is_idle)
    assert "are identical" in card.words.text()
    assert card.model.setData(card.model.index(0, 0), on, role)
    wait_until(lambda: page.is_idle)
    assert withheld in card.ticked
    assert card.words.text().startswith("Not compared: ")


def test_a_rank_shows_pairs_of_crops_and_a_pair_its_objects(
    page: ResultsPage, run: Run, loaded_session: Session, wait_until: Wait
) -> None:
    page.header.show_view("compliance")
    card, index = page.compliance_card, loaded_session.dataset
    assert index is not None
    at = next(i for i, box in enumerate(card.ranks.boxes) if box.name == "rank 2")
    QTest.keyClick(card.ranks, Qt.Key.Key_Right)
    QTest.keyClick(card.ranks, Qt.Key.Key_Return)
    assert at == 1
    pairs = card.pairs.model.pairs
    assert card.pairs.isVisible()
    assert not card._curve_side.isVisible()
    assert "rank 2" in card.pairs.title.text()
    assert pairs
    ranking = run.ranking
    cosines = [float(pair.caption.split()[0]) for pair in pairs]
    assert cosines == sorted(cosines, reverse=True)
    predictions = run.predictions()
    for pair in pairs:
        first, second = (str(predictions.true_name_N[row]) for row in pair.rows)
        assert second in ranking.similar[first][0].classes
        assert [index.classes[index.label_N[n]] for n in pair.objects] == [first, second]
    wait_until(lambda: card.pairs.model._crops.decoded_count > 0)
    card.pairs.view.activated.emit(card.pairs.model.index(0))
    assert loaded_session.selection is not None
    assert loaded_session.selection.object_indices == pairs[0].objects
    lines = card.pairs.csv().splitlines()
    assert len(lines) == 1 + len(pairs)
    assert lines[1] == f"{pairs[0].names[0]},{pairs[0].names[1]},{pairs[0].cosine:.6g}"
    card.pairs.back.click()
    assert not card.pairs.isVisible()
    assert card._curve_side.isVisible()


def test_a_class_has_its_own_curve_by_epoch(
    page: ResultsPage, run: Run, wait_until: Wait, loaded_session: Session
) -> None:
    log = EventLog(run)
    for epoch in (6, 7):
        log.write(
            EpochCompleted(
                epoch=epoch,
                step=10 * epoch,
                loss=1.0,
                compliance=epoch / 10,
                compliance_train=0.9,
                compliance_by_class={"cat": epoch / 20},
            )
        )
    log.close()
    page.header.show_view("compliance")
    page.reload()
    wait_until(lambda: page.is_idle)
    card = page.compliance_card
    assert card.curve.curve_keys("compliance") == ("A validation", "A training")
    card.strip.column_clicked.emit(card.strip.columns.index("cat"))
    assert card.curve.curve_keys("compliance") == ("A validation",)
    assert card._curve_title.text() == "pairs that hold by epoch: cat"
    assert card._results is not None
    share_N = card._results.curves.compliance_of("cat")
    assert share_N[-2:].tolist() == [0.3, 0.35]
    assert np.isnan(share_N[:-2]).all()
