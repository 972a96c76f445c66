"""How curves look, and the line above a panel that names them, outside their way."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPen

STROKES = {
    Qt.PenStyle.SolidLine: "━━",
    Qt.PenStyle.DashLine: "╍╍",
    Qt.PenStyle.DotLine: "┅┅",
    Qt.PenStyle.DashDotLine: "━┅",
    Qt.PenStyle.DashDotDotLine: "━┈",
}
SYMBOLS = {"o": "●", "t": "▼"}


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

    def stroke(self) -> str:
        """Returns the line in characters, such as "━━●"."""
        return STROKES.get(self.style, "━━") + SYMBOLS.get(self.symbol, "")


@dataclass(frozen=True)
class Note:
    """A remark behind the legend, such as where the best point is.

    Attributes:
        text: What it says.
        colour: Hex colour.
    """

    text: str
    colour: str


def style_curve(curve: Any, line: Line) -> None:
    """Gives a pyqtgraph curve its looks."""
    curve.setPen(line.pen())
    curve.setZValue(-1 if line.opacity < 1 else 1)
    if line.symbol:
        curve.setSymbol(line.symbol)
        curve.setSymbolSize(5)
        curve.setSymbolBrush(QColor(line.colour))
        curve.setSymbolPen(None)


def legend_html(
    title: str, lines: list[Line], note: Note | None, font: QFont, width_px: float
) -> str:
    """Returns a panel's title, its curves and its note; what does not fit is counted.

    Args:
        title: In bold.
        lines: Those with a label are named.
        note: Always shown whole.
        font: Of the text.
        width_px: Room there is.
    """
    metrics = QFontMetricsF(font)
    gap = metrics.horizontalAdvance("   ")
    bold = QFont(font)
    bold.setBold(True)
    parts = [f"<b>{html.escape(title)}</b>"]
    used = QFontMetricsF(bold).horizontalAdvance(title)
    used += metrics.horizontalAdvance(note.text) + gap if note else 0
    named = [line for line in lines if line.label]
    for at, line in enumerate(named):
        wide = metrics.horizontalAdvance(f"{line.stroke()} {line.label}") + gap
        rest = len(named) - at
        room = metrics.horizontalAdvance(f"+{rest}") + gap if rest > 1 else 0
        if used + wide + room > width_px:
            parts.append(f"+{rest}")
            break
        stroke = f'<span style="color:{line.colour}">{line.stroke()}</span>'
        parts.append(f"{stroke} {html.escape(line.label)}")
        used += wide
    if note:
        parts.append(f'<span style="color:{note.colour}">{html.escape(note.text)}</span>')
    return "&nbsp;&nbsp; ".join(parts)
