"""The axis of a plot, whose numbers have the size of the widget's text and stand apart."""

from __future__ import annotations

import math

import pyqtgraph as pg
from PySide6.QtGui import QColor, QFont, QFontMetricsF

from gui.theme import Tokens, sized_font, with_text

WIDTH_PX = 48
LABEL_POINTS = 9.0


class TextAxis(pg.AxisItem):  # type: ignore[misc]
    """An axis that is told the widget's font.

    Args:
        orientation: "left" or "bottom".
        fixed_width: A left axis is as wide as its neighbours', whatever its numbers.
    """

    def __init__(self, orientation: str, *, fixed_width: bool = False) -> None:
        super().__init__(orientation)
        self._line_px = 0.0
        self._fixed_width = fixed_width
        self._whole = False
        self.enableAutoSIPrefix(False)

    def restyle(self, colours: Tokens, font: QFont) -> None:
        """Takes the colours and the font of the widget that holds the plot."""
        self._line_px = QFontMetricsF(font).height()
        self.setPen(QColor(colours.border))
        self.setTextPen(QColor(colours.muted))
        self.setTickFont(font)
        points = sized_font(font, LABEL_POINTS).pointSizeF()
        self.setLabel(self.labelText, **{"color": colours.muted, "font-size": f"{points:g}pt"})
        if self._fixed_width:
            self.setWidth(with_text(WIDTH_PX, font))

    def set_whole(self, whole: bool) -> None:
        """Says whether ticks are at whole numbers only, such as epochs have."""
        self._whole = whole
        self.picture = None
        self.update()

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        """Returns pyqtgraph's distances of ticks, or greater ones where lines would overlap."""
        levels: list[tuple[float, float]] = super().tickSpacing(low, high, size)
        if self._whole and not self.logMode:
            levels = [level for level in levels if level[0].is_integer()] or [(1.0, 0.0)]
        if self.orientation != "left" or self.logMode or size <= 0:
            return levels
        least = (high - low) * self._line_px / size
        if not levels or levels[0][0] >= least:
            return levels
        power = 10.0 ** math.floor(math.log10(least))
        first = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
        finer = [level for level in levels if math.isclose(math.fmod(first, level[0]), 0.0)]
        return [(first, 0.0), *finer]


def text_axes(*, fixed_width: bool = False) -> dict[str, TextAxis]:
    """Returns the axes for a new plot, as addPlot takes them."""
    return {
        side: TextAxis(side, fixed_width=fixed_width and side == "left")
        for side in ("left", "bottom")
    }
