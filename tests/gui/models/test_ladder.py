"""What a drop would do, and the payload of a drag."""

from __future__ import annotations

import json

import pytest

from core.config import ObjectiveConfig
from core.ranking import Ranking, Tier
from gui.models.ladder import (
    Target,
    changed_anchors,
    decode_classes,
    drop_at,
    encode_classes,
    put_into_rank,
    temperature,
)

LADDER = Ranking({"aeroplane": (Tier(("bird",)), Tier(("boat", "train")), Tier(("bus",)))})


def order(ranking: Ranking) -> list[tuple[str, ...]]:
    return [tier.classes for tier in ranking.tiers("aeroplane")]


def test_a_gap_opens_a_new_rank_and_says_which() -> None:
    drop = drop_at(LADDER, "aeroplane", ["car"], Target("gap", 1))
    assert (drop.text, drop.undo_text) == ("new rank 3", "aeroplane: car to rank 3")
    assert order(drop.ranking) == [("bird",), ("car",), ("boat", "train"), ("bus",)]


def test_a_tier_makes_a_tie_and_names_the_others() -> None:
    drop = drop_at(LADDER, "aeroplane", ["car"], Target("tier", 0))
    assert drop.text == "tie with bird"
    assert order(drop.ranking)[0] == ("bird", "car")
    assert (
        drop_at(LADDER, "aeroplane", ["car"], Target("tier", 1)).text == "tie with boat and train"
    )


def test_moving_down_counts_ranks_as_they_will_be() -> None:
    drop = drop_at(LADDER, "aeroplane", ["bird"], Target("gap", 2))
    assert drop.text == "move to rank 3"
    assert order(drop.ranking) == [("boat", "train"), ("bird",), ("bus",)]


def test_leaving_a_tie_opens_a_new_rank() -> None:
    drop = drop_at(LADDER, "aeroplane", ["train"], Target("gap", 1))
    assert drop.text == "new rank 3"
    assert order(drop.ranking) == [("bird",), ("train",), ("boat",), ("bus",)]


@pytest.mark.parametrize(
    ("names", "target"),
    [
        (["bird"], Target("gap", 0)),
        (["bird"], Target("gap", 1)),
        (["bird"], Target("tier", 0)),
        (["boat"], Target("tier", 1)),
        (["boat", "train"], Target("gap", 2)),
        (["aeroplane"], Target("gap", 0)),
        (["car"], Target("pool")),
    ],
)
def test_a_drop_where_it_was_changes_nothing(names: list[str], target: Target) -> None:
    spaced = LADDER.with_similarity("aeroplane", 0, 0.9)
    for ranking in (LADDER, spaced):
        drop = drop_at(ranking, "aeroplane", names, target)
        assert not drop.changes
        assert drop.ranking == ranking


def test_the_pool_takes_classes_out() -> None:
    drop = drop_at(LADDER, "aeroplane", ["bird", "car"], Target("pool"))
    assert order(drop.ranking) == [("boat", "train"), ("bus",)]
    assert drop.undo_text == "aeroplane: bird back to the pool"


def test_several_at_once_share_the_new_rank_and_the_anchor_stays_out() -> None:
    drop = drop_at(LADDER, "aeroplane", ["aeroplane", "cat", "dog", "cow"], Target("gap", 0))
    assert order(drop.ranking)[0] == ("cat", "dog", "cow")
    assert drop.undo_text == "aeroplane: 3 classes to rank 2"


def test_a_digit_ties_where_the_rank_exists_and_appends_where_not() -> None:
    assert order(put_into_rank(LADDER, "aeroplane", ["cat"], 2).ranking)[0] == ("bird", "cat")
    assert order(put_into_rank(LADDER, "aeroplane", ["cat"], 9).ranking)[-1] == ("cat",)
    assert order(put_into_rank(LADDER, "aeroplane", ["cat"], 0).ranking)[-1] == ("cat",)


def test_a_payload_comes_back() -> None:
    assert decode_classes(encode_classes(["bird", "pottedplant"])) == ("bird", "pottedplant")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"not json",
        b"[]",
        b'{"version": 2, "classes": ["bird"]}',
        b'{"version": true, "classes": ["bird"]}',
        b'{"version": 1, "classes": "bird"}',
        b'{"version": 1, "classes": ["bird", 3]}',
        b'{"version": 1, "classes": [""]}',
        b'{"version": 1, "classes": ["bird", "bird"]}',
        b'{"version": 1, "classes": ["bird"], "more": 1}',
        b"[" * 50_000,
        json.dumps({"version": 1, "classes": ["x" * 100_000]}).encode(),
    ],
)
def test_anything_else_is_no_payload(payload: bytes) -> None:
    assert decode_classes(payload) == ()


def test_temperature_runs_from_min_to_max() -> None:
    objective = ObjectiveConfig(temperature_min=0.1, temperature_max=0.6)
    assert temperature(1.0, objective) == pytest.approx(0.1)
    assert temperature(0.0, objective) == pytest.approx(0.6)
    assert temperature(0.75, objective) == pytest.approx(0.225)


def test_changed_anchors_are_those_whose_ladders_differ() -> None:
    after = LADDER.moved("bird", ["boat"], 0)
    assert changed_anchors(LADDER, after) == ("bird",)
    assert changed_anchors(after, after) == ()
