"""Points in the plane by group: lasso them, click one, zoom, walk them by keyboard.

Shape suffixes: N points.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.theme import tokens, with_text
from gui.widgets.scatter_symbols import ScatterGroup, paint_legend, set_mark, symbol_path

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
LEGEND_ROW_PX = 16
LEGEND_PX = 116
MARGIN_PX = 12.0
REACH_PX = 9.0
CLICK_PX = 4.0
FADED = 0.12
ZOOM_STEP = 1.25
ARROWS = {
    Qt.Key.Key_Left: (-1.0, 0.0),
    Qt.Key.Key_Right: (1.0, 0.0),
    Qt.Key.Key_Up: (0.0, -1.0),
    Qt.Key.Key_Down: (0.0, 1.0),
}


class ScatterView(QWidget):
    """The points and their legend.

    Dragging draws a lasso; a click takes a point, or a legend's group, or lets go beside them.
    Wheel and + / - zoom, the middle button drags the picture, a double click shows all again.
    Arrow keys walk from point to point, Enter takes one, Escape lets go.

    Args:
        name: Accessible name.
        parent: Owner.
    """

    lassoed = Signal(object)  # indices of points
    point_clicked = Signal(int)
    group_clicked = Signal(int)
    cleared = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(260, 220)
        self._points_N2: FloatArray = np.zeros((0, 2))
        self._group_N: IntArray = np.zeros(0, dtype=np.int64)
        self._extent: tuple[FloatArray, FloatArray] | None = None
        self._groups: tuple[ScatterGroup, ...] = ()
        self._words: Callable[[int], str] = str
        self._chosen_N: IntArray | None = None
        self._focused: int | None = None
        self._lasso: list[QPointF] = []
        self._dragged: QPointF | None = None
        self._zoom, self._centre = 1.0, QPointF(0.5, 0.5)
        self._layer: QPixmap | None = None

    # ----- state -----

    @property
    def count(self) -> int:
        return len(self._points_N2)

    @property
    def groups(self) -> tuple[ScatterGroup, ...]:
        return self._groups

    @property
    def groups_N(self) -> IntArray:
        """Index into `groups` of each point."""
        return self._group_N

    @property
    def chosen(self) -> IntArray | None:
        """The points that are not faded; None: none is."""
        return self._chosen_N

    def set_points(
        self,
        points_N2: FloatArray,
        group_N: IntArray,
        groups: Sequence[ScatterGroup],
        words: Callable[[int], str] = str,
        extent: tuple[FloatArray, FloatArray] | None = None,
    ) -> None:
        """Shows points.

        Args:
            points_N2: Coordinates; the y axis points up.
            group_N: Index into `groups` of each.
            groups: Their names and marks.
            words: Says what a point is.
            extent: Least and largest coordinates to leave room for; None: the points'.
        """
        self._points_N2, self._group_N = points_N2, group_N
        if extent is None and len(points_N2):
            extent = (points_N2.min(axis=0), points_N2.max(axis=0))
        self._extent = extent
        self._groups, self._words = tuple(groups), words
        self._chosen_N, self._focused = None, None
        self.setAccessibleDescription(self.figure_summary())
        self.show_all()

    def move_points(self, points_N2: FloatArray, group_N: IntArray) -> None:
        """Moves the same points; what is chosen, focused or zoomed into stays so."""
        assert len(points_N2) == len(self._points_N2)
        self._points_N2, self._group_N = points_N2, group_N
        self._redraw()

    def set_chosen(self, chosen_N: IntArray | None) -> None:
        """Fades all other points; None: none is faded."""
        self._chosen_N = chosen_N
        self._redraw()

    def show_all(self) -> None:
        """Undoes zooming and panning."""
        self._zoom, self._centre = 1.0, QPointF(0.5, 0.5)
        self._redraw()

    def _redraw(self) -> None:
        self._layer = None
        self.update()

    # ----- geometry -----

    def _plot_area(self, target: QRectF) -> QRectF:
        legend = with_text(LEGEND_PX, self.font())
        return target.adjusted(MARGIN_PX, MARGIN_PX, -legend - MARGIN_PX, -MARGIN_PX)

    def positions(self, target: QRectF | None = None) -> FloatArray:
        """Returns where the points are in pixels, float64, shape (N, 2)."""
        area = self._plot_area(QRectF(self.rect()) if target is None else target)
        if self._extent is None:
            return np.zeros((0, 2))
        low_2, high_2 = self._extent
        span = max(float((high_2 - low_2).max()), 1e-12)
        scale = self._zoom * min(area.width(), area.height()) / span
        middle_2 = (low_2 + high_2) / 2
        centre_2 = middle_2 + span * (np.array([self._centre.x(), self._centre.y()]) - 0.5)
        offset_N2 = (self._points_N2 - centre_2) * scale
        return np.column_stack(
            [area.center().x() + offset_N2[:, 0], area.center().y() - offset_N2[:, 1]]
        )

    def point_at(self, position: QPointF) -> int | None:
        """Returns the nearest point within reach of a place in the widget, or None."""
        if not len(self._points_N2):
            return None
        distance_N = np.hypot(*(self.positions() - [position.x(), position.y()]).T)
        nearest = int(distance_N.argmin())
        return nearest if distance_N[nearest] <= REACH_PX else None

    def points_in(self, polygon: QPolygonF) -> IntArray:
        """Returns the indices of the points inside a polygon of the widget."""
        bounds = polygon.boundingRect()
        position_N2 = self.positions()
        near_N = (
            (position_N2[:, 0] >= bounds.left())
            & (position_N2[:, 0] <= bounds.right())
            & (position_N2[:, 1] >= bounds.top())
            & (position_N2[:, 1] <= bounds.bottom())
        )
        rule = Qt.FillRule.OddEvenFill
        inside = [
            i
            for i in np.flatnonzero(near_N).tolist()
            if polygon.containsPoint(QPointF(*position_N2[i]), rule)
        ]
        return np.array(inside, dtype=np.int64)

    def _legend_row(self, target: QRectF, at: int) -> QRectF:
        most, width = (with_text(pixels, self.font()) for pixels in (LEGEND_ROW_PX, LEGEND_PX))
        row_px = min(most, (target.height() - 8) / max(len(self._groups), 1))
        top = target.top() + 4 + at * row_px
        return QRectF(target.right() - width, top, width, row_px)

    def legend_at(self, position: QPointF) -> int | None:
        """Returns the group whose name is under a place in the widget, or None."""
        for at in range(len(self._groups)):
            if self._legend_row(QRectF(self.rect()), at).contains(position):
                return at
        return None

    # ----- painting -----

    def paintEvent(self, _event: QPaintEvent) -> None:
        ratio = self.devicePixelRatioF()
        if self._layer is None:
            self._layer = QPixmap(self.size() * ratio)
            self._layer.setDevicePixelRatio(ratio)
            self._layer.fill(QColor(tokens(self.palette()).surface))
            layer = QPainter(self._layer)
            layer.setRenderHint(QPainter.RenderHint.Antialiasing)
            layer.setFont(self.font())
            self.paint_figure(layer, QRectF(self.rect()))
            layer.end()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPixmap(0, 0, self._layer)
        accent = QColor(tokens(self.palette()).accent)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._focused is not None:
            painter.setPen(QPen(accent, 2))
            painter.drawEllipse(QPointF(*self.positions()[self._focused]), REACH_PX, REACH_PX)
        if len(self._lasso) > 1:
            fill = QColor(accent)
            fill.setAlphaF(0.12)
            painter.setPen(QPen(accent, 1.5))
            painter.setBrush(fill)
            painter.drawPolygon(QPolygonF(self._lasso))

    def paint_figure(self, painter: QPainter, target: QRectF) -> None:
        position_N2 = self.positions(target)
        strong_N = np.ones(len(position_N2), dtype=bool)
        if self._chosen_N is not None:
            strong_N[:] = False
            strong_N[self._chosen_N] = True
        area = self._plot_area(target).adjusted(-MARGIN_PX, -MARGIN_PX, MARGIN_PX, MARGIN_PX)
        painter.save()
        painter.setClipRect(area)
        for strong in (False, True):
            for at, group in enumerate(self._groups):
                set_mark(painter, group, 0.9 if strong else FADED)
                path = symbol_path(group.shape)
                for x, y in position_N2[(self._group_N == at) & (strong_N == strong)].tolist():
                    painter.drawPath(path.translated(x, y))
        painter.restore()
        rows = [self._legend_row(target, at) for at in range(len(self._groups))]
        paint_legend(painter, self._groups, rows, self.font(), tokens(self.palette()).text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._layer = None
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.FontChange}:
            self._redraw()

    # ----- gestures -----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._lasso = [event.position()]
        elif event.button() == Qt.MouseButton.MiddleButton:
            self._dragged = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None:
            self._pan(event.position() - self._dragged)
            self._dragged = event.position()
        elif self._lasso:
            self._lasso.append(event.position())
            self.update()
        else:
            over = self.point_at(event.position()) is not None
            over = over or self.legend_at(event.position()) is not None
            self.setCursor(
                Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.CrossCursor
            )

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.MiddleButton:
            self._dragged = None
        if event.button() != Qt.MouseButton.LeftButton or not self._lasso:
            return
        lasso, self._lasso = QPolygonF(self._lasso), []
        self.update()
        size = lasso.boundingRect().size()
        if max(size.width(), size.height()) > CLICK_PX:
            inside = self.points_in(lasso)
            if len(inside):
                self.lassoed.emit(inside)
            else:
                self.cleared.emit()
            return
        point, group = self.point_at(event.position()), self.legend_at(event.position())
        if group is not None:
            self.group_clicked.emit(group)
        elif point is not None:
            self._focus(point)
            self.point_clicked.emit(point)
        else:
            self.cleared.emit()

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        self._lasso = []
        self.show_all()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._zoom_by(ZOOM_STEP ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def _pan(self, delta: QPointF) -> None:
        area = self._plot_area(QRectF(self.rect()))
        side = self._zoom * max(min(area.width(), area.height()), 1.0)
        self._centre += QPointF(-delta.x() / side, delta.y() / side)
        self._redraw()

    def _zoom_by(self, factor: float, fixed: QPointF) -> None:
        area = self._plot_area(QRectF(self.rect()))
        before = self._zoom
        self._zoom = min(max(self._zoom * factor, 0.5), 50.0)
        away = (fixed - area.center()) * (1 - self._zoom / before)
        self._pan(away)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        middle = self._plot_area(QRectF(self.rect())).center()
        if key in ARROWS and len(self._points_N2):
            self._focus(self._next_point(*ARROWS[key]))
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self._focused is not None:
            self.point_clicked.emit(self._focused)
        elif key in {Qt.Key.Key_Plus, Qt.Key.Key_Equal}:
            self._zoom_by(ZOOM_STEP, middle)
        elif key == Qt.Key.Key_Minus:
            self._zoom_by(1 / ZOOM_STEP, middle)
        elif key == Qt.Key.Key_0:
            self.show_all()
        elif key == Qt.Key.Key_Escape:
            self.cleared.emit()
        else:
            super().keyPressEvent(event)

    def _next_point(self, x: float, y: float) -> int:
        """Returns the nearest point in a direction; the present one where there is none."""
        position_N2 = self.positions()
        if self._focused is None:
            middle = self._plot_area(QRectF(self.rect())).center()
            return int(np.hypot(*(position_N2 - [middle.x(), middle.y()]).T).argmin())
        offset_N2 = position_N2 - position_N2[self._focused]
        ahead_N = offset_N2 @ [x, y]
        aside_N = np.abs(offset_N2 @ [y, x])
        cost_N = np.where(ahead_N > 0.5, ahead_N + 2 * aside_N, np.inf)
        return int(cost_N.argmin()) if np.isfinite(cost_N).any() else self._focused

    def _focus(self, point: int) -> None:
        self._focused = point
        self.setAccessibleDescription(self._words(point))
        self.update()

    @property
    def focused(self) -> int | None:
        """The point that the keyboard is on."""
        return self._focused

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            point = self.point_at(QPointF(event.pos()))
            text = "" if point is None else self._words(point)
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    # ----- export -----

    def figure_size(self) -> QSize:
        return self.size()

    def figure_summary(self) -> str:
        """Returns how many points each group has."""
        counts = np.bincount(self._group_N, minlength=len(self._groups)).tolist()
        parts = (f"{g.name} {n:,}" for g, n in zip(self._groups, counts, strict=True) if n)
        return f"{self.count:,} points: {', '.join(parts)}." if self.count else ""

    def figure_csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["x", "y", "group"])
        for (x, y), group in zip(self._points_N2.tolist(), self._group_N.tolist(), strict=True):
            writer.writerow([f"{x:.8g}", f"{y:.8g}", self._groups[group].name])
        return out.getvalue()
