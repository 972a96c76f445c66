"""Panels of live curves above each other, sharing one x axis.

Shape suffixes: N points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsTextItem, QSizePolicy, QVBoxLayout, QWidget

from gui.theme import tokens
from gui.widgets.curve_reading import CurveHover, curve_words

FloatArray = npt.NDArray[np.float64]
AXIS_WIDTH_PX = 48
DESCRIBE_MS = 1000


@dataclass(frozen=True)
class Panel:
    """One panel of the stack.

    Attributes:
        name: Its key.
        label: In it, at the top.
        stretch: Share of the height.
        unit_range: The y axis goes from 0 to 1.
        has_legend: Names the curves where there are several.
        label_at: Where the label is in the panel's width: 0 left, 1 right.
    """

    name: str
    label: str
    stretch: int = 1
    unit_range: bool = False
    has_legend: bool = True
    label_at: float = 0.0


@dataclass(frozen=True)
class Line:
    """How a curve looks.

    Attributes:
        colour: Hex colour.
        width: In pixels; 1 draws fastest.
        opacity: 0 to 1.
        style: Solid, dashed, dotted.
        symbol: pyqtgraph's letter for a marker at each point; "" for none.
        label: In the panel's legend; "" for none.
    """

    colour: str
    width: float = 1.0
    opacity: float = 1.0
    style: Qt.PenStyle = Qt.PenStyle.SolidLine
    symbol: str = ""
    label: str = ""

    def pen(self) -> QPen:
        colour = QColor(self.colour)
        colour.setAlphaF(self.opacity)
        pen = QPen(colour, self.width, self.style)
        pen.setCosmetic(True)
        return pen


class CurveStack(QWidget):
    """Panels with curves; curves are set by key, one call a redraw.

    Args:
        panels: From the top down.
        parent: Owner.
    """

    def __init__(self, panels: tuple[Panel, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panels = {panel.name: panel for panel in panels}
        self._plots: dict[str, Any] = {}
        self._curves: dict[tuple[str, str], Any] = {}
        self._lines: dict[tuple[str, str], Line] = {}
        self._points: dict[tuple[str, str], tuple[FloatArray, FloatArray]] = {}
        self._titles: dict[str, QGraphicsTextItem] = {}
        self._marks: dict[str, tuple[Any, Any]] = {}
        self._csv: Callable[[], str] = str
        self._x_label = "step"
        self._describing = QTimer(self)
        self._describing.setSingleShot(True)
        self._describing.setInterval(DESCRIBE_MS)
        self._describing.timeout.connect(self._describe)
        self._view = pg.GraphicsLayoutWidget()
        self._view.setFrameShape(self._view.Shape.NoFrame)
        self._view.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self._view.ci.setContentsMargins(0, 0, 8, 0)
        self._view.ci.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        for row, panel in enumerate(panels):
            self._add_panel(row, panel)
        self._hover = CurveHover()
        self._view.scene().sigMouseMoved.connect(self._on_mouse_moved)
        self._restyle()

    def _add_panel(self, row: int, panel: Panel) -> None:
        plot = self._view.addPlot(row=row, col=0, viewBox=pg.ViewBox(enableMenu=False))
        self._view.ci.layout.setRowStretchFactor(row, panel.stretch)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(x=True, y=False)
        plot.getAxis("left").setWidth(AXIS_WIDTH_PX)
        plot.getAxis("left").enableAutoSIPrefix(False)
        plot.getAxis("bottom").enableAutoSIPrefix(False)
        title = QGraphicsTextItem(panel.label, plot.getViewBox())
        title.setZValue(20)
        self._titles[panel.name] = title
        plot.getViewBox().sigResized.connect(self._on_resized)
        plot.getViewBox().setAutoVisible(y=True)
        if panel.unit_range:
            plot.setYRange(0, 1, padding=0.02)
        if self._plots:
            plot.setXLink(next(iter(self._plots.values())))
        else:
            plot.getViewBox().sigXRangeChanged.connect(self._on_x_range_changed)
        last = row == len(self._panels) - 1
        plot.getAxis("bottom").setStyle(showValues=last)
        self._plots[panel.name] = plot
        legend = plot.addLegend(offset=(-8, 4), labelTextSize="9pt", verSpacing=-6)
        legend.setColumnCount(3)
        legend.hide()

    @Slot()
    def _on_resized(self) -> None:
        for name, title in self._titles.items():
            width = self._plots[name].getViewBox().width() - title.boundingRect().width()
            title.setPos(4 + self._panels[name].label_at * (width - 8), 0)

    @property
    def view(self) -> QWidget:
        """The widget that takes the focus and the mouse."""
        view: QWidget = self._view
        return view

    # ----- curves -----

    def set_curve(self, panel: str, key: str, x_N: FloatArray, y_N: FloatArray, line: Line) -> None:
        """Sets the points of a curve, adding it if it is new; NaNs are gaps."""
        curve = self._curves.get((panel, key))
        if curve is None:
            curve = pg.PlotDataItem(antialias=line.width > 1, connect="finite")
            curve.curve.setSegmentedLineMode("on" if line.width > 1 else "auto")
            self._curves[panel, key] = curve
            self._plots[panel].addItem(curve)
        if self._lines.get((panel, key)) != line:
            self._lines[panel, key] = line
            self._style(panel, curve, line)
        self._points[panel, key] = (x_N, y_N)
        self._draw(panel, key)
        if not self._describing.isActive():
            self._describing.start()

    def _draw(self, panel: str, key: str) -> None:
        """Hands pyqtgraph what can be seen of a curve: about two points a pixel."""
        x_N, y_N = self._points[panel, key]
        box = self._plots[panel].getViewBox()
        if not self._follows():
            low, high = box.viewRange()[0]
            first = max(int(np.searchsorted(x_N, low)) - 1, 0)
            last = int(np.searchsorted(x_N, high, side="right")) + 1
            x_N, y_N = x_N[first:last], y_N[first:last]
        thick = self._lines[panel, key].width > 1
        pixels = max(int(box.width()), 100)
        self._curves[panel, key].setData(*thinned(x_N, y_N, pixels, peaks=not thick))

    def _follows(self) -> bool:
        """Whether the x axis shows all there is (nobody has zoomed or panned)."""
        first = next(iter(self._plots.values()))
        return bool(first.getViewBox().state["autoRange"][0])

    @Slot()
    def _on_x_range_changed(self) -> None:
        if not self._follows():
            for panel, key in self._curves:
                self._draw(panel, key)

    def _style(self, panel: str, curve: Any, line: Line) -> None:
        curve.setPen(line.pen())
        curve.setZValue(-1 if line.opacity < 1 else 1)
        if line.symbol:
            curve.setSymbol(line.symbol)
            curve.setSymbolSize(5)
            curve.setSymbolBrush(QColor(line.colour))
            curve.setSymbolPen(None)
        legend = self._plots[panel].legend
        legend.removeItem(curve)
        if line.label and self._panels[panel].has_legend:
            legend.addItem(curve, line.label)
        legend.setVisible(len(legend.items) > 1)

    def remove_curve(self, panel: str, key: str) -> None:
        """Takes a curve away, if it is there."""
        curve = self._curves.pop((panel, key), None)
        self._points.pop((panel, key), None)
        self._lines.pop((panel, key), None)
        self._describing.start()
        if curve is not None:
            plot = self._plots[panel]
            plot.removeItem(curve)
            plot.legend.setVisible(len(plot.legend.items) > 1)

    def curve_keys(self, panel: str) -> tuple[str, ...]:
        return tuple(key for name, key in self._curves if name == panel)

    def point_count(self, panel: str, key: str) -> int:
        """Returns how many points a curve has been given; 0 if there is no such curve."""
        points = self._points.get((panel, key))
        return 0 if points is None else len(points[0])

    def mark(self, panel: str, x: float, y: float, text: str, colour: str) -> None:
        """Puts the panel's one marker at a point (replacing it)."""
        if panel not in self._marks:
            point = pg.ScatterPlotItem(size=11, symbol="o")
            label = pg.TextItem(anchor=(0.5, 1.25))
            for item in (point, label):
                item.setZValue(5)
                self._plots[panel].addItem(item, ignoreBounds=True)
            self._marks[panel] = (point, label)
        point, label = self._marks[panel]
        point.setData([x], [y], pen=pg.mkPen(colour, width=2), brush=None)
        label.setText(text, color=colour)
        left, right = self._plots[panel].getViewBox().viewRange()[0]
        far_right = x > left + 0.75 * (right - left)
        label.setAnchor((1.0 if far_right else 0.5, -0.25 if y > 0.5 else 1.25))
        label.setPos(x, y)

    def clear_marks(self) -> None:
        for panel, items in self._marks.items():
            for item in items:
                self._plots[panel].removeItem(item)
        self._marks.clear()

    # ----- axes -----

    def set_log_y(self, panel: str, on: bool) -> None:
        self._plots[panel].setLogMode(x=False, y=on)
        self._plots[panel].enableAutoRange(y=True)

    def set_x_label(self, text: str) -> None:
        """Names the shared x axis under the lowest panel."""
        self._x_label = text
        list(self._plots.values())[-1].setLabel("bottom", text)

    def show_all(self) -> None:
        """Undoes zooming and panning; the view follows the curves again."""
        for name, plot in self._plots.items():
            plot.enableAutoRange(x=True, y=not self._panels[name].unit_range)
        for panel, key in self._curves:
            self._draw(panel, key)

    def set_panel_visible(self, name: str, visible: bool) -> None:
        self._plots[name].setVisible(visible)

    # ----- looks -----

    def _restyle(self) -> None:
        colours = tokens(self.palette())
        self._view.setBackground(QColor(colours.surface))
        for name, plot in self._plots.items():
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(QColor(colours.border))
                axis.setTextPen(QColor(colours.muted))
            self._titles[name].setDefaultTextColor(QColor(colours.muted))
            plot.legend.setLabelTextColor(QColor(colours.muted))
        self._hover.restyle(colours.muted)
        list(self._plots.values())[-1].setLabel("bottom", self._x_label, color=colours.muted)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._restyle()

    @Slot(object)
    def _on_mouse_moved(self, position: Any) -> None:
        for name, plot in self._plots.items():
            box = plot.getViewBox()
            if plot.isVisible() and box.sceneBoundingRect().contains(position):
                self._hover.show_at(plot, box.mapSceneToView(position).x(), self._values(name))
                return
        self._hover.hide()

    def _values(self, panel: str) -> list[tuple[str, FloatArray, FloatArray]]:
        return [
            (self._lines[name, key].label, *points)
            for (name, key), points in self._points.items()
            if name == panel and self._lines[name, key].label
        ]

    # ----- export -----

    def set_csv(self, source: Callable[[], str]) -> None:
        """Says where the numbers of the exported CSV come from."""
        self._csv = source

    def figure_size(self) -> QSize:
        size: QSize = self._view.size()
        return size

    def paint_figure(self, painter: QPainter, target: QRectF) -> None:
        self._hover.hide()
        self._view.scene().render(painter, target, self._view.viewRect())

    def figure_summary(self) -> str:
        """Returns where each curve with a name begins, ends, and is lowest and highest."""
        parts = []
        for (panel, key), points in self._points.items():
            names = (self._panels[panel].label, self._lines[panel, key].label)
            if names[1]:
                parts.append(curve_words(", ".join(filter(None, names)), self._x_label, *points))
        return " ".join(part for part in parts if part)

    @Slot()
    def _describe(self) -> None:
        text = self.figure_summary()
        for widget in (self._view, self._view.viewport()):
            widget.setAccessibleDescription(text)

    def figure_csv(self) -> str:
        return self._csv()


def thinned(
    x_N: FloatArray, y_N: FloatArray, pixels: int, *, peaks: bool
) -> tuple[FloatArray, FloatArray]:
    """Returns at most about two points a pixel of a curve that is drawn from left to right.

    Args:
        x_N: Ascending.
        y_N: Values; NaNs are passed over where points are left out.
        pixels: Width of the plot.
        peaks: Keep the lowest and the highest of each piece, so that no spike is lost; else keep
            every n-th point and the last.
    """
    step = len(x_N) // pixels
    if step < 2:
        return x_N, y_N
    starts = np.arange(0, len(x_N), step)
    if not peaks:
        kept = np.append(starts, len(x_N) - 1)
        return x_N[kept], y_N[kept]
    y_2P = np.stack([np.fmin.reduceat(y_N, starts), np.fmax.reduceat(y_N, starts)], axis=1)
    return np.repeat(x_N[starts], 2), y_2P.reshape(-1)
