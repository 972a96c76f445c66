"""Whoever cannot see the window must be able to hear it, and to use it without a mouse."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QScrollArea,
    QToolButton,
    QWidget,
)

from core.events import Outcome
from core.runs import Run
from gui.main_pages import PAGE_NAMES
from gui.main_window import MainWindow
from gui.messages import Message
from gui.pages.detections_page import DetectionsPage
from gui.pages.results_page import ResultsPage
from gui.session import Session
from gui.settings import Settings
from gui.theme import DARK, LIGHT, Tokens, apply_theme
from gui.widgets.bar_chart import BarChart, Histogram
from gui.widgets.command_palette import CommandPalette
from gui.widgets.curve_plot import CurveStack
from gui.widgets.figure_export import ExportButton, WidgetFigure
from gui.widgets.heat_strip import HeatStrip
from gui.widgets.matrix_view import MatrixView
from gui.widgets.precision_plot import PrecisionPlot
from gui.widgets.quantile_plot import QuantilePlot
from gui.widgets.roc_plot import RocPlot
from gui.widgets.scatter_view import ScatterView
from gui.widgets.table_window import TableWindow

MakeRun = Callable[..., Run]
Wait = Callable[..., None]
STATES = ("empty", "data", "failed", "judged")
PLOTS = (
    BarChart,
    CurveStack,
    HeatStrip,
    Histogram,
    MatrixView,
    PrecisionPlot,
    QuantilePlot,
    RocPlot,
    ScatterView,
)
MOST_TABS = 300


def name_of(widget: QWidget) -> str:
    """Returns what a screen reader would say."""
    if widget.accessibleName():
        return widget.accessibleName()
    if isinstance(widget, QAbstractButton | QLabel) and widget.text():
        return widget.text()
    return ""


def is_part_of_named(widget: QWidget) -> bool:
    """Tells whether a widget is the inner part of one that has a name: an editor, a viewport."""
    parent = widget.parentWidget()
    inner = isinstance(parent, QAbstractSpinBox | QComboBox) and isinstance(
        widget, QLineEdit | QAbstractItemView
    )
    return inner and bool(name_of(parent))


def nameless(root: QWidget) -> list[str]:
    """Returns the widgets that are seen, take the focus and have no name."""
    return [
        f"{type(widget).__name__} {widget.objectName()} in {type(widget.parent()).__name__}"
        for widget in root.findChildren(QWidget)
        if widget.isVisible()
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not isinstance(widget, QScrollArea)
        and not name_of(widget)
        and not is_part_of_named(widget)
    ]


def settle() -> None:
    for _ in range(20):
        QApplication.processEvents()


@pytest.fixture
def open_window(
    session: Session, make_run: MakeRun, tiny_voc: Path, wait_until: Wait, tmp_path: Path
) -> Iterator[Callable[[str], MainWindow]]:
    """open_window(state): the window with all its pages in one of STATES."""
    windows: list[MainWindow] = []

    def make(state: str) -> MainWindow:
        if state != "empty":
            session.open_data(tiny_voc)
            wait_until(lambda: session.dataset is not None and session.loading.is_idle)
            session.edit(session.ranking.moved("cat", ("dog",), 0), "rank dog for cat")
        if state in {"failed", "judged"}:
            assert session.dataset is not None
            judged = state == "judged"
            withheld = ("sheep",) if judged else ()
            run = make_run(session.store, session.dataset, withheld=withheld, results=judged)
            if not judged:
                run.write_outcome(Outcome("failed", "It broke.", "Mend it.", traceback="boom"))
            session.select_run(run)
        window = MainWindow(session, Settings(tmp_path))
        windows.append(window)
        ready: list[bool] = []
        window.pages_ready.connect(lambda: ready.append(True))
        window.resize(1280, 800)
        window.show()
        window.activateWindow()
        wait_until(lambda: ready and window.isActiveWindow(), 60)
        if state == "judged":
            page = window.page("results")
            assert isinstance(page, ResultsPage)
            window.show_page("results")
            wait_until(lambda: page.matrix_card.matrix.rows and page.ood_card.plot.figure_summary())
        return window

    yield make
    for window in windows:
        window.close_now()
        window.deleteLater()


def views_of(window: MainWindow) -> Iterator[str]:
    """Shows one page after another, and the views and foldings of each."""
    for name in PAGE_NAMES:
        window.show_page(name)
        settle()
        yield name
        for button in window.page(name).findChildren(QToolButton):
            turns = button.isCheckable() and not button.isChecked() and button.isEnabled()
            if turns and button.isVisible() and button.menu() is None:
                button.click()
                settle()
                yield f"{name}, {name_of(button)}"


@pytest.mark.parametrize("state", STATES)
def test_every_widget_that_takes_focus_has_a_name(
    state: str, open_window: Callable[[str], MainWindow]
) -> None:
    window = open_window(state)
    seen = []
    for view in views_of(window):
        seen.append(view)
        assert nameless(window) == [], view
    assert len(seen) > len(PAGE_NAMES)


def in_colours_of(theme: Tokens, root: QWidget) -> list[str]:
    """Returns what is seen and written in colours that a theme has and the other one has not."""
    every = {t: {str(value) for value in astuple(t)} for t in (LIGHT, DARK)}
    own = {c for c in every[theme] - every[DARK if theme is LIGHT else LIGHT] if c[:1] == "#"}
    found = []
    for widget in root.findChildren(QWidget):
        text = widget.text() if isinstance(widget, QLabel) else ""
        written = f"{widget.styleSheet()} {text}".lower()
        if widget.isVisible() and any(colour in written for colour in own):
            found.append(f"{type(widget).__name__} {name_of(widget)}: {written[:80]}")
    return found


@pytest.mark.parametrize("state", ["data", "failed", "judged"])
def test_no_view_keeps_the_colours_of_the_theme_before(
    state: str, app: QApplication, open_window: Callable[[str], MainWindow]
) -> None:
    window = open_window(state)
    for _ in views_of(window):
        pass
    try:
        apply_theme(app, "dark")
        settle()
        for view in views_of(window):
            assert in_colours_of(LIGHT, window) == [], view
    finally:
        apply_theme(app, "light")
        settle()


def test_every_window_beside_the_main_one_has_names_too(
    open_window: Callable[[str], MainWindow],
) -> None:
    window = open_window("judged")
    window._session.post(Message("error", "Text", "Hint", "Details"))
    window.status.messages.show_details()
    window.show_preferences()
    window.show_help("about")
    window.tour.start()
    window.page("results").findChildren(ExportButton)[0].show_table()
    palette = window.findChild(CommandPalette)
    assert palette is not None
    palette.open_over()
    settle()
    beside = [dialog for dialog in window.findChildren(QDialog) if dialog.isVisible()]
    assert {type(dialog).__name__ for dialog in beside} >= {
        "DetailPanel",
        "PreferencesWindow",
        "HelpWindow",
        "CommandPalette",
        "TableWindow",
    }
    assert [dialog for dialog in beside if dialog.isModal()] == []
    assert [name for dialog in (*beside, window.tour.bar) for name in nameless(dialog)] == []
    for dialog in beside:
        dialog.close()


@pytest.mark.parametrize("page", [*PAGE_NAMES, "ranking matrix"])
def test_tab_goes_round_and_is_caught_nowhere(
    page: str, open_window: Callable[[str], MainWindow]
) -> None:
    window = open_window("judged")
    page, _, view = page.partition(" ")
    window.show_page(page)
    settle()
    if view:
        button = window.page(page).findChild(QToolButton, "toolMatrix")
        assert button is not None
        button.click()
        settle()
    window.rail.findChildren(QToolButton)[0].setFocus(Qt.FocusReason.TabFocusReason)
    start = QApplication.focusWidget()
    assert start is not None
    stops: list[QWidget] = []
    for _ in range(MOST_TABS):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        stop = QApplication.focusWidget()
        assert stop is not None
        if stop is start:
            break
        assert not stops or stop is not stops[-1], f"{stop} keeps the focus"
        stops.append(stop)
    assert stop is start, f"Tab never comes back from {[name_of(s) for s in stops[-5:]]}"
    on_page = [stop for stop in stops if window.page(page).isAncestorOf(stop)]
    assert len(on_page) >= 3
    assert [stop for stop in stops if not stop.isVisible()] == []


def test_every_plot_can_be_read_as_a_table_and_in_words(
    open_window: Callable[[str], MainWindow],
) -> None:
    window = open_window("judged")
    read: set[type] = set()
    for view in views_of(window):
        page = window.page(view.partition(",")[0])
        exported = {}
        for button in page.findChildren(ExportButton):
            figure = button._figure
            widget = figure._widget if isinstance(figure, WidgetFigure) else figure
            exported[widget] = button
        for plot in page.findChildren(QWidget):
            if not isinstance(plot, PLOTS) or not plot.isVisible():
                continue
            assert plot in exported, f"{type(plot).__name__} on {view} has no table"
            rows = list(csv.reader(io.StringIO(plot.figure_csv())))
            if len(rows) > 1:
                assert plot.figure_summary(), f"{type(plot).__name__} on {view} says nothing"
                assert {len(row) for row in rows} == {len(rows[0])}
                table = exported[plot].show_table()
                assert isinstance(table, TableWindow)
                assert table.model.rowCount() == len(rows) - 1
                table.close()
                read.add(type(plot))
    assert {BarChart, Histogram, MatrixView, HeatStrip, RocPlot, ScatterView} <= read


def test_the_large_picture_has_names(open_window: Callable[[str], MainWindow]) -> None:
    window = open_window("judged")
    window.show_page("detections")
    page = window.page("detections")
    assert isinstance(page, DetectionsPage)
    settle()
    page.open_row(0)
    settle()
    assert nameless(window) == []
