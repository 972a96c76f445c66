"""What a drop on a ladder would do, said before it is done; and the payload of a drag.

Everything here is pure: the board asks `drop_at` while the pointer moves, and again when the
button is released.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.config import ObjectiveConfig
from core.ranking import Ranking

MIME_TYPE = "application/x-akin-classes+json"
_VERSION = 1
_MOST_BYTES = 100_000

TargetKind = Literal["gap", "tier", "pool"]


@dataclass(frozen=True)
class Target:
    """A place on the board.

    Attributes:
        kind: "gap" (between tiers: a new rank), "tier" (a tie) or "pool" (out of the ladder).
        index: Of the gap, 0 before the first tier; or of the tier, 0 for rank 2.
    """

    kind: TargetKind
    index: int = 0


@dataclass(frozen=True)
class Drop:
    """What a drop would do.

    Attributes:
        target: Where.
        ranking: The ranking after it.
        text: What it does, for the lane that opens: "new rank 3", "tie with bird".
        undo_text: The undo step's name, "aeroplane: boat to rank 3".
        changes: False where it would change nothing.
    """

    target: Target
    ranking: Ranking
    text: str
    undo_text: str
    changes: bool


def encode_classes(names: Sequence[str]) -> bytes:
    """Returns the payload of a drag: versioned JSON."""
    return json.dumps({"version": _VERSION, "classes": list(names)}).encode()


def decode_classes(payload: bytes) -> tuple[str, ...]:
    """Reads a payload strictly; anything but what `encode_classes` writes gives ()."""
    if len(payload) > _MOST_BYTES:
        return ()
    try:
        data = json.loads(payload.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        return ()
    if not isinstance(data, dict) or set(data) != {"version", "classes"}:
        return ()
    names = data["classes"]
    if data["version"] != _VERSION or isinstance(data["version"], bool):
        return ()
    if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):
        return ()
    return tuple(names) if len(set(names)) == len(names) else ()


def drop_at(ranking: Ranking, anchor: str, names: Sequence[str], target: Target) -> Drop:
    """Says what dropping classes at a place of an anchor's ladder does.

    A drop that leaves every class where it is changes nothing, similarities included.
    """
    moving = tuple(name for name in dict.fromkeys(names) if name != anchor)
    if not moving:
        return Drop(target, ranking, f"{anchor} is rank 1 already", "", False)
    if target.kind == "pool":
        return _removal(ranking, anchor, moving, target)
    if target.kind == "tier":
        after = ranking.tied(anchor, moving, target.index)
    else:
        after = ranking.moved(anchor, moving, target.index)
    if _order(after, anchor) == _order(ranking, anchor):
        at = ranking.tier_index(anchor, moving[0])
        stays = "nothing changes" if at is None else f"stays at rank {at + 2}"
        return Drop(target, ranking, stays, "", False)
    at = after.tier_index(anchor, moving[0])
    assert at is not None
    others = [name for name in after.tiers(anchor)[at].classes if name not in moving]
    if others:
        text = f"tie with {listing(others)}"
        undo = f"{anchor}: tie {listing(moving)} with {listing(others)}"
    else:
        was = ranking.tier_index(anchor, moving[0])
        alone = was is not None and set(ranking.tiers(anchor)[was].classes) == set(moving)
        text = f"move to rank {at + 2}" if alone else f"new rank {at + 2}"
        undo = f"{anchor}: {listing(moving)} to rank {at + 2}"
    return Drop(target, after, text, undo, True)


def put_into_rank(ranking: Ranking, anchor: str, names: Sequence[str], rank: int) -> Drop:
    """Says what putting classes into a rank does: a tie where it exists, else a new last one."""
    count = len(ranking.tiers(anchor))
    tier = rank - 2
    if 0 <= tier < count:
        return drop_at(ranking, anchor, names, Target("tier", tier))
    return drop_at(ranking, anchor, names, Target("gap", count))


def listing(names: Sequence[str]) -> str:
    """Returns "bird", "bird and boat" or "3 classes"."""
    return " and ".join(names) if len(names) <= 2 else f"{len(names)} classes"


def temperature(similarity: float, objective: ObjectiveConfig) -> float:
    """Returns tau of a tier (DESIGN.md section 1): tau_min at similarity 1, tau_max at 0."""
    low, high = objective.temperature_min, objective.temperature_max
    return low + (1 - similarity) * (high - low)


def changed_anchors(before: Ranking, after: Ranking) -> tuple[str, ...]:
    """Returns the classes whose ladders differ."""
    anchors = sorted({*before.similar, *after.similar})
    return tuple(name for name in anchors if before.tiers(name) != after.tiers(name))


def _removal(ranking: Ranking, anchor: str, moving: tuple[str, ...], target: Target) -> Drop:
    ranked = [name for name in moving if ranking.tier_index(anchor, name) is not None]
    if not ranked:
        return Drop(target, ranking, "nothing changes", "", False)
    after = ranking.removed(anchor, ranked)
    undo = f"{anchor}: {listing(ranked)} back to the pool"
    return Drop(target, after, "back to the pool: a negative", undo, True)


def _order(ranking: Ranking, anchor: str) -> list[frozenset[str]]:
    return [frozenset(tier.classes) for tier in ranking.tiers(anchor)]
