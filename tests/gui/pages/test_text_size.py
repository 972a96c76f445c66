"""Larger text: what is painted grows with it, and nothing is cut off or overlaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QRectF, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QPushButton, QToolButton, QWidget

from gui.models.runs_model import RunSummary
from gui.pages.results_header import ResultsHeader
from gui.pages.training_page import TrainingPage
from gui.session import Session
from gui.settings import TEXT_SIZES
from gui.theme import BASE_POINTS, apply_theme, fitting_font, sized_font, with_text
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.figure_row import FigureRow, KeyFigure
from gui.widgets.heat_strip import HeatCell, HeatStrip
from gui.widgets.matrix_painter import MatrixContent, lay_out

PAGE_PX = 1150, 700  # of a window of 1280 x 800, at the largest text
RESET = "↺"  # narrower than other buttons, on purpose
SetText = Callable[[int], None]


@pytest.fixture
def set_text(app: QApplication) -> Iterator[SetText]:
    """Changes the text size of what is there, as the preferences do."""

    def change(percent: int) -> None:
        apply_theme(app, "light", percent)
        QTest.qWait(50)

    yield change
    apply_theme(app, "light")


@pytest.fixture
def shown(app: QApplication) -> Iterator[Callable[[QWidget], None]]:
    """Shows a widget at the size of a page, and deletes it at the end."""
    widgets: list[QWidget] = []

    def show(widget: QWidget) -> None:
        widgets.append(widget)
        widget.resize(*PAGE_PX)
        widget.show()
        QTest.qWaitForWindowExposed(widget)

    yield show
    for widget in widgets:
        widget.close()
        widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def cut_off(page: QWidget) -> list[str]:
    """Returns the texts that have less room than they need, or that reach out of their parent."""
    found = []
    for kind in (QLabel, QCheckBox, QPushButton, QToolButton):
        for widget in page.findChildren(kind):
            if not widget.isVisible() or isinstance(widget, ElidedLabel) or widget.text() == RESET:
                continue
            needed = widget.minimumSizeHint()
            parent = widget.parentWidget()
            assert parent is not None
            wraps = isinstance(widget, QLabel) and widget.wordWrap()
            height = widget.heightForWidth(widget.width()) if wraps else needed.height()
            if (
                (widget.width() < needed.width() and not wraps)
                or widget.height() < height
                or not parent.rect().contains(widget.geometry())
            ):
                found.append(widget.text())  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("percent", TEXT_SIZES)
def test_nothing_of_the_training_page_is_cut_off(
    loaded_session: Session,
    wait_until: Callable[..., None],
    set_text: SetText,
    shown: Callable[[QWidget], None],
    percent: int,
) -> None:
    page = TrainingPage(loaded_session)
    loaded_session.set_config_values({"data.withheld": ["chair"]})  # a reset button
    shown(page)
    wait_until(lambda: page.is_idle)
    set_text(percent)
    assert cut_off(page) == []
    reset = next(
        b for b in page.form.findChildren(QToolButton) if b.isVisible() and b.text() == RESET
    )
    left = reset.mapTo(page, reset.rect().topLeft()).x()
    assert left + reset.width() <= page._scroll.mapTo(page, page._scroll.rect().bottomRight()).x()


@pytest.mark.parametrize("percent", TEXT_SIZES)
def test_the_form_never_moves_sideways(
    loaded_session: Session, set_text: SetText, shown: Callable[[QWidget], None], percent: int
) -> None:
    page = TrainingPage(loaded_session)
    page.form.more_button.setChecked(True)
    values = {"contrast.bank_size": 7, "schedule.step_epochs": 7, "training.batch_size": 7}
    loaded_session.set_config_values(values)
    shown(page)
    set_text(percent)
    page._splitter.setSizes([1, 1000, 1000])  # as narrow as the column goes
    QTest.qWait(20)
    area = page._scroll
    assert area.verticalScrollBar().isVisible()
    assert area.widget().minimumSizeHint().width() <= area.viewport().width()
    buttons = [b for b in page.form.findChildren(QToolButton) if b.text() == RESET]
    resets = [button for button in buttons if button.isVisible()]
    assert len(resets) >= len(values)
    for reset in resets:
        reset.setFocus(Qt.FocusReason.TabFocusReason)
        area.ensureWidgetVisible(reset)
        assert area.widget().x() == 0
        at = reset.mapTo(area.viewport(), reset.rect().center())
        assert area.widget().childAt(area.widget().mapFrom(area.viewport(), at)) is reset
        assert area.viewport().rect().contains(at)


@pytest.mark.parametrize("percent", TEXT_SIZES)
def test_numbers_beside_a_low_panel_stand_apart(
    loaded_session: Session, set_text: SetText, shown: Callable[[QWidget], None], percent: int
) -> None:
    page = TrainingPage(loaded_session)
    shown(page)
    set_text(percent)
    axis = page.plots.stack._plots["validation"].getAxis("left")
    height = axis.size().height()
    levels = axis.tickSpacing(0.0, 1.0, height)
    assert levels[0][0] * height >= QFontMetricsF(page.font()).height() * 0.999
    spaces = [first for first, _ in levels]
    assert all(round(a / b, 6) == round(a / b) for a, b in pairwise(spaces))


@pytest.mark.parametrize("percent", TEXT_SIZES)
def test_the_header_of_the_results_ends_run_names_in_an_ellipsis(
    session: Session, set_text: SetText, shown: Callable[[QWidget], None], percent: int
) -> None:
    header = ResultsHeader()
    shown(header)
    run = session.store.create(session.config, session.ranking)
    rows = (RunSummary(run=run, name="the run of a long afternoon", status="done"),)
    header.set_runs(rows, run, None)
    set_text(percent)
    assert cut_off(header) == []
    whole, said = header.runs.currentText(), header.runs.shown_text()
    assert said == whole or said.endswith("…")
    assert header.fontMetrics().horizontalAdvance(said) < header.runs.width()


@pytest.mark.parametrize("percent", TEXT_SIZES)
def test_every_key_figure_has_its_whole_name(
    set_text: SetText, shown: Callable[[QWidget], None], percent: int
) -> None:
    names = ("accuracy · 1215 objects", "balanced", "majority share", "seen drawings · 863")
    row = FigureRow()
    row.set_figures(
        (
            *(KeyFigure("63.9 %", name, "") for name in (*names, "unseen drawings · 352")),
            KeyFigure("0.748 ±0.043", "AUROC · chair, motorbike withheld", ""),
        )
    )
    shown(row)
    set_text(percent)
    assert cut_off(row) == []
    labels = [label for label in row.findChildren(QLabel) if label.text() == "balanced"]
    assert labels[0].wordWrap() == (percent == 125)


def test_painted_letters_grow_with_the_text_and_stay_in_their_cells(
    app: QApplication, set_text: SetText, shown: Callable[[QWidget], None]
) -> None:
    strip = HeatStrip("Shares")
    strip.set_cells(("test",), ("cat",), ((HeatCell(0.5),),))
    shown(strip)
    height = strip.sizeHint().height()
    font = strip.font()
    room = QRectF(0, 0, 600, 600)
    few = MatrixContent(("cat", "dog"), ("cat", "dog"), np.ones((2, 2), dtype=np.int64))
    many = MatrixContent(
        tuple("abcdefghijklmnopqrst"), tuple("abcdefghijklmnopqrst"), np.ones((20, 20), np.int64)
    )
    small = lay_out(few, room, font)
    set_text(150)
    assert strip.sizeHint().height() == pytest.approx(1.5 * height, abs=2)
    assert sized_font(strip.font(), 8.0).pointSizeF() == pytest.approx(12.0)
    assert with_text(40, strip.font()) == 60
    assert fitting_font(strip.font(), BASE_POINTS, 1000.0).pointSizeF() == pytest.approx(15.0)
    large = lay_out(few, room, strip.font())
    assert large.font.pointSizeF() == pytest.approx(1.5 * small.font.pointSizeF())
    dense = lay_out(many, room, strip.font())
    assert dense.font.pointSizeF() < large.font.pointSizeF()
    assert QFontMetricsF(dense.font).height() <= dense.cell_height
