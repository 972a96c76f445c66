"""Rank compliance: does the order of similarities that the user asked for hold?

Shape suffixes: N objects, C classes, P pairs of classes.

Equation 1 of the paper wants, for an anchor of class c, h(q, P1) > h(q, P2) > ... > h(q, N). Here
h(q, k) is the cosine of the object to the mean of class k; row c of similarity_CC says which rank
each class has: 1 is the class itself, each smaller similarity above 0 is the next rank, 0 means
negative. An *ordered pair* is two classes of different ranks (negatives come last); it holds for an
object where the class of the better rank scores strictly higher.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.evaluation.plain import number_or_none

Floats = npt.NDArray[np.floating[Any]]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

NEGATIVES = "negatives"
_CHUNK_ELEMENTS = 1 << 21


@dataclass(frozen=True)
class ClassCompliance:
    """Compliance of one anchor class's objects.

    Attributes:
        share: Share of its objects' ordered pairs that hold.
        tau_b: Mean Kendall's tau-b between the asked and the found order, in [-1, 1].
        count: How many objects.
    """

    share: float | None
    tau_b: float | None
    count: int


@dataclass(frozen=True)
class RankPair:
    """Two ranks, the better one first, over all anchors that have both.

    Attributes:
        higher: Such as "rank 1".
        lower: Such as "rank 2" or "negatives".
        share: Share of their ordered pairs that hold.
        margin: Mean over objects of the higher rank's mean score less the lower rank's.
        count: How many objects.
    """

    higher: str
    lower: str
    share: float
    margin: float
    count: int


@dataclass(frozen=True)
class ViolatingPair:
    """An ordered pair that fails for some objects of an anchor class.

    Attributes:
        anchor: The anchor class.
        higher: The class ranked better.
        lower: The class ranked worse that scores as high or higher.
        share: Share of the anchor's objects for which the pair fails.
        count: How many objects that is.
    """

    anchor: str
    higher: str
    lower: str
    share: float
    count: int


@dataclass(frozen=True)
class Compliance:
    """How far the order that the user asked for holds.

    Attributes:
        overall: Share of all ordered pairs, of all objects, that hold; None without any.
        balanced: Mean of the classes' shares.
        tau_b: Mean of the objects' Kendall's tau-b.
        per_class: Each class with objects, by name (or by label where no names were given).
        rank_pairs: Each pair of ranks, "rank 1" against "rank 2" first, over the anchors that
            have both.
        margins: The same of neighbouring ranks only: nothing lies between them for the anchors
            counted, so "rank 1" against "negatives" is about anchors without ranked classes.
        violating_pairs: Most violated first.
    """

    overall: float | None
    balanced: float | None
    tau_b: float | None
    per_class: Mapping[str, ClassCompliance]
    rank_pairs: tuple[RankPair, ...]
    margins: tuple[RankPair, ...]
    violating_pairs: tuple[ViolatingPair, ...]

    def to_json(self, violations: int = 50) -> dict[str, Any]:
        """Returns the entry of metrics.json, with the worst violating pairs."""
        return {
            "overall": number_or_none(self.overall),
            "balanced": number_or_none(self.balanced),
            "tau_b": number_or_none(self.tau_b),
            "per_class": {name: asdict(row) for name, row in self.per_class.items()},
            "rank_pairs": [asdict(pair) for pair in self.rank_pairs],
            "margins": [asdict(pair) for pair in self.margins],
            "violating_pairs": [asdict(pair) for pair in self.violating_pairs[:violations]],
        }


def ranks_of(similarity_CC: Floats) -> IntArray:
    """Returns the rank of each class for each anchor, int64: row = anchor.

    1 is the class itself, 2, 3, ... its tiers by falling similarity; 0 marks negatives.
    """
    similarity = np.asarray(similarity_CC, dtype=np.float64)
    rank_CC = np.zeros(similarity.shape, dtype=np.int64)
    for anchor, row_C in enumerate(similarity):
        others = np.delete(row_C, anchor)
        values = np.unique(others[others > 0])[::-1]
        for rank, value in enumerate(values, start=2):
            rank_CC[anchor, row_C == value] = rank
        rank_CC[anchor, anchor] = 1
    return rank_CC


def rank_compliance(
    score_NC: Floats,
    label_N: IntArray,
    similarity_CC: Floats,
    classes: Sequence[str] | None = None,
) -> Compliance:
    """Measures how far the ranking's order holds.

    Args:
        score_NC: Cosine of each object to each class mean; classes without a mean (-inf or NaN)
            take no part.
        label_N: Each object's class; -1 (withheld) is left out.
        similarity_CC: As `Ranking.similarity_matrix` gives it: row = anchor, 1 on the diagonal, 0
            for negatives.
        classes: Class names, for the tables; None: labels as text.

    Source: equation 1 of the paper; Kendall 1945 for tau-b.
    """
    score_NC, label_N = np.asarray(score_NC), np.asarray(label_N)
    names = [str(i) for i in range(score_NC.shape[1])] if classes is None else list(classes)
    tally = _Tally(names)
    present_C = np.flatnonzero(np.isfinite(score_NC).all(axis=0))
    rank_CC = ranks_of(similarity_CC)
    deepest = int(rank_CC.max(initial=1))
    order_CC = np.where(rank_CC == 0, deepest + 1, rank_CC)
    if len(present_C) > 1:
        for anchor in np.unique(label_N[label_N >= 0]):
            scores = score_NC[np.ix_(np.flatnonzero(label_N == anchor), present_C)]
            tally.add(int(anchor), scores, present_C, order_CC[anchor], deepest)
    return tally.result()


class _Tally:
    """Sums over anchor classes."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._per_class: dict[str, ClassCompliance] = {}
        self._held = self._asked = self._count = 0
        self._tau = 0.0
        self._rank_pairs: dict[tuple[int, int], FloatArray] = {}
        self._margins: dict[tuple[int, int], FloatArray] = {}
        self._violating: list[ViolatingPair] = []
        self._deepest = 1

    def add(
        self,
        anchor: int,
        scores: Floats,
        present: npt.NDArray[Any],
        order_C: IntArray,
        deepest: int,
    ) -> None:
        """Adds the objects of one anchor class; `scores` has the present classes' columns."""
        self._deepest = deepest
        order = order_C[present]
        count = len(scores)
        higher_P, lower_P = _ordered_pairs(order)
        held_P, tau_b = _held_pairs(scores, order, higher_P, lower_P)
        asked = count * len(higher_P)
        share = float(held_P.sum() / asked) if asked else None
        self._per_class[self._names[anchor]] = ClassCompliance(share, tau_b, count)
        self._held += int(held_P.sum())
        self._asked += asked
        if tau_b is not None:
            self._tau += tau_b * count
            self._count += count
        self._add_rank_pairs(scores, order, higher_P, lower_P, held_P)
        for pair in np.flatnonzero(held_P < count):
            failed = count - int(held_P[pair])
            self._violating.append(
                ViolatingPair(
                    self._names[anchor],
                    self._names[present[higher_P[pair]]],
                    self._names[present[lower_P[pair]]],
                    failed / count,
                    failed,
                )
            )

    def _add_rank_pairs(
        self,
        scores: Floats,
        order: IntArray,
        higher_P: IntArray,
        lower_P: IntArray,
        held_P: IntArray,
    ) -> None:
        count = len(scores)
        ranks = [int(rank) for rank in np.unique(order)]
        mean = {rank: float(scores[:, order == rank].mean(dtype=np.float64)) for rank in ranks}
        for at, high in enumerate(ranks):
            for low in ranks[at + 1 :]:
                pairs = (order[higher_P] == high) & (order[lower_P] == low)
                sums = np.array(
                    [
                        held_P[pairs].sum(),
                        pairs.sum() * count,
                        (mean[high] - mean[low]) * count,
                        count,
                    ]
                )
                key = (high, low)
                self._rank_pairs[key] = self._rank_pairs.get(key, 0.0) + sums
                if low == ranks[at + 1]:
                    self._margins[key] = self._margins.get(key, 0.0) + sums

    def result(self) -> Compliance:
        shares = [row.share for row in self._per_class.values() if row.share is not None]
        return Compliance(
            overall=self._held / self._asked if self._asked else None,
            balanced=float(np.mean(shares)) if shares else None,
            tau_b=self._tau / self._count if self._count else None,
            per_class=self._per_class,
            rank_pairs=tuple(self._pairs(self._rank_pairs)),
            margins=tuple(self._pairs(self._margins)),
            violating_pairs=tuple(sorted(self._violating, key=lambda v: (-v.share, -v.count))),
        )

    def _pairs(self, table: Mapping[tuple[int, int], FloatArray]) -> Iterator[RankPair]:
        for (high, low), (held, asked, margin, count) in sorted(table.items()):
            yield RankPair(
                higher=rank_name(high, self._deepest),
                lower=rank_name(low, self._deepest),
                share=float(held / asked),
                margin=float(margin / count),
                count=int(count),
            )


def rank_name(order: int, deepest: int) -> str:
    """Returns "rank 3", or "negatives" for what lies below the deepest rank."""
    return f"rank {order}" if order <= deepest else NEGATIVES


def _ordered_pairs(order: IntArray) -> tuple[IntArray, IntArray]:
    """Returns the column of the better- and of the worse-ranked class of each ordered pair."""
    higher_P, lower_P = np.nonzero(order[:, None] < order[None, :])
    return higher_P.astype(np.int64), lower_P.astype(np.int64)


def _held_pairs(
    scores: Floats, order: IntArray, higher_P: IntArray, lower_P: IntArray
) -> tuple[IntArray, float | None]:
    """Counts for each ordered pair the objects for which it holds; and the mean tau-b.

    tau-b = (held - failed) / sqrt(pairs untied in rank * pairs untied in score); objects whose
    scores are all equal have none and are left out.
    """
    held_P = np.zeros(len(higher_P), dtype=np.int64)
    if not len(higher_P):
        return held_P, None
    tau_sum, tau_count = 0.0, 0
    classes = scores.shape[1]
    block = max(1, _CHUNK_ELEMENTS // len(higher_P))
    for start in range(0, len(scores), block):
        part = scores[start : start + block]
        high, low = part[:, higher_P], part[:, lower_P]
        held = high > low
        held_P += held.sum(axis=0)
        concordance = held.sum(axis=1) - (high < low).sum(axis=1)
        untied = classes * (classes - 1) // 2 - _tied_pairs(part)
        valid = untied > 0
        tau = concordance[valid] / np.sqrt(float(len(higher_P)) * untied[valid])
        tau_sum += float(tau.sum())
        tau_count += int(valid.sum())
    return held_P, tau_sum / tau_count if tau_count else None


def _tied_pairs(scores: Floats) -> IntArray:
    """Counts the pairs of equal values in each row."""
    ascending = np.sort(scores, axis=1)
    run = np.zeros(len(scores), dtype=np.int64)
    total = np.zeros(len(scores), dtype=np.int64)
    for column in range(1, scores.shape[1]):
        run = np.where(ascending[:, column] == ascending[:, column - 1], run + 1, 0)
        total += run
    return total


# ----- distributions -----


@dataclass(frozen=True)
class RankDistribution:
    """Scores of objects to the classes at one rank.

    Attributes:
        rank: "rank 1", "rank 2", ... or "negatives".
        mean: Of the scores.
        quantiles: At 5, 25, 50, 75 and 95 %.
        count: How many scores.
    """

    rank: str
    mean: float
    quantiles: tuple[float, ...]
    count: int

    def to_json(self) -> dict[str, Any]:
        """Returns the row for metrics.json."""
        return asdict(self) | {"quantiles": list(self.quantiles)}


def similarity_by_rank(
    score_NC: Floats, label_N: IntArray, similarity_CC: Floats, anchor: int | None = None
) -> tuple[RankDistribution, ...]:
    """Returns the distribution of scores at each rank, best rank first.

    Args:
        score_NC: Cosine of each object to each class mean; -inf or NaN take no part.
        label_N: Each object's class; -1 is left out.
        similarity_CC: The ranking: row = anchor.
        anchor: Only objects of this class; None: all.
    """
    score_NC, label_N = np.asarray(score_NC, dtype=np.float64), np.asarray(label_N)
    chosen = label_N >= 0 if anchor is None else label_N == anchor
    rank_CC = ranks_of(similarity_CC)
    deepest = int(rank_CC.max(initial=1))
    order_NC = np.where(rank_CC == 0, deepest + 1, rank_CC)[label_N[chosen]]
    scores = score_NC[chosen]
    finite = np.isfinite(scores)
    rows = []
    for order in np.unique(order_NC):
        values = scores[(order_NC == order) & finite]
        if len(values):
            quantiles = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])
            rows.append(
                RankDistribution(
                    rank=rank_name(int(order), deepest),
                    mean=float(values.mean()),
                    quantiles=tuple(float(q) for q in quantiles),
                    count=len(values),
                )
            )
    return tuple(rows)


def compliance_to_json(
    score_NC: Floats, label_N: IntArray, similarity_CC: Floats, classes: Sequence[str]
) -> dict[str, Any]:
    """Returns an entry of metrics.json: compliance, and similarity against rank."""
    found = rank_compliance(score_NC, label_N, similarity_CC, classes).to_json()
    rows = similarity_by_rank(score_NC, label_N, similarity_CC)
    return found | {"similarity_by_rank": [row.to_json() for row in rows]}
