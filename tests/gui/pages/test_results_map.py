from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtTest import QTest

from core.evaluation.compliance import ranks_of
from core.runs import Run
from gui.pages.results_data import load_results
from gui.pages.results_neighbours import neighbours_in_words, neighbours_of
from gui.pages.results_page import ResultsPage
from gui.session import Session

MakeRun = Callable[..., Run]
Wait = Callable[..., None]
WITHHELD = ("chair", "motorbike")


@pytest.fixture
def run(loaded_session: Session, make_run: MakeRun) -> Run:
    assert loaded_session.dataset is not None
    return make_run(loaded_session.store, loaded_session.dataset, withheld=WITHHELD)


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


def test_a_lasso_fills_crops_and_matrix(
    page: ResultsPage, run: Run, loaded_session: Session, wait_until: Wait
) -> None:
    page.header.show_view("map")
    view = page.map_card.view
    wait_until(lambda: page.is_idle and view.count > 0)
    predictions = run.predictions()
    assert view.count == len(predictions.label_N)
    assert "chair (withheld)" in [group.name for group in view.groups]
    chosen = np.arange(0, view.count, 3)
    view.lassoed.emit(chosen)
    assert loaded_session.selection is not None
    assert page._objects_N is not None
    assert loaded_session.selection.object_indices == tuple(page._objects_N[chosen].tolist())
    known = int((predictions.label_N[chosen] >= 0).sum())
    assert page.matrix_card.matrix.counts_RC.sum() == known
    assert view.chosen is not None
    page.drawer.chip.click()
    assert page.matrix_card.matrix.counts_RC.sum() == (predictions.label_N >= 0).sum()
    assert view.chosen is None


def test_a_name_in_the_legend_takes_its_class(
    page: ResultsPage, loaded_session: Session, wait_until: Wait
) -> None:
    page.header.show_view("map")
    wait_until(lambda: page.is_idle and page.map_card.view.count > 0)
    names = [group.name for group in page.map_card.view.groups]
    page.map_card.view.group_clicked.emit(names.index("cat"))
    index, selection = loaded_session.dataset, loaded_session.selection
    assert index is not None
    assert selection is not None
    labels = index.label_N[list(selection.object_indices)]
    assert {index.classes[label] for label in labels} == {"cat"}


def test_colours_by_prediction_and_by_error(page: ResultsPage, run: Run, wait_until: Wait) -> None:
    page.header.show_view("map")
    card = page.map_card
    wait_until(lambda: page.is_idle and card.view.count > 0)
    predictions = run.predictions()
    card.colours.choose("predicted")
    np.testing.assert_array_equal(card.view.groups_N, predictions.predicted_N)
    card.colours.choose("errors")
    wrong = (predictions.label_N >= 0) & (predictions.label_N != predictions.predicted_N)
    np.testing.assert_array_equal(card.view.groups_N == 1, wrong)
    np.testing.assert_array_equal(card.view.groups_N == 2, predictions.label_N < 0)


def test_tsne_runs_in_the_background_and_can_be_cancelled(
    page: ResultsPage, wait_until: Wait
) -> None:
    page.header.show_view("map")
    card = page.map_card
    wait_until(lambda: page.is_idle and card.view.count > 0)
    before = card.view.positions()
    card.method.choose("tsne")
    assert card.cancel.isVisible()
    assert not card.is_idle
    card.cancel.click()
    assert not card.cancel.isVisible()
    assert card.method.choice == "pca"
    wait_until(lambda: page.is_idle, 60)
    np.testing.assert_array_equal(card.view.positions(), before)
    card.method.choose("tsne")
    wait_until(lambda: page.is_idle, 60)
    assert not card.cancel.isVisible()
    assert not np.allclose(card.view.positions(), before)
    assert "variance" not in card.subtitle.text()


def test_neighbours_are_the_nearest_and_ranked_by_the_user(run: Run) -> None:
    results = load_results(run)
    predictions = results.predictions
    assert predictions is not None
    rank_CC = ranks_of(results.similarity_CC())
    row = int(np.flatnonzero(predictions.label_N >= 0)[0])
    found = neighbours_of(results, row, 10)
    cosine_N = predictions.embedding_ND @ predictions.embedding_ND[row]
    cosine_N[row] = -2
    assert [n.cosine for n in found] == pytest.approx(sorted(cosine_N, reverse=True)[:10], abs=1e-5)
    assert row not in {n.row for n in found}
    for n in found:
        label = predictions.label_N[n.row]
        if label < 0:
            assert n.relation == ""
            continue
        rank = rank_CC[predictions.label_N[row], label]
        assert n.relation == (f"rank {rank}" if rank else "negative")
    assert neighbours_in_words(found).startswith("Of its 10 nearest: ")


def test_an_error_is_asked_about_first_and_a_neighbour_next(
    page: ResultsPage, run: Run, wait_until: Wait
) -> None:
    page.header.show_view("neighbours")
    card = page.neighbours_card
    predictions = run.predictions()
    assert card.query is not None
    assert predictions.label_N[card.query] != predictions.predicted_N[card.query]
    wait_until(lambda: card.model.decoded_count > 0)
    first = card.query
    card.next_error.click()
    assert card.query > first
    third = card.neighbours[2].row
    card.view.activated.emit(card.model.index(2))
    assert card.query == third
    assert len(card.csv().splitlines()) == len(card.neighbours) + 1


def test_a_crop_of_the_drawer_and_a_point_of_the_map_are_asked_about(
    page: ResultsPage, loaded_session: Session, wait_until: Wait
) -> None:
    page.matrix_card.worst.click()
    assert page._objects_N is not None
    chosen = page.drawer.model.objects[0]
    page.drawer.view.activated.emit(page.drawer.model.index(0))
    assert page.header.view == "neighbours"
    assert page.neighbours_card.query is not None
    assert page._objects_N[page.neighbours_card.query] == chosen
    page.header.show_view("map")
    wait_until(lambda: page.is_idle and page.map_card.view.count > 0)
    page.map_card.view.point_clicked.emit(5)
    assert page.header.view == "neighbours"
    assert page.neighbours_card.query == 5
