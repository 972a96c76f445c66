"""Panels of live curves above each other, sharing one x axis.

Shape suffixes: N points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QRectF, QSize, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from gui.theme import sized_font, tokens
from gui.widgets.curve_band import CurveBand
from gui.widgets.curve_legend import Line, Note, legend_html, style_curve
from gui.widgets.curve_panel import TITLE_POINTS, Panel, give_least_height, make_plot
from gui.widgets.curve_points import FloatArray, log10_or_gap, range_without_outliers, thinned
from gui.widgets.curve_reading import CurveHover, curve_words

DESCRIBE_MS = 1000
WHOLE_X = ("step", "epoch")

__all__ = ["CurveStack", "Line", "Panel"]


class CurveStack(QWidget):
    """Panels with curves; curves are set by key, one call a redraw.

    Args:
        panels: From the top down; the first is always seen.
        parent: Owner.
    """

    following_changed = Signal(bool)  # whether the x axis shows all there is

    def __init__(self, panels: tuple[Panel, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panels = {panel.name: panel for panel in panels}
        self._hidden: set[str] = set()
        self._plots: dict[str, Any] = {}
        self._curves: dict[tuple[str, str], Any] = {}
        self._bands: dict[tuple[str, str], CurveBand] = {}
        self._lines: dict[tuple[str, str], Line] = {}
        self._points: dict[tuple[str, str], tuple[FloatArray, FloatArray]] = {}
        self._marks: dict[str, Any] = {}
        self._notes: dict[str, Note] = {}
        self._log_x = False
        self._log_y: set[str] = set()
        self._without_outliers = False
        self._was_following = True
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
        self._view.ci.setSpacing(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        for row, panel in enumerate(panels):
            self._add_panel(row, panel)
        self._hover = CurveHover()
        self._view.scene().sigMouseMoved.connect(self._on_mouse_moved)
        self._show_bottom_axis()
        self._restyle()

    def _add_panel(self, row: int, panel: Panel) -> None:
        plot = make_plot(self._view, row, panel)
        plot.getViewBox().sigResized.connect(self._on_resized)
        if self._plots:
            plot.setXLink(self._first)
        else:
            plot.getViewBox().sigXRangeChanged.connect(self._on_x_range_changed)
        self._plots[panel.name] = plot

    @property
    def _first(self) -> Any:
        return self._plots[next(iter(self._panels))]

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
        self._points[panel, key] = (x_N, y_N)
        if self._lines.get((panel, key)) != line:
            self._lines[panel, key] = line
            style_curve(curve, line)
            self._show_title(panel)
        self._draw(panel, key)
        if not self._describing.isActive():
            self._describing.start()

    def set_band(
        self,
        panel: str,
        key: str,
        x_N: FloatArray,
        low_N: FloatArray,
        high_N: FloatArray,
        colour: str,
    ) -> None:
        """Fills what lies between two curves, behind all of them."""
        if (panel, key) not in self._bands:
            self._bands[panel, key] = CurveBand(self._plots[panel])
        edges = (thinned(x_N, y_N, self._pixels(), peaks=False) for y_N in (low_N, high_N))
        in_view = tuple(self._to_view(panel, *edge) for edge in edges)
        self._bands[panel, key].set_data(in_view, colour)

    def _to_view(
        self, panel: str, x_N: FloatArray, y_N: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Returns points in the coordinates of the axes."""
        return (
            log10_or_gap(x_N) if self._log_x else x_N,
            log10_or_gap(y_N) if panel in self._log_y else y_N,
        )

    def _pixels(self) -> int:
        return max(int(self._first.getViewBox().width()), 100)

    def _seen(self, panel: str, key: str) -> tuple[FloatArray, FloatArray]:
        """Returns the points within the x axis, and one on either side."""
        x_N, y_N = self._points[panel, key]
        first, last = 0, len(x_N)
        if self._log_x:
            first = int(np.searchsorted(x_N, 0, side="right"))
        if not self.is_following:
            low, high = self._plots[panel].getViewBox().viewRange()[0]
            if self._log_x:
                low, high = 10**low, 10 ** min(high, 300.0)
            first = max(int(np.searchsorted(x_N, low)) - 1, first)
            last = int(np.searchsorted(x_N, high, side="right")) + 1
        return x_N[first:last], y_N[first:last]

    def _draw(self, panel: str, key: str) -> None:
        """Hands pyqtgraph what can be seen of a curve: about two points a pixel."""
        if panel in self._hidden:
            return
        thick = self._lines[panel, key].width > 1
        points = thinned(
            *self._seen(panel, key), self._pixels(), peaks=not thick, log_x=self._log_x
        )
        self._curves[panel, key].setData(*self._to_view(panel, *points))
        if self._without_outliers:
            self._fit_height(panel)

    def _draw_all(self) -> None:
        for panel, key in self._curves:
            self._draw(panel, key)

    def remove_curve(self, panel: str, key: str) -> None:
        """Takes a curve and its band away, if they are there."""
        curve = self._curves.pop((panel, key), None)
        self._points.pop((panel, key), None)
        self._lines.pop((panel, key), None)
        self._describing.start()
        if curve is not None:
            self._plots[panel].removeItem(curve)
        if (panel, key) in self._bands:
            self._bands.pop((panel, key)).remove()
        self._show_title(panel)

    def curve_keys(self, panel: str) -> tuple[str, ...]:
        return tuple(key for name, key in self._curves if name == panel)

    def band_keys(self, panel: str) -> tuple[str, ...]:
        return tuple(key for name, key in self._bands if name == panel)

    def point_count(self, panel: str, key: str) -> int:
        """Returns how many points a curve has been given; 0 if there is no such curve."""
        points = self._points.get((panel, key))
        return 0 if points is None else len(points[0])

    def mark(self, panel: str, x: float, y: float, text: str, colour: str) -> None:
        """Puts the panel's one ring around a point, and says in its title what it is."""
        if panel not in self._marks:
            self._marks[panel] = pg.ScatterPlotItem(size=11, symbol="o")
            self._marks[panel].setZValue(5)
            self._plots[panel].addItem(self._marks[panel], ignoreBounds=True)
        where = self._to_view(panel, np.array([x]), np.array([y]))
        self._marks[panel].setData(*where, pen=pg.mkPen(colour, width=2), brush=None)
        note = Note(f"◯ {text}", colour)
        if self._notes.get(panel) != note:
            self._notes[panel] = note
            self._show_title(panel)

    def clear_marks(self) -> None:
        for panel, item in self._marks.items():
            self._plots[panel].removeItem(item)
        self._marks.clear()
        for panel in tuple(self._notes):
            del self._notes[panel]
            self._show_title(panel)

    # ----- titles -----

    def _show_title(self, panel: str) -> None:
        if not self._panels[panel].titled:
            return
        plot = self._plots[panel]
        lines = [line for (name, _), line in self._lines.items() if name == panel]
        lines.sort(key=lambda line: line.opacity < 1)
        font = sized_font(self.font(), TITLE_POINTS)
        width = plot.getViewBox().width() - 8
        shown, note = self._panels[panel], self._notes.get(panel)
        text = legend_html(shown.label, lines, note, font, width, shown.title_rows)
        muted, size = tokens(self.palette()).muted, f"{font.pointSizeF():g}pt"
        plot.titleLabel.setText(text, color=muted, size=size)

    def title_text(self, panel: str) -> str:
        """Returns what stands above a panel, as plain text."""
        text: str = self._plots[panel].titleLabel.item.toPlainText()
        return text

    @Slot()
    def _on_resized(self) -> None:
        for panel in self._plots:
            self._show_title(panel)

    # ----- axes -----

    @property
    def is_following(self) -> bool:
        """Whether the x axis shows all there is, also what comes."""
        return bool(self._first.getViewBox().state["autoRange"][0])

    def set_following(self, on: bool) -> None:
        """Follows the curves, or freezes the x axis where it is."""
        if on:
            self.show_all()
        else:
            self._first.getViewBox().disableAutoRange("x")
        self._tell_following()

    @Slot()
    def _on_x_range_changed(self) -> None:
        if not self.is_following:
            self._draw_all()
        self._tell_following()

    def _tell_following(self) -> None:
        if self._was_following != self.is_following:
            self._was_following = self.is_following
            self.following_changed.emit(self._was_following)

    @Slot()
    def show_all(self) -> None:
        """Undoes zooming and panning; the view follows the curves again."""
        for name, plot in self._plots.items():
            own = self._panels[name].unit_range or self._without_outliers
            plot.enableAutoRange(x=True, y=not own)
        self._draw_all()
        self._tell_following()

    def set_log_y(self, panel: str, on: bool) -> None:
        (self._log_y.add if on else self._log_y.discard)(panel)
        self._plots[panel].getAxis("left").setLogMode(y=on)
        self.show_all()

    def set_log_x(self, on: bool) -> None:
        """Makes the shared x axis logarithmic; what is not above 0 is not shown then."""
        self._log_x = on
        for plot in self._plots.values():
            plot.getAxis("bottom").setLogMode(x=on)
        self.show_all()

    def set_without_outliers(self, on: bool) -> None:
        """Lets the y axes reach over the middle 96 % of what is seen, or over all of it."""
        self._without_outliers = on
        self.show_all()

    def _fit_height(self, panel: str) -> None:
        if self._panels[panel].unit_range:
            return
        parts = [self._seen(name, key)[1] for name, key in self._points if name == panel]
        if panel in self._log_y:
            parts = [log10_or_gap(part) for part in parts]
        found = range_without_outliers(parts)
        if found is not None:
            self._plots[panel].setYRange(*found, padding=0)

    def set_x_label(self, text: str) -> None:
        """Names the shared x axis under the lowest panel."""
        self._x_label = text
        self._show_bottom_axis()

    def set_panel_visible(self, name: str, visible: bool) -> None:
        if visible == (name not in self._hidden):
            return
        (self._hidden.discard if visible else self._hidden.add)(name)
        self._plots[name].setVisible(visible)
        row, layout = list(self._plots).index(name), self._view.ci.layout
        layout.setRowStretchFactor(row, self._panels[name].stretch if visible else 0)
        if visible:
            layout.addItem(self._plots[name], row, 0)
        else:
            layout.removeItem(self._plots[name])  # one that is only hidden would keep its room
        self._show_bottom_axis()
        self._draw_all()

    def _show_bottom_axis(self) -> None:
        lowest = [name for name in self._plots if name not in self._hidden][-1]
        for name, plot in self._plots.items():
            give_least_height(plot, self._panels[name], self.font(), is_lowest=name == lowest)
            axis = plot.getAxis("bottom")
            axis.setStyle(showValues=name == lowest)
            axis.set_whole(self._x_label in WHOLE_X)
            text = self._x_label if name == lowest else None
            axis.setLabel(text)
            axis.showLabel(text is not None)

    # ----- looks -----

    def _restyle(self) -> None:
        colours = tokens(self.palette())
        self._view.setBackground(QColor(colours.surface))
        for name, plot in self._plots.items():
            for side in ("left", "bottom"):
                plot.getAxis(side).restyle(colours, self.font())
            self._show_title(name)
        self._hover.restyle(colours.muted, colours.surface, self.font())
        self._show_bottom_axis()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._view.viewport().setAccessibleName(self._view.accessibleName())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.FontChange}:
            self._restyle()

    @Slot(object)
    def _on_mouse_moved(self, position: Any) -> None:
        for name, plot in self._plots.items():
            box = plot.getViewBox()
            if plot.isVisible() and box.sceneBoundingRect().contains(position):
                at = box.mapSceneToView(position).x()
                x = 10 ** min(at, 300.0) if self._log_x else at
                self._hover.show_at(plot, at, x, self._values(name))
                return
        self._hover.hide()

    def _values(self, panel: str) -> list[tuple[str, FloatArray, FloatArray]]:
        labels = {at: line.label for at, line in self._lines.items() if at[0] == panel}
        return [(label, *self._points[at]) for at, label in labels.items() if label]

    # ----- export -----

    def set_csv(self, source: Callable[[], str]) -> None:
        """Says where the numbers of the exported CSV come from."""
        self._csv = source

    def figure_size(self) -> QSize:
        return self.view.size()

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
