"""Choices with counts."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gui.widgets.facet_list import Facet, FacetList

CHOICES = [Facet(-1, "all", 12), Facet(0, "bird", 5), Facet(1, "cat", 1200)]


@pytest.fixture
def facets(app: QApplication) -> FacetList:
    facets = FacetList("Classes")
    facets.set_facets(CHOICES, -1)
    return facets


def test_counts_stand_beside_names(facets: FacetList) -> None:
    rows = [facets.topLevelItem(row) for row in range(3)]
    assert [(item.text(0), item.text(1)) for item in rows if item] == [
        ("all", "12"),
        ("bird", "5"),
        ("cat", "1,200"),
    ]
    assert facets.current_key == -1


def test_keys_and_clicks_choose_but_new_counts_do_not(facets: FacetList) -> None:
    chosen: list[int] = []
    facets.chosen.connect(chosen.append)
    facets.show()
    QTest.keyClick(facets, Qt.Key.Key_Down)
    facets.choose(1)
    assert chosen == [0, 1]
    facets.set_facets([Facet(-1, "all", 1), Facet(0, "bird", 0), Facet(1, "cat", 1)], 1)
    facets.set_facets(CHOICES, -1)
    assert chosen == [0, 1]
    assert facets.current_key == -1
    facets.close()
