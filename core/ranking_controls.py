"""Control rankings: does the *annotation* carry the gain, or would any ranking of its shape do?

Each control is a pure function of a ranking (and a seed): shuffled, reversed, truncated, random.
Where a ranking is named, `SOURCE:CONTROL` or `SOURCE:CONTROL:NUMBER` names its control, such as
`voc2007-paper:shuffled:0`; the number is a seed, for `truncated` the depth that is left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from core.errors import RankingError
from core.ranking import Ranking, Tier, nearest

Control = Literal["shuffled", "reversed", "truncated", "random"]
CONTROLS: tuple[Control, ...] = get_args(Control)
TRUNCATED_DEPTH = 2
_SPELLING = re.compile(r"^(?P<base>.+?):(?P<control>[a-z]+)(?::(?P<number>\d+))?$")


@dataclass(frozen=True)
class ControlSource:
    """A named control ranking, as in `voc2007-paper:shuffled:0`.

    Attributes:
        base: The ranking it is made from: a preset's name or a file.
        control: Which control.
        number: Seed; for `truncated` the depth that is left, the class itself counted.
    """

    base: str
    control: Control
    number: int

    def __str__(self) -> str:
        return f"{self.base}:{self.control}:{self.number}"

    def of(self, ranking: Ranking, classes: Sequence[str] = ()) -> Ranking:
        """Returns the control of a ranking, named as this source.

        Args:
            ranking: The base.
            classes: What shuffled and random draw from; empty: the classes the ranking names.
        """
        return controlled(ranking, self.control, self.number, classes, name=str(self))


def parse_source(source: str) -> ControlSource | None:
    """Reads `SOURCE:CONTROL[:NUMBER]`; None where a source names no control.

    Raises:
        RankingError: If it names a control that there is not, or too small a depth.
    """
    found = _SPELLING.match(source)
    if found is None:
        return None
    base, word, number = found["base"], found["control"], found["number"]
    for control in CONTROLS:
        if control == word:
            default = TRUNCATED_DEPTH if control == "truncated" else 0
            parsed = ControlSource(base, control, default if number is None else int(number))
            if control == "truncated" and parsed.number < 1:
                raise RankingError(f"'{source}' leaves no rank.", "The class itself is rank 1.")
            return parsed
    hint = nearest(word, CONTROLS, "Write SOURCE:CONTROL:NUMBER")
    raise RankingError(f"'{source}' names no control ranking.", hint)


def controlled(
    ranking: Ranking,
    control: Control,
    number: int = 0,
    classes: Sequence[str] = (),
    *,
    name: str = "",
) -> Ranking:
    """Returns a control of a ranking.

    Args:
        ranking: The base, unchanged.
        control: Which control.
        number: Seed; for `truncated` the depth that is left.
        classes: What shuffled and random draw from; empty: the classes the ranking names.
        name: Of the new ranking; empty: made of the base's name, control and number.
    """
    makers = {
        "shuffled": lambda: shuffled(ranking, number, classes),
        "reversed": lambda: reversed_order(ranking),
        "truncated": lambda: truncated(ranking, number),
        "random": lambda: random_ranking(ranking, number, classes),
    }
    return replace(makers[control](), name=name or f"{ranking.name}:{control}:{number}")


def shuffled(ranking: Ranking, seed: int = 0, classes: Sequence[str] = ()) -> Ranking:
    """Returns a ranking of the same shape that names other classes.

    Every anchor keeps its number of tiers, their sizes and similarities. The classes are drawn at
    random from those the anchor does not rank; where these are too few, from all but itself.
    """
    rng = np.random.default_rng(seed)
    pool = classes or named_classes(ranking)
    similar = {}
    for anchor, tiers in ranking.similar.items():
        ranked = ranking.ranked(anchor)
        others = [name for name in pool if name != anchor and name not in ranked]
        if len(others) < len(ranked):
            others = [name for name in dict.fromkeys((*pool, *ranked)) if name != anchor]
        drawn = iter([others[i] for i in rng.permutation(len(others))])
        similar[anchor] = tuple(
            replace(tier, classes=tuple(next(drawn) for _ in tier.classes)) for tier in tiers
        )
    return replace(ranking, similar=similar)


def reversed_order(ranking: Ranking) -> Ranking:
    """Returns the ranking with every ladder upside down; the similarities stay at their ranks.

    A ladder of a single tier has no order to reverse and stays as it is.
    """
    similar = {
        anchor: tuple(
            replace(tier, classes=other.classes)
            for tier, other in zip(tiers, reversed(tiers), strict=True)
        )
        for anchor, tiers in ranking.similar.items()
    }
    return replace(ranking, similar=similar)


def truncated(ranking: Ranking, depth: int = TRUNCATED_DEPTH) -> Ranking:
    """Returns the ranking's first ranks; deeper classes become negatives.

    Args:
        ranking: The base.
        depth: Ranks that are left, the class itself counted. They keep their similarities.
    """
    similar = {}
    for anchor, tiers in ranking.similar.items():
        values = ranking.similarities(anchor)
        kept = [replace(t, similarity=round(v, 6)) for t, v in zip(tiers, values, strict=True)]
        similar[anchor] = tiers if len(tiers) < depth else tuple(kept[: depth - 1])
    return replace(ranking, similar=similar)


def random_ranking(ranking: Ranking, seed: int = 0, classes: Sequence[str] = ()) -> Ranking:
    """Returns an opinion drawn by lot: every class ranks others, one a tier, evenly spaced.

    Only the classes and the depth are the base's.
    """
    rng = np.random.default_rng(seed)
    pool = classes or named_classes(ranking)
    similar = {}
    for anchor in pool:
        others = [name for name in pool if name != anchor]
        drawn = rng.permutation(len(others))[: ranking.depth - 1]
        similar[anchor] = tuple(Tier((others[i],)) for i in drawn)
    return replace(ranking, similar=similar)


def named_classes(ranking: Ranking) -> tuple[str, ...]:
    """Returns the classes a ranking was made for, or else those it names, sorted."""
    if ranking.classes:
        return ranking.classes
    ranked = (name for anchor in ranking.similar for name in ranking.ranked(anchor))
    return tuple(sorted({*ranking.similar, *ranked}))
