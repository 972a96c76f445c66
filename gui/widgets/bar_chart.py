"""Bars, painted: lying ones with names beside them, or standing ones over a scale of edges."""

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
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.theme import BASE_POINTS, fitting_font, number_font, tokens, with_text

ROW_PX = 22
LEAST_ROW_PX = 15
GAP_PX = 8.0
SCALE_PX = 20
MOST_TOLD = 8


@dataclass(frozen=True)
class ChartBar:
    """One bar.

    Attributes:
        name: Beside or under it.
        value: Not negative.
        text: The value in words; "": the number itself.
        emphasised: Drawn in the accent colour, its name in full strength.
        tip: Shown under the pointer.
    """

    name: str
    value: float
    text: str = ""
    emphasised: bool = False
    tip: str = ""

    @property
    def words(self) -> str:
        return self.text or f"{self.value:,.0f}"


class BarChart(QWidget):
    """Lying bars, one a row: name, bar, value.

    Args:
        name: Accessible name.
        named: What has a bar each, such as "class"; over the names in the table.
        parent: Owner.
    """

    bar_clicked = Signal(str)

    def __init__(self, name: str, named: str = "name", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._named = named
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self._bars: tuple[ChartBar, ...] = ()

    def set_bars(self, bars: Sequence[ChartBar]) -> None:
        self._bars = tuple(bars)
        self.setAccessibleDescription(self.figure_summary())
        self.updateGeometry()
        self.update()

    @property
    def bars(self) -> tuple[ChartBar, ...]:
        return self._bars

    def sizeHint(self) -> QSize:
        return QSize(280, with_text(ROW_PX, self.font()) * max(len(self._bars), 1))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, with_text(LEAST_ROW_PX, self.font()) * max(len(self._bars), 1))

    @property
    def _row_px(self) -> float:
        return min(self.height() / max(len(self._bars), 1), with_text(ROW_PX, self.font()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.paint_figure(painter, QRectF(self.rect()))

    def paint_figure(self, painter: QPainter, _target: QRectF) -> None:
        font = fitting_font(self.font(), BASE_POINTS, self._row_px)
        painter.setFont(number_font(font))
        colours = tokens(self.palette())
        metrics = QFontMetricsF(painter.font())
        names = max((metrics.horizontalAdvance(b.name) for b in self._bars), default=0.0)
        words = max((metrics.horizontalAdvance(b.words) for b in self._bars), default=0.0)
        names = min(names, self.width() * 0.4)
        left = names + GAP_PX
        length = max(self.width() - left - words - GAP_PX, 8.0)
        largest = max((b.value for b in self._bars), default=0.0) or 1.0
        row_px = self._row_px
        for row, bar in enumerate(self._bars):
            middle = row * row_px + row_px / 2
            line = QRectF(0, row * row_px, names, row_px)
            painter.setPen(QColor(colours.text if bar.emphasised else colours.muted))
            name = metrics.elidedText(bar.name, Qt.TextElideMode.ElideRight, names)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(line, right, name)
            filled = max(length * bar.value / largest, 1.0 if bar.value else 0.0)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_bar_colour(self.palette(), bar.emphasised))
            painter.drawRoundedRect(
                QRectF(left, middle - row_px * 0.28, filled, row_px * 0.56), 3, 3
            )
            painter.setPen(QColor(colours.text))
            beside = QRectF(left + filled + GAP_PX, row * row_px, words + 2, row_px)
            start = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(beside, start, bar.words)

    def figure_size(self) -> QSize:
        return self.size()

    def figure_csv(self) -> str:
        """Returns the name and value of each bar, and its value in words where they say more."""
        out = io.StringIO()
        writer = csv.writer(out)
        has_words = any(bar.text for bar in self._bars)
        writer.writerow([self._named, "value", *(["in words"] if has_words else [])])
        for bar in self._bars:
            writer.writerow([bar.name, f"{bar.value:.6g}", *([bar.words] if has_words else [])])
        return out.getvalue()

    def figure_summary(self) -> str:
        """Returns each bar in words; of many, how many there are, the longest and the shortest."""
        if len(self._bars) > MOST_TOLD:
            most = max(self._bars, key=lambda bar: bar.value)
            least = min(self._bars, key=lambda bar: bar.value)
            return (
                f"{len(self._bars)} bars: most {most.name} {most.words}, "
                f"least {least.name} {least.words}."
            )
        return ", ".join(f"{bar.name} {bar.words}" for bar in self._bars)

    def bar_at(self, position: QPointF) -> ChartBar | None:
        """Returns the bar in whose row a point of the widget is."""
        row = int(position.y() // self._row_px)
        return self._bars[row] if 0 <= row < len(self._bars) else None

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            bar = self.bar_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), bar.tip if bar else "", self)
            return True
        return super().event(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        bar = self.bar_at(event.position())
        if bar is not None and event.button() == Qt.MouseButton.LeftButton:
            self.bar_clicked.emit(bar.name)


class Histogram(QWidget):
    """Standing bars over a scale of edges; bins may differ in width, their bars do not.

    Args:
        name: Accessible name.
        unit: Of the edges.
        parent: Owner.
    """

    def __init__(self, name: str, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setMinimumHeight(112)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._unit = unit
        self._edges: tuple[float, ...] = ()
        self._counts: tuple[int, ...] = ()

    def set_bins(self, edges: Sequence[float], counts: Sequence[int]) -> None:
        """Shows counts between edges; one edge more than counts."""
        assert len(edges) == len(counts) + 1 or not len(counts)
        self._edges, self._counts = tuple(edges), tuple(counts)
        self.setAccessibleDescription(self.figure_summary())
        self.update()

    @property
    def counts(self) -> tuple[int, ...]:
        return self._counts

    def sizeHint(self) -> QSize:
        return QSize(280, 144)

    def _words(self, at: int) -> str:
        low, high = self._edges[at], self._edges[at + 1]
        return f"{low:.0f} to {high:.0f} {self._unit}: {self._counts[at]:,}"

    @property
    def _base(self) -> int:
        return self.height() - with_text(SCALE_PX, self.font())

    def _column(self, at: int) -> QRectF:
        width = self.width() / max(len(self._counts), 1)
        return QRectF(at * width, 0, width, self._base)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.paint_figure(painter, QRectF(self.rect()))

    def paint_figure(self, painter: QPainter, _target: QRectF) -> None:
        colours = tokens(self.palette())
        largest = max(self._counts, default=0) or 1
        top = QFontMetricsF(self.font()).height()
        for at, count in enumerate(self._counts):
            column = self._column(at)
            height = (column.height() - top) * count / largest
            body = QRectF(column.left() + 2, column.bottom() - height, column.width() - 4, height)
            painter.fillRect(body, _bar_colour(self.palette(), count == largest))
            painter.setPen(QColor(colours.muted))
            over = QRectF(column.left() - 8, body.top() - top, column.width() + 16, top)
            if count and QFontMetricsF(self.font()).horizontalAdvance(f"{count}") < over.width():
                painter.drawText(over, Qt.AlignmentFlag.AlignCenter, f"{count}")
        if not self._counts:
            return
        base = self._base
        painter.setPen(QColor(colours.border))
        painter.drawLine(QPointF(0, base), QPointF(self.width(), base))
        painter.setPen(QColor(colours.muted))
        self._paint_edges(painter, base)

    def _paint_edges(self, painter: QPainter, base: float) -> None:
        metrics = QFontMetricsF(painter.font())
        free = 0.0
        for at, edge in enumerate(self._edges):
            last = at == len(self._edges) - 1
            text = f"{edge:.0f} {self._unit}" if last else f"{edge:.0f}"
            width = metrics.horizontalAdvance(text)
            x = self.width() * at / (len(self._edges) - 1)
            left = min(max(x - width / 2, 0.0), self.width() - width)
            if left < free and not last:
                continue
            end = self.width() - metrics.horizontalAdvance(f"{self._edges[-1]:.0f} {self._unit}")
            if not last and left + width + 6 > end:
                continue
            painter.drawText(QPointF(left, base + metrics.ascent() + 3), text)
            free = left + width + 6

    def figure_size(self) -> QSize:
        return self.size()

    def figure_csv(self) -> str:
        """Returns the edges and the count of each bin."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([f"from ({self._unit})", f"to ({self._unit})", "count"])
        for low, high, count in zip(self._edges, self._edges[1:], self._counts, strict=False):
            writer.writerow([f"{low:.6g}", f"{high:.6g}", count])
        return out.getvalue()

    def figure_summary(self) -> str:
        return "; ".join(self._words(at) for at, count in enumerate(self._counts) if count)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            at = int(event.pos().x() * len(self._counts) / max(self.width(), 1))
            if 0 <= at < len(self._counts):
                QToolTip.showText(event.globalPos(), self._words(at), self)
            return True
        return super().event(event)


def _bar_colour(palette: QPalette, emphasised: bool) -> QColor:
    colour = QColor(tokens(palette).accent)
    if not emphasised:
        colour.setAlphaF(0.55)
    return colour
