"""Precision over recall: what is in front, what a click chooses, what is exported."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPointF
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from gui.widgets.figure_export import save_figure
from gui.widgets.precision_plot import PrecisionCurve, PrecisionPlot

DOG = PrecisionCurve(
    "dog",
    np.array([0.2, 0.4, 0.4, 0.6]),
    np.array([1.0, 1.0, 2 / 3, 0.75]),
    np.array([0.9, 0.8, 0.6, 0.5]),
)
CAT = PrecisionCurve("cat", np.array([0.0, 0.5]), np.array([0.0, 0.5]), np.array([0.7, 0.3]))
NONE = PrecisionCurve("cow", np.zeros(0), np.zeros(0), np.zeros(0))


@pytest.fixture
def plot(app: QApplication) -> Iterator[PrecisionPlot]:
    plot = PrecisionPlot()
    plot.resize(400, 300)
    plot.show()
    QCoreApplication.processEvents()
    plot.set_curves([DOG, CAT, NONE])
    yield plot
    plot.close()
    plot.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_the_point_is_where_scores_reach_the_threshold(plot: PrecisionPlot) -> None:
    plot.set_front(0, 0.6)
    assert plot.point_at(0, 0.6) == (0.4, 2 / 3)
    assert plot.point_at(0, 0.61) == (0.4, 1.0)
    assert plot.words.text() == "dog at score 0.600: precision 0.667, recall 0.400"
    plot.set_front(0, 0.95)
    assert plot.point_at(0, 0.95) is None
    assert plot.words.text() == "No dog scores 0.950."
    plot.set_front(2, 0.0)
    assert plot.words.text() == "cow has no curve here."
    plot.set_front(-1, 0.0)
    assert "click a curve" in plot.words.text()


def test_a_click_chooses_the_nearest_point_of_the_curve_in_front_or_of_any(
    plot: PrecisionPlot,
) -> None:
    chosen: list[tuple[int, float]] = []
    plot.point_chosen.connect(lambda which, score: chosen.append((which, score)))
    plot.choose_near(QPointF(0.5, 0.52))
    plot.choose_near(QPointF(0.61, 0.74))
    plot.set_front(0, 0.0)
    plot.choose_near(QPointF(0.5, 0.6))
    plot.choose_near(QPointF(0.0, 0.0))  # Too far from the curve in front.
    assert chosen == [(1, 0.3), (0, 0.5), (0, 0.6)]


def test_other_curves_replace_the_old(plot: PrecisionPlot) -> None:
    plot.set_front(1, 0.5)
    plot.set_curves([CAT])
    assert plot.front == -1
    assert len(plot._lines) == 1
    assert plot._lines[0].scene() is plot._plot.scene()


def test_export(plot: PrecisionPlot, tmp_path: Path) -> None:
    rows = list(csv.reader(io.StringIO(plot.figure_csv())))
    assert rows[0] == ["class", "score", "recall", "precision"]
    assert rows[1] == ["dog", "0.9", "0.2", "1"]
    assert len(rows) == 1 + len(DOG.score_K) + len(CAT.score_K)
    for suffix in ("png", "svg", "csv"):
        save_figure(plot, tmp_path / f"curves.{suffix}", QColor("white"))
        assert (tmp_path / f"curves.{suffix}").stat().st_size > 100
