"""Control rankings: their shape, their seeds, and how they are named."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import RankingError
from core.ranking import Ranking, Tier
from core.ranking_controls import (
    ControlSource,
    controlled,
    named_classes,
    parse_source,
    random_ranking,
    reversed_order,
    shuffled,
    truncated,
)
from core.ranking_files import load_ranking, ranking_from_yaml

CLASSES = tuple("abcdefghij")
RANKING = Ranking(
    {
        "a": (Tier(("b", "c"), 0.8), Tier(("d",), 0.5), Tier(("e",), 0.1)),
        "b": (Tier(("a",)), Tier(("d",))),
        "c": (Tier(("j",)),),
    },
    "mine",
)


def shape(ranking: Ranking) -> dict[str, list[tuple[int, float | None]]]:
    return {a: [(len(t.classes), t.similarity) for t in ranking.tiers(a)] for a in ranking.similar}


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_has_the_shape_and_other_classes(seed: int) -> None:
    found = shuffled(RANKING, seed, CLASSES)
    assert shape(found) == shape(RANKING)
    assert found.problems(CLASSES) == ()
    for anchor in RANKING.similar:
        assert not set(found.ranked(anchor)) & set(RANKING.ranked(anchor))


def test_shuffled_depends_on_the_seed_alone() -> None:
    assert shuffled(RANKING, 3, CLASSES) == shuffled(RANKING, 3, CLASSES)
    assert len({shuffled(RANKING, seed, CLASSES) for seed in range(20)}) > 15


def test_shuffled_draws_every_other_class_alike() -> None:
    drawn = [shuffled(RANKING, seed, CLASSES).ranked("c")[0] for seed in range(400)]
    counts = {name: drawn.count(name) for name in CLASSES}
    assert counts["c"] == counts["j"] == 0
    assert all(25 <= counts[name] <= 80 for name in set(CLASSES) - {"c", "j"}), counts


def test_shuffled_reuses_classes_where_too_few_are_left() -> None:
    found = shuffled(RANKING, 0, ("a", "b", "c", "d", "e"))
    assert set(found.ranked("a")) == {"b", "c", "d", "e"}
    assert shape(found) == shape(RANKING)
    assert found.problems(CLASSES) == ()


def test_reversed_turns_ladders_and_keeps_similarities_at_their_ranks() -> None:
    found = reversed_order(RANKING)
    assert found.tiers("a") == (Tier(("e",), 0.8), Tier(("d",), 0.5), Tier(("b", "c"), 0.1))
    assert found.ranked("b") == ("d", "a")
    assert found.tiers("c") == RANKING.tiers("c")
    assert reversed_order(found) == RANKING


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 9])
def test_truncated_trains_as_the_depth_does(depth: int) -> None:
    np.testing.assert_allclose(
        truncated(RANKING, depth).similarity_matrix(CLASSES),
        RANKING.similarity_matrix(CLASSES, depth),
        atol=1e-6,
    )


def test_random_ranks_every_class_as_deep_as_the_base() -> None:
    found = random_ranking(RANKING, 0, CLASSES)
    assert set(found.similar) == set(CLASSES)
    assert {len(found.tiers(a)) for a in CLASSES} == {RANKING.depth - 1}
    assert found.problems(CLASSES) == ()
    assert random_ranking(RANKING, 1, CLASSES) != found


def test_without_a_data_set_the_ranking_names_the_classes() -> None:
    assert named_classes(RANKING) == ("a", "b", "c", "d", "e", "j")
    assert named_classes(Ranking(classes=("x", "y"))) == ("x", "y")


# ----- names -----


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("voc2007-paper", None),
        ("folder/mine.yaml", None),
        (r"C:\rankings\mine.yaml", None),
        ("voc2007-paper:shuffled:7", ControlSource("voc2007-paper", "shuffled", 7)),
        ("voc2007-paper:random", ControlSource("voc2007-paper", "random", 0)),
        ("a/b.yaml:truncated", ControlSource("a/b.yaml", "truncated", 2)),
        (r"C:\mine.yaml:reversed", ControlSource(r"C:\mine.yaml", "reversed", 0)),
    ],
)
def test_sources(source: str, expected: ControlSource | None) -> None:
    assert parse_source(source) == expected


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        ("voc2007-paper:shufled:0", "names no control ranking", "'shuffled'"),
        ("voc2007-paper:truncated:0", "leaves no rank", "rank 1"),
        ("voc2007-papr:shuffled", "There is no ranking 'voc2007-papr'", "voc2007-paper"),
    ],
)
def test_sources_without_sense(source: str, message: str, hint: str) -> None:
    with pytest.raises(RankingError, match=message) as raised:
        load_ranking(source)
    assert hint in raised.value.hint


def test_a_control_is_loaded_by_name_and_saved_as_a_ranking_of_its_own() -> None:
    base = load_ranking("voc2007-paper")
    classes = (*named_classes(base), "cow", "person")
    found = load_ranking("voc2007-paper:shuffled:1", classes)
    assert found == controlled(base, "shuffled", 1, classes)
    assert found.name == "voc2007-paper:shuffled:1"
    assert ranking_from_yaml(found.to_yaml()) == found


def test_no_control_draws_a_withheld_class() -> None:
    base = load_ranking("voc2007-paper")
    classes = named_classes(base)
    for control in ("shuffled", "random", "reversed"):
        found = load_ranking(f"voc2007-paper:{control}", classes, ("chair", "motorbike"))
        named = {name for a in found.similar for name in (a, *found.ranked(a))}
        assert not named & {"chair", "motorbike"}
    kept = base.without_classes(("chair", "motorbike"))
    found = load_ranking("voc2007-paper:shuffled:0", classes, ("chair", "motorbike"))
    assert shape(found) == shape(kept)


def test_controls_can_be_combined() -> None:
    found = load_ranking("voc2007-paper:truncated:2:shuffled:0")
    assert found.depth == 2
    assert found.name == "voc2007-paper:truncated:2:shuffled:0"
