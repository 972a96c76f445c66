from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QWidget

from gui.theme import DARK, LIGHT
from gui.widgets.colour_mix import blend, contrast, readable_on
from gui.widgets.figure_export import render_image
from gui.widgets.matrix_view import MatrixView

Own = Callable[[QWidget], None]

NAMES = ("aeroplane", "pottedplant", "cat")
COUNTS = np.array([[8, 2, 0], [1, 199, 0], [0, 0, 0]], dtype=np.int64)


@pytest.fixture
def view(own: Own) -> MatrixView:
    view = MatrixView()
    own(view)
    view.resize(500, 400)
    view.set_matrix(NAMES, NAMES, COUNTS)
    return view


def test_cells_show_counts_and_shares_of_their_row(view: MatrixView) -> None:
    assert [view.cell_text(0, column) for column in range(3)] == ["8", "2", ""]
    view.set_mode("rows")
    assert [view.cell_text(0, column) for column in range(3)] == ["80", "20", ""]
    assert view.cell_text(1, 0) == "<1" if COUNTS[1, 0] / 200 < 0.005 else "1"
    assert view.cell_text(2, 2) == ""


def test_rows_are_true_and_columns_predicted(view: MatrixView) -> None:
    tip = view.cell_tip(0, 1)
    assert tip == "true aeroplane, predicted pottedplant: 2 of 10 (20 %)"
    assert view.cell_tip(2, 0) == "true cat, predicted aeroplane: 0 of 0"


def test_every_cell_is_found_under_its_middle(view: MatrixView) -> None:
    for row in range(3):
        for column in range(3):
            assert view.cell_at(view.cell_centre(row, column)) == (row, column)
    assert view.cell_at(QPointF(1, 1)) is None


def test_a_click_tells_the_cell(view: MatrixView) -> None:
    spy = QSignalSpy(view.cell_clicked)
    where = view.cell_centre(1, 0).toPoint()
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=where)
    assert spy.at(0) == [1, 0]


def test_a_click_beside_the_matrix_clears(view: MatrixView) -> None:
    spy = QSignalSpy(view.cleared)
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(2, 2))
    assert spy.count() == 1


def test_the_keyboard_reaches_every_cell(view: MatrixView) -> None:
    spy = QSignalSpy(view.cell_clicked)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Return, Qt.Key.Key_Up):
        QTest.keyClick(view, key)
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert [spy.at(i) for i in range(2)] == [[1, 1], [0, 1]]
    assert "true aeroplane" in view.accessibleDescription()


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_text_reads_on_every_shade(colours: object) -> None:
    raised, accent = QColor(colours.raised), QColor(colours.accent)  # type: ignore[attr-defined]
    for share in np.linspace(0, 1, 21):
        background = blend(raised, accent, float(share))
        assert contrast(readable_on(background), background) >= 4.5


def test_csv_is_the_matrix(view: MatrixView) -> None:
    rows = list(csv.reader(io.StringIO(view.figure_csv())))
    assert rows[0][1:] == list(NAMES)
    assert rows[1] == ["aeroplane", "8", "2", "0"]


def test_an_empty_matrix_paints_and_takes_keys(own: Own) -> None:
    view = MatrixView()
    own(view)
    view.resize(300, 300)
    assert not view.grab().isNull()
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert view.cell_at(QPointF(150, 150)) is None


def test_columns_show_shares_of_what_was_predicted(view: MatrixView) -> None:
    view.set_mode("columns")
    assert view.cell_text(0, 0) == "89"
    assert "8 of 9 predicted so" in view.cell_tip(0, 0)
    rows = list(csv.reader(io.StringIO(view.figure_csv())))
    assert float(rows[1][1]) == pytest.approx(8 / 9, abs=1e-6)


def test_a_difference_is_signed_and_zero_is_neutral(view: MatrixView) -> None:
    minus = np.array([[5, 5, 0], [1, 199, 0], [0, 0, 0]], dtype=np.int64)
    view.set_matrix(NAMES, NAMES, COUNTS, minus_RC=minus)
    assert view.cell_text(0, 0) == "+3"
    assert view.cell_text(0, 1) == "\N{MINUS SIGN}3"
    assert view.cell_text(1, 1) == ""
    assert "8 in A, 5 in B (+3)" in view.cell_tip(0, 0)
    strength = view.content.strength_RC()
    assert strength[0, 0] > 0 > strength[0, 1]
    assert strength[1, 1] == 0
    image = view.grab().toImage()
    scale = image.devicePixelRatio()
    corner = (view.cell_centre(1, 0) * scale).toPoint() + QPoint(12, 8)
    assert image.pixelColor(corner) == QColor(LIGHT.raised)
    view.set_mode("rows")
    assert view.cell_text(0, 0) == "+30"
    rows = list(csv.reader(io.StringIO(view.figure_csv())))
    assert [float(value) for value in rows[1][1:]] == [0.3, -0.3, 0]


@pytest.mark.parametrize("size", [(560, 460), (430, 330), (330, 250)])
def test_the_largest_numbers_are_seen_in_the_smallest_cells(
    view: MatrixView, size: tuple[int, int]
) -> None:
    names = tuple(f"class {at}" for at in range(20))
    counts = np.zeros((20, 20), dtype=np.int64)
    counts[3, 5], counts[4, 6] = 21, 1234
    view.resize(*size)
    view.set_matrix(names, names, counts, minus_RC=np.zeros_like(counts))
    image = render_image(view, QColor("white"))
    scale = image.width() / view.width()
    wide = view.cell_centre(0, 1).x() - view.cell_centre(0, 0).x()
    inside = int(0.4 * wide * scale)
    for row, column in ((3, 5), (4, 6)):
        x, y = (view.cell_centre(row, column) * scale).toTuple()
        along = range(round(x) - inside, round(x) + inside)
        colours = {image.pixelColor(at, round(y)).name() for at in along}
        assert len(colours) > 1, f"{view.cell_text(row, column)} is not drawn"
