"""The detections page: filters, verdicts, the large image and its keys, the selection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.data.demo import write_demo
from core.runs import Run
from gui.pages.detections_data import ANY, Verdict
from gui.pages.detections_page import DetectionsPage
from gui.session import ObjectSelection, Session
from gui.theme import DARK, LIGHT, apply_theme

MakeRun = Callable[..., Run]
Wait = Callable[..., None]
WITHHELD = ("chair", "motorbike")


def close(page: QWidget) -> None:
    page.shut_down()  # type: ignore[attr-defined]
    page.close()
    page.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def page(loaded_session: Session) -> Iterator[DetectionsPage]:
    page = DetectionsPage(loaded_session)
    page.resize(1120, 724)
    page.show()
    QTest.qWaitForWindowExposed(page)
    yield page
    close(page)


@pytest.fixture
def judged(
    page: DetectionsPage, loaded_session: Session, make_run: MakeRun, wait_until: Wait
) -> DetectionsPage:
    assert loaded_session.dataset is not None
    run = make_run(loaded_session.store, loaded_session.dataset, withheld=WITHHELD)
    loaded_session.select_run(run)
    wait_until(lambda: page._judgement is not None)
    return page


def open_row(page: DetectionsPage, row: int, wait_until: Wait) -> None:
    page.open_row(row)
    wait_until(lambda: page._image_task.is_idle and page.viewer.canvas.boxes)


def test_without_data_it_leads_to_the_data_page(session: Session) -> None:
    page = DetectionsPage(session)
    page.show()
    asked: list[str] = []
    session.page_requested.connect(asked.append)
    assert "no data yet" in page.note.words.text()
    page.note.to_data.click()
    assert asked == ["data"]
    session.dataset_loading.emit("Making the demo", 120, 900)
    assert page.note.words.text() == "Making the demo 120/900"
    close(page)


def test_all_images_are_shown_with_their_pictures(page: DetectionsPage, wait_until: Wait) -> None:
    assert page.model.rowCount() == 40
    assert page.toolbar.counts.text().startswith("40 images, ")
    wait_until(lambda: page.loader.pending == 0 and len(page.grid.rows_in_sight()) > 0)
    wait_until(
        lambda: all(page.loader.get(page.model.picture(r)) for r in page.grid.rows_in_sight())
    )
    assert "Train a run" in page.filters.note.text()
    assert not page.filters.verdicts.isVisible()


def test_classes_and_splits_filter(page: DetectionsPage) -> None:
    index = page._index
    assert index is not None
    cat = index.classes.index("cat")
    page.filters.classes.choose(cat)
    objects = np.flatnonzero(index.label_N == cat)
    assert page.model.items == tuple(np.unique(index.image_index_N[objects]).tolist())
    at = page.filters.split.findData("test")
    page.filters.split.setCurrentIndex(at)
    page.filters.split.activated.emit(at)
    test = set(index.splits["test"].tolist())
    assert set(page.model.items) == test & set(index.image_index_N[objects].tolist())
    counts = {facet.key: facet.count for facet in page.filters.classes.facets}
    assert counts[cat] == int(np.isin(index.image_index_N[objects], list(test)).sum())


def test_verdicts_filter_and_the_threshold_moves_them(
    judged: DetectionsPage, wait_until: Wait
) -> None:
    facets = {facet.key: facet.count for facet in judged.filters.verdicts.facets}
    verdict_O = judged._verdict_O
    assert verdict_O is not None
    for verdict in (Verdict.RIGHT, Verdict.WRONG, Verdict.UNKNOWN):
        assert facets[verdict] == int((verdict_O == verdict).sum())
        assert facets[verdict] > 0
    assert facets[ANY] == sum(facets[verdict] for verdict in Verdict)
    assert facets[Verdict.NOT_JUDGED] > 0
    judged.filters.verdicts.choose(Verdict.UNKNOWN)
    assert len(judged.model.items) > 0
    before = facets[Verdict.UNKNOWN]
    slider = judged.filters.threshold.slider
    slider.setValue(slider.maximum())
    wait_until(
        lambda: {f.key: f.count for f in judged.filters.verdicts.facets}[Verdict.UNKNOWN] > before
    )
    judged.filters.threshold.reset.click()
    wait_until(
        lambda: {f.key: f.count for f in judged.filters.verdicts.facets}[Verdict.UNKNOWN] == before
    )


def test_verdicts_follow_a_changed_theme(
    app: QApplication, judged: DetectionsPage, wait_until: Wait
) -> None:
    test = judged._session.dataset
    assert test is not None
    open_row(judged, judged.model.items.index(int(test.splits["test"][0])), wait_until)
    model = judged.panel.model
    column = [model.headerData(at, Qt.Orientation.Horizontal) for at in range(model.columnCount())]
    cell = model.index(0, column.index("verdict"))
    shown = {}
    try:
        for theme, colours in (("light", LIGHT), ("dark", DARK)):
            apply_theme(app, theme)
            QCoreApplication.processEvents()
            shown[theme] = model.data(cell, Qt.ItemDataRole.ForegroundRole).name()
            assert shown[theme] in {colours.good, colours.bad, colours.warn}
    finally:
        apply_theme(app, "light")
    assert shown["light"] != shown["dark"]


def test_no_match_offers_a_way_back(judged: DetectionsPage) -> None:
    train = judged.filters.split.findData("train")
    judged.filters.split.setCurrentIndex(train)
    judged.filters.split.activated.emit(train)
    judged.filters.verdicts.choose(Verdict.WRONG)
    assert judged._views.currentWidget() is judged.note
    assert judged.note.reset.isVisible()
    judged.note.reset.click()
    assert judged._views.currentWidget() is judged.grid
    assert judged.model.rowCount() == 40
    assert judged.filters.filter.verdict == ANY


def test_enter_opens_keys_walk_and_escape_returns(judged: DetectionsPage, wait_until: Wait) -> None:
    judged.grid.setFocus()
    judged.grid.set_current_row(2)
    QTest.keyClick(judged.grid, Qt.Key.Key_Return)
    wait_until(lambda: judged._image_task.is_idle and judged.viewer.canvas.boxes)
    assert judged._views.currentWidget() is judged.viewer
    assert "3 of 40" in judged.viewer.title.text()
    QTest.keyClick(judged.viewer.canvas, Qt.Key.Key_Right)
    wait_until(lambda: judged._image_task.is_idle and judged._image == 3)
    QTest.keyClick(judged.panel.table, Qt.Key.Key_Left)
    wait_until(lambda: judged._image_task.is_idle and judged._image == 2)
    index = judged._index
    assert index is not None
    assert len(judged.viewer.canvas.boxes) == len(index.objects_of_image(2))
    assert judged.panel.model.rowCount() == len(index.objects_of_image(2))
    QTest.keyClick(judged.viewer.canvas, Qt.Key.Key_Escape)
    assert judged._views.currentWidget() is judged.grid
    assert judged.grid.current_row == 2


def test_e_walks_from_error_to_error(judged: DetectionsPage, wait_until: Wait) -> None:
    index, verdict_O = judged._index, judged._verdict_O
    assert index is not None
    assert verdict_O is not None
    wrong = np.unique(index.image_index_N[verdict_O == Verdict.WRONG]).tolist()
    open_row(judged, 0, wait_until)
    walked = []
    for _ in range(len(wrong) + 1):
        QTest.keyClick(judged.viewer.canvas, Qt.Key.Key_E)
        wait_until(lambda: judged._image_task.is_idle)
        walked.append(judged._image)
    start = next((i for i, image in enumerate(wrong) if image > 0), 0)
    expected = wrong[start:] + wrong[:start]
    assert walked == [*expected, expected[0]]


def test_boxes_tell_prediction_score_and_verdict(judged: DetectionsPage, wait_until: Wait) -> None:
    index, verdict_O, judgement = judged._index, judged._verdict_O, judged._judgement
    assert index is not None
    assert verdict_O is not None
    assert judgement is not None
    at = int(np.flatnonzero(verdict_O == Verdict.WRONG)[0])
    image = int(index.image_index_N[at])
    open_row(judged, judged.model.row_of(image), wait_until)
    which = index.objects_of_image(image).tolist().index(at)
    box = judged.viewer.canvas.boxes[which]
    true = index.classes[index.label_N[at]]
    predicted = judgement.predictions.classes[
        judgement.predictions.predicted_N[judgement.row_O[at]]
    ]
    assert box.text.startswith(f"{true} → {predicted} ✗ 0.")
    assert box.style == Qt.PenStyle.DashLine
    judged.panel.table.selectRow(which)
    assert judged.viewer.canvas.selected == which
    assert judged.panel.nearest.isVisible()
    assert judged.panel.nearest.bars[0].name == predicted
    right = int(np.flatnonzero(verdict_O == Verdict.RIGHT)[0])
    image = int(index.image_index_N[right])
    open_row(judged, judged.model.row_of(image), wait_until)
    which = index.objects_of_image(image).tolist().index(right)
    wait_until(lambda: "✓" in judged.viewer.canvas.boxes[which].text)
    assert judged.viewer.canvas.boxes[which].style == Qt.PenStyle.SolidLine


def test_a_click_on_a_box_chooses_its_row(judged: DetectionsPage, wait_until: Wait) -> None:
    open_row(judged, 5, wait_until)
    canvas = judged.viewer.canvas
    centre = canvas.to_widget(canvas.boxes[1].rect.center())
    which = canvas.box_at(centre)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=centre.toPoint())
    rows = judged.panel.table.selectionModel().selectedRows()
    assert [index.row() for index in rows] == [which]
    assert canvas.selected == which


def test_h_hides_the_boxes_from_the_table_too(judged: DetectionsPage, wait_until: Wait) -> None:
    open_row(judged, 0, wait_until)
    QTest.keyPress(judged.panel.table, Qt.Key.Key_H)
    assert judged.viewer.canvas.boxes_hidden
    QTest.keyRelease(judged.panel.table, Qt.Key.Key_H)
    assert not judged.viewer.canvas.boxes_hidden


def test_a_selection_filters_until_its_chip_is_pressed(
    judged: DetectionsPage, loaded_session: Session
) -> None:
    index = judged._index
    assert index is not None
    judged.filters.classes.choose(0)
    objects = (3, 4, int(index.objects_of_image(7)[0]))
    loaded_session.select_objects(ObjectSelection(objects, "true cat, predicted dog (3)"))
    assert judged.toolbar.chip.isVisible()
    assert "true cat, predicted dog (3)" in judged.toolbar.chip.text()
    assert set(judged.model.items) == {int(index.image_index_N[at]) for at in objects}
    judged.toolbar.objects.click()
    assert judged.model.items == tuple(sorted(objects))
    judged.toolbar.chip.click()
    assert loaded_session.selection is None
    assert not judged.toolbar.chip.isVisible()
    assert len(judged.model.items) == len(index.label_N)


def test_an_object_tile_opens_its_image_with_the_object_chosen(
    judged: DetectionsPage, wait_until: Wait
) -> None:
    index = judged._index
    assert index is not None
    judged.toolbar.objects.click()
    image = 6
    at = int(index.objects_of_image(image)[1])
    open_row(judged, judged.model.row_of(at), wait_until)
    assert judged._image == image
    assert judged.viewer.canvas.selected == 1


def test_an_image_that_cannot_be_decoded_says_so(
    session: Session, tmp_path: Path, wait_until: Wait
) -> None:
    write_demo(tmp_path / "voc", images=40)
    session.open_data(tmp_path / "voc")
    wait_until(lambda: session.dataset is not None and session.loading.is_idle)
    index = session.dataset
    assert index is not None
    index.image_paths[1].write_bytes(b"junk")
    page = DetectionsPage(session)
    page.show()
    page.open_row(1)
    wait_until(lambda: "not a JPEG" in page.viewer.canvas.accessibleDescription())
    page.open_row(2)
    wait_until(lambda: page._image_task.is_idle and len(page.viewer.canvas.boxes) > 0)
    close(page)


def test_another_data_set_starts_afresh(
    judged: DetectionsPage, loaded_session: Session, tmp_path: Path, wait_until: Wait
) -> None:
    judged.filters.classes.choose(4)
    open_row(judged, 0, wait_until)
    write_demo(tmp_path / "other", images=41, seed=5)
    loaded_session.open_data(tmp_path / "other")
    wait_until(lambda: judged.model.rowCount() == 41)
    assert judged._views.currentWidget() is judged.grid
    wait_until(lambda: "was judged on" in judged.filters.note.text())
    assert not judged.filters.verdicts.isVisible()


def test_everything_that_takes_the_keyboard_has_a_name(judged: DetectionsPage) -> None:
    nameless = [
        widget
        for widget in judged.findChildren(QWidget)
        if widget.window() is judged
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not widget.accessibleName()
        and not widget.objectName().startswith("qt_")
        and type(widget).__module__.startswith(("gui", "PySide6"))
        and not getattr(widget, "text", lambda: "")()
    ]
    assert [type(widget).__name__ for widget in nameless] == []
