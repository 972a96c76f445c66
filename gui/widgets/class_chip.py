"""A chip: a small card with a picture, a name and a remark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPainterPath, QPalette, QPen, QPixmap

from gui.theme import Tokens, fitting_font, tokens

PICTURE = 32
RADIUS = 7.0
BADGE_POINTS = 8.0


@dataclass(frozen=True)
class ChipLook:
    """How a chip looks.

    Attributes:
        text: The name.
        remark: Small text at the right.
        picture: Square; None while it is loading.
        badge: A short word on the picture's corner.
        is_selected: Part of the selection.
        is_current: Has the keyboard.
        is_strong: The one that everything is about.
        is_faded: Being dragged.
        is_ghost: Only suggested.
    """

    text: str
    remark: str = ""
    picture: QPixmap | None = None
    badge: str = ""
    is_selected: bool = False
    is_current: bool = False
    is_strong: bool = False
    is_faded: bool = False
    is_ghost: bool = False


def paint_chip(
    painter: QPainter, rect: QRectF, look: ChipLook, palette: QPalette, font: QFont
) -> None:
    """Draws a chip into a rectangle."""
    colours = tokens(palette)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    if look.is_faded:
        painter.setOpacity(0.35)
    ground = QColor(colours.accent if look.is_strong else colours.raised)
    if look.is_selected and not look.is_strong:
        ground = mix(QColor(colours.surface), QColor(colours.accent), 0.18)
    edge = colours.accent if look.is_selected or look.is_current else colours.border
    style = Qt.PenStyle.DashLine if look.is_ghost else Qt.PenStyle.SolidLine
    painter.setPen(QPen(QColor(edge), 2 if look.is_current else 1, style))
    painter.setBrush(Qt.BrushStyle.NoBrush if look.is_ghost else ground)
    inset = 1.0 if look.is_current else 0.5
    painter.drawRoundedRect(rect.adjusted(inset, inset, -inset, -inset), RADIUS, RADIUS)
    painter.setFont(font)
    text_left = _paint_picture(painter, rect, look, palette)
    text = colours.accent_text if look.is_strong else colours.text
    text = colours.muted if look.is_ghost else text
    remark = colours.accent_text if look.is_strong else colours.muted
    painter.setFont(font)
    metrics = painter.fontMetrics()
    room = QRectF(text_left, rect.top(), rect.right() - text_left - 8, rect.height())
    if look.remark:
        painter.setPen(QColor(remark))
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(room, flags, look.remark)
        room.setRight(room.right() - metrics.horizontalAdvance(look.remark) - 6)
    painter.setPen(QColor(text))
    name = metrics.elidedText(look.text, Qt.TextElideMode.ElideRight, int(room.width()))
    painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
    painter.restore()


def drag_pixmap(
    looks: Sequence[ChipLook], size: QSize, palette: QPalette, font: QFont, scale: float
) -> QPixmap:
    """Returns the picture that follows the pointer: one chip, or a small pile."""
    shown = looks[:3]
    step = 6
    whole = QSize(size.width() + step * (len(shown) - 1), size.height() + step * (len(shown) - 1))
    pixmap = QPixmap(whole * scale)
    pixmap.setDevicePixelRatio(scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    for i in reversed(range(len(shown))):
        corner = QPoint(step * i, step * i)
        remark = f"+{len(looks) - 1}" if i == 0 and len(looks) > 1 else ""
        look = ChipLook(shown[i].text, remark, shown[i].picture, is_selected=True)
        paint_chip(painter, QRectF(corner, size), look, palette, font)
    painter.end()
    return pixmap


def mix(first: QColor, second: QColor, share: float) -> QColor:
    """Returns a colour between two; share 0 is the first."""
    values = (
        round(a + (b - a) * share)
        for a, b in zip(first.getRgb()[:3], second.getRgb()[:3], strict=True)  # type: ignore[index]
    )
    return QColor(*values)


def _paint_picture(painter: QPainter, rect: QRectF, look: ChipLook, palette: QPalette) -> float:
    side = min(float(PICTURE), rect.height() - 8)
    place = QRectF(rect.left() + 4, rect.center().y() - side / 2, side, side)
    path = QPainterPath()
    path.addRoundedRect(place, 5, 5)
    if look.picture is None:
        painter.fillPath(path, QColor(tokens(palette).border))
    else:
        painter.save()
        painter.setClipPath(path)
        if look.is_ghost:
            painter.setOpacity(0.6)
        painter.drawPixmap(place, look.picture, QRectF(look.picture.rect()))
        painter.restore()
    if look.badge:
        _paint_badge(painter, place, look.badge, tokens(palette))
    return place.right() + 8


def _paint_badge(painter: QPainter, picture: QRectF, text: str, colours: Tokens) -> None:
    disc = QRectF(picture.right() - 11, picture.bottom() - 13, 16, 16)
    painter.setPen(QPen(QColor(colours.surface), 1.5))
    painter.setBrush(QColor(colours.accent))
    painter.drawEllipse(disc)
    font = fitting_font(painter.font(), BADGE_POINTS, disc.height())
    font.setWeight(QFont.Weight.Bold)
    painter.setFont(font)
    painter.setPen(QColor(colours.accent_text))
    painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, text)
