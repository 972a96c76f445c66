from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QWidget

from gui.theme import LIGHT
from gui.widgets.heat_strip import HeatCell, HeatStrip
from gui.widgets.quantile_plot import QuantileBox, QuantilePlot

Own = Callable[[QWidget], None]
CELLS = (
    (HeatCell(0.5, "cat: half"), HeatCell(1.0, "dog: all"), HeatCell(None, "cow: nothing")),
    (HeatCell(0.75, "cat: more"), HeatCell(1.0, "dog: all"), HeatCell(None, "cow: nothing")),
)


@pytest.fixture
def strip(own: Own) -> HeatStrip:
    strip = HeatStrip("Compliance")
    own(strip)
    strip.resize(344, strip.sizeHint().height())
    strip.set_cells(("test", "train"), ("cat", "dog", "a very long class name"), CELLS)
    strip.resize(344, strip.sizeHint().height())
    return strip


def test_shades_grow_with_the_share(strip: HeatStrip) -> None:
    image = strip.grab().toImage()
    colours = [image.pixelColor(44 + 100 * column + 8, 5) for column in range(3)]
    assert colours[0] == QColor(LIGHT.raised)
    assert colours[1] == QColor(LIGHT.accent)
    assert colours[2] == QColor(LIGHT.raised)


def test_a_column_is_clicked_and_reached_by_keyboard(strip: HeatStrip) -> None:
    spy = QSignalSpy(strip.column_clicked)
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(44 + 110, 10))
    QTest.keyClick(strip, Qt.Key.Key_Left)
    assert strip.accessibleDescription() == "cat: half\ncat: more"
    QTest.keyClick(strip, Qt.Key.Key_Left)
    QTest.keyClick(strip, Qt.Key.Key_Return)
    assert [spy.at(i) for i in range(2)] == [[1], [0]]


def test_the_strips_csv_has_a_line_a_class(strip: HeatStrip) -> None:
    rows = list(csv.reader(io.StringIO(strip.figure_csv())))
    assert rows[0] == ["class", "test", "train"]
    assert rows[1:3] == [["cat", "0.5", "0.75"], ["dog", "1", "1"]]
    assert rows[3][1:] == ["", ""]


def test_boxes_stand_where_their_values_are(own: Own) -> None:
    plot = QuantilePlot("Ranks")
    own(plot)
    plot.resize(300, 240)
    plot.set_boxes(
        "cosine",
        (
            QuantileBox("rank 1", (0.7, 0.8, 0.9, 0.95, 1.0), 0.88, 40),
            QuantileBox("negatives", (-0.4, -0.2, 0.0, 0.1, 0.3), 0.02, 700),
        ),
    )
    image = plot.grab().toImage()
    text = QColor(LIGHT.text)

    def median_row(x: int) -> int:
        """The first row of the median's thick line."""
        return next(y for y in range(20, 220) if image.pixelColor(x, y) == text)

    assert median_row(34 + 50) < median_row(34 + 180)
    assert "rank 1: mean 0.88, median 0.90" in plot.accessibleDescription()
    rows = list(csv.reader(io.StringIO(plot.figure_csv())))
    assert rows[2] == ["negatives", "-0.4", "-0.2", "0", "0.1", "0.3", "0.02", "700"]


def test_no_distribution_is_no_fault(own: Own) -> None:
    plot = QuantilePlot("Ranks")
    own(plot)
    plot.set_boxes("", ())
    assert not plot.grab().isNull()
