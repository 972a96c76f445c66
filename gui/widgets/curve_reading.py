"""What the mouse reads off a curve, and what is said of it in words.

Shape suffixes: N points.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont

FloatArray = npt.NDArray[np.float64]


def curve_words(name: str, x_label: str, x_N: FloatArray, y_N: FloatArray) -> str:
    """Returns where a curve begins and ends, and its lowest and highest point."""
    there_N = np.isfinite(y_N)
    if not there_N.any():
        return ""
    x_N, y_N = x_N[there_N], y_N[there_N]
    low, high = int(y_N.argmin()), int(y_N.argmax())
    return (
        f"{name}: from {y_N[0]:.4g} to {y_N[-1]:.4g} at {x_label} {x_N[-1]:.4g}, "
        f"lowest {y_N[low]:.4g} at {x_N[low]:.4g}, highest {y_N[high]:.4g} at {x_N[high]:.4g}."
    )


class CurveHover:
    """A vertical line and the values of a panel's curves where it stands."""

    def __init__(self) -> None:
        self._line = pg.InfiniteLine(angle=90, movable=False)
        self._text = pg.TextItem(anchor=(0, 0))
        self._line.setZValue(10)
        self._text.setZValue(10)
        self._plot: Any = None

    def restyle(self, colour: str, fill: str, font: QFont) -> None:
        self._text.setFont(font)
        self._line.setPen(pg.mkPen(colour, width=1, style=Qt.PenStyle.DotLine))
        self._text.setColor(QColor(colour))
        background = QColor(fill)
        background.setAlphaF(0.85)
        self._text.fill = pg.mkBrush(background)

    def show_at(
        self, plot: Any, at: float, x: float, curves: list[tuple[str, FloatArray, FloatArray]]
    ) -> None:
        """Shows the values at a place.

        Args:
            plot: The panel.
            at: Where in the panel's coordinates.
            x: The same as the curves have it.
            curves: Label, x_N and y_N of each.
        """
        if plot is not self._plot:
            self.hide()
            self._plot = plot
            plot.addItem(self._line, ignoreBounds=True)
            plot.addItem(self._text, ignoreBounds=True)
        words = []
        for label, x_N, y_N in curves:
            if len(x_N):
                row = min(int(np.searchsorted(x_N, x)), len(x_N) - 1)
                words.append(f"{label} {y_N[row]:.4g}")
        self._line.setPos(at)
        self._text.setText("\n".join([f"{x:.4g}", *words]))
        (left, right), (low, high) = plot.getViewBox().viewRange()
        self._text.setAnchor((1, 0) if at > (left + right) / 2 else (0, 0))
        self._text.setPos(at, high - 0.02 * (high - low))

    def hide(self) -> None:
        if self._plot is not None:
            self._plot.removeItem(self._line)
            self._plot.removeItem(self._text)
            self._plot = None
