"""What lies between two curves, filled.

Shape suffixes: N points.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtGui import QColor

FloatArray = npt.NDArray[np.float64]
OPACITY = 0.2


class CurveBand:
    """A fill behind the curves of a plot.

    Args:
        plot: pyqtgraph's.
    """

    def __init__(self, plot: Any) -> None:
        self._plot = plot
        self._edges = (pg.PlotCurveItem(pen=None), pg.PlotCurveItem(pen=None))
        self._fill = pg.FillBetweenItem(*self._edges)
        self._fill.setZValue(-5)
        for item in (*self._edges, self._fill):
            plot.addItem(item)

    def set_data(self, edges: tuple[tuple[FloatArray, FloatArray], ...], colour: str) -> None:
        """Shows what lies between two edges, each x_N and y_N."""
        shade = QColor(colour)
        shade.setAlphaF(OPACITY)
        self._fill.setBrush(shade)
        for item, points in zip(self._edges, edges, strict=True):
            item.setData(*points)

    def remove(self) -> None:
        for item in (*self._edges, self._fill):
            self._plot.removeItem(item)
