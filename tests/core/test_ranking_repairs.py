"""Every problem has its repairs, and each repair mends just that."""

from __future__ import annotations

import pytest

from core.ranking import Ranking, Tier
from core.ranking_files import ranking_from_yaml
from core.ranking_repairs import notices, repairs

CLASSES = ("aeroplane", "bird", "boat", "cat", "dog")


def read(similar: str) -> Ranking:
    return ranking_from_yaml(f"similar: {similar}")


@pytest.mark.parametrize(
    ("similar", "kind", "text", "after"),
    [
        ("{cat: [dgo, bird]}", "unknown", "Make it dog", [("dog",), ("bird",)]),
        ("{cat: [unicorn, bird]}", "unknown", "Remove it", [("bird",)]),
        ("{cat: [dgo, dog]}", "unknown", "Remove it", [("dog",)]),
        ("{cat: [cat, bird]}", "self", "Remove it", [("bird",)]),
        ("{cat: [dog, bird, dog]}", "duplicate", "Keep rank 2", [("dog",), ("bird",)]),
        ("{cat: [{classes: [dog, bird, dog]}]}", "duplicate", "Keep rank 2", [("dog", "bird")]),
        (
            "{cat: [{classes: [dog], similarity: 0.2}, {classes: [bird], similarity: 0.9}]}",
            "similarities",
            "Space evenly",
            [("dog",), ("bird",)],
        ),
    ],
)
def test_the_first_repair_mends_the_ladder(
    similar: str, kind: str, text: str, after: list[tuple[str, ...]]
) -> None:
    ranking = read(similar)
    (problem,) = ranking.problems(CLASSES)
    assert (problem.kind, problem.severity) == (kind, "error")
    repair = repairs(ranking, problem, CLASSES)[0]
    assert repair.text == text
    assert repair.step
    assert [tier.classes for tier in repair.ranking.tiers("cat")] == after
    assert repair.ranking.problems(CLASSES) == ()


def test_a_duplicate_can_stay_at_its_last_rank() -> None:
    ranking = read("{cat: [dog, bird, dog]}")
    first, last = repairs(ranking, ranking.problems(CLASSES)[0], CLASSES)
    assert (first.text, last.text) == ("Keep rank 2", "Keep rank 4")
    assert last.ranking.ranked("cat") == ("bird", "dog")


def test_an_unknown_anchor_is_what_it_was_meant_to_be_or_goes() -> None:
    ranking = read("{boot: [bird], yeti: [cat]}")
    meant, gone = repairs(ranking, ranking.problems(CLASSES)[0], CLASSES)
    assert (meant.text, meant.ranking.ranked("boat")) == ("Make it boat", ("bird",))
    assert list(gone.ranking.similar) == ["yeti"]
    (gone,) = repairs(ranking, ranking.problems(CLASSES)[1], CLASSES)
    assert list(gone.ranking.similar) == ["boot"]
    taken = read("{boot: [bird], boat: [bird]}")
    (only,) = repairs(taken, taken.problems(CLASSES)[0], CLASSES)
    assert only.text == "Remove its ladder"


@pytest.mark.parametrize(
    ("name", "classes"), [("aeroplane", ("pottedplant", "person")), ("car", ("chair", "cat"))]
)
def test_another_word_is_no_misspelling(name: str, classes: tuple[str, ...]) -> None:
    ranking = Ranking({classes[1]: (Tier((name,)),)})
    (problem,) = ranking.problems(classes)
    assert "Did you mean" not in problem.hint
    assert [r.text for r in repairs(ranking, problem, classes)] == ["Remove it"]


def test_only_the_problem_at_hand_is_mended() -> None:
    ranking = read("{cat: [cat, dog, dog, unicorn]}")
    for problem in ranking.problems(CLASSES):
        for repair in repairs(ranking, problem, CLASSES):
            left = {p.kind for p in repair.ranking.problems(CLASSES)}
            assert left == {"self", "duplicate", "unknown"} - {problem.kind}


def test_one_sided_pairs_are_noticed_and_ranked_back_as_high() -> None:
    ranking = Ranking({"cat": (Tier(("dog",), 0.8), Tier(("bird",), 0.3))})
    ranking = ranking.moved("bird", ["cat"], 0)
    (notice,) = notices(ranking, "cat", CLASSES)
    assert (notice.kind, notice.name, notice.severity) == ("asymmetric", "dog", "notice")
    (repair,) = repairs(ranking, notice, CLASSES)
    assert (repair.text, repair.step) == ("Rank it back", "dog: rank cat back")
    assert repair.ranking.similarities("dog") == (0.8,)
    assert repair.ranking.ranked("dog") == ("cat",)
    assert notices(repair.ranking, "cat", CLASSES) == ()
    assert ranking.problems(CLASSES) == (), "a notice is no problem"


def test_an_empty_ladder_is_noticed_where_others_rank_the_class() -> None:
    ranking = Ranking({"cat": (Tier(("dog",), 0.8),), "bird": (Tier(("dog",), 0.3),)})
    (notice,) = notices(ranking, "dog", CLASSES)
    assert notice.message == "'dog' ranks no class, though bird and cat rank it."
    (repair,) = repairs(ranking, notice, CLASSES)
    assert repair.ranking.ranked("dog") == ("cat", "bird")
    assert repair.ranking.similarities("dog") == (0.8, 0.3)
    assert notices(Ranking(), "dog", CLASSES) == ()
    assert notices(ranking, "yeti", CLASSES) == ()
