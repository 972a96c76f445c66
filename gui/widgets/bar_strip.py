"""A row of labelled bars between 0 and 1, painted."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from gui.theme import tokens

LABEL_PX = 64.0
SCALE_PX = 40.0


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        name: Under it.
        value: 0 to 1; None: no bar.
        tip: Shown for it.
    """

    name: str
    value: float | None
    tip: str = ""


class BarStrip(QWidget):
    """Bars with a scale at the left, a reference line, and names beneath."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bars: tuple[Bar, ...] = ()
        self._reference: float | None = None
        self.setAccessibleName(name)
        self.setMinimumHeight(112)

    def set_bars(self, bars: Sequence[Bar], reference: float | None = None) -> None:
        """Shows bars, and a dashed line at a reference value."""
        self.bars = tuple(bars)
        self._reference = reference
        words = (f"{bar.name} {100 * bar.value:.0f} %" for bar in bars if bar.value is not None)
        self.setAccessibleDescription(", ".join(words))
        self.update()

    def _column(self, target: QRectF, at: int) -> QRectF:
        width = (target.width() - SCALE_PX) / max(len(self.bars), 1)
        height = target.height() - LABEL_PX - 6
        return QRectF(target.left() + SCALE_PX + at * width, target.top() + 6, width, height)

    def bar_at(self, position: QPointF) -> Bar | None:
        """Returns the bar in whose column a point of the widget is."""
        for at, bar in enumerate(self.bars):
            column = self._column(QRectF(self.rect()), at)
            if column.left() <= position.x() < column.right():
                return bar
        return None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.paint_figure(painter, QRectF(self.rect()))

    def paint_figure(self, painter: QPainter, target: QRectF) -> None:
        if not self.bars:
            return
        colours = tokens(self.palette())
        font = QFont(self.font())
        font.setPixelSize(10)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        whole = self._column(target, 0)
        for value in (0.0, 0.5, 1.0):
            y = whole.bottom() - value * whole.height()
            painter.setPen(QColor(colours.border))
            painter.drawLine(QPointF(whole.left(), y), QPointF(target.right(), y))
            painter.setPen(QColor(colours.muted))
            room = QRectF(target.left(), y - 7, SCALE_PX - 6, 14)
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(room, flags, f"{100 * value:.0f} %")
        for at, bar in enumerate(self.bars):
            column = self._column(target, at)
            width = min(column.width() * 0.7, 18)
            x = column.center().x()
            if bar.value is not None:
                height = bar.value * column.height()
                body = QRectF(x - width / 2, column.bottom() - height, width, height)
                painter.fillRect(body, QColor(colours.accent))
            painter.setPen(QColor(colours.text))
            painter.save()
            painter.translate(x + metrics.ascent() / 2 - 1, column.bottom() + 4)
            painter.rotate(-90)
            text = metrics.elidedText(bar.name, Qt.TextElideMode.ElideRight, LABEL_PX)
            painter.drawText(QPointF(-metrics.horizontalAdvance(text), 0), text)
            painter.restore()
        if self._reference is not None:
            y = whole.bottom() - self._reference * whole.height()
            painter.setPen(QPen(QColor(colours.text), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(whole.left(), y), QPointF(target.right(), y))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            bar = self.bar_at(QPointF(event.pos()))
            if bar is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), bar.tip or bar.name, self)
            return True
        return super().event(event)

    def figure_size(self) -> QSize:
        return self.size()

    def figure_csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["name", "value"])
        for bar in self.bars:
            writer.writerow([bar.name, "" if bar.value is None else f"{bar.value:.6g}"])
        return out.getvalue()
