from __future__ import annotations

import pytest

from core.config import ExperimentConfig
from core.ranking import Ranking
from core.ranking_files import load_ranking
from gui.models.rank_temperatures import rank_temperatures, temperature_text

CONFIG = ExperimentConfig().with_values(
    {"objective.temperature_min": 0.1, "objective.temperature_max": 0.6}
)


def test_the_temperatures_are_those_of_the_similarities() -> None:
    """Two tiers are at 2/3 and 1/3, one tier is at 1/2: tau = 0.1 + (1 - s) 0.5."""
    ranking = Ranking().moved("cat", ["dog"], 0).moved("cat", ["bus"], 1).moved("dog", ["cat"], 0)
    taus = rank_temperatures(CONFIG, ranking)
    assert taus[0] == (0.1, 0.1)
    assert taus[1] == (pytest.approx(0.1 + 0.5 / 3), pytest.approx(0.35))
    assert taus[2] == (pytest.approx(0.1 + 1 / 3), pytest.approx(0.1 + 1 / 3))
    assert [temperature_text(pair) for pair in taus] == ["τ 0.10", "τ 0.27–0.35", "τ 0.43"]


def test_the_depth_and_the_method_say_how_many_there_are() -> None:
    ranking = load_ranking("voc2007-paper")

    def count(**values: object) -> int:
        keys = {key.replace("__", "."): value for key, value in values.items()}
        return len(rank_temperatures(CONFIG.with_values(keys), ranking))

    assert count() == 3
    assert count(ranking__depth=2) == 2
    assert count(ranking__depth=1) == 1
    assert count(objective__method="supcon") == 1
    assert count(objective__method="softmax") == 0
    assert count(objective__method="rince") == 2
