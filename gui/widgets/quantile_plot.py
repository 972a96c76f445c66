"""Distributions side by side: whiskers, boxes, medians and means, painted."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.theme import sized_font, tokens, with_text

SCALE_PX = 34
NAME_PX = 20
TITLE_PX = 20
TEXT_POINTS = 8.25


@dataclass(frozen=True)
class QuantileBox:
    """One distribution.

    Attributes:
        name: Under it.
        quantiles: At 5, 25, 50, 75 and 95 %.
        mean: Its mean.
        count: Of how many values.
        short: Under it where there is no room for its name.
    """

    name: str
    quantiles: tuple[float, ...]
    mean: float
    count: int
    short: str = ""

    @property
    def words(self) -> str:
        low, first, middle, third, high = self.quantiles
        return (
            f"{self.name}: mean {self.mean:.2f}, median {middle:.2f}, half between {first:.2f} "
            f"and {third:.2f}, 90 % between {low:.2f} and {high:.2f}; {self.count:,} values"
        )


class QuantilePlot(QWidget):
    """Boxes from the 25 to the 75 % quantile, whiskers from 5 to 95 %, a dot at the mean.

    A click on a box, or Enter where the arrow keys led to, emits `box_clicked`.

    Args:
        name: Accessible name.
        parent: Owner.
    """

    box_clicked = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes: tuple[QuantileBox, ...] = ()
        self.title = ""
        self._focused = 0
        self._selected: int | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(name)
        self.setMinimumSize(140, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_boxes(self, title: str, boxes: Sequence[QuantileBox]) -> None:
        self.title, self.boxes = title, tuple(boxes)
        self._selected, self._focused = None, 0
        self.setAccessibleDescription(self.figure_summary())
        self.update()

    def set_selected(self, box: int | None) -> None:
        """Frames a box, or none."""
        self._selected = box
        self.update()

    # ----- geometry -----

    def _area(self, target: QRectF) -> QRectF:
        scale, title, names = (self._px(each) for each in (SCALE_PX, TITLE_PX, NAME_PX))
        return target.adjusted(scale, title, -4, -names)

    def _px(self, pixels: int) -> int:
        return with_text(pixels, self.font())

    def _range(self) -> tuple[float, float]:
        low = min((box.quantiles[0] for box in self.boxes), default=0.0)
        high = max((box.quantiles[-1] for box in self.boxes), default=1.0)
        room = max((high - low) * 0.06, 1e-6)
        return low - room, high + room

    def _y(self, area: QRectF, value: float) -> float:
        low, high = self._range()
        return area.bottom() - (value - low) / (high - low) * area.height()

    def box_at(self, position: QPointF) -> QuantileBox | None:
        """Returns the distribution in whose column a point of the widget is."""
        at = self._place_at(position)
        return None if at is None else self.boxes[at]

    def _place_at(self, position: QPointF) -> int | None:
        area = self._area(QRectF(self.rect()))
        at = int((position.x() - area.left()) // (area.width() / max(len(self.boxes), 1)))
        return at if 0 <= at < len(self.boxes) else None

    # ----- painting -----

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        target = QRectF(self.rect())
        self.paint_figure(painter, target)
        area, accent = self._area(target), QColor(tokens(self.palette()).accent)
        width = area.width() / max(len(self.boxes), 1)
        for at, pen in (
            (self._focused if self.hasFocus() else None, QPen(accent, 1, Qt.PenStyle.DotLine)),
            (self._selected, QPen(accent, 2)),
        ):
            if at is not None and at < len(self.boxes):
                painter.setPen(pen)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                left = area.left() + at * width
                painter.drawRect(
                    QRectF(left + 1, area.top(), width - 2, area.height() + self._px(NAME_PX))
                )

    def paint_figure(self, painter: QPainter, target: QRectF) -> None:
        colours = tokens(self.palette())
        font = sized_font(self.font(), TEXT_POINTS)
        painter.setFont(font)
        painter.setPen(QColor(colours.muted))
        head = QRectF(target.left() + 4, target.top(), target.width() - 4, self._px(TITLE_PX))
        start = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        elide = Qt.TextElideMode.ElideRight
        metrics = QFontMetricsF(font)
        painter.drawText(head, start, metrics.elidedText(self.title, elide, head.width()))
        area = self._area(target)
        self._paint_scale(painter, area)
        width = area.width() / max(len(self.boxes), 1)
        for at, box in enumerate(self.boxes):
            middle = area.left() + (at + 0.5) * width
            self._paint_box(painter, area, middle, min(width * 0.5, 36), box)
            painter.setPen(QColor(colours.text))
            room = QRectF(middle - width / 2, area.bottom() + 4, width, self._px(NAME_PX) - 4)
            fits = metrics.horizontalAdvance(box.name) <= width - 2
            name = metrics.elidedText(box.name if fits else box.short or box.name, elide, width - 2)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, name)

    def _paint_scale(self, painter: QPainter, area: QRectF) -> None:
        colours = tokens(self.palette())
        low, high = self._range()
        scale_px = self._px(SCALE_PX)
        most = min(7.0, area.height() / painter.fontMetrics().height())
        step = next((s for s in (0.05, 0.1, 0.2, 0.5) if (high - low) / s <= most), 1.0)
        tick = step * -(-low // step)
        while tick <= high:
            y = self._y(area, tick)
            painter.setPen(QColor(colours.border))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(QColor(colours.muted))
            room = QRectF(area.left() - scale_px, y - 12, scale_px - 6, 24)
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(room, flags, f"{tick:.2f}".replace("-", "\N{MINUS SIGN}"))
            tick += step

    def _paint_box(
        self, painter: QPainter, area: QRectF, middle: float, width: float, box: QuantileBox
    ) -> None:
        colours = tokens(self.palette())
        low, first, median, third, high = (self._y(area, q) for q in box.quantiles)
        painter.setPen(QPen(QColor(colours.muted), 1.5))
        painter.drawLine(QPointF(middle, low), QPointF(middle, high))
        fill = QColor(colours.accent)
        fill.setAlphaF(0.35)
        painter.setPen(QPen(QColor(colours.accent), 1))
        painter.setBrush(fill)
        painter.drawRect(QRectF(middle - width / 2, third, width, max(first - third, 1.0)))
        painter.setPen(QPen(QColor(colours.text), 2))
        painter.drawLine(QPointF(middle - width / 2, median), QPointF(middle + width / 2, median))
        painter.setBrush(QColor(colours.surface))
        painter.setPen(QPen(QColor(colours.text), 1.5))
        painter.drawEllipse(QPointF(middle, self._y(area, box.mean)), 3, 3)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    # ----- gestures -----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = self._place_at(event.position())
        if at is not None and event.button() == Qt.MouseButton.LeftButton:
            self._focused = at
            self.box_clicked.emit(at)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self._place_at(event.position()) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        key = Qt.Key(event.key())
        if key in steps and self.boxes:
            self._focused = min(max(self._focused + steps[key], 0), len(self.boxes) - 1)
            self.setAccessibleDescription(self.boxes[self._focused].words)
            self.update()
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space} and self.boxes:
            self.box_clicked.emit(self._focused)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            box = self.box_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), "" if box is None else box.words, self)
            return True
        return super().event(event)

    # ----- export -----

    def figure_size(self) -> QSize:
        return self.size()

    def figure_summary(self) -> str:
        return f"{self.title}. ".lstrip(". ") + "; ".join(box.words for box in self.boxes)

    def figure_csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["rank", "5 %", "25 %", "50 %", "75 %", "95 %", "mean", "count"])
        for box in self.boxes:
            numbers = [f"{value:.6g}" for value in (*box.quantiles, box.mean)]
            writer.writerow([box.name, *numbers, box.count])
        return out.getvalue()
