"""A detections file on the page: opened, filtered, walked, judged, exported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolTip, QWidget

from core.data import open_dataset
from core.detection.detections_io import read_detections
from gui.messages import Message
from gui.pages.detections_boxes import Outcome
from gui.pages.detections_file_view import FileView
from gui.pages.detections_page import DetectionsPage
from gui.session import ObjectSelection, Session
from tests.gui.pages.detection_files import write_found

Wait = Callable[..., None]


@pytest.fixture
def page(loaded_session: Session) -> Iterator[DetectionsPage]:
    page = DetectionsPage(loaded_session)
    page.resize(1120, 724)
    page.show()
    QTest.qWaitForWindowExposed(page)
    yield page
    page.shut_down()
    page.close()
    page.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def file(loaded_session: Session, tmp_path: Path) -> Path:
    assert loaded_session.dataset is not None
    write_found(tmp_path / "found.json", loaded_session.dataset)
    return tmp_path / "found.json"


@pytest.fixture
def view(page: DetectionsPage, file: Path, wait_until: Wait) -> FileView:
    page.source.open_file(file)
    wait_until(lambda: page.source.shows_file)
    return page.file_view


def open_row(view: FileView, row: int, wait_until: Wait) -> None:
    view.open_row(row)
    wait_until(lambda: view._task.is_idle and view.viewer.canvas.boxes)


def test_a_file_opens_in_its_split(page: DetectionsPage, view: FileView, file: Path) -> None:
    boxes = view.boxes
    assert boxes is not None
    assert view.filter.split == "test"
    assert view.isVisible()
    assert not page.grid.isVisible()
    assert not page.toolbar.objects.isVisible()
    assert page.source.source.text() == "Boxes: found.json ▾"
    assert view.model.rowCount() == len(boxes.index.splits["test"])
    assert f"{len(boxes.found):,} detection" in page.toolbar.counts.text()
    counts = {facet.key: facet.count for facet in view.filters.outcomes.facets}
    assert all(counts[outcome] > 0 for outcome in (0, 1, 2, 3))
    page.source._actions["run"].trigger()
    assert page.grid.isVisible()
    assert page.toolbar.counts.text().endswith("objects")
    page.source._actions["file"].trigger()
    assert view.isVisible()


def test_outcome_and_class_filter(view: FileView, wait_until: Wait) -> None:
    view.filters.outcomes.choose(Outcome.MISSED)
    wait_until(lambda: not view._timer.isActive())
    found = view.found
    assert found is not None
    assert (found.outcome_B[found.passing_B] == Outcome.MISSED).all()
    assert view.model.items == tuple(found.images.tolist())
    assert 0 < view.model.rowCount() < 40
    row = view.filters.classes.facets[1].key
    view.filters.classes.choose(row)
    wait_until(lambda: not view._timer.isActive())
    assert view.filter.label == row
    assert view.panel.plot.front == row


def test_a_high_score_makes_found_objects_missed(view: FileView, wait_until: Wait) -> None:
    before = {f.key: f.count for f in view.filters.outcomes.facets}
    view.filters.score.slider.setValue(800)
    wait_until(lambda: not view._timer.isActive())
    after = {f.key: f.count for f in view.filters.outcomes.facets}
    assert view.filter.score == (0.8, 1.0)
    gone = before[Outcome.TRUE_POSITIVE] - after[Outcome.TRUE_POSITIVE]
    assert gone > 0
    assert after[Outcome.MISSED] == before[Outcome.MISSED] + gone


def test_no_match_offers_a_way_back(view: FileView, wait_until: Wait) -> None:
    view.filters.iou.low.setValue(0.999)
    view.filters.outcomes.choose(Outcome.FALSE_POSITIVE)
    wait_until(view.note.isVisible)
    view.note.reset.click()
    assert view.grid.isVisible()
    assert view.filter.split == "test"
    assert view.filters.iou.values == (0.0, 1.0)


def test_a_click_on_a_curve_chooses_class_and_threshold(view: FileView) -> None:
    boxes = view.boxes
    assert boxes is not None
    curves = boxes.figures["test"].curves
    label = next(at for at, curve in enumerate(curves) if len(curve.score_K) > 2)
    view.panel.classes.setCurrentItem(view.panel.classes.topLevelItem(label + 1))
    view.refilter()
    assert view.filter.label == label
    curve = curves[label]
    view.panel.plot.choose_near(QPointF(curve.recall_K[1], curve.precision_K[1]))
    low, high = view.filter.score
    assert low in curve.score_K.tolist()
    assert high == 1.0
    assert view.filters.score.low.value() == pytest.approx(low, abs=6e-4)
    point = view.panel.plot.point_at(label, low)
    assert point is not None
    count = int(np.sum(curve.score_K >= low))
    assert point == (curve.recall_K[count - 1], curve.precision_K[count - 1])
    assert f"precision {point[1]:.3f}, recall {point[0]:.3f}" in view.panel.plot.words.text()


def test_the_table_has_the_average_precision(view: FileView) -> None:
    boxes = view.boxes
    assert boxes is not None
    figures, table = boxes.figures["test"], view.panel.classes
    mean = figures.mean
    assert mean is not None
    assert f"AP50 {100 * mean:.1f}" in view.panel.heading.text()
    shown = [table.topLevelItem(at) for at in range(table.topLevelItemCount())]
    assert [item.text(2) for item in shown if item is not None] == [
        "none" if value is None else f"{100 * value:.1f}" for value in (mean, *figures.ap_C)
    ]
    table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    values = [table.topLevelItem(at).text(2) for at in range(table.topLevelItemCount())]  # type: ignore[union-attr]
    numbers = [float(v) for v in values if v != "none"]
    assert numbers == sorted(numbers, reverse=True)
    assert values[len(numbers) :] == ["none"] * (len(values) - len(numbers))


def test_boxes_tell_by_line_style_and_hover(view: FileView, wait_until: Wait) -> None:
    boxes = view.boxes
    assert boxes is not None
    right = np.flatnonzero(boxes.outcomes(0.0)[: len(boxes.found)] == Outcome.TRUE_POSITIVE)
    row = int(right[0])
    open_row(view, view.model.row_of(int(boxes.image_B[row])), wait_until)
    canvas = view.viewer.canvas
    which = view._rows.index(row)
    styles = {
        boxes.is_detection(at): box.style for at, box in zip(view._rows, canvas.boxes, strict=True)
    }
    assert styles == {True: Qt.PenStyle.DashLine, False: Qt.PenStyle.SolidLine}
    box = canvas.boxes[which]
    name, score = boxes.class_name(row), boxes.score_B[row]
    assert box.text == f"✓ {name} {score:.2f}"
    assert box.tip.startswith(f"detected {name}: true positive")
    assert f"score {score:.4f}, IoU {boxes.iou_B[row]:.3f}" in box.tip
    item = view.panel.boxes.topLevelItem(which)
    assert item is not None
    assert [item.text(at) for at in range(3)] == [
        name,
        f"{score:.3f}",
        f"{boxes.iou_B[row]:.2f}",
    ]
    view.panel.boxes.setCurrentItem(item)
    assert canvas.selected == which


def test_the_tip_is_of_the_box_under_the_pointer(view: FileView, wait_until: Wait) -> None:
    open_row(view, 0, wait_until)
    canvas = view.viewer.canvas
    at = canvas.to_widget(canvas.boxes[0].rect.center()).toPoint()
    tip = canvas.boxes[canvas.box_at(canvas.to_widget(canvas.boxes[0].rect.center()))].tip
    assert tip
    for pos, expected in ((at, tip), (QPoint(1, 1), "")):
        help_event = QHelpEvent(QEvent.Type.ToolTip, pos, canvas.mapToGlobal(pos))
        QCoreApplication.sendEvent(canvas, help_event)
        wait_until(lambda expected=expected: QToolTip.text() == expected)


def test_keys_walk_hide_and_find_errors(view: FileView, wait_until: Wait) -> None:
    open_row(view, 1, wait_until)
    canvas = view.viewer.canvas
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    wait_until(lambda: view._task.is_idle and view.grid.current_row == 2)
    QTest.keyPress(view.panel.boxes, Qt.Key.Key_H)
    assert canvas.boxes_hidden
    QTest.keyRelease(view.panel.boxes, Qt.Key.Key_H)
    assert not canvas.boxes_hidden
    tiles = view._tiles
    assert tiles is not None
    after = tiles.error_from(view.model.items, 2, 1)
    QTest.keyClick(canvas, Qt.Key.Key_E)
    wait_until(lambda: view._task.is_idle and view.grid.current_row == after)
    before = tiles.error_from(view.model.items, after, -1)
    QTest.keyClick(canvas, Qt.Key.Key_E, Qt.KeyboardModifier.ShiftModifier)
    wait_until(lambda: view._task.is_idle and view.grid.current_row == before)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert view.grid.isVisible()


def test_the_filtered_detections_are_exported(
    page: DetectionsPage, view: FileView, tmp_path: Path, wait_until: Wait
) -> None:
    messages: list[Message] = []
    page._session.message_posted.connect(messages.append)
    boxes = view.boxes
    assert boxes is not None
    view.filters.outcomes.choose(Outcome.TRUE_POSITIVE)
    wait_until(lambda: not view._timer.isActive())
    expected = int(np.sum(boxes.outcomes(0.0)[: len(boxes.found)] == Outcome.TRUE_POSITIVE))
    page.source.export_to("coco", tmp_path / "right.json")
    wait_until(lambda: page.source.is_idle and messages)
    assert messages[-1].level == "success"
    again = read_detections(tmp_path / "right.json", boxes.index)
    assert len(again) == expected == len(json.loads((tmp_path / "right.json").read_text()))
    page.source.export_to("voc", tmp_path / "voc")
    wait_until(lambda: page.source.is_idle and len(messages) == 2)
    assert len(list((tmp_path / "voc").glob("*.xml"))) == len(np.unique(again.image_index_M))
    page.source.export_to("voc", tmp_path / "voc")
    wait_until(lambda: page.source.is_idle and len(messages) == 3)
    assert "holds something already" in messages[-1].text
    view.filters.outcomes.choose(Outcome.MISSED)
    wait_until(lambda: not view._timer.isActive())
    page.source.export_to("coco", tmp_path / "none.json")
    assert "No detection passes" in messages[-1].text
    assert not (tmp_path / "none.json").exists()


def test_the_picture_is_exported_with_its_boxes(
    page: DetectionsPage, view: FileView, tmp_path: Path, wait_until: Wait
) -> None:
    messages: list[Message] = []
    page._session.message_posted.connect(messages.append)
    page.source.export_to("png", tmp_path / "none.png")
    assert "No image is shown large" in messages[-1].text
    assert not page.source._actions["png"].isEnabled()
    open_row(view, 0, wait_until)
    assert page.source._actions["png"].isEnabled()
    page.source.export_to("png", tmp_path / "picture.png")
    wait_until(lambda: page.source.is_idle and len(messages) == 2)
    picture = QImage(str(tmp_path / "picture.png"))
    assert picture.width() >= 1000
    plain = view.viewer.canvas
    plain.set_boxes([])
    assert picture != plain.picture().convertToFormat(picture.format())


def test_a_bad_file_is_told_and_changes_nothing(
    page: DetectionsPage, view: FileView, tmp_path: Path, wait_until: Wait
) -> None:
    messages: list[Message] = []
    page._session.message_posted.connect(messages.append)
    bad = tmp_path / "bad.json"
    bad.write_text('[{"image_id": "none"}]')
    page.source.open_file(bad)
    wait_until(lambda: messages)
    assert messages[0].level == "error"
    assert "has no category" in messages[0].text
    assert view.boxes is not None
    assert view.boxes.path.name == "found.json"
    assert page.source.source.text() == "Boxes: found.json ▾"


def test_a_selection_elsewhere_shows_the_run_again(
    page: DetectionsPage, view: FileView, loaded_session: Session
) -> None:
    loaded_session.select_objects(ObjectSelection((3, 4), "two objects"))
    assert page.grid.isVisible()
    assert not page.source.shows_file
    assert view.boxes is not None


def test_other_data_forgets_the_file(
    page: DetectionsPage, view: FileView, loaded_session: Session, tiny_voc: Path
) -> None:
    loaded_session.dataset_changed.emit(open_dataset(tiny_voc))
    assert view.boxes is None
    assert not page.source.shows_file
    assert not page.source._actions["file"].isVisible()


def test_everything_that_takes_the_keyboard_has_a_name(view: FileView) -> None:
    nameless = [
        type(widget).__name__
        for widget in view.findChildren(QWidget)
        if widget.window() is view.window()
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not widget.accessibleName()
        and not widget.objectName().startswith("qt_")
        and not getattr(widget, "text", lambda: "")()
    ]
    assert nameless == []


def test_a_file_of_proposals_is_judged_by_what_it_finds(
    page: DetectionsPage, file: Path, wait_until: Wait
) -> None:
    items = [item | {"category": "unknown"} for item in json.loads(file.read_text())]
    file.write_text(json.dumps(items))
    page.source.open_file(file)
    wait_until(lambda: page.source.shows_file)
    view = page.file_view
    assert view.boxes is not None
    assert view.boxes.is_proposals
    names = [facet.name for facet in view.filters.outcomes.facets]
    assert names == ["all boxes", "?  proposal", "○  missed", "·  difficult"]
    assert view.filters.score.slider.accessibleName() == "Lowest objectness, slider"
    assert view.panel.heading.text().startswith("Recall ")
    assert view.panel.classes.headerItem().text(2) == "recall"
    assert not view.panel.plot.isVisible()
    objects_C, found_C = view.boxes.recall_of_classes("test", 0.0)
    # Every other object has a box that is not shifted away and not left out.
    assert 0 < found_C.sum() < objects_C.sum()
    view.filters.score.slider.setValue(1000)
    wait_until(lambda: "Recall 0.0 %" in view.panel.heading.text())
    view.filters.score.slider.setValue(0)
    wait_until(lambda: "Recall 0.0 %" not in view.panel.heading.text())
    open_row(view, 0, wait_until)
    tips = [box.tip for box in view.viewer.canvas.boxes]
    assert any(tip.startswith("proposal: objectness 0.") for tip in tips)
    write_found(file, view.boxes.index)
    page.source.open_file(file)
    wait_until(lambda: view.boxes is not None and not view.boxes.is_proposals)
    assert view.filters.score.slider.accessibleName() == "Lowest score, slider"
