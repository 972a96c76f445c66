"""The map of the validation objects, epoch by epoch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtTest import QSignalSpy, QTest

from core.data.index import DatasetIndex
from core.epoch_embeddings import KeptEpoch, KeptObjects
from core.runs import Run
from gui.pages import results_map_pictures
from gui.pages.results_data import load_results
from gui.pages.results_map_pictures import picture_of_epochs
from gui.pages.results_page import ResultsPage
from gui.session import Session

MakeRun = Callable[..., Run]
Wait = Callable[..., None]
EPOCHS = (1, 2, 4, 5)


def keep_epochs(run: Run, index: DatasetIndex) -> KeptObjects:
    """Writes embeddings whose classes part from epoch to epoch; objects of chair are left out."""
    chosen = index.objects_of_split("val")
    names = np.array([index.classes[label] for label in index.label_N[chosen]])
    chosen, names = chosen[names != "chair"], names[names != "chair"]
    classes = run.predictions().classes
    label_N = np.array([classes.index(name) for name in names], dtype=np.int64)
    images = np.array([index.image_ids[i] for i in index.image_index_N[chosen]])
    objects = KeptObjects(images, index.box_xyxy_N4[chosen], classes, label_N, names)
    files, random = run.epoch_embeddings, np.random.default_rng(0)
    files.write_objects(objects)
    noise = random.normal(scale=0.3, size=(len(label_N), 24))
    for at, epoch in enumerate(EPOCHS):
        rows = np.eye(24)[label_N] * at + noise
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        predicted_N = np.where(random.random(len(label_N)) < at / 3, label_N, 0)
        files.write(KeptEpoch(epoch, rows.astype(np.float32), predicted_N))
    return objects


@pytest.fixture
def run(loaded_session: Session, make_run: MakeRun) -> Run:
    assert loaded_session.dataset is not None
    return make_run(loaded_session.store, loaded_session.dataset)


@pytest.fixture
def kept(run: Run, loaded_session: Session) -> KeptObjects:
    assert loaded_session.dataset is not None
    return keep_epochs(run, loaded_session.dataset)


@pytest.fixture
def page(run: Run, loaded_session: Session, wait_until: Wait) -> Iterator[ResultsPage]:
    page = ResultsPage(loaded_session)
    page.resize(1120, 724)
    page.show()
    QTest.qWaitForWindowExposed(page)
    wait_until(lambda: page.is_idle and page.results is not None)
    page.header.show_view("map")
    wait_until(lambda: page.is_idle and page.map_card.view.count > 0)
    yield page
    wait_until(lambda: page.is_idle)
    page.close()
    page.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def show_epochs(page: ResultsPage, wait_until: Wait) -> None:
    page.map_card.objects.choose("epochs")
    wait_until(lambda: page.is_idle and page.map_card.epochs.isVisible())


def test_a_run_that_kept_no_epochs_offers_none(page: ResultsPage) -> None:
    assert not page.map_card.objects.isVisible()
    assert not page.map_card.epochs.isVisible()


def share_between_classes(position_N2: np.ndarray, label_N: np.ndarray) -> float:
    means = np.array([position_N2[label_N == label].mean(axis=0) for label in label_N])
    return float(means.var(axis=0).sum() / position_N2.var(axis=0).sum())


def test_points_move_from_epoch_to_epoch_in_one_plane(
    kept: KeptObjects, page: ResultsPage, run: Run, wait_until: Wait
) -> None:
    card = page.map_card
    assert card.objects.isVisible()
    show_epochs(page, wait_until)
    assert card.view.count == len(kept.label_N)
    assert card.epochs.label.text() == "epoch 5 of 5"
    assert "validation objects" in card.subtitle.text()
    last = card.view.positions()
    parted = []
    for at in range(4):
        card.epochs.set_position(at)
        parted.append(share_between_classes(card.view.positions(), kept.label_N))
        assert (card.view.positions() >= 0).all(), "all epochs fit the same frame"
    assert parted[0] < parted[1] < parted[3], "the classes part"
    np.testing.assert_allclose(card.view.positions(), last)
    card.epochs.set_position(2)
    third = card.view.positions()
    card.epochs.set_position(2.5)
    np.testing.assert_allclose(card.view.positions(), (third + last) / 2)
    assert card.epochs.label.text() == "epoch 5 of 5"


def test_marks_show_what_each_epoch_predicted(
    kept: KeptObjects, page: ResultsPage, run: Run, wait_until: Wait
) -> None:
    show_epochs(page, wait_until)
    page.map_card.colours.choose("errors")
    wrong = []
    for at, epoch in enumerate(EPOCHS):
        page.map_card.epochs.set_position(at)
        expected = run.epoch_embeddings.load(epoch).predicted_N != kept.label_N
        np.testing.assert_array_equal(page.map_card.view.groups_N == 1, expected)
        wrong.append(expected.sum())
    assert wrong[0] > wrong[-1] == 0


def test_a_lasso_stays_while_the_epochs_play_and_shows_validation_crops(
    kept: KeptObjects, page: ResultsPage, loaded_session: Session, wait_until: Wait
) -> None:
    show_epochs(page, wait_until)
    view, index = page.map_card.view, loaded_session.dataset
    assert index is not None
    view.lassoed.emit(np.array([0, 3, 4]))
    selection = loaded_session.selection
    assert selection is not None
    for found, row in zip(selection.object_indices, (0, 3, 4), strict=True):
        assert index.classes[int(index.label_N[found])] == kept.true_name_N[row]
        np.testing.assert_array_equal(index.box_xyxy_N4[found], kept.box_xyxy_N4[row])
    assert page.matrix_card.matrix.counts_RC.sum() > 3, "the matrix is of test objects"
    page.map_card.epochs.set_position(0)
    assert view.chosen is not None
    np.testing.assert_array_equal(view.chosen, [0, 3, 4])
    view.point_clicked.emit(2)
    assert loaded_session.selection is not None
    assert len(loaded_session.selection.object_indices) == 1
    page.drawer.chip.click()
    assert view.chosen is None


def test_tsne_by_epoch_starts_each_from_its_neighbour(
    kept: KeptObjects, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results_map_pictures, "MOST_SLOW_EPOCHS", 3)
    monkeypatch.setattr(results_map_pictures, "MOST_SLOW_OBJECTS_BY_EPOCH", 30)
    work = picture_of_epochs(load_results(run), "tsne")
    told: list[tuple[int, int]] = []
    picture = work(lambda *at: told.append(at), lambda: False)
    assert picture.epochs == (1, 4, 5)
    assert len(picture.rows_S) == min(30, len(kept.label_N))
    assert told[-1] == (1750, 1750)
    stopped = work(lambda *_: None, lambda: bool(told))
    assert stopped.epochs == (5,)


def test_a_damaged_epoch_is_left_out_and_said(kept: KeptObjects, run: Run) -> None:
    (run.path / "embeddings" / "epoch-0002.npz").write_bytes(b"PK")
    picture = picture_of_epochs(load_results(run), "pca")(lambda *_: None, lambda: False)
    assert picture.epochs == (1, 4, 5)
    assert picture.subtitle(0).endswith(", 1 damaged epoch left out")


def test_damaged_objects_are_an_error_and_the_test_objects_are_shown(
    kept: KeptObjects, page: ResultsPage, run: Run, wait_until: Wait
) -> None:
    (run.path / "embeddings" / "objects.npz").write_bytes(b"PK")
    spy = QSignalSpy(page.map_card.failed)
    page.map_card.objects.choose("epochs")
    wait_until(lambda: page.is_idle and page.map_card.objects.choice == "test")
    assert "objects.npz is missing or damaged" in spy.at(0)[0].message
    assert page.map_card.view.count == len(run.predictions().label_N)


def test_without_umap_it_says_so_and_goes_back_to_pca(
    kept: KeptObjects, page: ResultsPage, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    card = page.map_card
    spy = QSignalSpy(card.failed)
    card.method.choose("umap")
    assert card.state.text() == "UMAP …"
    wait_until(lambda: page.is_idle and card.method.choice == "pca")
    assert spy.at(0)[0].message == "UMAP is not installed."
    assert not card.cancel.isVisible()
