"""Ranking: the moves, what they keep, the similarities, and what is wrong with a ranking."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from core.errors import RankingError
from core.ranking import NARROWEST_GAP, Ranking, Tier, nearest

CLASSES = ("bird", "boat", "car", "cat", "dog", "horse", "sheep", "train")


def ladder(*tiers: str, similarities: tuple[float, ...] = ()) -> Ranking:
    """A ranking of the anchor cat: each word is a tier, ties are joined by "+"."""
    values = similarities or (None,) * len(tiers)
    made = tuple(Tier(tuple(t.split("+")), v) for t, v in zip(tiers, values, strict=True))
    return Ranking({"cat": made}, "mine")


def shape(ranking: Ranking, anchor: str = "cat") -> list[str]:
    return ["+".join(tier.classes) for tier in ranking.tiers(anchor)]


# ----- moves -----


@pytest.mark.parametrize(
    ("names", "gap", "expected"),
    [
        (["bird"], 0, ["bird", "dog", "horse+sheep"]),
        (["bird"], 1, ["dog", "bird", "horse+sheep"]),
        (["bird"], 2, ["dog", "horse+sheep", "bird"]),
        (["bird"], 99, ["dog", "horse+sheep", "bird"]),
        (["bird"], -5, ["bird", "dog", "horse+sheep"]),
        (["dog"], 2, ["horse+sheep", "dog"]),
        (["sheep"], 1, ["dog", "sheep", "horse"]),
        (["sheep"], 0, ["sheep", "dog", "horse"]),
        (["sheep", "bird"], 2, ["dog", "horse", "sheep+bird"]),
        (["bird", "bird"], 0, ["bird", "dog", "horse+sheep"]),
        (["cat"], 0, ["dog", "horse+sheep"]),
        (["cat", "bird"], 0, ["bird", "dog", "horse+sheep"]),
        ([], 0, ["dog", "horse+sheep"]),
    ],
)
def test_moved_opens_a_tier_at_the_gap_counted_as_the_ladder_is_now(
    names: list[str], gap: int, expected: list[str]
) -> None:
    before = ladder("dog", "horse+sheep")
    assert shape(before.moved("cat", names, gap)) == expected
    assert shape(before) == ["dog", "horse+sheep"]


def test_moved_starts_a_ladder_and_leaves_the_other_anchors() -> None:
    ranking = ladder("dog").moved("dog", ["sheep"], 0)
    assert shape(ranking, "dog") == ["sheep"]
    assert shape(ranking) == ["dog"]


def test_moved_between_given_similarities_takes_the_middle() -> None:
    given = ladder("dog", "horse", similarities=(0.8, 0.4))
    assert given.moved("cat", ["bird"], 1).similarities("cat") == pytest.approx((0.8, 0.6, 0.4))
    assert given.moved("cat", ["bird"], 0).similarities("cat") == pytest.approx((0.9, 0.8, 0.4))
    assert given.moved("cat", ["bird"], 2).similarities("cat") == pytest.approx((0.8, 0.4, 0.2))


def test_a_tier_dropped_where_it_is_keeps_its_similarity() -> None:
    given = ladder("dog", "horse+sheep", similarities=(0.9, 0.5))
    for gap in (0, 1):
        assert given.moved("cat", ["dog"], gap) == given
    for gap in (1, 2):
        assert given.moved("cat", ["sheep", "horse"], gap) == given


def test_moves_to_the_top_never_run_out_of_room() -> None:
    ranking = ladder("dog", "horse", similarities=(0.75, 0.5))
    for i in range(80):
        ranking = ranking.moved("cat", [("horse", "dog")[i % 2]], 0)
        assert not ranking.problems(CLASSES)
    assert NARROWEST_GAP > 0


def test_tied_joins_an_existing_tier() -> None:
    before = ladder("dog", "horse+sheep", similarities=(0.75, 0.5))
    joined = before.tied("cat", ["bird"], 0)
    assert shape(joined) == ["dog+bird", "horse+sheep"]
    assert joined.similarities("cat") == (0.75, 0.5)
    assert shape(before.tied("cat", ["dog"], 1)) == ["horse+sheep+dog"]
    assert shape(before.tied("cat", ["sheep"], 0)) == ["dog+sheep", "horse"]


@pytest.mark.parametrize(("names", "tier"), [(["cat"], 0), ([], 0), (["bird"], 2), (["bird"], -1)])
def test_tied_without_sense_changes_nothing(names: list[str], tier: int) -> None:
    before = ladder("dog", "horse+sheep")
    assert before.tied("cat", names, tier) is before


def test_tied_in_its_own_tier_keeps_the_order() -> None:
    before = ladder("dog", "horse+sheep")
    assert before.tied("cat", ["horse"], 1) == before


def test_removed_makes_negatives() -> None:
    before = ladder("dog", "horse+sheep")
    assert shape(before.removed("cat", ["horse"])) == ["dog", "sheep"]
    assert shape(before.removed("cat", ["horse", "sheep"])) == ["dog"]
    assert before.removed("cat", ["bird"]) == before
    gone = before.removed("cat", ["horse", "sheep", "dog"])
    assert gone.similar == {}
    assert ladder("dog").removed("bird", ["dog"]) == ladder("dog")


@pytest.mark.parametrize(
    ("name", "step", "expected"),
    [
        ("dog", -1, ["dog", "horse+sheep", "bird"]),
        ("dog", 1, ["horse+sheep", "dog", "bird"]),
        ("bird", -1, ["dog", "bird", "horse+sheep"]),
        ("bird", 1, ["dog", "horse+sheep", "bird"]),
        ("horse", -1, ["dog", "horse", "sheep", "bird"]),
        ("horse", 1, ["dog", "sheep", "horse", "bird"]),
        ("boat", 1, ["dog", "horse+sheep", "bird"]),
    ],
)
def test_stepped(name: str, step: int, expected: list[str]) -> None:
    assert shape(ladder("dog", "horse+sheep", "bird").stepped("cat", [name], step)) == expected


@pytest.mark.parametrize(
    ("names", "step", "expected"),
    [
        (["horse", "bird"], -1, ["horse", "bird", "dog", "cow"]),
        (["dog", "horse"], -1, ["dog", "horse", "bird", "cow"]),
        (["dog", "bird"], -1, ["dog", "bird", "horse", "cow"]),
        (["dog", "horse"], 1, ["bird", "dog", "horse", "cow"]),
        (["bird", "cow"], 1, ["dog", "horse", "bird", "cow"]),
    ],
)
def test_several_step_in_their_order(names: list[str], step: int, expected: list[str]) -> None:
    assert shape(ladder("dog", "horse", "bird", "cow").stepped("cat", names, step)) == expected


def test_a_tie_steps_as_one_or_is_left() -> None:
    ranking = ladder("dog", "horse+sheep", "bird", similarities=(0.9, 0.5, 0.1))
    after = ranking.stepped("cat", ["horse", "sheep"], 1)
    assert shape(after) == ["dog", "bird", "horse+sheep"]
    assert after.similarities("cat") == (0.9, 0.5, 0.1)
    assert shape(ranking.stepped("cat", ["horse", "bird"], -1)) == ["dog", "horse", "bird", "sheep"]


def test_stepped_leaves_the_similarities_to_the_places() -> None:
    ranking = ladder("dog", "horse", similarities=(0.8, 0.3)).stepped("cat", ["horse"], -1)
    assert shape(ranking) == ["horse", "dog"]
    assert ranking.similarities("cat") == (0.8, 0.3)


def test_with_similarity_fixes_what_the_other_tiers_show() -> None:
    ranking = ladder("dog", "horse", "sheep").with_similarity("cat", 1, 0.6)
    assert ranking.similarities("cat") == (0.75, 0.6, 0.25)
    assert all(tier.similarity is not None for tier in ranking.tiers("cat"))


@pytest.mark.parametrize("asked", [-3.0, 0.0, 0.2, 0.75, 1.0, 7.0])
@pytest.mark.parametrize("tier", [0, 1, 2])
def test_with_similarity_stays_between_its_neighbours(asked: float, tier: int) -> None:
    ranking = ladder("dog", "horse", "sheep").with_similarity("cat", tier, asked)
    assert not ranking.problems(CLASSES)


def test_with_similarity_between_neighbours_that_nearly_touch() -> None:
    tight = ladder("dog", "horse", "sheep", similarities=(0.50002, 0.50001, 0.5))
    for asked in (0.0, 0.50001, 1.0):
        assert not tight.with_similarity("cat", 1, asked).problems(CLASSES)


def test_evenly_spaced_and_cleared() -> None:
    ranking = ladder("dog", "horse", "sheep", similarities=(0.9, 0.8, 0.7))
    assert ranking.evenly_spaced("cat").similarities("cat") == (0.75, 0.5, 0.25)
    assert ranking.cleared("cat").similar == {}
    assert ranking.cleared("dog") == ranking


def test_without_classes_drops_anchors_tiers_and_names() -> None:
    ranking = Ranking(
        {
            "cat": (Tier(("dog",)), Tier(("horse", "sheep"))),
            "dog": (Tier(("cat",)),),
            "horse": (Tier(("dog",)),),
        },
        classes=CLASSES,
    )
    kept = ranking.without_classes(("dog", "sheep"))
    assert shape(kept) == ["horse"]
    assert set(kept.similar) == {"cat"}
    assert kept.classes == ("bird", "boat", "car", "cat", "horse", "train")
    assert kept.similarities("cat") == (0.5,)


def test_repaired_keeps_the_first_place_of_everything_known() -> None:
    broken = Ranking(
        {
            "cat": (Tier(("dog", "cat")), Tier(("dgo", "horse")), Tier(("dog", "sheep"))),
            "catt": (Tier(("dog",)),),
            "dog": (Tier(("cat",), 0.4), Tier(("horse",), 0.6)),
        }
    )
    repaired = broken.repaired(CLASSES)
    assert shape(repaired) == ["dog", "horse", "sheep"]
    assert repaired.similarities("dog") == pytest.approx((2 / 3, 1 / 3))
    assert set(repaired.similar) == {"cat", "dog"}
    assert not repaired.problems(CLASSES)


def test_a_ladder_with_some_similarities_missing_is_evenly_spaced() -> None:
    ranking = Ranking({"cat": (Tier(("dog",), 0.9), Tier(("horse",)))})
    assert ranking.similarities("cat") == pytest.approx((2 / 3, 1 / 3))
    assert all(tier.similarity is None for tier in ranking.tiers("cat"))


# ----- any sequence of moves -----


def random_move(ranking: Ranking, random_: random.Random) -> Ranking:
    anchor = random_.choice(CLASSES)
    names = random_.sample(CLASSES, random_.randint(1, 3))
    place = random_.randint(-1, 8)
    tiers = len(ranking.tiers(anchor))
    match random_.randrange(7):
        case 0 | 1:
            return ranking.moved(anchor, names, place)
        case 2:
            return ranking.tied(anchor, names, place)
        case 3:
            return ranking.removed(anchor, names[:1])
        case 4:
            return ranking.stepped(anchor, names[: random_.choice((1, 2))], random_.choice((-1, 1)))
        case 5 if tiers:
            tier = random_.randrange(tiers)
            return ranking.with_similarity(anchor, tier, random_.uniform(-0.2, 1.2))
        case _:
            return ranking.evenly_spaced(anchor) if random_.random() < 0.1 else ranking


@pytest.mark.parametrize("seed", range(12))
def test_no_sequence_of_moves_breaks_a_ranking(seed: int) -> None:
    random_ = random.Random(seed)
    ranking = Ranking()
    for _ in range(250):
        earlier, copied = ranking, repr(ranking)
        ranking = random_move(ranking, random_)
        assert repr(earlier) == copied, "a move changed the ranking it was called on"
        assert ranking.problems(CLASSES) == ()
        for anchor in ranking.similar:
            named = ranking.ranked(anchor)
            assert len(set(named)) == len(named)
            assert anchor not in named
            assert all(tier.classes for tier in ranking.tiers(anchor))
            values = (1.0, *ranking.similarities(anchor), 0.0)
            assert all(a > b for a, b in itertools.pairwise(values))


@pytest.mark.parametrize("seed", range(10))
def test_moves_keep_the_order_of_everything_else(seed: int) -> None:
    random_ = random.Random(seed)
    ranking = Ranking()
    for _ in range(150):
        anchor, name = random_.sample(CLASSES, 2)
        after = ranking.moved(anchor, [name], random_.randint(0, 7))
        others = [n for n in ranking.ranked(anchor) if n != name]
        assert [n for n in after.ranked(anchor) if n != name] == others
        for other in CLASSES:
            if other != anchor:
                assert after.tiers(other) == ranking.tiers(other)
        ranking = after


# ----- the matrix -----


def naive_matrix(ranking: Ranking, classes: tuple[str, ...], depth: int | None) -> np.ndarray:
    similarity_CC = np.zeros((len(classes), len(classes)))
    for row, anchor in enumerate(classes):
        for column, name in enumerate(classes):
            tier = ranking.tier_index(anchor, name)
            if anchor == name:
                similarity_CC[row, column] = 1
            elif tier is not None and (depth is None or tier + 2 <= depth):
                similarity_CC[row, column] = ranking.similarities(anchor)[tier]
    return similarity_CC


@pytest.mark.parametrize("depth", [None, 1, 2, 3, 4, 99])
def test_similarity_matrix_by_depth(depth: int | None) -> None:
    ranking = ladder("dog", "horse+sheep", "bird").moved("dog", ["cat"], 0)
    similarity_CC = ranking.similarity_matrix(CLASSES, depth)
    np.testing.assert_array_equal(similarity_CC, naive_matrix(ranking, CLASSES, depth))
    assert similarity_CC.dtype == np.float64


def test_similarity_matrix_in_numbers() -> None:
    ranking = ladder("dog", "horse+sheep", "bird")
    rows = dict(zip(CLASSES, ranking.similarity_matrix(CLASSES)[CLASSES.index("cat")], strict=True))
    assert rows == {
        "bird": 0.25,
        "boat": 0,
        "car": 0,
        "cat": 1,
        "dog": 0.75,
        "horse": 0.5,
        "sheep": 0.5,
        "train": 0,
    }
    np.testing.assert_array_equal(ranking.similarity_matrix(CLASSES, 1), np.eye(8))


def test_similarity_matrix_is_not_made_symmetric() -> None:
    similarity_CC = ladder("dog").similarity_matrix(("cat", "dog"))
    np.testing.assert_array_equal(similarity_CC, [[1, 0.5], [0, 1]])


def test_similarity_matrix_follows_the_order_of_the_classes() -> None:
    ranking = ladder("dog", "horse")
    a = ranking.similarity_matrix(("cat", "dog", "horse"))
    b = ranking.similarity_matrix(("horse", "dog", "cat"))
    np.testing.assert_array_equal(a, b[::-1, ::-1])


def test_similarity_matrix_leaves_out_classes_that_are_not_asked_for() -> None:
    similarity_CC = ladder("dog", "horse").similarity_matrix(("cat", "horse"))
    np.testing.assert_allclose(similarity_CC, [[1, 1 / 3], [0, 1]])
    np.testing.assert_array_equal(ladder("dog").similarity_matrix(("dog", "horse")), np.eye(2))


def test_depth_counts_the_class_itself() -> None:
    assert Ranking().depth == 1
    assert ladder("dog").depth == 2
    assert ladder("dog", "horse+sheep", "bird").depth == 4


# ----- problems -----


@pytest.mark.parametrize(
    ("ranking", "message", "hint"),
    [
        (ladder("dgo"), "'dgo', ranked for 'cat', is no class of the data.", "Did you mean 'dog'?"),
        (ladder("cat+dog"), "'cat' is ranked as similar to itself.", "rank 1 is always"),
        (ladder("dog", "horse", "dog"), "'dog' is ranked twice for 'cat'.", "one tier only"),
        (ladder("dog+dog"), "'dog' is ranked twice for 'cat'.", "one tier only"),
        (
            Ranking({"hrose": (Tier(("dog",)),)}),
            "The ranking is for 'hrose', which is no class of the data.",
            "Did you mean 'horse'?",
        ),
        (
            ladder("dog", "horse", similarities=(0.5, 0.6)),
            "'cat' cannot be ranked so: the similarity of rank 3 (horse) is 0.6, "
            "not less than rank 2's 0.5.",
            "that fall",
        ),
        (
            ladder("dog", "horse", similarities=(0.5, 0.5)),
            "'cat' cannot be ranked so: the similarity of rank 3 (horse) is 0.5, "
            "not less than rank 2's 0.5.",
            "that fall",
        ),
        (
            ladder("dog", "horse+bird", similarities=(0.5, 0.0)),
            "'cat' cannot be ranked so: the similarity of rank 3 (horse, bird) is 0.0, "
            "not above 0 and below 1.",
            "above 0 and below 1",
        ),
        (
            ladder("dog", similarities=(1.0,)),
            "'cat' cannot be ranked so: the similarity of rank 2 (dog) is 1.0, "
            "not above 0 and below 1.",
            "above 0 and below 1",
        ),
        (
            ladder("dog", similarities=(float("nan"),)),
            "'cat' cannot be ranked so: the similarity of rank 2 (dog) is nan, "
            "not above 0 and below 1.",
            "above 0 and below 1",
        ),
    ],
)
def test_problems(ranking: Ranking, message: str, hint: str) -> None:
    (problem,) = ranking.problems(CLASSES)
    assert problem.severity == "error"
    assert problem.message == message
    assert hint in problem.hint
    with pytest.raises(RankingError) as raised:
        ranking.require_valid(CLASSES)
    assert raised.value.message == message
    assert ranking.repaired(CLASSES).problems(CLASSES) == ()


def test_a_name_like_no_other_is_answered_with_the_known_ones() -> None:
    (problem,) = ladder("xylophone").problems(("cat", "dog"))
    assert problem.hint == "Remove it; known: cat, dog."
    assert nearest("zzz", [f"class{i}" for i in range(100)], "Remove it").endswith("class24, ...")
    assert nearest("zzz", (), "Choose another") == "Choose another."


def test_require_valid_counts_the_other_errors() -> None:
    with pytest.raises(RankingError, match=r"\(and 2 more\)"):
        ladder("dgo", "cat", "hrose").require_valid(CLASSES)
    ladder("dog", "horse").require_valid(CLASSES)


def test_rankings_are_values() -> None:
    a, b = ladder("dog", "horse"), ladder("dog").moved("cat", ["horse"], 1)
    assert a == b
    assert hash(a) == hash(b)
    assert a != ladder("horse", "dog")
    with pytest.raises(AttributeError):
        a.name = "other"  # type: ignore[misc]
