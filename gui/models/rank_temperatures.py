"""The temperature of each rank in a run's loss: fixed by the ranking's similarities."""

from __future__ import annotations

from core.config import ExperimentConfig
from core.ranking import Ranking
from core.ranking_files import load_ranking

RINCE_PRESET = "voc-supercategories"


def rank_temperatures(
    config: ExperimentConfig, ranking: Ranking
) -> tuple[tuple[float, float], ...]:
    """Returns the lowest and the highest tau of each rank over the anchors, rank 1 first.

    tau = tau_min + (1 - s)(tau_max - tau_min) for similarity s. Methods without temperatures
    have none.
    """
    objective = config.objective
    low, high = objective.temperature_min, objective.temperature_max
    if objective.method in {"softmax", "triplet"}:
        return ()
    found = [(low, low)]
    if objective.method == "rince":
        ranking = load_ranking(RINCE_PRESET)
        depth = ranking.depth + 1
    elif objective.method == "ranked":
        depth = config.ranking.depth
    else:
        return tuple(found)
    kept = ranking.without_classes(config.data.withheld)
    ladders = [kept.similarities(anchor) for anchor in kept.similar]
    for rank in range(2, depth + 1):
        taus = [low + (1 - s[rank - 2]) * (high - low) for s in ladders if len(s) >= rank - 1]
        if taus:
            found.append((min(taus), max(taus)))
    return tuple(found)


def temperature_text(taus: tuple[float, float]) -> str:
    """Returns "τ 0.27", or "τ 0.27–0.35" where the classes differ."""
    low, high = (f"{tau:.2f}" for tau in taus)
    return f"τ {low}" if low == high else f"τ {low}–{high}"
