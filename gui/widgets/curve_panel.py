"""One panel of a stack of curves: a pyqtgraph plot without its menus and buttons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg

AXIS_WIDTH_PX = 48
TITLE_HEIGHT_PX = 20
TITLE_POINTS = 9
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
    """

    name: str
    label: str
    stretch: int = 1
    unit_range: bool = False
    titled: bool = True


def make_plot(view: pg.GraphicsLayoutWidget, row: int, panel: Panel) -> Any:
    """Adds a panel to a view and returns it."""
    plot = view.addPlot(row=row, col=0, viewBox=pg.ViewBox(enableMenu=False))
    view.ci.layout.setRowStretchFactor(row, panel.stretch)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(x=True, y=False)
    plot.getAxis("left").setWidth(AXIS_WIDTH_PX)
    for side in ("left", "bottom"):
        plot.getAxis(side).enableAutoSIPrefix(False)
    if panel.titled:
        plot.setTitle(panel.label, justify="left", size=f"{TITLE_POINTS}pt")
        plot.titleLabel.setMaximumHeight(TITLE_HEIGHT_PX)
        plot.layout.setRowFixedHeight(0, TITLE_HEIGHT_PX)
    plot.getViewBox().setAutoVisible(y=True)
    if panel.unit_range:
        plot.setYRange(0, 1, padding=0.02)
    return plot


def give_least_height(plot: Any, panel: Panel, *, is_lowest: bool) -> None:
    """Sets the height that a panel needs; what is left is shared out by the panels' stretch."""
    room = LEAST_PLOT_PX + (TITLE_HEIGHT_PX if panel.titled else 0)
    room += BOTTOM_AXIS_PX if is_lowest else 0
    plot.setMinimumHeight(room)
    plot.setPreferredHeight(room)
