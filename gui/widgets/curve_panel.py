"""One panel of a stack of curves: a pyqtgraph plot without its menus and buttons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont

from gui.theme import with_text
from gui.widgets.plot_axis import text_axes

TITLE_HEIGHT_PX = 20
TITLE_POINTS = 9.0
LEAST_PLOT_PX = 26
BOTTOM_AXIS_PX = 36


@dataclass(frozen=True)
class Panel:
    """One panel of the stack.

    Attributes:
        name: Its key.
        label: Above it, before the names of its curves.
        stretch: Share of the height.
        unit_range: The y axis goes from 0 to 1.
        titled: Whether there is a line above it, which names it and its curves.
        title_rows: How many lines that is, where one is too short.
    """

    name: str
    label: str
    stretch: int = 1
    unit_range: bool = False
    titled: bool = True
    title_rows: int = 1


class _Title(pg.LabelItem):  # type: ignore[misc]
    """A title that makes no plot wider than its widget."""

    def updateMin(self) -> None:
        super().updateMin()
        height = self.itemRect().height()
        for hint in (Qt.SizeHint.MinimumSize, Qt.SizeHint.PreferredSize):
            self._sizeHint[hint] = (0, height)
        self.setMinimumWidth(0)


def make_plot(view: pg.GraphicsLayoutWidget, row: int, panel: Panel) -> Any:
    """Adds a panel to a view and returns it."""
    axes = text_axes(fixed_width=True)
    plot = view.addPlot(row=row, col=0, viewBox=pg.ViewBox(enableMenu=False), axisItems=axes)
    view.ci.layout.setRowStretchFactor(row, panel.stretch)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(x=True, y=False)
    if panel.titled:
        plot.layout.removeItem(plot.titleLabel)
        plot.titleLabel.setParentItem(None)
        plot.titleLabel = _Title(parent=plot)
        plot.layout.addItem(plot.titleLabel, 0, 1)
        plot.setTitle(panel.label, justify="left")
    plot.getViewBox().setAutoVisible(y=True)
    if panel.unit_range:
        plot.setYRange(0, 1, padding=0.02)
    return plot


def give_least_height(plot: Any, panel: Panel, font: QFont, *, is_lowest: bool) -> None:
    """Sets the height that a panel needs; what is left is shared out by the panels' stretch."""
    title = with_text(TITLE_HEIGHT_PX * panel.title_rows, font) if panel.titled else 0
    if panel.titled:
        plot.titleLabel.setMaximumHeight(title)
        plot.layout.setRowFixedHeight(0, title)
    room = with_text(LEAST_PLOT_PX, font) + title
    room += with_text(BOTTOM_AXIS_PX, font) if is_lowest else 0
    plot.setMinimumHeight(room)
    plot.setPreferredHeight(room)
