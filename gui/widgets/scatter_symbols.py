"""Marks of a scatter plot that differ in shape as well as in colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPen,
    QPolygonF,
)

from gui.theme import fitting_font

SYMBOL_PX = 4.5
LEGEND_POINTS = 9.0
SHAPES = (
    "circle",
    "square",
    "triangle",
    "diamond",
    "plus",
    "star",
    "triangle down",
    "cross",
    "pentagon",
    "bar",
)


@dataclass(frozen=True)
class ScatterGroup:
    """Points that share a name, a colour and a shape.

    Attributes:
        name: In the legend.
        colour: Of the marks.
        shape: One of SHAPES.
        hollow: Drawn as an outline.
    """

    name: str
    colour: QColor
    shape: str = "circle"
    hollow: bool = False


def shape_of(at: int) -> tuple[str, bool]:
    """Returns shape and hollowness of a group: twenty that differ."""
    return SHAPES[at % len(SHAPES)], at // len(SHAPES) % 2 == 1


def symbol_path(shape: str, radius: float = SYMBOL_PX) -> QPainterPath:
    """Returns the outline of a mark around the origin."""
    path = QPainterPath()
    if shape == "circle":
        path.addEllipse(QPointF(0, 0), radius * 0.9, radius * 0.9)
    elif shape == "square":
        path.addRect(QRectF(-0.8 * radius, -0.8 * radius, 1.6 * radius, 1.6 * radius))
    elif shape == "bar":
        path.addRect(QRectF(-radius, -0.4 * radius, 2 * radius, 0.8 * radius))
    elif shape in {"plus", "cross"}:
        arm = 0.35 * radius
        corners = [(arm, arm), (arm, radius), (-arm, radius), (-arm, arm)]
        turned = []
        for quarter in range(4):
            cos, sin = (
                round(math.cos(quarter * math.pi / 2)),
                round(math.sin(quarter * math.pi / 2)),
            )
            turned += [(x * cos - y * sin, x * sin + y * cos) for x, y in corners[:3]]
        angle = math.pi / 4 if shape == "cross" else 0.0
        path.addPolygon(QPolygonF([_turned(x, y, angle) for x, y in turned]))
        path.closeSubpath()
    else:
        path.addPolygon(QPolygonF([QPointF(x * radius, y * radius) for x, y in _corners(shape)]))
        path.closeSubpath()
    return path


def _turned(x: float, y: float, angle: float) -> QPointF:
    cos, sin = math.cos(angle), math.sin(angle)
    return QPointF(x * cos - y * sin, x * sin + y * cos)


def _corners(shape: str) -> list[tuple[float, float]]:
    count, start, inner = {
        "triangle": (3, -90, 1.0),
        "triangle down": (3, 90, 1.0),
        "diamond": (4, -90, 1.0),
        "pentagon": (5, -90, 1.0),
        "star": (5, -90, 0.45),
    }[shape]
    corners = []
    for at in range(count):
        angle = math.radians(start + 360 * at / count)
        corners.append((1.1 * math.cos(angle), 1.1 * math.sin(angle)))
        if inner < 1:
            angle += math.pi / count
            corners.append((inner * math.cos(angle), inner * math.sin(angle)))
    return corners


def set_mark(painter: QPainter, group: ScatterGroup, opacity: float = 1.0) -> None:
    """Takes pen and brush for the marks of a group."""
    colour = QColor(group.colour)
    colour.setAlphaF(opacity)
    if group.hollow:
        painter.setPen(QPen(colour, 1.5))
        fill = QColor(colour)
        fill.setAlphaF(0.0)
        painter.setBrush(fill)
    else:
        edge = QColor(0, 0, 0)
        edge.setAlphaF(0.25 * opacity)
        painter.setPen(QPen(edge, 0.5))
        painter.setBrush(colour)


def paint_legend(
    painter: QPainter,
    groups: Sequence[ScatterGroup],
    rows: Sequence[QRectF],
    font: QFont,
    text_colour: str,
) -> None:
    """Paints marks and names, each in its row, in letters that fit it."""
    for group, row in zip(groups, rows, strict=True):
        small = fitting_font(font, LEGEND_POINTS, row.height())
        painter.setFont(small)
        set_mark(painter, group)
        painter.drawPath(symbol_path(group.shape).translated(row.left() + 8, row.center().y()))
        painter.setPen(QColor(text_colour))
        room = row.adjusted(20, 0, 0, 0)
        elide = Qt.TextElideMode.ElideRight
        text = QFontMetricsF(small).elidedText(group.name, elide, room.width())
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(room, flags, text)
