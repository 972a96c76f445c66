"""Labelled boxes over an image: outlines by line style and colour, labels that keep apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen


@dataclass(frozen=True)
class CanvasBox:
    """A box over the image.

    Attributes:
        xyxy: Image pixels.
        text: On the label; "": no label.
        colour: Of line and label.
        style: Of the line; the kind of box must not be told by colour alone.
        tip: Shown where the pointer rests on it; "": nothing.
    """

    xyxy: tuple[float, float, float, float]
    text: str
    colour: QColor
    style: Qt.PenStyle = Qt.PenStyle.SolidLine
    tip: str = ""

    @property
    def rect(self) -> QRectF:
        x1, y1, x2, y2 = self.xyxy
        return QRectF(x1, y1, x2 - x1, y2 - y1)


def paint_boxes(
    painter: QPainter,
    boxes: Sequence[CanvasBox],
    selected: int,
    to_screen: Callable[[QRectF], QRectF],
    room: QRectF,
) -> None:
    """Paints outlines, then labels; the selected box last and its label first.

    Args:
        painter: Of the widget.
        boxes: In image pixels.
        selected: Which one is emphasised; -1: none.
        to_screen: Maps image pixels to the widget.
        room: The widget.
    """
    order = [which for which in range(len(boxes)) if which != selected]
    if 0 <= selected < len(boxes):
        order.append(selected)
    for which in order:
        _paint_outline(painter, boxes[which], to_screen(boxes[which].rect), which == selected)
    taken: list[QRectF] = []
    for which in reversed(order):
        rect = to_screen(boxes[which].rect)
        if boxes[which].text and rect.intersects(room):
            _paint_label(painter, boxes[which], rect, room, taken)


def _paint_outline(painter: QPainter, box: CanvasBox, rect: QRectF, selected: bool) -> None:
    width = 3.0 if selected else 2.0
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(0, 0, 0, 150), width + 2))
    painter.drawRect(rect)
    pen = QPen(box.colour, width, box.style)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    if selected:
        fill = QColor(box.colour)
        fill.setAlpha(36)
        painter.setBrush(fill)
    painter.drawRect(rect)


def _paint_label(
    painter: QPainter, box: CanvasBox, rect: QRectF, room: QRectF, taken: list[QRectF]
) -> None:
    metrics = QFontMetricsF(painter.font())
    width = metrics.horizontalAdvance(box.text) + 10
    place = label_place(rect, width, metrics.height() + 4, room, taken)
    taken.append(place)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(box.colour)
    painter.drawRoundedRect(place, 3, 3)
    painter.setPen(ink_on(box.colour))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, box.text)


def label_place(
    rect: QRectF, width: float, height: float, room: QRectF, taken: Sequence[QRectF]
) -> QRectF:
    """Returns where a label covers no other, if it can: above, inside or under its box.

    Args:
        rect: The box on the screen.
        width: Of the label.
        height: Of the label.
        room: The widget, from (0, 0).
        taken: Places of other labels.
    """
    rightmost = max(room.width() - width, 0.0)
    lowest = max(room.height() - height, 0.0)
    left = min(max(rect.left() - 1, 0.0), rightmost)
    right = min(max(rect.right() + 1 - width, 0.0), rightmost)
    inside = min(max(rect.top() + 2, 2.0), lowest)
    places = [
        QRectF(x, top, width, height)
        for top in (rect.top() - height, inside, rect.bottom(), inside + height)
        for x in (left, right)
        if 0 <= top <= lowest
    ]
    places.append(QRectF(left, inside, width, height))
    free = (p for p in places if not any(p.intersects(other) for other in taken))
    return next(free, places[0])


def ink_on(colour: QColor) -> QColor:
    """Returns black or white, whichever reads better on a colour (WCAG luminance)."""

    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = linear(colour.redF()), linear(colour.greenF()), linear(colour.blueF())
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return QColor("#000000") if luminance > 0.179 else QColor("#ffffff")
