from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QSlider, QWidget

from gui.widgets.roc_plot import CurveKind, RocPlot

Own = Callable[[QWidget], None]

KNOWN = np.linspace(0.3, 1.0, 101)
WITHHELD = np.linspace(0.0, 0.6, 61)


@pytest.fixture
def plot(own: Own) -> RocPlot:
    plot = RocPlot()
    own(plot)
    plot.set_scores(KNOWN, WITHHELD, "max softmax", "AUROC 0.9")
    return plot


def test_the_threshold_starts_where_95_percent_are_kept(plot: RocPlot) -> None:
    assert plot.threshold == KNOWN[5]  # 96 of 101 are the fewest that make 95 %.
    assert plot.operating_point() == (np.mean(KNOWN[5] <= WITHHELD), 96 / 101)
    assert plot.chosen_point() is None


@pytest.mark.parametrize("kind", ["roc", "known", "withheld"])
def test_a_chosen_threshold_is_exact_and_stays_marked(plot: RocPlot, kind: CurveKind) -> None:
    """At a score that lies between two steps of the slider."""
    chosen = float(KNOWN[37] ** 2)
    plot.set_scores(KNOWN**2, WITHHELD, "max softmax", "AUROC 0.9", chosen)
    plot.set_kind(kind)
    slider = plot.findChild(QSlider)
    assert isinstance(slider, QSlider)
    assert slider.value() / slider.maximum() != pytest.approx(chosen, abs=1e-6)
    known, withheld = 64, int((chosen <= WITHHELD).sum())
    expected = {
        "roc": (withheld / 61, known / 101),
        "known": (known / 101, known / (known + withheld)),
        "withheld": ((61 - withheld) / 61, (61 - withheld) / (61 - withheld + 37)),
    }[kind]
    assert plot.threshold == chosen
    assert plot.curve_point() == plot.chosen_point() == pytest.approx(expected, abs=1e-12)
    assert ", chosen on validation data: 63 % of known" in plot.figure_summary()
    slider.setValue(slider.value())  # Nothing moves: the exact value is kept.
    assert plot.threshold == chosen
    slider.setValue(slider.value() + 100)
    assert "chosen on validation" not in plot.figure_summary()
    assert plot.chosen_point() == pytest.approx(expected, abs=1e-12)
    assert plot.curve_point() != plot.chosen_point()
    spy = QSignalSpy(plot.threshold_changed)
    plot.set_threshold(chosen)
    assert spy.count() == 1
    assert plot.curve_point() == plot.chosen_point()


def test_a_chosen_threshold_beyond_every_score_is_shown_too(plot: RocPlot) -> None:
    plot.set_scores(KNOWN, WITHHELD, "score", "", 1.5)
    assert plot.threshold == 1.5
    assert plot.operating_point() == plot.chosen_point() == (0.0, 0.0)
    slider = plot.findChild(QSlider)
    assert isinstance(slider, QSlider)
    assert slider.value() == slider.maximum()
    edges, known, withheld = plot.histogram()
    assert edges[-1] == 1.5
    assert (known.sum(), withheld.sum()) == (101, 61)


def test_the_slider_moves_threshold_and_operating_point(plot: RocPlot) -> None:
    slider = plot.findChild(QSlider)
    assert isinstance(slider, QSlider)
    spy = QSignalSpy(plot.threshold_changed)
    slider.setValue(slider.maximum())
    assert spy.count() == 1
    assert plot.threshold == pytest.approx(1.0)
    assert plot.operating_point() == (0.0, pytest.approx(1 / 101))
    slider.setValue(slider.minimum())
    assert plot.operating_point() == (1.0, 1.0)


def test_the_csv_is_a_whole_curve(plot: RocPlot) -> None:
    rows = list(csv.reader(io.StringIO(plot.figure_csv())))[1:]
    false = [float(row[1]) for row in rows]
    true = [float(row[2]) for row in rows]
    assert (false[0], true[0]) == (0.0, 0.0)
    assert (false[-1], true[-1]) == (1.0, 1.0)
    assert sorted(false) == false


def test_equal_scores_are_shown_without_a_fuss(own: Own) -> None:
    plot = RocPlot()
    own(plot)
    plot.set_scores(np.full(3, 0.5), np.full(2, 0.5), "score", "")
    assert not plot.grab().isNull()


@pytest.mark.parametrize("kind", ["roc", "known", "withheld"])
def test_the_point_of_the_threshold_lies_on_the_curve(plot: RocPlot, kind: CurveKind) -> None:
    plot.set_kind(kind)
    rows = list(csv.reader(io.StringIO(plot.figure_csv())))[1:]
    curve_N3 = np.array([[float(value) for value in row] for row in rows])
    for threshold in (0.25, 0.4, 0.55):
        plot.set_threshold(threshold)
        point = plot.curve_point()
        assert point is not None
        distance_N = np.abs(curve_N3[:, 1:] - point).max(axis=1)
        assert distance_N.min() < 1e-6


def test_precision_without_anything_rejected_is_not_drawn(plot: RocPlot) -> None:
    plot.set_kind("withheld")
    plot.set_threshold(0.0)
    assert plot.curve_point() is None
    assert not plot.grab().isNull()


@pytest.mark.parametrize("width", [420, 700, 390])
def test_the_legend_of_the_histogram_is_seen_whole(plot: RocPlot, width: int) -> None:
    plot.show()
    for points in (10.0, 12.5):
        font = plot.font()
        font.setPointSizeF(points)
        plot.setFont(font)
        plot.resize(width, 300)
        plot.grab()
        box, legend = plot._bars.getViewBox(), plot._bars.legend
        room = box.sceneBoundingRect()
        for _, label in legend.items:
            text = label.item.mapRectToScene(label.item.boundingRect())
            assert room.left() <= text.left()
            assert text.right() <= room.right() + 1
            assert text.bottom() < room.bottom()
