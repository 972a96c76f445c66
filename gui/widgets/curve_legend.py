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
SYMBOLS = {"o": "●", "t": "▼", "s": "■"}
SHORTEST_LABEL = 6


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
    title: str, lines: list[Line], note: Note | None, font: QFont, width_px: float, rows: int = 1
) -> str:
    """Returns a panel's title, its curves and its note; what does not fit is counted.

    Args:
        title: In bold.
        lines: Those with a label are named; the first is shortened rather than counted.
        note: Always shown whole.
        font: Of the text.
        width_px: Room there is.
        rows: Lines of text there may be.
    """
    metrics = QFontMetricsF(font)
    gap = metrics.horizontalAdvance("   ")
    bold = QFont(font)
    bold.setBold(True)
    parts = [[f"<b>{html.escape(title)}</b>"] if title else []]
    used = QFontMetricsF(bold).horizontalAdvance(title) if title else -gap
    kept = metrics.horizontalAdvance(note.text) + gap if note else 0.0
    named = [line for line in lines if line.label]
    for at, line in enumerate(named):
        rest, label = len(named) - at, line.label
        wide = metrics.horizontalAdvance(f"{line.stroke()} {label}") + gap
        room = kept + (metrics.horizontalAdvance(f"+{rest}") + gap if rest > 1 else 0)
        if len(parts) < rows and parts[-1] and used + wide + (kept if rest == 1 else 0) > width_px:
            parts.append([])
            used = -gap
        left = width_px - used - (room if len(parts) == rows else 0)
        if wide > left and at == 0:
            left -= metrics.horizontalAdvance(f"{line.stroke()} ") + gap
            label = metrics.elidedText(label, Qt.TextElideMode.ElideRight, left)
            wide = 0.0 if len(label) >= SHORTEST_LABEL else wide
        if wide > left:
            parts[-1].append(f"+{rest}")
            break
        stroke = f'<span style="color:{line.colour}">{line.stroke()}</span>'
        parts[-1].append(f"{stroke} {html.escape(label)}")
        used += metrics.horizontalAdvance(f"{line.stroke()} {label}") + gap
    if note:
        parts[-1].append(f'<span style="color:{note.colour}">{html.escape(note.text)}</span>')
    return "<br>".join("&nbsp;&nbsp; ".join(row) for row in parts)
