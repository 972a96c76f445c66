"""Bars and histograms: what is painted, what is said, what is clicked."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gui.theme import LIGHT
from gui.widgets.bar_chart import BarChart, ChartBar, Histogram


def accent_pixels(widget: BarChart | Histogram, y: int) -> int:
    """Counts pixels of the emphasised colour in one row."""
    image = widget.grab().toImage()
    accent = QColor(LIGHT.accent)
    return sum(image.pixelColor(x, y).rgb() == accent.rgb() for x in range(image.width()))


def test_a_bar_is_as_long_as_its_value(app: QApplication) -> None:
    chart = BarChart("Counts")
    chart.set_bars(
        [ChartBar("person", 100, emphasised=True), ChartBar("sheep", 25, emphasised=True)]
    )
    chart.resize(400, 44)
    assert chart.sizeHint().height() == 44
    whole, quarter = accent_pixels(chart, 11), accent_pixels(chart, 33)
    assert whole > 100
    assert quarter == pytest.approx(whole / 4, abs=3)


def test_bars_say_their_values_and_are_clicked(app: QApplication) -> None:
    chart = BarChart("Counts")
    chart.set_bars([ChartBar("person", 1574, "1,574 · 35 %"), ChartBar("sheep", 81)])
    chart.resize(300, 44)
    assert chart.accessibleDescription() == "person 1,574 · 35 %, sheep 81"
    clicked: list[str] = []
    chart.bar_clicked.connect(clicked.append)
    QTest.mouseClick(chart, Qt.MouseButton.LeftButton, pos=QPoint(100, 30))
    assert clicked == ["sheep"]
    assert chart.bar_at(QPointF(5, 200)) is None


def test_bars_of_nothing_are_painted(app: QApplication) -> None:
    chart = BarChart("Counts")
    chart.resize(200, 40)
    chart.grab()
    chart.set_bars([ChartBar("none", 0, emphasised=True)])
    assert accent_pixels(chart, 20) == 0


def test_a_histogram_shows_and_says_its_bins(app: QApplication) -> None:
    chart = Histogram("Sizes", "px")
    chart.set_bins([0, 8, 16, 32], [0, 5, 10])
    chart.resize(300, 140)
    assert chart.accessibleDescription() == "8 to 16 px: 5; 16 to 32 px: 10"
    base = chart.height() - 22
    assert accent_pixels(chart, base) == pytest.approx(96, abs=2)
