"""Kendall's W against a hand-worked case and scipy, and the consensus of several rankings."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, rankdata

from core.errors import RankingError
from core.ranking import Ranking, Tier
from core.ranking_disagreement import (
    coefficient,
    consensus,
    disagreement,
    in_words,
    kendall_w,
    mean_ranks,
    row_in_words,
)

CLASSES = ("cat", "dog", "cow", "car")


def of(*tiers: tuple[str, ...], name: str = "") -> Ranking:
    return Ranking({"cat": tuple(Tier(tier) for tier in tiers)}, name)


def test_a_case_worked_by_hand() -> None:
    # Rank sums 4, 7, 10, 9; mean 7.5; S = 12.25 + 0.25 + 6.25 + 2.25 = 21;
    # W = 12 * 21 / (9 * 60) = 0.4667; chi2 = 3 * 3 * W = 4.2.
    found = kendall_w([[1, 2, 3, 4], [2, 1, 4, 3], [1, 4, 3, 2]])
    assert (found.spread, found.most) == (21, 45)
    assert found.w == pytest.approx(21 / 45)
    assert found.chi2 == pytest.approx(4.2)


def test_ties_worked_by_hand() -> None:
    # Sums 2.5, 3.5, 6; mean 4; S = 2.25 + 0.25 + 4 = 6.5. One tie of two: T = 6.
    # W = 12 * 6.5 / (4 * 24 - 2 * 6) = 78 / 84.
    assert kendall_w([[1, 2, 3], [1.5, 1.5, 3]]).w == pytest.approx(78 / 84)


@pytest.mark.parametrize("seed", range(8))
def test_chi2_is_friedmans_with_and_without_ties(seed: int) -> None:
    chance = np.random.default_rng(seed)
    raters, items = int(chance.integers(3, 7)), int(chance.integers(3, 9))
    scores_MN = chance.integers(0, 100 if seed % 2 else 4, (raters, items))
    rank_MN = np.stack([rankdata(row) for row in scores_MN])
    found = kendall_w(rank_MN)
    assert found.chi2 == pytest.approx(friedmanchisquare(*scores_MN.T).statistic)
    assert found.w is not None
    assert 0 <= found.w <= 1


def test_the_ends_of_the_scale() -> None:
    assert kendall_w([[1, 2, 3], [1, 2, 3], [1, 2, 3]]).w == pytest.approx(1)
    assert kendall_w([[1.5, 1.5, 3], [1.5, 1.5, 3]]).w == pytest.approx(1)
    assert kendall_w([[1, 2, 3], [3, 2, 1]]).w == 0
    assert kendall_w([[2, 2, 2], [2, 2, 2]]).w is None
    assert kendall_w([[1, 2, 3]]).w is None
    with pytest.raises(ValueError, match="one rater"):
        kendall_w(np.zeros((0, 3)))


def test_ranks_share_their_mean_and_negatives_tie_at_the_end() -> None:
    assert mean_ranks(of(("cow",)), "cat", CLASSES).tolist() == [2.5, 1, 2.5]
    assert mean_ranks(of(("dog", "cow"), ("car",)), "cat", CLASSES).tolist() == [1.5, 1.5, 3]
    assert mean_ranks(Ranking(), "cat", CLASSES).tolist() == [2, 2, 2]


def test_disagreement_by_class_the_most_disputed_first() -> None:
    anna = Ranking({"cat": (Tier(("dog",)), Tier(("cow",))), "dog": (Tier(("cat",)),)}, "anna")
    bo = Ranking({"cat": (Tier(("cow",)), Tier(("car",))), "dog": (Tier(("cat",)),)}, "bo")
    found = disagreement([anna, bo], CLASSES)
    assert [row.anchor for row in found.per_class] == ["cat", "dog"]
    worst, agreed = found.per_class
    # dog, cow, car: 1, 2, 3 and 3, 1, 2: sums 4, 3, 5; S = 2 of 8 possible.
    assert worst.concordance.w == pytest.approx(2 / 8)
    assert (worst.disputed, worst.places) == ("dog", (2, 0))
    assert row_in_words(worst) == "dog: rank 2 for anna, a negative for bo"
    assert agreed.concordance.w == pytest.approx(1)
    assert row_in_words(agreed) == "all agree"
    # dog: 1, 2.5, 2.5 twice: S = 6, which is all there can be.
    assert found.overall == pytest.approx((2 + 6) / (8 + 6))
    assert in_words(found).startswith("Kendall's W of 2 rankings: 0.57. By chance")
    assert json.loads(json.dumps(found.to_json()))["per_class"]["cat"]["places"] == [2, None]


def test_those_who_rank_nothing_for_a_class_have_no_say_on_it() -> None:
    anna = of(("dog",), ("cow",), name="anna").moved("dog", ["cat"], 0)
    bo = of(("dog",), ("cow",), name="bo")
    found = disagreement([anna, bo, Ranking(name="cy")], CLASSES)
    assert [row.anchor for row in found.per_class] == ["cat", "dog"]
    cat, dog = found.per_class
    assert (cat.raters, cat.concordance.w) == (("anna", "bo"), pytest.approx(1))
    assert (dog.raters, dog.concordance.w) == (("anna",), None)
    assert row_in_words(dog) == "only anna ranks any"
    assert (found.overall, found.by_chance) == (pytest.approx(1), pytest.approx(1 / 2))
    assert consensus([anna, bo, Ranking()], CLASSES, "").similar == anna.similar
    alone = disagreement([anna, Ranking()], CLASSES)
    assert alone.overall is None
    assert in_words(alone).startswith("No class is ranked by two")
    nobody = disagreement([Ranking(), Ranking()], CLASSES)
    assert (nobody.overall, nobody.per_class) == (None, ())
    assert in_words(nobody) == "None of the 2 rankings ranks any class."


def test_equal_rankings_agree() -> None:
    same = disagreement([of(("dog", "cow"))] * 3, CLASSES, ("a", "b", "c"))
    assert same.overall == pytest.approx(1)
    assert in_words(same) == "Kendall's W of 3 rankings: 1.00. They agree."


def test_only_full_agreement_reads_as_one() -> None:
    said = [coefficient(w) for w in (0.666, 0.9949, 0.9999, 1.0)]
    assert said == ["0.67", "0.99", "0.99", "1.00"]


def test_one_ranking_or_two_classes_are_refused() -> None:
    with pytest.raises(RankingError, match="two rankings"):
        disagreement([of(("dog",))], CLASSES)
    with pytest.raises(RankingError, match="three classes"):
        disagreement([of(("dog",))] * 2, CLASSES[:2])


def test_the_consensus_is_the_mean_of_ranks_with_ties() -> None:
    raters = [of(("dog",), ("cow",)), of(("cow",), ("dog",)), of(("dog", "cow"), ("car",))]
    found = consensus(raters, CLASSES, "together")
    assert found.tiers("cat") == (Tier(("dog", "cow")),), "car has one vote of three"
    assert (found.name, found.classes) == ("together", CLASSES)
    raters[1] = of(("dog",), ("cow",))
    assert consensus(raters, CLASSES, "").ranked("cat") == ("dog", "cow")
    assert len(consensus(raters, CLASSES, "").tiers("cat")) == 2


def test_half_of_the_votes_are_enough_and_unknown_classes_stay_out() -> None:
    raters = [of(("dog",), ("unicorn",)), Ranking({"yeti": (Tier(("cat",)),)})]
    assert consensus(raters, CLASSES, "").similar == {"cat": (Tier(("dog",)),)}
