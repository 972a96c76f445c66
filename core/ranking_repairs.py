"""What can be done about each problem of a ranking; every repair is a whole new Ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.ranking import Ranking, RankingProblem, Tier
from core.ranking_edits import with_entry
from core.spelling import close_spelling

UNRANKED = "No class is ranked: method ranked trains as SupCon does."


@dataclass(frozen=True)
class Repair:
    """One way to mend one problem.

    Attributes:
        text: What it does, for a button: "Remove", "Rank it back".
        step: The undo step's name, "bird: rank aeroplane back".
        ranking: The ranking after it.
    """

    text: str
    step: str
    ranking: Ranking


def ranks_nothing(ranking: Ranking, classes: Sequence[str]) -> bool:
    """Returns whether none of these classes ranks another of them."""
    return not any(_ranked_by(ranking, name, classes) for name in classes)


def notices(ranking: Ranking, anchor: str, classes: Sequence[str]) -> tuple[RankingProblem, ...]:
    """Lists what is worth a look about a class: rankings need be neither mutual nor complete.

    Args:
        ranking: The user's.
        anchor: The class.
        classes: Of the data; notices about others are not made.
    """
    if anchor not in classes:
        return ()
    admirers = _ranked_by(ranking, anchor, classes)
    if not ranking.tiers(anchor):
        if not admirers:
            return ()
        who = _listing(admirers)
        message = f"'{anchor}' ranks no class, though {who} rank{_s(admirers)} it."
        return (RankingProblem("empty", anchor, "", message, "Let it rank them back."),)
    return tuple(
        RankingProblem(
            "asymmetric",
            anchor,
            name,
            f"'{name}' does not rank '{anchor}' back.",
            "Rank it back, if you mean it both ways.",
        )
        for name in ranking.ranked(anchor)
        if name in classes and name != anchor and ranking.tier_index(name, anchor) is None
    )


def repairs(
    ranking: Ranking, problem: RankingProblem, classes: Sequence[str]
) -> tuple[Repair, ...]:
    """Returns what can be done about a problem, the likeliest first."""
    anchor, name = problem.anchor, problem.name
    match problem.kind:
        case "unknown anchor":
            return _for_unknown_anchor(ranking, anchor, classes)
        case "unknown":
            return _for_unknown(ranking, anchor, name, classes)
        case "self":
            alone = ranking.removed(anchor, [name])
            return (Repair("Remove it", f"{anchor}: no rank for itself", alone),)
        case "duplicate":
            return _for_duplicate(ranking, anchor, name)
        case "similarities":
            even = ranking.evenly_spaced(anchor)
            return (Repair("Space evenly", f"{anchor}: space evenly", even),)
        case "asymmetric":
            return (_rank_back(ranking, anchor, name),)
        case "empty":
            admirers = _ranked_by(ranking, anchor, classes)
            result = ranking
            for other in admirers:
                result = with_entry(result, anchor, other, _similarity(ranking, other, anchor))
            step = f"{anchor}: rank {_listing(admirers)} back"
            return (Repair(f"Rank {_listing(admirers)} back", step, result),)


def _for_unknown_anchor(
    ranking: Ranking, anchor: str, classes: Sequence[str]
) -> tuple[Repair, ...]:
    found = []
    close = close_spelling(anchor, classes)
    if close and not ranking.tiers(close):
        similar = {close if key == anchor else key: tiers for key, tiers in ranking.similar.items()}
        meant = replace(ranking, similar=similar)
        found.append(Repair(f"Make it {close}", f"{anchor} is {close}", meant))
    found.append(Repair("Remove its ladder", f"remove {anchor}", ranking.cleared(anchor)))
    return tuple(found)


def _for_unknown(
    ranking: Ranking, anchor: str, name: str, classes: Sequence[str]
) -> tuple[Repair, ...]:
    found = []
    close = close_spelling(name, classes)
    if close and close != anchor and ranking.tier_index(anchor, close) is None:
        tiers = tuple(
            replace(tier, classes=tuple(close if n == name else n for n in tier.classes))
            for tier in ranking.tiers(anchor)
        )
        meant = _with(ranking, anchor, tiers)
        found.append(Repair(f"Make it {close}", f"{anchor}: {name} is {close}", meant))
    found.append(Repair("Remove it", f"{anchor}: remove {name}", ranking.removed(anchor, [name])))
    return tuple(found)


def _for_duplicate(ranking: Ranking, anchor: str, name: str) -> tuple[Repair, ...]:
    tiers = ranking.tiers(anchor)
    places = [i for i, tier in enumerate(tiers) for other in tier.classes if other == name]
    found = []
    for place in dict.fromkeys((places[0], places[-1])):
        kept = tuple(_with_one(tier, name, i == place) for i, tier in enumerate(tiers))
        step = f"{anchor}: {name} only at rank {place + 2}"
        found.append(Repair(f"Keep rank {place + 2}", step, _with(ranking, anchor, kept)))
    return tuple(found)


def _with_one(tier: Tier, name: str, stays: bool) -> Tier:
    rest = [other for other in tier.classes if other != name]
    if stays:
        rest.insert(tier.classes.index(name), name)
    return replace(tier, classes=tuple(rest))


def _rank_back(ranking: Ranking, anchor: str, name: str) -> Repair:
    after = with_entry(ranking, name, anchor, _similarity(ranking, anchor, name))
    return Repair("Rank it back", f"{name}: rank {anchor} back", after)


def _similarity(ranking: Ranking, anchor: str, name: str) -> float:
    at = ranking.tier_index(anchor, name)
    assert at is not None, "only what is ranked is ranked back"
    return ranking.similarities(anchor)[at]


def _ranked_by(ranking: Ranking, name: str, classes: Sequence[str]) -> list[str]:
    others = (other for other in classes if other != name)
    return [other for other in others if ranking.tier_index(other, name) is not None]


def _with(ranking: Ranking, anchor: str, tiers: tuple[Tier, ...]) -> Ranking:
    return replace(ranking, similar={**ranking.similar, anchor: tiers})


def _listing(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) <= 2 else f"{len(names)} classes"


def _s(names: Sequence[str]) -> str:
    return "s" if len(names) == 1 else ""
