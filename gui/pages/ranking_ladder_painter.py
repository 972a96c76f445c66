"""Draws what lies under a ladder's chips: axis, cards, numbers, lanes and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPalette, QPen

from core.config import ExperimentConfig
from gui.models.ladder import Drop, Target, temperature
from gui.pages.ranking_layout import AXIS_X, CARD_X, CHIPS_X, GAP, MARGIN, LadderLayout, Row
from gui.theme import HEADING_POINTS, number_font, sized_font, tokens
from gui.widgets.class_chip import mix

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class LadderState:
    """What is to be drawn.

    Attributes:
        layout: Where the rows end up.
        tops: Where the row of each key is now.
        offset: How far the whole ladder is still to slide to the left.
        anchor: The class it is about.
        negatives: How many classes are not ranked.
        config: For temperatures and the depth.
        target: The place under a drag.
        drop: What it would do.
    """

    layout: LadderLayout
    tops: Mapping[tuple[str, int], float]
    offset: float
    anchor: str
    negatives: int
    config: ExperimentConfig
    target: Target | None
    drop: Drop | None


class LadderPainter:
    """Draws one state with one painter."""

    def __init__(self, painter: QPainter, palette: QPalette, font: QFont, width: int) -> None:
        self._painter = painter
        self._colours = tokens(palette)
        self._font = number_font(font)
        self._bold = QFont(self._font)
        self._bold.setWeight(QFont.Weight.DemiBold)
        self._width = width
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._font)

    def paint(self, state: LadderState) -> None:
        self._painter.translate(state.offset, 0)
        cards = {row.key: self._card(row, state) for row in state.layout.rows}
        first, last = state.layout.rows[0], state.layout.rows[-1]
        self._pen(self._colours.border, 2)
        self._painter.drawLine(
            QPointF(AXIS_X, cards[first.key].center().y()),
            QPointF(AXIS_X, cards[last.key].center().y()),
        )
        for row in state.layout.rows:
            self._row(row, cards[row.key], state)
        if len(state.layout.rows) == 2 and state.anchor:
            self._empty(cards[first.key], cards[last.key].top(), state)

    def _card(self, row: Row, state: LadderState) -> QRectF:
        card = QRectF(row.card)
        card.moveTop(state.tops.get(row.key, card.top()))
        return card

    def _row(self, row: Row, card: QRectF, state: LadderState) -> None:
        match row.spec.kind:
            case "lane":
                self._lane(card, state.drop)
            case "negatives":
                self._negatives(card, state)
            case "ghost":
                self._axis(card, row.spec.similarity, is_handle=False)
            case _:
                self._rank(row, card, state)

    def _rank(self, row: Row, card: QRectF, state: LadderState) -> None:
        rank = 1 if row.spec.kind == "self" else row.spec.tier + 2
        used = rank <= state.config.ranking.depth
        aimed = rank > 1 and state.target == Target("tier", rank - 2)
        ground = QColor(self._colours.surface)
        if aimed:
            ground = mix(ground, QColor(self._colours.accent), 0.10)
        self._painter.setBrush(ground)
        style = Qt.PenStyle.SolidLine if used else Qt.PenStyle.DashLine
        edge = self._colours.accent if aimed else self._colours.border
        self._pen(edge, 2 if aimed else 1, style)
        self._painter.drawRoundedRect(card, 8, 8)
        self._axis(card, row.spec.similarity, is_handle=rank > 1)
        number = QRectF(CARD_X, card.top(), CHIPS_X - CARD_X, card.height())
        self._text(number, f"{rank}", self._colours.muted, Qt.AlignmentFlag.AlignCenter, self._bold)
        self._right_words(card, row, rank, used, state)
        if aimed and state.drop is not None:
            self._slot(row, card, state.drop)

    def _right_words(
        self, card: QRectF, row: Row, rank: int, used: bool, state: LadderState
    ) -> None:
        tau = temperature(row.spec.similarity, state.config.objective)
        left = card.right() + MARGIN
        words = QRectF(left, card.top(), self._width - left, card.height())
        if used:
            self._text(words, f"tau {tau:.2f}", self._colours.muted, _LEFT)
            return
        line = self._painter.fontMetrics().height()
        half = QRectF(words.left(), words.center().y() - line, words.width(), line)
        self._text(half, f"depth is {state.config.ranking.depth}:", self._colours.warn, _LEFT)
        self._text(half.translated(0, line), "a negative", self._colours.warn, _LEFT)

    def _slot(self, row: Row, card: QRectF, drop: Drop) -> None:
        if row.slot.isNull():
            return
        slot = row.slot.translated(0, card.top() - row.card.top())
        self._dashed(slot)
        metrics = self._painter.fontMetrics()
        text = metrics.elidedText(drop.text, Qt.TextElideMode.ElideRight, int(slot.width()) - 12)
        self._text(slot, text, self._colours.accent, Qt.AlignmentFlag.AlignCenter)

    def _lane(self, card: QRectF, drop: Drop | None) -> None:
        self._dashed(card)
        if drop is not None:
            words = card.adjusted(CHIPS_X - CARD_X, 0, -16, 0)
            self._text(words, drop.text, self._colours.accent, _RIGHT, self._bold)

    def _negatives(self, card: QRectF, state: LadderState) -> None:
        aimed = state.target is not None and state.target.kind == "pool"
        if aimed:
            self._dashed(card)
        else:
            self._painter.setBrush(Qt.BrushStyle.NoBrush)
            self._pen(self._colours.border, 1, Qt.PenStyle.DashLine)
            self._painter.drawRoundedRect(card, 8, 8)
        self._axis(card, 0.0, is_handle=False)
        if aimed and state.drop is not None:
            text, colour = state.drop.text, self._colours.accent
        else:
            text, colour = _negatives_text(state), self._colours.muted
        words = card.adjusted(CHIPS_X - CARD_X, 0, -8, 0)
        flags = _LEFT | Qt.TextFlag.TextWordWrap
        if not aimed and self._painter.boundingRect(words, flags, text).height() > card.height():
            text = f"{state.negatives} negatives"
        self._text(words, text, colour, flags)

    def _empty(self, above: QRectF, bottom: float, state: LadderState) -> None:
        area = QRectF(above.left(), above.bottom(), above.width(), bottom - above.bottom())
        area.adjust(0, GAP * 2, 0, -GAP * 2)
        self._dashed(area, self._colours.border)
        font = sized_font(self._font, HEADING_POINTS)
        font.setWeight(QFont.Weight.DemiBold)
        middle = area.center().y()
        upper = QRectF(area.left() + 8, area.top(), area.width() - 16, area.height() / 2 - 4)
        text = f"Drag a class here that is like {state.anchor}"
        centred = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        flags = centred | Qt.AlignmentFlag.AlignBottom
        self._text(upper, text, self._colours.text, flags, font)
        lower = QRectF(area.left() + 8, middle + 4, area.width() - 16, area.height() / 2 - 4)
        hint = "or go to it with the arrow keys and press Enter.\nThe higher, the more alike."
        self._text(lower, hint, self._colours.muted, centred | Qt.AlignmentFlag.AlignTop)

    def _axis(self, card: QRectF, similarity: float, *, is_handle: bool) -> None:
        middle = card.center().y()
        words = QRectF(0, middle - 12, AXIS_X - 14, 24)
        self._text(words, f"{similarity:.2f}", self._colours.text, _RIGHT)
        self._pen(self._colours.accent if is_handle else self._colours.muted, 2)
        self._painter.setBrush(QColor(self._colours.surface))
        radius = 6.0 if is_handle else 4.0
        self._painter.drawEllipse(QPointF(AXIS_X, middle), radius, radius)

    def _dashed(self, rect: QRectF, colour: str = "") -> None:
        ground = mix(QColor(self._colours.surface), QColor(self._colours.accent), 0.10)
        self._painter.setBrush(Qt.BrushStyle.NoBrush if colour else ground)
        self._pen(colour or self._colours.accent, 1.5, Qt.PenStyle.DashLine)
        self._painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 8, 8)

    def _pen(self, colour: str, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> None:
        self._painter.setPen(QPen(QColor(colour), width, style))

    def _text(
        self,
        rect: QRectF,
        text: str,
        colour: str,
        flags: Qt.AlignmentFlag | Qt.TextFlag | int,
        font: QFont | None = None,
    ) -> None:
        self._painter.setFont(font or self._font)
        self._painter.setPen(QColor(colour))
        self._painter.drawText(rect, flags, text)
        self._painter.setFont(self._font)


def _negatives_text(state: LadderState) -> str:
    if not state.anchor:
        return ""
    count = state.negatives
    if count == 0:
        return "no class is left to be a negative"
    return f"everything else is a negative: {count} class{'' if count == 1 else 'es'}"
