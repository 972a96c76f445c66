"""Edits of a whole ranking at once: copies, mirrors, single entries; and two rankings compared.

Each is a pure function that returns a new Ranking; `Ranking` itself has the moves of one ladder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from core.ranking import Ranking, Tier


def copied(ranking: Ranking, source: str, targets: Iterable[str]) -> Ranking:
    """Gives other classes the ladder of one; each leaves itself out of it."""
    similar = dict(ranking.similar)
    for target in targets:
        if target != source:
            similar[target] = tuple(
                replace(tier, classes=tuple(name for name in tier.classes if name != target))
                for tier in ranking.tiers(source)
            )
    return replace(ranking, similar=similar)


def cleared(ranking: Ranking) -> Ranking:
    """Drops every ladder: what is left is SupCon."""
    return replace(ranking, similar={})


def mirrored(ranking: Ranking, anchor: str) -> Ranking:
    """Where an anchor ranks a class that does not rank it, that class ranks the anchor as high."""
    result = ranking
    for tier, similarity in zip(ranking.tiers(anchor), ranking.similarities(anchor), strict=True):
        for name in tier.classes:
            if ranking.tier_index(name, anchor) is None:
                result = with_entry(result, name, anchor, similarity)
    return result


def symmetrised(ranking: Ranking) -> Ranking:
    """Mirrors every ladder; where two classes rank each other already, both stay as they are."""
    result = ranking
    for anchor in ranking.similar:
        values = ranking.similarities(anchor)
        for tier, similarity in zip(ranking.tiers(anchor), values, strict=True):
            for name in tier.classes:
                if ranking.tier_index(name, anchor) is None:
                    result = with_entry(result, name, anchor, similarity)
    return result


def with_entry(ranking: Ranking, anchor: str, name: str, similarity: float) -> Ranking:
    """Sets how alike a class is to an anchor; 0 takes it out of the ladder.

    The other classes of the ladder keep the similarities they show; equal ones share a tier. A
    ladder that comes out evenly spaced is kept as such, without given similarities.

    Args:
        ranking: Where.
        anchor: Whose ladder.
        name: The class, not the anchor.
        similarity: In [0, 1).
    """
    assert name != anchor, "a class is not ranked for itself"
    assert 0 <= similarity < 1, "rank 1 is the class itself"
    values: dict[float, list[str]] = {}
    shown = zip(ranking.tiers(anchor), ranking.similarities(anchor), strict=True)
    for tier, value in shown:
        values.setdefault(value, []).extend(other for other in tier.classes if other != name)
    if similarity > 0:
        values.setdefault(similarity, []).append(name)
    falling = sorted(((value, names) for value, names in values.items() if names), reverse=True)
    tiers = tuple(Tier(tuple(names), value) for value, names in falling)
    k = len(tiers)
    even = all(
        abs(value - (1 - i / (k + 1))) < 1e-9 for i, (value, _) in enumerate(falling, start=1)
    )
    if even:
        tiers = tuple(replace(tier, similarity=None) for tier in tiers)
    return replace(ranking, similar={**ranking.similar, anchor: tiers})


def differences(a: Ranking, b: Ranking, classes: Sequence[str] = ()) -> tuple[str, ...]:
    """Says how a second ranking differs from a first, one sentence a class that differs."""
    anchors = [*classes, *sorted({*a.similar, *b.similar} - set(classes))]
    return tuple(
        f"{anchor}: {_in_words(a, anchor)} → {_in_words(b, anchor)}"
        for anchor in anchors
        if _shown(a, anchor) != _shown(b, anchor)
    )


def _shown(ranking: Ranking, anchor: str) -> list[tuple[frozenset[str], float]]:
    values = ranking.similarities(anchor)
    return [
        (frozenset(tier.classes), round(value, 6))
        for tier, value in zip(ranking.tiers(anchor), values, strict=True)
    ]


def _in_words(ranking: Ranking, anchor: str) -> str:
    values = ranking.similarities(anchor)
    parts = [
        f"{' = '.join(tier.classes)} ({value:.2f})"
        for tier, value in zip(ranking.tiers(anchor), values, strict=True)
    ]
    return ", ".join(parts) or "nothing"
