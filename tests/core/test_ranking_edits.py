"""Copies, mirrors, entries and comparisons of rankings."""

from __future__ import annotations

import numpy as np
import pytest

from core.ranking import Ranking, Tier
from core.ranking_edits import cleared, copied, differences, mirrored, symmetrised, with_entry
from core.ranking_files import load_ranking

CLASSES = ("bird", "boat", "bus", "car", "plane")


def made() -> Ranking:
    ladder = (Tier(("bird",)), Tier(("boat", "bus")))
    return Ranking({"plane": ladder, "bird": (Tier(("boat",), 0.8),)}, classes=CLASSES)


def matrix(ranking: Ranking) -> np.ndarray:
    return ranking.similarity_matrix(CLASSES)


def test_a_copy_leaves_the_class_itself_out() -> None:
    after = copied(made(), "plane", ["boat", "car", "plane"])
    assert after.ranked("car") == ("bird", "boat", "bus")
    assert after.ranked("boat") == ("bird", "bus")
    assert after.tiers("plane") == made().tiers("plane")
    assert after.similarities("car") == made().similarities("plane")
    after.require_valid(CLASSES)


def test_cleared_is_supcon() -> None:
    assert np.array_equal(matrix(cleared(made())), np.eye(5))


def test_a_mirror_adds_and_changes_nothing_that_is_there() -> None:
    after = mirrored(made(), "plane")
    found, before = matrix(after), matrix(made())
    plane = CLASSES.index("plane")
    assert np.allclose(found[:, plane], before[plane])
    kept = before > 0
    assert np.allclose(found[kept], before[kept])
    assert mirrored(after, "plane") == after


def test_symmetrised_is_symmetric_but_for_opinions_that_differ() -> None:
    before = load_ranking("voc2007-paper")
    classes = sorted({*before.similar, *(n for a in before.similar for n in before.ranked(a))})
    after = symmetrised(before)
    given = before.similarity_matrix(classes)
    found = after.similarity_matrix(classes)
    both = (given > 0) & (given.T > 0)
    assert np.allclose(found[both], given[both])
    assert np.allclose(found[~both], found.T[~both])
    after.require_valid(classes)
    assert symmetrised(after) == after


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 0.5, 2 / 3, 0.99])
@pytest.mark.parametrize("name", ["bird", "boat", "car"])
def test_an_entry_changes_itself_only(name: str, value: float) -> None:
    after = with_entry(made(), "plane", name, value)
    found, before = matrix(after), matrix(made())
    row, column = CLASSES.index("plane"), CLASSES.index(name)
    assert found[row, column] == pytest.approx(value)
    before[row, column] = found[row, column]
    assert np.allclose(found, before)
    after.require_valid(CLASSES)
    assert with_entry(after, "plane", name, value) == after


def test_an_entry_back_makes_the_ladder_evenly_spaced_again() -> None:
    there = with_entry(made(), "plane", "bird", 0.9)
    assert there.tiers("plane")[0].similarity == 0.9
    assert with_entry(there, "plane", "bird", 2 / 3) == made()


def test_differences_name_the_classes_and_both_ladders() -> None:
    other = with_entry(made().cleared("bird"), "plane", "car", 0.5)
    found = differences(made(), other, CLASSES)
    assert found == (
        "bird: boat (0.80) → nothing",
        "plane: bird (0.67), boat = bus (0.33) → bird (0.67), car (0.50), boat = bus (0.33)",
    )
    assert differences(made(), made()) == ()
    tied = Ranking({"plane": (Tier(("bird",)), Tier(("bus", "boat")))})
    assert differences(made().cleared("bird"), tied) == (), "the order within a tie means nothing"
