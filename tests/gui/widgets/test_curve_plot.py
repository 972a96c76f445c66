from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.errors import AkinError
from gui.theme import apply_theme, tokens
from gui.widgets.curve_plot import CurveStack, Line, Panel
from gui.widgets.curve_points import range_without_outliers, thinned
from gui.widgets.figure_export import ExportButton, render_image, render_svg, save_figure

Own = Callable[[QWidget], None]

LINE = Line("#2b5fd9", 2.0, label="loss")


@pytest.fixture
def stack(own: Own) -> CurveStack:
    stack = CurveStack((Panel("loss", "loss", 2), Panel("accuracy", "accuracy", unit_range=True)))
    own(stack)
    stack.resize(500, 400)
    stack.set_csv(lambda: "step,loss\n1,2.5\n")
    x = np.arange(100.0)
    stack.set_curve("loss", "a", x, 10 / (x + 1), LINE)
    stack.show()
    QTest.qWaitForWindowExposed(stack)
    return stack


def test_curves_are_counted_and_taken_away(stack: CurveStack) -> None:
    assert stack.point_count("loss", "a") == 100
    stack.set_curve("loss", "a", np.arange(7.0), np.arange(7.0), LINE)
    assert stack.point_count("loss", "a") == 7
    stack.remove_curve("loss", "a")
    assert stack.point_count("loss", "a") == 0
    assert stack.curve_keys("loss") == ()


def test_the_curve_is_seen(stack: CurveStack) -> None:
    with_curve = render_image(stack, QColor("white"))
    stack.remove_curve("loss", "a")
    assert with_curve != render_image(stack, QColor("white"))


def test_the_loss_can_be_logarithmic(stack: CurveStack) -> None:
    before = render_image(stack, QColor("white"))
    stack.set_log_y("loss", True)
    assert before != render_image(stack, QColor("white"))


def test_gaps_and_nothing_but_gaps_draw(stack: CurveStack) -> None:
    stack.set_curve("loss", "a", np.arange(3.0), np.full(3, np.nan), LINE)
    stack.set_curve("accuracy", "b", np.arange(3.0), np.array([0.1, np.nan, 0.4]), LINE)
    stack.set_log_y("loss", True)
    assert not stack.grab().isNull()


def test_svg_png_and_csv_are_written(stack: CurveStack, tmp_path: Path) -> None:
    for name in ("a.svg", "a.png", "a.csv"):
        save_figure(stack, tmp_path / name, QColor("white"))
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert root.tag.endswith("svg")
    shapes = [node for node in root.iter() if node.tag.rsplit("}", 1)[-1] in {"path", "polyline"}]
    assert len(shapes) > 3
    assert QImage(str(tmp_path / "a.png")).size() == stack.figure_size()
    assert (tmp_path / "a.csv").read_text() == "step,loss\n1,2.5\n"


def test_twice_the_size_has_twice_the_pixels(stack: CurveStack, tmp_path: Path) -> None:
    save_figure(stack, tmp_path / "a.png", QColor("white"), scale=2)
    assert QImage(str(tmp_path / "a.png")).size() == stack.figure_size() * 2


def test_an_unknown_format_and_a_bad_folder_are_said(stack: CurveStack, tmp_path: Path) -> None:
    with pytest.raises(AkinError, match="no figure format"):
        save_figure(stack, tmp_path / "a.bmp", QColor("white"))
    (tmp_path / "file").write_text("")
    button = ExportButton(stack, "curves")
    failed, saved = QSignalSpy(button.failed), QSignalSpy(button.saved)
    button.save_to(str(tmp_path / "file" / "a.png"))
    button.save_to(str(tmp_path / "b.png"))
    assert (failed.count(), saved.count()) == (1, 1)


def test_the_export_menu_copies_picture_and_numbers(stack: CurveStack, app: QApplication) -> None:
    button = ExportButton(stack, "curves")
    actions = {action.text(): action for action in button.menu().actions()}
    actions["Copy as CSV"].trigger()
    assert app.clipboard().text() == "step,loss\n1,2.5\n"
    actions["Copy picture"].trigger()
    assert app.clipboard().image().size() == stack.figure_size() * 2


def test_the_theme_is_followed(stack: CurveStack, app: QApplication) -> None:
    try:
        apply_theme(app, "dark")
        image = stack.grab().toImage()
        assert image.pixelColor(1, 1).name() == tokens(app.palette()).surface
    finally:
        apply_theme(app, "light")
    assert stack.grab().toImage().pixelColor(1, 1).name() == tokens(app.palette()).surface


def test_a_million_points_are_drawn_in_a_blink(stack: CurveStack) -> None:
    x = np.arange(1_000_000.0)
    y = np.random.default_rng(0).normal(size=len(x))
    stack.set_curve("loss", "a", x, y, Line("#2b5fd9"))
    stack.grab()
    start = time.perf_counter()
    stack.set_curve("loss", "a", x, y, Line("#2b5fd9"))
    stack.grab()
    assert time.perf_counter() - start < 2.0


def test_svg_holds_text(stack: CurveStack) -> None:
    assert b"loss" in render_svg(stack, QColor("white"))


def test_thinning_keeps_spikes_and_ends() -> None:
    x = np.arange(100_000.0)
    y = np.zeros(len(x))
    y[[12_345, 77_777]] = 5.0, -3.0
    thin_x, thin_y = thinned(x, y, 500, peaks=True)
    assert len(thin_x) == len(thin_y) <= 1100
    assert (thin_y.max(), thin_y.min()) == (5.0, -3.0)
    assert sorted(thin_x.tolist()) == thin_x.tolist()
    thin_x, thin_y = thinned(x, x, 500, peaks=False)
    assert (thin_x[0], thin_x[-1], thin_y[-1]) == (0.0, x[-1], x[-1])
    assert thinned(x[:600], y[:600], 500, peaks=True)[0] is not None
    assert len(thinned(x[:600], y[:600], 500, peaks=True)[0]) == 600


def test_a_zoomed_view_is_thinned_for_itself_and_shows_all_again(stack: CurveStack) -> None:
    x = np.arange(200_000.0)
    stack.set_curve("loss", "a", x, np.sin(x / 50), LINE)
    plot = stack._plots["loss"]
    plot.setXRange(1000, 1200, padding=0)
    drawn = stack._curves["loss", "a"].xData
    assert 200 <= len(drawn) <= 210
    stack.set_curve("loss", "a", x, np.sin(x / 50), LINE)
    assert 200 <= len(stack._curves["loss", "a"].xData) <= 210
    stack.show_all()
    assert stack._curves["loss", "a"].xData[-1] == x[-1]
    stack.grab()
    assert plot.viewRange()[0][1] >= x[-1]


def test_what_the_curves_are_stands_above_them_never_among_them(stack: CurveStack) -> None:
    named = Line("#d55e00", 2.0, style=Qt.PenStyle.DashLine, label="another <run>")
    stack.set_curve("loss", "b", np.arange(9.0), np.arange(9.0), named)
    text = stack.title_text("loss")
    assert text.startswith("loss")
    assert "━━ loss" in text
    assert "╍╍ another <run>" in text
    plot = stack._plots["loss"]
    title = plot.titleLabel.sceneBoundingRect()
    assert title.bottom() <= plot.getViewBox().sceneBoundingRect().top() + 0.5
    stack.remove_curve("loss", "b")
    assert "another" not in stack.title_text("loss")


def test_names_that_do_not_fit_are_counted(stack: CurveStack) -> None:
    for at in range(12):
        line = Line("#d55e00", label=f"a run with a rather long name {at}")
        stack.set_curve("loss", f"k{at}", np.arange(9.0), np.arange(9.0), line)
    stack.grab()
    text = stack.title_text("loss")
    assert "name 0" in text
    assert "name 11" not in text
    assert int(text.rsplit("+", 1)[1]) >= 9


@pytest.mark.parametrize("width", [360, 300])
def test_names_make_no_plot_wider_than_its_widget(stack: CurveStack, width: int) -> None:
    for name in ("A validation", "A training", "a run with a rather long name"):
        line = Line("#d55e00", 2.0, symbol="o", label=name)
        stack.set_curve("accuracy", name, np.arange(9.0), np.arange(9.0), line)
    stack.mark("accuracy", 3.0, 0.5, "best 46 %", "#157347")
    stack.resize(width, 400)
    stack.grab()
    for panel in ("loss", "accuracy"):
        plot = stack._plots[panel]
        assert plot.getViewBox().sceneBoundingRect().right() <= width
        title = plot.titleLabel.item
        assert title.mapRectToScene(title.boundingRect()).right() <= width
    assert "best 46 %" in stack.title_text("accuracy")


def test_a_name_goes_to_the_next_row_where_there_is_one_and_a_long_one_is_shortened(
    own: Own,
) -> None:
    stack = CurveStack((Panel("share", "", title_rows=2), Panel("loss", "loss")))
    own(stack)
    stack.resize(220, 300)
    for panel, names in (("share", ("A validation", "A training")), ("loss", ("x" * 80,))):
        for name in names:
            line = Line("#d55e00", 2.0, symbol="o", label=name)
            stack.set_curve(panel, name, np.arange(9.0), np.arange(9.0), line)
    stack.grab()
    assert stack.title_text("share").splitlines() == ["━━● A validation", "━━● A training"]
    assert stack.title_text("loss").endswith("xxx…")


@pytest.mark.parametrize("last", [2, 3, 4, 7, 30])
def test_epochs_have_ticks_at_whole_numbers_only(stack: CurveStack, last: int) -> None:
    stack.set_x_label("epoch")
    epoch_N = np.arange(1.0, last + 1)
    stack.set_curve("loss", "a", epoch_N, epoch_N, LINE)
    stack.grab()
    axis = stack._plots["accuracy"].getAxis("bottom")
    low, high = axis.range
    levels = axis.tickValues(low, high, axis.width())
    ticks = [tick for _, values in levels for tick in values]
    assert any(low <= tick <= high for tick in ticks)
    assert all(float(tick).is_integer() for tick in ticks)
    stack.set_x_label("training time (s)")
    assert last > 4 or any(
        not float(tick).is_integer()
        for _, values in axis.tickValues(low, high, axis.width())
        for tick in values
    )


def test_the_best_point_is_named_in_the_title(stack: CurveStack) -> None:
    stack.mark("accuracy", 3.0, 0.5, "best 50.0 %", "#157347")
    assert "best 50.0 %" in stack.title_text("accuracy")
    stack.clear_marks()
    assert "best" not in stack.title_text("accuracy")


def test_both_axes_can_be_logarithmic_and_what_has_no_logarithm_is_a_gap(
    stack: CurveStack,
) -> None:
    x = np.arange(0.0, 1001.0)
    stack.set_curve("loss", "a", x, 10 / (x + 1) - 0.01, LINE)
    stack.set_log_x(True)
    stack.set_log_y("loss", True)
    stack.grab()
    (left, right), (low, high) = stack._plots["loss"].viewRange()
    assert -0.5 < left < 0.5
    assert 2.9 < right < 3.3
    assert high < 1.1
    assert low < -1.9
    drawn_x = stack._curves["loss", "a"].xData
    assert np.isfinite(drawn_x).all()
    assert np.diff(drawn_x).max() < 0.5, "the left of a logarithmic axis needs its own points"
    stack.set_log_x(False)
    stack.grab()
    assert stack._plots["loss"].viewRange()[0][1] >= 1000


def test_outliers_can_be_left_out_of_the_height(stack: CurveStack) -> None:
    x = np.arange(1000.0)
    y = np.sin(x / 30) + 2
    y[500] = 1e6
    stack.set_curve("loss", "a", x, y, LINE)
    stack.grab()
    assert stack._plots["loss"].viewRange()[1][1] > 1e5
    stack.set_without_outliers(True)
    low, high = stack._plots["loss"].viewRange()[1]
    assert 0.5 < low < 1.01
    assert 2.99 < high < 3.5
    stack.set_without_outliers(False)
    stack.grab()
    assert stack._plots["loss"].viewRange()[1][1] > 1e5


def test_nothing_has_no_range_and_a_constant_has_room() -> None:
    assert range_without_outliers([]) is None
    assert range_without_outliers([np.full(3, np.nan)]) is None
    low, high = range_without_outliers([np.full(5, 2.0)]) or (0.0, 0.0)
    assert low < 2.0 < high


def test_freezing_keeps_the_view_and_following_takes_in_what_comes(stack: CurveStack) -> None:
    spy = QSignalSpy(stack.following_changed)
    stack.grab()
    stack.set_following(False)
    before = stack._plots["loss"].viewRange()[0]
    x = np.arange(500.0)
    stack.set_curve("loss", "a", x, x, LINE)
    stack.grab()
    assert stack._plots["loss"].viewRange()[0] == before
    stack.set_following(True)
    stack.grab()
    assert stack._plots["loss"].viewRange()[0][1] >= 499
    stack._plots["loss"].setXRange(10, 20, padding=0)
    assert [spy.at(i)[0] for i in range(spy.count())] == [False, True, False]


def test_a_hidden_panel_gives_its_room_away(stack: CurveStack) -> None:
    stack.grab()
    before = stack._plots["loss"].getViewBox().height()
    stack.set_panel_visible("accuracy", False)
    stack.grab()
    QTest.qWait(50)
    assert stack._plots["loss"].getViewBox().height() > before + 40
    assert stack._plots["loss"].getAxis("bottom").style["showValues"]
    stack.set_panel_visible("accuracy", True)
    stack.grab()
    QTest.qWait(50)
    assert stack._plots["loss"].getViewBox().height() == pytest.approx(before, abs=2)


def test_a_band_is_seen_and_goes_with_its_curve(stack: CurveStack) -> None:
    x = np.arange(100.0)
    before = render_image(stack, QColor("white"))
    stack.set_band("loss", "a", x, np.full(100, 2.0), np.full(100, 6.0), "#d55e00")
    assert stack.band_keys("loss") == ("a",)
    assert render_image(stack, QColor("white")) != before
    stack.remove_curve("loss", "a")
    assert stack.band_keys("loss") == ()
