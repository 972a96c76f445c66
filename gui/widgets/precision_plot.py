"""Precision over recall of several classes, one of them in front; a click chooses a threshold.

Shape suffixes: K points of a curve.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from gui.theme import SPACING, set_role, tokens
from gui.widgets.plot_axis import text_axes

FloatArray = npt.NDArray[np.float64]
REACH_PX = 60.0


@dataclass(frozen=True, eq=False)
class PrecisionCurve:
    """One curve.

    Attributes:
        name: Of the class.
        recall_K: Rising.
        precision_K: At that recall.
        score_K: Of the detection that reaches it, falling.
    """

    name: str
    recall_K: FloatArray
    precision_K: FloatArray
    score_K: FloatArray


class PrecisionPlot(QWidget):
    """The curves and a reading of the chosen point."""

    point_chosen = Signal(int, float)  # which curve, its score there

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves: tuple[PrecisionCurve, ...] = ()
        self._front = -1
        self._threshold = 0.0
        self._view = pg.GraphicsLayoutWidget()
        self._view.setFrameShape(self._view.Shape.NoFrame)
        self._view.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self._view.setMinimumHeight(180)
        for widget in (self._view, self._view.viewport()):
            widget.setAccessibleName("Precision over recall; a click chooses the threshold")
        self._view.ci.setContentsMargins(0, 6, 6, 0)
        self._plot = self._view.addPlot(axisItems=text_axes())
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.setLabel("bottom", "recall")
        self._plot.setLabel("left", "precision")
        self._plot.setXRange(0, 1, padding=0.02)
        self._plot.setYRange(0, 1, padding=0.02)
        self._lines: list[Any] = []
        self._point = pg.ScatterPlotItem(size=11, symbol="o")
        self._point.setZValue(20)
        self._plot.addItem(self._point)
        self._view.scene().sigMouseClicked.connect(self._on_click)
        self.words = QLabel()
        self.words.setWordWrap(True)
        set_role(self.words, "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        layout.addWidget(self._view, 1)
        layout.addWidget(self.words)
        self._restyle()

    @property
    def front(self) -> int:
        return self._front

    def set_curves(self, curves: Sequence[PrecisionCurve]) -> None:
        """Shows other curves; none is in front."""
        for line in self._lines:
            self._plot.removeItem(line)
        self._curves, self._front = tuple(curves), -1
        self._lines = []
        for curve in self._curves:
            # From recall 0 at the first precision, so that a short curve is seen.
            first = curve.precision_K[:1]
            line = pg.PlotDataItem(
                np.concatenate([np.zeros(len(first)), curve.recall_K]),
                np.concatenate([first, curve.precision_K]),
                antialias=True,
            )
            self._plot.addItem(line)
            line.setDownsampling(auto=True, method="peak")
            line.setClipToView(True)
            self._lines.append(line)
        self._restyle()
        self._show_point()

    def set_front(self, which: int, threshold: float) -> None:
        """Puts a curve in front (-1: none), with a mark where scores reach a threshold."""
        self._front, self._threshold = which, threshold
        self._restyle()
        self._show_point()

    def point_at(self, which: int, threshold: float) -> tuple[float, float] | None:
        """Returns recall and precision of the detections that score at least a threshold."""
        curve = self._curves[which]
        count = int(np.searchsorted(-curve.score_K, -threshold, side="right"))
        if not count:
            return None
        return float(curve.recall_K[count - 1]), float(curve.precision_K[count - 1])

    def _show_point(self) -> None:
        self._show_words()
        for widget in (self._view, self._view.viewport()):
            widget.setAccessibleDescription(self.figure_summary())

    def _show_words(self) -> None:
        if not 0 <= self._front < len(self._curves):
            self._point.clear()
            self.words.setText("Choose a class, or click a curve: its score becomes the lowest.")
            return
        curve, point = self._curves[self._front], self.point_at(self._front, self._threshold)
        if point is None:
            self._point.clear()
            scores = f"No {curve.name} scores {self._threshold:.3f}."
            self.words.setText(scores if len(curve.score_K) else f"{curve.name} has no curve here.")
            return
        self._point.setData([point[0]], [point[1]])
        self.words.setText(
            f"{curve.name} at score {self._threshold:.3f}: precision {point[1]:.3f}, "
            f"recall {point[0]:.3f}"
        )

    # ----- input -----

    @Slot(object)
    def _on_click(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.choose_near(self._plot.vb.mapSceneToView(event.scenePos()))

    def choose_near(self, point: QPointF) -> None:
        """Chooses the nearest point of the curve in front, or of any, as a click does."""
        room = self._plot.vb.boundingRect()
        shown = range(len(self._curves)) if self._front < 0 else (self._front,)
        best = (REACH_PX, -1, 0.0)
        for which in shown:
            curve = self._curves[which]
            if not len(curve.score_K):
                continue
            across = (curve.recall_K - point.x()) * room.width()
            along = (curve.precision_K - point.y()) * room.height()
            far_K = np.hypot(across, along)
            at = int(np.nanargmin(far_K))
            if far_K[at] < best[0]:
                best = (float(far_K[at]), which, float(curve.score_K[at]))
        if best[1] >= 0:
            self.point_chosen.emit(best[1], best[2])

    # ----- looks -----

    def _restyle(self) -> None:
        colours = tokens(self.palette())
        self._view.setBackground(QColor(colours.surface))
        for side in ("left", "bottom"):
            self._plot.getAxis(side).restyle(colours, self.font())
        for which, line in enumerate(self._lines):
            in_front = which == self._front
            colour = QColor(colours.accent if in_front else colours.muted)
            if not in_front:
                colour.setAlphaF(0.55 if self._front < 0 else 0.25)
            line.setPen(pg.mkPen(colour, width=2.5 if in_front else 1))
            line.setZValue(10 if in_front else 0)
        self._point.setPen(pg.mkPen(colours.text, width=2))
        self._point.setBrush(QColor(colours.accent))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        looks = {QEvent.Type.PaletteChange, QEvent.Type.FontChange}
        if event.type() in looks and hasattr(self, "_lines"):
            self._restyle()

    # ----- export -----

    def figure_size(self) -> QSize:
        size: QSize = self._view.size()
        return size

    def paint_figure(self, painter: QPainter, target: QRectF) -> None:
        self._view.scene().render(painter, target, self._view.viewRect())

    def figure_summary(self) -> str:
        """Returns how many curves there are, and what is said of the one in front."""
        count = len(self._curves)
        return f"{count} {'curve' if count == 1 else 'curves'}. {self.words.text()}"

    def figure_csv(self) -> str:
        """Returns class, score, recall and precision of every point."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["class", "score", "recall", "precision"])
        for curve in self._curves:
            columns = (curve.score_K, curve.recall_K, curve.precision_K)
            for row in zip(*(column.tolist() for column in columns), strict=True):
                writer.writerow([curve.name, *(f"{value:.8g}" for value in row)])
        return out.getvalue()
