"""A ranking: for each class, the other classes that are like it, in order.

Shape suffixes: C classes.

Rankings are per class and need not be symmetric. Rank 1 of an anchor class is the class itself
(similarity 1); its tiers are ranks 2, 3, ...; classes not ranked are negatives (similarity 0).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import yaml

from core.errors import RankingError
from core.spelling import close_spelling

NARROWEST_GAP = 0.002
MOST_NAMES = 25


@dataclass(frozen=True)
class Tier:
    """Classes that share a rank.

    Attributes:
        classes: Class names; several are a tie.
        similarity: Given similarity in (0, 1), or None: evenly spaced in its ladder.
    """

    classes: tuple[str, ...]
    similarity: float | None = None


ProblemKind = Literal[
    "unknown anchor", "self", "duplicate", "unknown", "similarities", "asymmetric", "empty"
]


@dataclass(frozen=True)
class RankingProblem:
    """Something wrong with a ranking, or worth a look (core/ranking_repairs.py mends each).

    Attributes:
        kind: What it is.
        anchor: The class whose ladder it is about.
        name: The class named there.
        message: One sentence.
        hint: What to do.
    """

    kind: ProblemKind
    anchor: str
    name: str
    message: str
    hint: str

    @property
    def severity(self) -> Literal["error", "notice"]:
        """An error cannot be trained on; a notice may well be meant."""
        return "notice" if self.kind in {"asymmetric", "empty"} else "error"


@dataclass(frozen=True)
class Ranking:
    """An immutable ranking; every move returns a new one.

    Attributes:
        similar: Anchor class to its tiers, most alike first; classes without tiers are absent.
        name: What the user calls it.
        classes: The classes it was made for; empty if it does not say.
    """

    similar: Mapping[str, tuple[Tier, ...]] = field(default_factory=dict)
    name: str = "untitled"
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        kept = {}
        for anchor in sorted(self.similar):
            tiers = tuple(tier for tier in self.similar[anchor] if tier.classes)
            if any(tier.similarity is None for tier in tiers):
                tiers = tuple(replace(tier, similarity=None) for tier in tiers)
            if tiers:
                kept[anchor] = tiers
        object.__setattr__(self, "similar", kept)

    def __hash__(self) -> int:
        return hash((tuple(self.similar.items()), self.name, self.classes))

    # ----- reading -----

    def tiers(self, anchor: str) -> tuple[Tier, ...]:
        """Returns the tiers of an anchor class, most alike first (ranks 2, 3, ...)."""
        return self.similar.get(anchor, ())

    def similarities(self, anchor: str) -> tuple[float, ...]:
        """Returns the similarity of each tier: as given, or 1 - i/(k+1) for i = 1..k."""
        tiers = self.tiers(anchor)
        k = len(tiers)
        return tuple(
            tier.similarity if tier.similarity is not None else 1 - i / (k + 1)
            for i, tier in enumerate(tiers, start=1)
        )

    def ranked(self, anchor: str) -> tuple[str, ...]:
        """Returns every class in the anchor's tiers, in order."""
        return tuple(name for tier in self.tiers(anchor) for name in tier.classes)

    def tier_index(self, anchor: str, name: str) -> int | None:
        """Returns which tier of the anchor holds a class (its rank is this + 2), or None."""
        for i, tier in enumerate(self.tiers(anchor)):
            if name in tier.classes:
                return i
        return None

    @property
    def depth(self) -> int:
        """The number of ranks of the longest ladder, the class itself included."""
        return 1 + max((len(tiers) for tiers in self.similar.values()), default=0)

    def similarity_matrix(
        self, classes: Sequence[str], depth: int | None = None
    ) -> npt.NDArray[np.float64]:
        """Returns the similarity of each class to each anchor, as the ranked loss takes it.

        Args:
            classes: The C class names, in label order; others named here are left out.
            depth: Ranks used, the class itself counted; deeper tiers become negatives.
                None uses all.

        Returns:
            similarity_CC, float64: row = anchor; 1 on the diagonal, 0 for negatives.
        """
        index = {name: i for i, name in enumerate(classes)}
        similarity_CC = np.eye(len(classes))
        for anchor, tiers in self.similar.items():
            if anchor not in index:
                continue
            used = len(tiers) if depth is None else max(0, depth - 1)
            values = self.similarities(anchor)
            for tier, value in reversed(list(zip(tiers[:used], values, strict=False))):
                for name in tier.classes:
                    if name in index and name != anchor:
                        similarity_CC[index[anchor], index[name]] = value
        return similarity_CC

    # ----- moves -----

    def moved(self, anchor: str, names: Iterable[str], gap: int) -> Ranking:
        """Puts classes into a new tier of their own.

        Args:
            anchor: Whose ladder.
            names: Classes to move, from anywhere; the anchor itself is left out.
            gap: Where the tier opens, counted in the ladder as it is now: 0 before the first
                tier, k after the last.

        Where similarities are given, the new tier's lies midway between its neighbours'; where
        these leave no room, the ladder becomes evenly spaced.
        """
        moving = self._movable(anchor, names)
        if not moving:
            return self
        tiers = self.tiers(anchor)
        gap = min(max(gap, 0), len(tiers))
        if any(set(tier.classes) == set(moving) for tier in tiers[max(gap - 1, 0) : gap + 1]):
            return self
        before = _without(tiers[:gap], moving)
        after = _without(tiers[gap:], moving)
        similarity = None
        if tiers and tiers[0].similarity is not None:
            high = before[-1].similarity if before else 1.0
            low = after[0].similarity if after else 0.0
            high, low = 1.0 if high is None else high, low or 0.0
            similarity = (high + low) / 2 if high - low > NARROWEST_GAP else None
        return self._with_tiers(anchor, (*before, Tier(moving, similarity), *after))

    def tied(self, anchor: str, names: Iterable[str], tier: int) -> Ranking:
        """Puts classes into an existing tier, where they tie with those already there."""
        moving = self._movable(anchor, names)
        tiers = self.tiers(anchor)
        if not moving or not 0 <= tier < len(tiers):
            return self
        target = tiers[tier]
        kept = tuple(name for name in target.classes if name not in moving)
        joined = (
            target
            if set(moving) <= set(target.classes)
            else replace(target, classes=(*kept, *moving))
        )
        before, after = _without(tiers[:tier], moving), _without(tiers[tier + 1 :], moving)
        return self._with_tiers(anchor, (*before, joined, *after))

    def removed(self, anchor: str, names: Iterable[str]) -> Ranking:
        """Takes classes out of the ladder: they become negatives."""
        return self._with_tiers(anchor, _without(self.tiers(anchor), tuple(names)))

    def stepped(self, anchor: str, names: Collection[str], step: int) -> Ranking:
        """Moves classes by one place up (step -1) or down (+1) the ladder, in their order.

        A tie moves as one; where only some of it move, these leave it for a tier of their own.
        What has reached an end stays, and so does what stands behind it.
        """
        groups = [tuple(n for n in tier.classes if n in names) for tier in self.tiers(anchor)]
        groups = [group for group in groups if group]
        result, stuck = self, set[str]()
        for group in groups if step < 0 else reversed(groups):
            tiers, at = list(result.tiers(anchor)), result.tier_index(anchor, group[0])
            assert at is not None, "what is ranked stays ranked"
            if len(tiers[at].classes) > len(group):
                result = result.moved(anchor, group, at if step < 0 else at + 1)
            elif not 0 <= at + step < len(tiers) or set(tiers[at + step].classes) <= stuck:
                stuck |= set(group)
            else:
                here, there = tiers[at], tiers[at + step]
                tiers[at] = replace(there, similarity=here.similarity)
                tiers[at + step] = replace(here, similarity=there.similarity)
                result = result._with_tiers(anchor, tuple(tiers))
        return result

    def with_similarity(self, anchor: str, tier: int, similarity: float) -> Ranking:
        """Gives a tier a similarity of its own, kept between its neighbours'.

        The other tiers of the ladder keep the values they show.
        """
        values = list(self.similarities(anchor))
        high = values[tier - 1] if tier > 0 else 1.0
        low = values[tier + 1] if tier + 1 < len(values) else 0.0
        margin = min(0.005, (high - low) / 4)
        value = min(max(similarity, low + margin), high - margin)
        values[tier] = round(value, 4) if low < round(value, 4) < high else value
        tiers = (replace(t, similarity=v) for t, v in zip(self.tiers(anchor), values, strict=True))
        return self._with_tiers(anchor, tuple(tiers))

    def evenly_spaced(self, anchor: str) -> Ranking:
        """Drops the given similarities of a ladder; they become evenly spaced."""
        tiers = (replace(tier, similarity=None) for tier in self.tiers(anchor))
        return self._with_tiers(anchor, tuple(tiers))

    def cleared(self, anchor: str) -> Ranking:
        """Drops an anchor's whole ladder."""
        return self._with_tiers(anchor, ())

    def without_classes(self, names: Collection[str]) -> Ranking:
        """Drops classes everywhere, as anchors and from tiers (withheld classes)."""
        kept = {
            anchor: _without(tiers, tuple(names))
            for anchor, tiers in self.similar.items()
            if anchor not in names
        }
        classes = tuple(name for name in self.classes if name not in names)
        return replace(self, similar=kept, classes=classes)

    def repaired(self, classes: Sequence[str]) -> Ranking:
        """Returns the ranking without what `problems` calls errors.

        Each class stays at its first place, unknown and self-ranked ones go, and bad
        similarities become evenly spaced.
        """
        known = set(classes)
        kept: dict[str, tuple[Tier, ...]] = {}
        for anchor, tiers in self.similar.items():
            if anchor not in known:
                continue
            seen = {anchor}
            clean = []
            for tier in tiers:
                names = []
                for name in tier.classes:
                    if name in known and name not in seen:
                        seen.add(name)
                        names.append(name)
                clean.append(replace(tier, classes=tuple(names)))
            if _similarity_fault([tier for tier in clean if tier.classes]):
                clean = [replace(tier, similarity=None) for tier in clean]
            kept[anchor] = tuple(clean)
        return replace(self, similar=kept)

    # ----- checking -----

    def problems(self, classes: Sequence[str]) -> tuple[RankingProblem, ...]:
        """Lists what is wrong with this ranking for a data set's classes."""
        return tuple(p for anchor in self.similar for p in self._ladder_problems(anchor, classes))

    def _ladder_problems(self, anchor: str, classes: Sequence[str]) -> list[RankingProblem]:
        found = []

        def error(kind: ProblemKind, name: str, message: str, hint: str) -> None:
            found.append(RankingProblem(kind, anchor, name, message, hint))

        if anchor not in classes:
            error(
                "unknown anchor",
                anchor,
                f"The ranking is for '{anchor}', which is no class of the data.",
                nearest(anchor, classes, "Remove it"),
            )
        seen: set[str] = set()
        for name in self.ranked(anchor):
            if name == anchor:
                error(
                    "self",
                    name,
                    f"'{anchor}' is ranked as similar to itself.",
                    "Remove it: rank 1 is always the class itself.",
                )
            elif name in seen:
                error(
                    "duplicate",
                    name,
                    f"'{name}' is ranked twice for '{anchor}'.",
                    "Keep it in one tier only.",
                )
            elif name not in classes:
                error(
                    "unknown",
                    name,
                    f"'{name}', ranked for '{anchor}', is no class of the data.",
                    nearest(name, classes, "Remove it"),
                )
            seen.add(name)
        if fault := _similarity_fault(self.tiers(anchor)):
            error(
                "similarities",
                anchor,
                f"'{anchor}' cannot be ranked so: {fault}.",
                "Give similarities above 0 and below 1 that fall from tier to tier.",
            )
        return found

    def require_valid(self, classes: Sequence[str]) -> None:
        """Raises RankingError for the first error, with the count of the others."""
        errors = self.problems(classes)
        if errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            raise RankingError(errors[0].message + more, errors[0].hint)

    # ----- files -----

    def to_yaml(self) -> str:
        """Returns the ranking as YAML text (format: DESIGN.md section 5)."""
        similar: dict[str, list[Any]] = {}
        for anchor, tiers in self.similar.items():
            plain = all(t.similarity is None and len(t.classes) == 1 for t in tiers)
            if plain:
                similar[anchor] = [tier.classes[0] for tier in tiers]
                continue
            similar[anchor] = [
                {"classes": list(tier.classes)}
                | ({} if tier.similarity is None else {"similarity": tier.similarity})
                for tier in tiers
            ]
        data: dict[str, Any] = {"name": self.name}
        if self.classes:
            data["classes"] = list(self.classes)
        data["similar"] = similar
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=None)

    # ----- helpers -----

    def _movable(self, anchor: str, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name in dict.fromkeys(names) if name != anchor)

    def _with_tiers(self, anchor: str, tiers: tuple[Tier, ...]) -> Ranking:
        return replace(self, similar={**self.similar, anchor: tiers})


def nearest(name: str, known: Collection[str], otherwise: str) -> str:
    """Returns a hint that names the known name of near spelling, else those there are."""
    close = close_spelling(name, known)
    if close or not known:
        return f"Did you mean '{close}'?" if close else f"{otherwise}."
    some = list(known)[:MOST_NAMES]
    more = ", ..." if len(known) > MOST_NAMES else "."
    return f"{otherwise}; known: {', '.join(some)}{more}"


def _without(tiers: Iterable[Tier], names: Collection[str]) -> tuple[Tier, ...]:
    kept = (replace(t, classes=tuple(n for n in t.classes if n not in names)) for t in tiers)
    return tuple(tier for tier in kept if tier.classes)


def _similarity_fault(tiers: Iterable[Tier]) -> str:
    higher = 1.0
    for rank, tier in enumerate(tiers, start=2):
        value = tier.similarity
        if value is None:
            return ""
        what = f"the similarity of rank {rank} ({', '.join(tier.classes)}) is {value}"
        if not 0 < value < 1:
            return f"{what}, not above 0 and below 1"
        if value >= higher:
            return f"{what}, not less than rank {rank - 1}'s {higher}"
        higher = value
    return ""
