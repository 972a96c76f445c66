from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPolygonF
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QWidget

from gui.theme import class_colour
from gui.widgets.scatter_symbols import SHAPES, ScatterGroup, shape_of, symbol_path
from gui.widgets.scatter_view import ScatterView

Own = Callable[[QWidget], None]
POINTS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0], [5.0, 5.0]])
GROUPS = (ScatterGroup("cat", QColor("#1e5a8c")), ScatterGroup("dog", QColor("#faa519"), "star"))


@pytest.fixture
def view(own: Own) -> ScatterView:
    view = ScatterView("Map")
    own(view)
    view.resize(520, 400)
    names = ("a", "b", "c", "d", "e")
    view.set_points(POINTS, np.array([0, 0, 1, 1, 1]), GROUPS, lambda i: names[i])
    view.show()
    QTest.qWaitForWindowExposed(view)
    return view


def lasso(view: ScatterView, corners: list[QPointF]) -> None:
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(view, left, pos=corners[0].toPoint())
    for corner in corners[1:]:
        QTest.mouseMove(view, corner.toPoint())
    QTest.mouseRelease(view, left, pos=corners[-1].toPoint())


def around(view: ScatterView, point: int, reach: float = 20) -> list[QPointF]:
    x, y = view.positions()[point]
    steps = ((-reach, -reach), (reach, -reach), (reach, reach), (-reach, reach), (-reach, -reach))
    return [QPointF(x + dx, y + dy) for dx, dy in steps]


def test_up_is_up_and_the_scale_is_the_same_both_ways(view: ScatterView) -> None:
    position = view.positions()
    assert position[2, 1] < position[0, 1]
    assert position[1, 0] - position[0, 0] == pytest.approx(position[0, 1] - position[2, 1])


def test_a_lasso_takes_what_is_inside(view: ScatterView) -> None:
    spy = QSignalSpy(view.lassoed)
    lasso(view, around(view, 3))
    assert spy.at(0)[0].tolist() == [3]
    whole = QRectF(view.rect())
    assert view.points_in(QPolygonF(whole)).tolist() == [0, 1, 2, 3, 4]


def test_an_empty_lasso_and_a_click_beside_let_go(view: ScatterView) -> None:
    spy = QSignalSpy(view.cleared)
    x, y = view.positions()[4]
    empty = QPointF(x + 60, y - 10)
    lasso(view, [empty, empty + QPointF(20, 0), empty + QPointF(20, 20)])
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=empty.toPoint())
    assert spy.count() == 2


def test_a_click_takes_a_point_or_a_group(view: ScatterView) -> None:
    points, groups = QSignalSpy(view.point_clicked), QSignalSpy(view.group_clicked)
    where = QPointF(*view.positions()[1]).toPoint() + QPoint(2, 1)
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=where)
    assert (points.at(0), view.focused) == ([1], 1)
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(view.width() - 60, 30))
    assert groups.at(0) == [1]


def test_the_keyboard_walks_takes_and_lets_go(view: ScatterView) -> None:
    spy, cleared = QSignalSpy(view.point_clicked), QSignalSpy(view.cleared)
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.focused == 4, "the walk begins in the middle"
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.focused in {1, 3}
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.focused in {1, 3}, "there is nothing further"
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert spy.at(0) == [view.focused]
    assert view.accessibleDescription() == ("b" if view.focused == 1 else "d")
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert cleared.count() == 1


def test_zooming_keeps_the_middle_and_can_be_undone(view: ScatterView) -> None:
    before = view.positions()
    QTest.keyClick(view, Qt.Key.Key_Plus)
    zoomed = view.positions()
    np.testing.assert_allclose(zoomed[4], before[4], atol=1e-6)
    assert np.ptp(zoomed[:, 0]) == pytest.approx(1.25 * np.ptp(before[:, 0]))
    QTest.keyClick(view, Qt.Key.Key_0)
    np.testing.assert_allclose(view.positions(), before)


def test_chosen_points_stand_out(view: ScatterView) -> None:
    x, y = view.positions()[0]
    strong = view.grab().toImage().pixelColor(int(x), int(y))
    view.set_chosen(np.array([3]))
    faded = view.grab().toImage().pixelColor(int(x), int(y))
    assert faded.lightness() > strong.lightness()


def test_twenty_marks_differ_in_shape_or_filling() -> None:
    marks = {shape_of(at) for at in range(20)}
    assert len(marks) == 20
    assert all(symbol_path(shape).boundingRect().width() > 3 for shape in SHAPES)
    assert len({class_colour(at).name() for at in range(20)}) == 20


def test_the_csv_has_every_point(view: ScatterView) -> None:
    rows = list(csv.reader(io.StringIO(view.figure_csv())))
    assert rows[0] == ["x", "y", "group"]
    assert rows[3] == ["0", "10", "dog"]


def test_nothing_to_show_is_no_fault(own: Own) -> None:
    view = ScatterView("Map")
    own(view)
    view.resize(300, 300)
    QTest.keyClick(view, Qt.Key.Key_Right)
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert not view.grab().isNull()


def test_points_that_move_stay_chosen_zoomed_and_in_their_frame(view: ScatterView) -> None:
    low, high = np.array([-10.0, -10.0]), np.array([20.0, 20.0])
    view.set_points(POINTS, np.array([0, 0, 1, 1, 1]), GROUPS, extent=(low, high))
    before = view.positions()
    view.set_chosen(np.array([1, 2]))
    QTest.keyClick(view, Qt.Key.Key_Plus)
    zoomed = view.positions()
    assert not np.allclose(before, zoomed)
    view.move_points(POINTS + np.array([2.0, 0.0]), np.array([1, 1, 1, 0, 0]))
    scale = (zoomed[1] - zoomed[0])[0] / 10
    np.testing.assert_allclose(view.positions(), zoomed + np.array([2 * scale, 0]), atol=1e-6)
    np.testing.assert_array_equal(view.groups_N, [1, 1, 1, 0, 0])
    np.testing.assert_array_equal(view.chosen, [1, 2])
