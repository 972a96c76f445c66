"""A figure's numbers as a table: read, sorted, copied, saved; and said in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton

from gui.widgets.bar_chart import BarChart, ChartBar, Histogram
from gui.widgets.curve_plot import CurveStack, Line, Panel
from gui.widgets.figure_export import ExportButton
from gui.widgets.heat_strip import HeatCell, HeatStrip
from gui.widgets.matrix_view import MatrixView
from gui.widgets.roc_plot import HistogramTable, RocPlot
from gui.widgets.table_window import TableWindow


def cells(window: TableWindow) -> list[list[str]]:
    return [line.split("\t") for line in window.text().splitlines()]


@pytest.fixture
def chart(app: QApplication) -> BarChart:
    chart = BarChart("Counts", "class")
    bars = (("cat", 9.0, "9"), ("dog", 10.0, "10"), ("sheep, young", 100.0, "1e2"))
    chart.set_bars([ChartBar(name, value, words) for name, value, words in bars])
    return chart


def test_the_export_menu_shows_the_table(chart: BarChart) -> None:
    button = ExportButton(chart, "counts")
    action = button.menu().actions()[0]
    assert action.text() == "Show as table"
    action.trigger()
    window = button.show_table()
    assert window.isVisible()
    assert not window.isModal()
    assert cells(window) == [
        ["class", "value", "in words"],
        ["cat", "9", "9"],
        ["dog", "10", "10"],
        ["sheep, young", "100", "1e2"],
    ]
    assert window.summary.text() == "cat 9, dog 10, sheep, young 1e2"
    assert "3 rows, 3 columns" in window.table.accessibleDescription()
    assert all(b.accessibleName() for b in window.findChildren(QPushButton))
    window.close()


def test_numbers_are_sorted_as_numbers_and_the_choice_is_copied(chart: BarChart) -> None:
    button = ExportButton(chart, "counts")
    window = button.show_table()
    window.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert [line[1] for line in cells(window)[1:]] == ["100", "10", "9"]
    shown = window.table.model()
    column = QItemSelection(shown.index(0, 0), shown.index(2, 0))
    window.table.selectionModel().select(column, QItemSelectionModel.SelectionFlag.ClearAndSelect)
    window.copy()
    assert QGuiApplication.clipboard().text() == "class\nsheep, young\ndog\ncat\n"
    chart.set_bars([ChartBar("cow", 1.0)])
    window.refresh()
    assert cells(window)[1:] == [["cow", "1"]]
    window.close()


def test_the_table_is_saved_as_it_is_sorted(chart: BarChart, tmp_path: Path) -> None:
    button = ExportButton(chart, "counts")
    saved: list[str] = []
    failed: list[object] = []
    button.saved.connect(saved.append)
    button.failed.connect(failed.append)
    window = button.show_table()
    window.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    path = tmp_path / "counts.csv"
    window.save_to(str(path))
    rows = list(csv.reader(io.StringIO(path.read_text())))
    assert [row[0] for row in rows] == ["class", "sheep, young", "dog", "cat"]
    window.save_to(str(path / "not-a-folder.csv"))
    assert saved == [str(path)]
    assert len(failed) == 1
    window.close()


def test_a_figure_without_data_says_so(app: QApplication) -> None:
    button = ExportButton(Histogram("Sizes", "px"), "sizes")
    window = button.show_table()
    assert window.count.text() == "Nothing to show yet."
    assert window.text() == "from (px)\tto (px)\tcount\n"
    window.close()


def test_curves_are_told_in_words_once_a_second(
    app: QApplication, wait_until: Callable[..., None]
) -> None:
    stack = CurveStack((Panel("loss", "loss"),))
    x_N = np.arange(5, dtype=np.float64)
    y_N = np.array([3.0, np.nan, 0.5, 4.0, 1.0])
    stack.set_curve("loss", "a", x_N, y_N, Line("#123456", label="smoothed"))
    stack.set_curve("loss", "b", x_N, y_N, Line("#123456"))
    words = "loss, smoothed: from 3 to 1 at step 4, lowest 0.5 at 2, highest 4 at 3."
    assert stack.figure_summary() == words
    wait_until(lambda: stack.view.accessibleDescription() == words)
    stack.remove_curve("loss", "a")
    wait_until(lambda: stack.view.accessibleDescription() == "")


def test_a_matrix_names_its_worst_confusion(app: QApplication) -> None:
    view = MatrixView()
    names = ("bird", "cat", "dog")
    counts_RC = np.array([[5, 1, 0], [0, 6, 4], [0, 2, 8]])
    view.set_matrix(names, names, counts_RC)
    assert view.accessibleDescription() == (
        "19 of 26 objects are predicted right; the most frequent confusion is "
        "true cat, predicted dog: 4 of 10 (40 %)."
    )
    view.set_matrix(names, names, counts_RC, minus_RC=np.diag([5, 6, 7]))
    assert view.accessibleDescription().startswith("Run A less run B. Of A 19 of 26")
    assert view.accessibleDescription().endswith("of B 18 are.")


def test_a_strip_names_its_extremes(app: QApplication) -> None:
    strip = HeatStrip("Compliance")
    strip.set_cells(["test"], ["cat", "dog", "cow"], [[HeatCell(0.5), HeatCell(None), HeatCell(1)]])
    assert strip.accessibleDescription() == (
        "test: mean 75 % over 2 classes, least cat (50 %), most cow (100 %)."
    )


def test_the_roc_has_a_second_table(app: QApplication) -> None:
    plot = RocPlot()
    tables = {"score histogram": HistogramTable(plot)}
    button = ExportButton(plot, "roc", tables=tables)
    texts = [action.text() for action in button.menu().actions()[:2]]
    assert texts == ["Show as table", "Show score histogram as table"]
    plot.set_scores(np.array([0.5, 0.9, 1.0]), np.array([0.0, 0.1]), "cosine", "AUROC 1.00")
    window = button.show_table("score histogram")
    rows = cells(window)
    assert rows[0] == ["cosine from", "to", "known objects", "withheld objects"]
    assert sum(int(row[2]) for row in rows[1:]) == 3
    assert sum(int(row[3]) for row in rows[1:]) == 2
    assert "3 known and 2 withheld objects" in window.summary.text()
    window.close()
