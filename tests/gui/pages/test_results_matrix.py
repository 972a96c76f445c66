from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest

from core.files import write_json
from core.runs import Run
from gui.pages.results_confusion import UNKNOWN
from gui.pages.results_data import load_results
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


def test_every_order_shows_the_same_counts(page: ResultsPage) -> None:
    card = page.matrix_card
    before = {
        (row, column): int(card.matrix.counts_RC[i, j])
        for i, row in enumerate(card.matrix.rows)
        for j, column in enumerate(card.matrix.columns)
    }
    for order in ("ranking", "cluster", "name"):
        card.order.choose(order)
        counts = card.matrix.counts_RC
        for i, row in enumerate(card.matrix.rows):
            for j, column in enumerate(card.matrix.columns):
                assert counts[i, j] == before[row, column]
        if order == "ranking":
            rows = list(card.matrix.rows)
            cat, dog = rows.index("cat"), rows.index("dog")
            assert abs(cat - dog) <= 3
            assert card.matrix.content.breaks


def test_the_selected_cell_follows_the_order(page: ResultsPage, loaded_session: Session) -> None:
    card = page.matrix_card
    card.worst.click()
    first = loaded_session.selection
    assert card.matrix.selected is not None
    names = (
        card.matrix.rows[card.matrix.selected[0]],
        card.matrix.columns[card.matrix.selected[1]],
    )
    card.order.choose("cluster")
    row, column = card.matrix.selected
    assert (card.matrix.rows[row], card.matrix.columns[column]) == names
    assert loaded_session.selection == first


def test_the_threshold_moves_matrix_and_crops_together(
    page: ResultsPage, run: Run, loaded_session: Session
) -> None:
    results = load_results(run)
    assert results.predictions is not None
    score_N = results.score_N("max softmax")
    card, ood = page.matrix_card, page.ood_card
    slider = ood.plot._slider
    slider.setValue(slider.maximum() // 2)
    assert ood.rejects.isChecked()
    assert card.matrix.columns[-1] == UNKNOWN
    assert card.matrix.rows[-2:] == WITHHELD
    rejected = score_N < ood.plot.threshold
    assert card.matrix.counts_RC[:, -1].sum() == rejected.sum()
    assert card.matrix.counts_RC.sum() == len(score_N)
    row = card.matrix.rows.index("chair")
    card.matrix.cell_clicked.emit(row, len(card.matrix.columns) - 1)
    for value in (slider.maximum() // 4, 3 * slider.maximum() // 4, slider.maximum()):
        slider.setValue(value)
        rejected = score_N < ood.plot.threshold
        expected = int((rejected & (results.predictions.true_name_N == "chair")).sum())
        assert loaded_session.selection is not None
        assert len(loaded_session.selection.object_indices) == expected
        assert f"true chair, predicted unknown ({expected})" == loaded_session.selection.text
        assert len(page.drawer.model.objects) == expected
    ood.rejects.setChecked(False)
    assert UNKNOWN not in card.matrix.columns
    assert loaded_session.selection is None, "its cell is gone"


def test_rejected_and_accepted_objects_are_shown(
    page: ResultsPage, run: Run, loaded_session: Session
) -> None:
    label_N = run.predictions().label_N
    for button, known in ((page.ood_card.lost, True), (page.ood_card.taken, False)):
        score_N = page.ood_card.rejection.score_N
        page.ood_card.plot.set_threshold(float(score_N.max() if known else score_N.min()))
        assert button.isEnabled()
        button.click()
        selection = loaded_session.selection
        assert selection is not None
        assert f"({len(selection.object_indices)})" in selection.text
        assert page._objects_N is not None
        rows = np.flatnonzero(np.isin(page._objects_N, selection.object_indices))
        assert ((label_N[rows] >= 0) == known).all()


def test_one_run_less_another(
    page: ResultsPage,
    run: Run,
    loaded_session: Session,
    make_run: MakeRun,
    wait_until: Wait,
) -> None:
    assert loaded_session.dataset is not None
    other = make_run(loaded_session.store, loaded_session.dataset, withheld=WITHHELD)
    predictions = other.predictions()
    predictions.predicted_N[:] = np.roll(predictions.predicted_N, 1)
    predictions.save(other.path / "predictions.npz")
    loaded_session.runs_changed.emit()
    wait_until(lambda: page.is_idle and page.header.against.count() == 2)
    page.header.against.setCurrentIndex(1)
    page.header.against.activated.emit(1)
    wait_until(lambda: page.is_idle and page.matrix_card.is_difference)
    matrix = page.matrix_card.matrix
    minus = matrix.content.minus_RC
    assert minus is not None
    assert minus.sum() == matrix.counts_RC.sum()
    page.matrix_card.worst.click()
    selection = loaded_session.selection
    assert selection is not None
    assert selection.object_indices
    assert "in only one of A and B" in selection.text
    page.matrix_card.minus.click()
    assert not page.matrix_card.is_difference


def test_a_run_with_other_classes_is_not_subtracted_and_says_why(
    page: ResultsPage, loaded_session: Session, make_run: MakeRun, wait_until: Wait
) -> None:
    assert loaded_session.dataset is not None
    make_run(loaded_session.store, loaded_session.dataset)
    loaded_session.runs_changed.emit()
    wait_until(lambda: page.is_idle and page.header.against.count() == 2)
    page.header.against.activated.emit(1)
    wait_until(lambda: page.is_idle and page.matrix_card.refusal.isVisible())
    assert "other classes" in page.matrix_card.refusal.text()
    assert "chair, motorbike" in page.matrix_card.refusal.text()
    assert not page.matrix_card.is_difference
    assert not page.matrix_card.minus.isVisible()


def test_the_threshold_of_validation_data_is_where_it_starts(
    page: ResultsPage, run: Run, wait_until: Wait
) -> None:
    metrics = run.metrics()
    assert metrics is not None
    score_N = page.ood_card.rejection.score_N
    value = float(np.quantile(score_N, 0.4))
    group = {"classes": ["chair"], "auroc": 0.75, "auroc_interval": [0.6, 0.9]}
    more = {
        "threshold": {"score": "max softmax", "value": value, "chosen_on": "validation"},
        "ood_groups": {"near": group},
    }
    assert not page.ood_card.validated.isVisible()
    write_json(run.path / "metrics.json", metrics | more)
    page.reload()
    wait_until(lambda: page.is_idle and page.ood_card.validated.isVisible())
    assert page.ood_card.plot.threshold == value
    figures, groups = page.ood_card.groups.text().splitlines()
    ood = metrics["ood"]
    low, high = ood["fpr95_interval"]
    assert figures.startswith(f"FPR95 {ood['fpr95']:.3f} [{low:.3f}, {high:.3f}]; AUPR known ")
    assert groups == "AUROC by the ranking: near (chair) 0.750 [0.600, 0.900]"
    page.ood_card.plot.set_threshold(float(score_N.max()))
    page.ood_card.validated.click()
    assert page.ood_card.plot.threshold == value
    page.ood_card.score.choose("energy")
    assert not page.ood_card.validated.isVisible(), "it was chosen for another score"
    assert not page.ood_card.groups.isVisible(), "it was measured by another score"


def test_every_score_is_marked_at_its_own_threshold(
    page: ResultsPage, run: Run, wait_until: Wait
) -> None:
    """Thresholds between two steps of the slider, and objects that score just that."""
    predictions, metrics = run.predictions(), run.metrics()
    assert metrics is not None
    known_N = predictions.label_N >= 0
    other_N = np.random.default_rng(3).normal(size=(2, len(known_N))) + known_N
    replace(predictions, knn_score_N=other_N[0], mahalanobis_score_N=50 * other_N[1]).save(
        run.path / "predictions.npz"
    )
    results = load_results(run)
    names = results.score_names()
    assert names[3:] == ("k-NN distance", "Mahalanobis")
    values = {name: float(np.sort(results.score_N(name)[known_N])[5]) for name in names}
    thresholds = {name: {"score": name, "value": value} for name, value in values.items()}
    more = {"threshold": thresholds["max softmax"], "thresholds": thresholds}
    write_json(run.path / "metrics.json", metrics | more)
    page.reload()
    wait_until(lambda: page.is_idle and page.ood_card.validated.isVisible())
    card = page.ood_card
    for name, value in values.items():
        card.score.choose(name)
        score_N = results.score_N(name)
        rates = ((score_N[~known_N] >= value).mean(), (score_N[known_N] >= value).mean())
        assert card.plot.threshold == value
        assert card.plot.chosen_point() == card.plot.curve_point() == rates
        assert card.lost.text() == f"{(score_N[known_N] < value).sum()} known rejected"
        card.plot.set_threshold(float(score_N.max()) + 1)
        assert card.plot.chosen_point() == rates != card.plot.curve_point()
        card.validated.click()
        assert card.plot.curve_point() == rates
        assert not card.plot.grab().isNull()


def test_scores_by_training_objects_are_offered_where_the_run_kept_them(
    page: ResultsPage, run: Run, wait_until: Wait
) -> None:
    def offered() -> list[str]:
        return [action.text() for action in page.ood_card.score.menu().actions() if is_on(action)]

    is_on = QAction.isVisible
    assert offered() == ["Max softmax", "Max cosine", "Energy"], "an older run lacks the others"
    predictions = run.predictions()
    known_N = predictions.label_N >= 0
    distance_N = np.where(known_N, -1.0, -7.0) - np.arange(len(known_N)) / 1000
    replace(predictions, knn_score_N=-distance_N, mahalanobis_score_N=distance_N).save(
        run.path / "predictions.npz"
    )
    page.reload()
    wait_until(lambda: page.is_idle and "Mahalanobis" in offered())
    assert offered()[3:] == ["K-NN distance", "Mahalanobis"]
    page.ood_card.score.choose("Mahalanobis")
    np.testing.assert_array_equal(page.ood_card.rejection.score_N, distance_N)
    page.ood_card.plot.set_threshold(-5.0)
    assert page.ood_card.lost.text() == "0 known rejected"
    assert page.ood_card.taken.text() == "0 withheld accepted"
    assert page.matrix_card.matrix.counts_RC[:, -1].sum() == (~known_N).sum()
