from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QWidget

from gui.widgets.choice_button import ChoiceButton

Own = Callable[[QWidget], None]


@pytest.fixture
def button(own: Own) -> ChoiceButton:
    button = ChoiceButton("Order", (("name", "By name"), ("size", "By size")))
    own(button)
    return button


def test_the_first_is_chosen_and_named(button: ChoiceButton) -> None:
    assert button.choice == "name"
    assert button.accessibleName() == "Order: By name"


def test_a_click_in_the_menu_chooses_and_tells(button: ChoiceButton) -> None:
    spy = QSignalSpy(button.chosen)
    button.menu().actions()[1].trigger()
    assert (spy.at(0), button.choice) == (["size"], "size")
    assert button.text().startswith("By size")
    button.set_choice("name")
    button.choose("name")
    assert spy.count() == 1, "what is chosen already is no choice"


def test_a_choice_can_be_taken_away(button: ChoiceButton) -> None:
    button.set_available("size", False)
    assert [action.isVisible() for action in button.menu().actions()] == [True, False]
