"""Several people's rankings: how far they agree (Kendall's W), and what they agree on.

For an anchor every rater orders the other n = C - 1 classes: the tiers in their order, and all the
classes that are not ranked tied at the end. Tied classes share the mean of their ranks. Who ranks
nothing for an anchor has no opinion on it and is no rater of it.

Shape suffixes: M raters, N items (the classes but the anchor), C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import RankingError
from core.ranking import Ranking, Tier

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Concordance:
    """Kendall's coefficient of concordance.

    Attributes:
        w: 0 (none) to 1 (all order alike); None where fewer than two order anything. Raters who
            order by chance come to 1/M on average.
        spread: Sum of squared deviations of the rank sums from their mean.
        most: The same if all agreed, ties considered; w = spread / most.
        chi2: Friedman's statistic, M (N - 1) W, with N - 1 degrees of freedom; None like w.
    """

    w: float | None
    spread: float
    most: float
    chi2: float | None


@dataclass(frozen=True)
class ClassDisagreement:
    """What the raters make of one anchor.

    Attributes:
        anchor: The class.
        concordance: Over the other classes.
        raters: Those who rank any class for it.
        disputed: The class whose ranks lie farthest apart; "" where all agree.
        places: What each of them makes of that class: its rank, 0 for a negative.
    """

    anchor: str
    concordance: Concordance
    raters: tuple[str, ...]
    disputed: str
    places: tuple[int, ...]


@dataclass(frozen=True)
class Disagreement:
    """What several raters agree on.

    Attributes:
        names: The raters' names.
        overall: All anchors together: the sum of their spreads over the sum of the largest
            possible ones; None where no anchor has two raters.
        by_chance: What that would be by chance.
        per_class: Anchors that anybody ranks for: the most disputed first, last those that a
            single one ranks for.
    """

    names: tuple[str, ...]
    overall: float | None
    by_chance: float | None
    per_class: tuple[ClassDisagreement, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns it as a JSON object."""
        return {
            "rankings": list(self.names),
            "w": self.overall,
            "by_chance": self.by_chance,
            "per_class": {
                row.anchor: {
                    "w": row.concordance.w,
                    "chi2": row.concordance.chi2,
                    "raters": list(row.raters),
                    "disputed": row.disputed or None,
                    "places": [place or None for place in row.places],
                }
                for row in self.per_class
            },
        }


def kendall_w(rank_MN: npt.ArrayLike) -> Concordance:
    """Returns Kendall's W of ranks, corrected for ties.

    W = 12 S / (M^2 (N^3 - N) - M sum_m T_m), T_m = sum over a rater's ties of t^3 - t.

    Args:
        rank_MN: Each rater's ranks of the items, ties as mean ranks.

    Source: Kendall and Babington Smith 1939; ties: Kendall, Rank Correlation Methods, section 6.
    """
    ranks = np.asarray(rank_MN, dtype=np.float64)
    m, n = ranks.shape
    if m < 1 or n < 1:
        raise ValueError("at least one rater and one item are needed")
    sum_N = ranks.sum(axis=0)
    spread = float(((sum_N - sum_N.mean()) ** 2).sum())
    ties = sum(_ties(row) for row in ranks)
    most = (m * m * (n**3 - n) - m * ties) / 12
    if m < 2 or most <= 0:
        return Concordance(None, spread, 0.0, None)
    w = spread / most
    return Concordance(w, spread, float(most), m * (n - 1) * w)


def _ties(rank_N: FloatArray) -> int:
    counts = np.unique(rank_N, return_counts=True)[1].astype(np.int64)
    return int((counts**3 - counts).sum())


def mean_ranks(ranking: Ranking, anchor: str, classes: Sequence[str]) -> FloatArray:
    """Returns the rank of each class for an anchor, 1 for the most alike, ties as mean ranks.

    Args:
        ranking: One rater's.
        anchor: Left out of the items.
        classes: The C classes, in whose order the N = C - 1 items come.
    """
    items = [name for name in classes if name != anchor]
    last = len(ranking.tiers(anchor))
    places = (ranking.tier_index(anchor, item) for item in items)
    place_N = np.array([last if place is None else place for place in places])
    _, inverse_N, counts = np.unique(place_N, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse_N], dtype=np.float64)


def disagreement(
    rankings: Sequence[Ranking], classes: Sequence[str], names: Sequence[str] = ()
) -> Disagreement:
    """Compares several people's rankings, class by class.

    Args:
        rankings: One a rater, two at least.
        classes: Of the data; the others that rankings name take no part.
        names: What to call the raters; empty: as the rankings are named.

    Raises:
        RankingError: If there are fewer than two rankings or three classes.
    """
    if len(rankings) < 2:
        raise RankingError("Disagreement takes two rankings.", "Give another one.")
    if len(classes) < 3:
        raise RankingError("Fewer than three classes cannot be ordered.", "Give the data.")
    called = tuple(names) or tuple(ranking.name for ranking in rankings)
    rows = [
        _class_row(dict(raters), anchor, classes)
        for anchor in classes
        if (raters := _raters(rankings, called, anchor))
    ]
    rows.sort(key=lambda row: 2.0 if row.concordance.w is None else row.concordance.w)
    most = sum(row.concordance.most for row in rows)
    if not most:
        return Disagreement(called, None, None, tuple(rows))
    overall = sum(row.concordance.spread for row in rows if row.concordance.most) / most
    by_chance = sum(row.concordance.most / len(row.raters) for row in rows) / most
    return Disagreement(called, overall, by_chance, tuple(rows))


def _raters(
    rankings: Sequence[Ranking], names: Sequence[str], anchor: str
) -> list[tuple[str, Ranking]]:
    return [(n, r) for n, r in zip(names, rankings, strict=True) if r.tiers(anchor)]


def _class_row(
    raters: dict[str, Ranking], anchor: str, classes: Sequence[str]
) -> ClassDisagreement:
    rank_MN = np.stack([mean_ranks(ranking, anchor, classes) for ranking in raters.values()])
    items = [name for name in classes if name != anchor]
    spread_N = rank_MN.std(axis=0)
    disputed = items[int(spread_N.argmax())] if spread_N.max() > 1e-9 else ""
    found = (ranking.tier_index(anchor, disputed) for ranking in raters.values())
    places = tuple(0 if at is None else at + 2 for at in found) if disputed else ()
    return ClassDisagreement(anchor, kendall_w(rank_MN), tuple(raters), disputed, places)


def consensus(rankings: Sequence[Ranking], classes: Sequence[str], name: str) -> Ranking:
    """Returns what several rankings agree on: the mean of ranks, evenly spaced.

    A class is ranked for an anchor if at least half of those who rank any for it do; the order is
    that of the means of its ranks, and equal means are a tie.

    Args:
        rankings: One a rater.
        classes: Of the data; others are left out.
        name: Of the new ranking.
    """
    similar: dict[str, tuple[Tier, ...]] = {}
    for anchor in classes:
        raters = [ranking for ranking in rankings if ranking.tiers(anchor)]
        if not raters:
            continue
        items = [item for item in classes if item != anchor]
        sum_N = np.sum([mean_ranks(ranking, anchor, classes) for ranking in raters], axis=0)
        tiers: dict[Fraction, list[str]] = {}
        for item, total in zip(items, sum_N, strict=True):
            votes = sum(ranking.tier_index(anchor, item) is not None for ranking in raters)
            if 2 * votes >= len(raters):
                tiers.setdefault(Fraction(float(total)), []).append(item)
        similar[anchor] = tuple(Tier(tuple(tiers[total])) for total in sorted(tiers))
    return replace(Ranking(similar, name), classes=tuple(classes))


def in_words(found: Disagreement) -> str:
    """Returns the whole in a sentence, chance beside it."""
    count = len(found.names)
    if not found.per_class:
        return f"None of the {count} rankings ranks any class."
    if found.overall is None:
        return "No class is ranked by two of them: there is nothing to agree on."
    verdict = (
        "They agree."
        if found.overall > 1 - 1e-9
        else f"By chance it would be {found.by_chance:.2f}, in full agreement 1."
    )
    return f"Kendall's W of {count} rankings: {coefficient(found.overall)}. {verdict}"


def coefficient(w: float) -> str:
    """Returns W with two digits; only full agreement reads as 1."""
    return f"{w:.2f}" if w < 0.995 or w > 1 - 1e-9 else "0.99"


def row_in_words(row: ClassDisagreement) -> str:
    """Returns an anchor's worst dispute, such as "boat: rank 2 for anna, a negative for bo"."""
    if len(row.raters) < 2:
        return f"only {row.raters[0]} ranks any"
    if not row.disputed:
        return "all agree"
    said = (
        f"{'a negative' if place == 0 else f'rank {place}'} for {name}"
        for place, name in zip(row.places, row.raters, strict=True)
    )
    return f"{row.disputed}: " + ", ".join(said)
