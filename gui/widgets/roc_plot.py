"""ROC or precision-recall of known and withheld objects, and the threshold between them.

Shape suffixes: K known objects, W withheld objects.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QRectF, QSignalBlocker, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSlider, QVBoxLayout, QWidget

from core.evaluation.ood import roc_curve, threshold_at_tpr
from core.evaluation.precision_recall import precision_recall_curve
from gui.theme import SPACING, set_role, sized_font, tokens, with_text
from gui.widgets.plot_axis import text_axes

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
CurveKind = Literal["roc", "known", "withheld"]
LEAST_HEIGHT_PX = 150
LEGEND_POINTS = 9.0
SLIDER_STEPS = 1000
BINS = 40
LEGEND_ROOM = {2: 1.3, 1: 1.9}  # By its columns, times the highest bar.
RING_ROOM = 0.06  # beyond 0 and 1, for a ring there


@dataclass(frozen=True, eq=False)
class _Curve:
    """A curve as drawn and exported.

    Attributes:
        x_T: Along the axis.
        y_T: Up the axis.
        thresholds_T: Of the score; what scores at least this is known.
        x_label: Of the axis.
        y_label: Of the axis.
        chance: Height of the line that guessing gives at x = 0 and at x = 1.
    """

    x_T: FloatArray
    y_T: FloatArray
    thresholds_T: FloatArray
    x_label: str
    y_label: str
    chance: tuple[float, float]


def _curve(kind: CurveKind, known_K: FloatArray, withheld_W: FloatArray) -> _Curve:
    share = len(known_K) / (len(known_K) + len(withheld_W))
    if kind == "roc":
        roc = roc_curve(known_K, withheld_W)
        labels = ("false positive rate (withheld)", "true positive rate")
        return _Curve(roc.fpr, roc.tpr, roc.thresholds, *labels, (0.0, 1.0))
    if kind == "known":
        curve = precision_recall_curve(known_K, withheld_W)
        thresholds, chance = curve.thresholds, share
    else:
        curve = precision_recall_curve(-withheld_W, -known_K)
        thresholds, chance = -curve.thresholds, 1 - share
    labels = (f"recall of {kind} objects", "precision")
    return _Curve(curve.recall, curve.precision, thresholds, *labels, (chance, chance))


class RocPlot(QWidget):
    """The curve and the histogram side by side, over one threshold slider."""

    threshold_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._known_K: FloatArray = np.zeros(0)
        self._withheld_W: FloatArray = np.zeros(0)
        self._kind: CurveKind = "roc"
        self._curve: _Curve | None = None
        self._score_name = "score"
        self._caption_text = ""
        self._low, self._high = 0.0, 1.0
        self._threshold, self._highest = 0.0, 1.0
        self._chosen: float | None = None
        self._view = pg.GraphicsLayoutWidget()
        self._view.setFrameShape(self._view.Shape.NoFrame)
        self._view.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self._view.ci.setContentsMargins(0, 6, 4, 0)
        self._view.ci.setSpacing(12)
        for widget in (self._view, self._view.viewport()):
            widget.setAccessibleName("ROC curve and score histogram")
        self._roc = self._add_plot(0, "false positive rate (withheld)", "true positive rate")
        self._bars = self._add_plot(1, "score", "share of objects")
        self._make_items()
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, SLIDER_STEPS)
        self._slider.setAccessibleName("Threshold of the score")
        self._slider.valueChanged.connect(self._on_slider)
        self._reading = QLabel()
        self._reading.setWordWrap(True)
        set_role(self._reading, "muted")
        self._lay_out()
        self._restyle()

    def _lay_out(self) -> None:
        name = QLabel("Threshold")
        name.setBuddy(self._slider)
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        row.addWidget(name)
        row.addWidget(self._slider, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        holder = QWidget()  # asks for the view's least height, which the view itself does not
        inside = QVBoxLayout(holder)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._view)
        layout.addWidget(holder, 1)
        layout.addLayout(row)
        layout.addWidget(self._reading)

    def _add_plot(self, column: int, x_label: str, y_label: str) -> Any:
        plot = self._view.addPlot(row=0, col=column, axisItems=text_axes())
        self._view.ci.layout.setColumnStretchFactor(column, 1)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.setLabel("bottom", x_label)
        plot.setLabel("left", y_label)
        return plot

    def _make_items(self) -> None:
        self._roc.setXRange(0, 1, padding=RING_ROOM)
        self._roc.setYRange(0, 1, padding=RING_ROOM)
        self._diagonal = pg.PlotDataItem([0, 1], [0, 1])
        self._line = pg.PlotDataItem(antialias=True)
        self._point = pg.ScatterPlotItem(size=12, symbol="o")
        self._ring = pg.ScatterPlotItem(size=20, symbol="o", brush=None)
        for item in (self._diagonal, self._line, self._ring, self._point):
            self._roc.addItem(item)
        self._caption = pg.TextItem(anchor=(1, 1))
        self._caption.setPos(0.98, 0.03)
        self._caption.setZValue(10)
        self._roc.addItem(self._caption, ignoreBounds=True)
        self._known_bars = pg.PlotDataItem(stepMode="center", fillLevel=0)
        self._withheld_bars = pg.PlotDataItem(stepMode="center", fillLevel=0)
        self._cut = pg.InfiniteLine(angle=90, movable=False)
        for item in (self._known_bars, self._withheld_bars, self._cut):
            self._bars.addItem(item)
        legend = self._bars.addLegend(offset=(4, 1), verSpacing=-6, horSpacing=4, colCount=2)
        legend.addItem(self._known_bars, "known")
        legend.addItem(self._withheld_bars, "withheld")
        self._bars.getViewBox().sigResized.connect(self._fit_legend)

    # ----- state -----

    @property
    def threshold(self) -> float:
        """Objects that score at least this count as known."""
        return self._threshold

    def set_scores(
        self,
        known_K: FloatArray,
        withheld_W: FloatArray,
        score_name: str,
        caption: str,
        threshold: float | None = None,
    ) -> None:
        """Shows the scores.

        Args:
            known_K: Scores of known objects.
            withheld_W: Scores of withheld objects.
            score_name: Under the histogram.
            caption: In the ROC, such as its area.
            threshold: Chosen on validation data: where it starts, and a ring stays on the curve;
                None: it starts where 95 % of these known objects are kept.
        """
        self._known_K, self._withheld_W = known_K, withheld_W
        self._score_name, self._caption_text = score_name, caption
        self._chosen = threshold
        start = threshold_at_tpr(known_K) if threshold is None else threshold
        shown = np.concatenate([known_K, withheld_W, [start]])
        self._low, self._high = float(shown.min()), float(shown.max())
        if self._high <= self._low:
            self._high = self._low + 1e-6
        edges, known_counts, withheld_counts = self.histogram()
        known_share, withheld_share = known_counts / len(known_K), withheld_counts / len(withheld_W)
        self._known_bars.setData(edges, known_share)
        self._withheld_bars.setData(edges, withheld_share)
        self._highest = max(float(known_share.max()), float(withheld_share.max()))
        self._fit_legend()
        self._bars.setLabel("bottom", score_name)
        self._bars.setXRange(self._low, self._high, padding=0.02)
        self._place(start)
        self._draw_curve()

    @property
    def score_name(self) -> str:
        return self._score_name

    def histogram(self) -> tuple[FloatArray, IntArray, IntArray]:
        """Returns the edges of the bins, and the known and the withheld objects in each."""
        edges = np.linspace(self._low, self._high, BINS + 1)
        counts = (np.histogram(scores, edges)[0] for scores in (self._known_K, self._withheld_W))
        known, withheld = counts
        return edges, known, withheld

    def set_kind(self, kind: CurveKind) -> None:
        """Shows the ROC, or precision over recall of the known or the withheld objects."""
        self._kind = kind
        if self._curve is not None:
            self._draw_curve()

    def _draw_curve(self) -> None:
        curve = _curve(self._kind, self._known_K, self._withheld_W)
        self._curve = curve
        self._line.setData(curve.x_T, curve.y_T)
        self._diagonal.setData([0, 1], curve.chance)
        self._caption.setText(self._caption_text if self._kind == "roc" else "")
        self._roc.setLabel("bottom", curve.x_label)
        self._roc.setLabel("left", curve.y_label)
        self._show_threshold()

    def set_threshold(self, threshold: float) -> None:
        """Moves the threshold there exactly, and the slider to its nearest step."""
        if threshold != self._threshold:
            self._place(threshold)
            self._on_moved()

    def _place(self, threshold: float) -> None:
        self._threshold = threshold
        share = (threshold - self._low) / (self._high - self._low)
        with QSignalBlocker(self._slider):
            self._slider.setValue(round(min(max(share, 0.0), 1.0) * SLIDER_STEPS))

    def operating_point(self) -> tuple[float, float]:
        """Returns the false and the true positive rate at the threshold."""
        return self._rates(self._threshold)

    def curve_point(self) -> tuple[float, float] | None:
        """Returns where the threshold is on the curve; None where nothing is on that side."""
        return self._on_curve(self._threshold)

    def chosen_point(self) -> tuple[float, float] | None:
        """Returns where on the curve the threshold chosen on validation data is, if any was."""
        return None if self._chosen is None else self._on_curve(self._chosen)

    def _rates(self, threshold: float) -> tuple[float, float]:
        false = float(np.mean(self._withheld_W >= threshold))
        return false, float(np.mean(self._known_K >= threshold))

    def _on_curve(self, threshold: float) -> tuple[float, float] | None:
        false, true = self._rates(threshold)
        if self._kind == "roc":
            return false, true
        known, withheld = true * len(self._known_K), false * len(self._withheld_W)
        if self._kind == "withheld":
            known, withheld = len(self._known_K) - known, len(self._withheld_W) - withheld
            found = withheld
            recall = 1 - false
        else:
            found, recall = known, true
        return (recall, found / (known + withheld)) if known + withheld > 0 else None

    @Slot(int)
    def _on_slider(self, value: int) -> None:
        self._threshold = float(np.interp(value, (0, SLIDER_STEPS), (self._low, self._high)))
        self._on_moved()

    def _on_moved(self) -> None:
        if self._curve is not None:
            self._show_threshold()
            self.threshold_changed.emit(self.threshold)

    def _show_threshold(self) -> None:
        false, true = self.operating_point()
        for item, point in ((self._point, self.curve_point()), (self._ring, self.chosen_point())):
            item.setData(*(([point[0]], [point[1]]) if point else ([], [])))
        self._cut.setPos(self.threshold)
        chosen = ", chosen on validation data" if self.threshold == self._chosen else ""
        self._reading.setText(
            f"At {self.threshold:.4g}{chosen}: {100 * true:.0f} % of known objects kept, "
            f"{100 * false:.0f} % of withheld objects taken for known"
        )
        self._slider.setAccessibleDescription(self._reading.text())
        self._view.setAccessibleDescription(self.figure_summary())

    # ----- looks -----

    def _restyle(self) -> None:
        colours = tokens(self.palette())
        self._view.setMinimumHeight(with_text(LEAST_HEIGHT_PX, self.font()))
        self._view.setBackground(QColor(colours.surface))
        for plot in (self._roc, self._bars):
            for side in ("left", "bottom"):
                plot.getAxis(side).restyle(colours, self.font())
        legend = self._bars.legend
        legend.setBrush(QColor(colours.surface))  # The threshold's line passes behind it.
        legend.setLabelTextColor(QColor(colours.text))
        legend.setLabelTextSize(f"{sized_font(self.font(), LEGEND_POINTS).pointSizeF():g}pt")
        self._caption.setFont(self.font())
        for _, label in legend.items:
            label.setText(label.text)  # Else the colour waits for the next text.
        self._diagonal.setPen(pg.mkPen(colours.border, width=1, style=Qt.PenStyle.DashLine))
        self._line.setPen(pg.mkPen(colours.accent, width=2))
        self._point.setPen(pg.mkPen(colours.text, width=2))
        self._point.setBrush(QColor(colours.accent))
        self._ring.setPen(pg.mkPen(colours.text, width=1.5))
        self._caption.setColor(QColor(colours.text))
        self._cut.setPen(pg.mkPen(colours.text, width=2, style=Qt.PenStyle.DashLine))
        for bars, colour in (
            (self._known_bars, colours.series[0]),
            (self._withheld_bars, colours.series[1]),
        ):
            fill = QColor(colour)
            fill.setAlphaF(0.35)
            bars.setPen(pg.mkPen(colour, width=1))
            bars.setFillBrush(fill)
        self._fit_legend()

    @Slot()
    def _fit_legend(self) -> None:
        """Puts the names below each other where there is no room side by side."""
        legend = self._bars.legend
        room = self._bars.getViewBox().width() - legend.pos().x()
        legend.setColumnCount(2)
        if legend.layout.effectiveSizeHint(Qt.SizeHint.MinimumSize).width() > room:
            legend.setColumnCount(1)
        self._bars.setYRange(0, self._highest * LEGEND_ROOM[legend.columnCount], padding=0)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.FontChange}:
            self._restyle()

    # ----- export -----

    def figure_size(self) -> QSize:
        return QSize(self._view.size())

    def paint_figure(self, painter: QPainter, target: QRectF) -> None:
        self._view.scene().render(painter, target, self._view.viewRect())

    def figure_summary(self) -> str:
        """Returns the area under the ROC, and what the threshold does."""
        if self._curve is None:
            return ""
        known, withheld = len(self._known_K), len(self._withheld_W)
        return (
            f"{self._caption_text}. {known:,} known and {withheld:,} withheld objects. "
            f"{self._reading.text()}."
        )

    def figure_csv(self) -> str:
        """Returns the curve: threshold, x, y."""
        out = io.StringIO()
        writer = csv.writer(out)
        if self._curve is not None:
            curve = self._curve
            threshold = f"threshold ({self._score_name})"
            writer.writerow([threshold, curve.x_label, curve.y_label])
            columns = (curve.thresholds_T.tolist(), curve.x_T.tolist(), curve.y_T.tolist())
            for row in zip(*columns, strict=True):
                writer.writerow([f"{value:.8g}" for value in row])
        return out.getvalue()


class HistogramTable:
    """The numbers of the histogram of a RocPlot.

    Args:
        plot: Whose histogram.
    """

    def __init__(self, plot: RocPlot) -> None:
        self._plot = plot

    def figure_csv(self) -> str:
        """Returns the known and the withheld objects of each bin."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(
            [f"{self._plot.score_name} from", "to", "known objects", "withheld objects"]
        )
        edges, *counts = self._plot.histogram()
        for row in zip(edges[:-1].tolist(), edges[1:].tolist(), *counts, strict=True):
            writer.writerow([f"{row[0]:.6g}", f"{row[1]:.6g}", *row[2:]])
        return out.getvalue()

    def figure_summary(self) -> str:
        return self._plot.figure_summary()
