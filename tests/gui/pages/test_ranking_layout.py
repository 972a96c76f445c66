"""Where rows are, and which place a point belongs to."""

from __future__ import annotations

import itertools

import pytest

from gui.models.ladder import Target
from gui.pages.ranking_layout import LadderLayout, RowSpec, arrange


def ladder(
    similarities: list[float], width: float = 520, height: float = 560, chips: int = 1
) -> LadderLayout:
    rows = [RowSpec("self", 1.0, ("me",))]
    rows += [
        RowSpec("tier", s, tuple(f"c{i}-{j}" for j in range(chips)), i)
        for i, s in enumerate(similarities)
    ]
    return arrange([*rows, RowSpec("negatives", 0.0)], width, height)


def test_height_is_similarity() -> None:
    layout = ladder([0.75, 0.5, 0.25])
    centres = [row.card.center().y() for row in layout.rows]
    gaps = [b - a for a, b in itertools.pairwise(centres)]
    assert gaps == pytest.approx([layout.scale / 4] * 4)
    assert layout.rows[-1].card.bottom() == pytest.approx(560)


@pytest.mark.parametrize("similarities", [[0.99, 0.98, 0.97], [0.03, 0.02, 0.01], [0.5] * 12])
@pytest.mark.parametrize("chips", [1, 7])
def test_rows_never_overlap_and_stay_inside(similarities: list[float], chips: int) -> None:
    layout = ladder(similarities, chips=chips)
    for above, below in itertools.pairwise(layout.rows):
        assert below.card.top() - above.card.bottom() > 7.9
    assert layout.rows[0].card.top() >= -0.01
    assert layout.rows[-1].card.bottom() <= layout.height + 0.01
    for row in layout.rows:
        assert all(row.card.contains(chip) for chip in row.chips)


@pytest.mark.parametrize("count", [0, 1, 3, 8])
def test_the_point_of_every_place_is_in_that_place(count: int) -> None:
    layout = ladder([1 - (i + 1) / (count + 1) for i in range(count)])
    places = [Target("gap", i) for i in range(count + 1)]
    places += [Target("tier", i) for i in range(count)] + [Target("pool")]
    for place in places:
        assert layout.target_at(layout.point_of(place).y()) == place


def test_rows_of_a_class_that_is_ranked_twice_stay_apart() -> None:
    specs = [
        RowSpec("self", 1.0, ("cat",)),
        RowSpec("tier", 0.7, ("cat",), 0),
        RowSpec("tier", 0.3, ("bird",), 1),
        RowSpec("tier", 0.1, ("bird",), 2),
        RowSpec("negatives", 0.0),
    ]
    rows = arrange(specs, 600, 600).rows
    assert len({row.key for row in rows}) == len(rows)
    assert rows[1].key == ("cat", 1)
