from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.errors import AkinError
from gui.theme import apply_theme, tokens
from gui.widgets.curve_plot import CurveStack, Line, Panel, thinned
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
