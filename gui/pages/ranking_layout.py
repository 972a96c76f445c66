"""Where everything on a ladder is, and which place a point belongs to; pure geometry.

The height of a tier is its similarity: 1 at the top, 0 at the bottom, moved apart where tiers
would overlap. Units are device-independent pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtCore import QPointF, QRectF

from gui.models.ladder import Target

AXIS_X = 58.0
CARD_X = 80.0
CHIPS_X = 112.0
WORDS = 76.0
MARGIN = 12.0
RIGHT = WORDS + MARGIN
CHIP_WIDTH = 144.0
CHIP_HEIGHT = 40.0
GHOST_HEIGHT = 40.0
GAP = 8.0
PAD = 8.0
EDGE = 10.0  # how much of a tier's top and bottom belongs to the gap beside it

RowKind = Literal["self", "tier", "lane", "ghost", "negatives"]


@dataclass(frozen=True)
class RowSpec:
    """What a row holds.

    Attributes:
        kind: "self" is rank 1; "lane" is where a drop would open a new rank; "ghost" is a
            suggestion.
        similarity: Gives the row its height.
        classes: The chips in it.
        tier: Index of the tier (kind "tier") or of the gap (kinds "lane" and "ghost").
        has_slot: Leaves room for one more chip: a tie that would be.
        ghost: The class that is suggested.
    """

    kind: RowKind
    similarity: float
    classes: tuple[str, ...] = ()
    tier: int = 0
    has_slot: bool = False
    ghost: str = ""


@dataclass(frozen=True)
class Row:
    """A row in its place.

    Attributes:
        spec: What it holds.
        card: Its card.
        chips: The rectangle of each class's chip, in order.
        slot: Where one more chip would be; empty unless the spec has a slot.
        copy: How many rows above begin with the same class, as in a ranking with problems.
    """

    spec: RowSpec
    card: QRectF
    chips: tuple[QRectF, ...]
    slot: QRectF
    copy: int = 0

    @property
    def key(self) -> tuple[str, int]:
        """What identifies the row from one layout to the next."""
        return _name(self.spec), self.copy


@dataclass(frozen=True)
class LadderLayout:
    """All rows, from the top.

    Attributes:
        rows: Rank 1, tiers (and the lane), negatives.
        height: Of everything.
        scale: Pixels from similarity 1 to 0.
    """

    rows: tuple[Row, ...]
    height: float
    scale: float

    def row(self, kind: RowKind, tier: int = 0) -> Row:
        return next(row for row in self.rows if row.spec.kind == kind and row.spec.tier == tier)

    def target_at(self, y: float) -> Target:
        """Returns which place a height belongs to; meant for a layout without a lane."""
        tiers = [row for row in self.rows if row.spec.kind == "tier"]
        if y >= self.row("negatives").card.top():
            return Target("pool")
        for row in tiers:
            if y < row.card.top() + EDGE:
                return Target("gap", row.spec.tier)
            if y <= row.card.bottom() - EDGE:
                return Target("tier", row.spec.tier)
        return Target("gap", len(tiers))

    def point_of(self, target: Target) -> QPointF:
        """Returns a point well inside a place."""
        if target.kind == "tier":
            card = self.row("tier", target.index).card
            return QPointF(CHIPS_X + CHIP_WIDTH / 2, card.center().y())
        negatives = self.row("negatives").card
        if target.kind == "pool":
            return QPointF(CHIPS_X + CHIP_WIDTH / 2, negatives.center().y())
        tiers = [row for row in self.rows if row.spec.kind == "tier"]
        above = self.rows[0] if target.index == 0 else tiers[target.index - 1]
        top = above.card.bottom() - (0 if target.index == 0 else EDGE)
        if target.index < len(tiers):
            bottom = tiers[target.index].card.top() + EDGE
        else:
            bottom = negatives.top()
        return QPointF(CHIPS_X + CHIP_WIDTH / 2, (top + bottom) / 2)


def arrange(
    specs: Sequence[RowSpec], width: float, height: float, right: float = RIGHT
) -> LadderLayout:
    """Places rows: at the height of their similarity, moved apart where they would overlap.

    Args:
        specs: From the top.
        width: Of the ladder.
        height: Of the ladder; more is taken where the rows need it.
        right: Room for the words beside the cards.
    """
    width -= right
    heights = [_row_height(spec, width) for spec in specs]
    needed = sum(heights) + GAP * (len(specs) - 1)
    height = max(height, needed)
    first, last = heights[0] / 2, height - heights[-1] / 2
    scale = last - first
    tops = [
        first + (1 - spec.similarity) * scale - h / 2
        for spec, h in zip(specs, heights, strict=True)
    ]
    for i in range(1, len(tops)):
        tops[i] = max(tops[i], tops[i - 1] + heights[i - 1] + GAP)
    limit = height
    for i in reversed(range(len(tops))):
        tops[i] = min(tops[i], limit - heights[i])
        limit = tops[i] - GAP
    names = [_name(spec) for spec in specs]
    rows = tuple(
        replace(_place(spec, top, h, width), copy=names[:i].count(names[i]))
        for i, (spec, top, h) in enumerate(zip(specs, tops, heights, strict=True))
    )
    return LadderLayout(rows, height, scale)


def _name(spec: RowSpec) -> str:
    if spec.ghost:
        return f"ghost of {spec.ghost}"
    return spec.classes[0] if spec.classes else spec.kind


def _per_line(width: float) -> int:
    room = width - CHIPS_X - PAD
    return max(1, int((room + GAP) // (CHIP_WIDTH + GAP)))


def _row_height(spec: RowSpec, width: float) -> float:
    if spec.kind == "ghost":
        return GHOST_HEIGHT
    cells = len(spec.classes) + (1 if spec.has_slot else 0)
    lines = max(1, -(-cells // _per_line(width)))
    return 2 * PAD + lines * CHIP_HEIGHT + (lines - 1) * GAP


def _place(spec: RowSpec, top: float, height: float, width: float) -> Row:
    card = QRectF(CARD_X, top, max(120.0, width - CARD_X), height)
    columns = _per_line(width)
    cells = [
        QRectF(
            CHIPS_X + (i % columns) * (CHIP_WIDTH + GAP),
            top + PAD + (i // columns) * (CHIP_HEIGHT + GAP),
            CHIP_WIDTH,
            CHIP_HEIGHT,
        )
        for i in range(len(spec.classes) + 1)
    ]
    slot = cells[-1] if spec.has_slot else QRectF()
    return Row(spec, card, tuple(cells[:-1]), slot)
