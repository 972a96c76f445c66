from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QLineEdit,
    QListWidget,
    QSpinBox,
    QToolButton,
    QWidget,
)

from core.config import ExperimentConfig, config_keys
from gui.widgets.config_form import ConfigForm

Own = Callable[[QWidget], None]

T = TypeVar("T", bound=QWidget)
FIRST = ("objective.method", "training.epochs", "data.withheld")


@pytest.fixture
def form(own: Own) -> ConfigForm:
    form = ConfigForm(FIRST, hidden=("data.folder",))
    own(form)
    form.show()
    return form


def inner(form: ConfigForm, key: str, kind: type[T]) -> T:
    widget = form.editor(key).inner
    assert isinstance(widget, kind)
    return widget


def test_every_key_has_a_row_but_the_hidden_ones(form: ConfigForm) -> None:
    for key, field in config_keys():
        assert form.has_row(key) == (key != "data.folder")
        if key != "data.folder":
            assert form.editor(key).inner.accessibleName() == field.title


def test_only_the_first_keys_are_seen_until_more_is_asked_for(form: ConfigForm) -> None:
    assert form.editor("training.epochs").isVisible()
    assert not form.editor("optimizer.learning_rate").isVisible()
    form.more_button.click()
    assert form.editor("optimizer.learning_rate").isVisible()


@pytest.mark.parametrize(
    "values",
    [
        {"training.epochs": 77, "optimizer.learning_rate": 3e-5, "data.withheld": ("cat",)},
        {"contrast.include_batch": False, "encoder.weights": "x.pt", "device": "cuda:1"},
        {"data.include_difficult": False, "objective.method": "softmax", "seed": 2**31 - 1},
    ],
)
def test_a_configuration_is_shown_and_nothing_is_edited_by_it(
    form: ConfigForm, values: dict[str, object]
) -> None:
    spy = QSignalSpy(form.edited)
    form.set_config(ExperimentConfig().with_values(values))
    for key, value in values.items():
        assert form.editor(key).shown == value
    assert spy.count() == 0
    assert set(form.changed_keys()) == set(values)


def test_editing_tells_key_and_typed_value(form: ConfigForm) -> None:
    spy = QSignalSpy(form.edited)
    inner(form, "training.epochs", QSpinBox).setValue(5)
    rate = inner(form, "optimizer.learning_rate", QLineEdit)
    rate.setText("1e-3")
    rate.editingFinished.emit()
    box = inner(form, "contrast.include_batch", QComboBox)
    box.setCurrentIndex(2)
    box.activated.emit(2)
    assert [spy.at(i) for i in range(spy.count())] == [
        ["training.epochs", 5],
        ["optimizer.learning_rate", 0.001],
        ["contrast.include_batch", False],
    ]


def test_limits_come_from_the_configuration(form: ConfigForm) -> None:
    box = inner(form, "training.epochs", QSpinBox)
    assert (box.minimum(), box.maximum()) == (1, 100_000)


def test_text_that_is_no_number_is_passed_on_to_be_judged(form: ConfigForm) -> None:
    spy = QSignalSpy(form.edited)
    rate = inner(form, "optimizer.learning_rate", QLineEdit)
    rate.setText("fast")
    rate.editingFinished.emit()
    assert spy.at(0) == ["optimizer.learning_rate", "fast"]


def test_classes_are_ticked_in_a_list(form: ConfigForm) -> None:
    form.set_choices("data.withheld", ("bird", "cat", "dog"))
    names = inner(form, "data.withheld", QListWidget)
    spy = QSignalSpy(form.edited)
    names.item(2).setCheckState(Qt.CheckState.Checked)
    names.item(0).setCheckState(Qt.CheckState.Checked)
    assert spy.at(1) == ["data.withheld", ("bird", "dog")]


def test_withheld_classes_that_the_data_lack_stay_visible(form: ConfigForm) -> None:
    form.set_config(ExperimentConfig().with_values({"data.withheld": ("yak",)}))
    form.set_choices("data.withheld", ("bird", "cat"))
    names = inner(form, "data.withheld", QListWidget)
    assert [names.item(i).text() for i in range(names.count())] == ["bird", "cat", "yak"]
    assert names.item(2).checkState() == Qt.CheckState.Checked


def test_a_problem_stands_beneath_its_field_and_keeps_the_text(form: ConfigForm) -> None:
    rate = inner(form, "optimizer.learning_rate", QLineEdit)
    rate.setText("fast")
    rate.editingFinished.emit()
    form.set_problem("optimizer.learning_rate", "Not a number.")
    assert form.more_button.isChecked()
    assert form.problems() == {"optimizer.learning_rate": "Not a number."}
    form.set_config(ExperimentConfig().with_values({"training.epochs": 3}))
    assert rate.text() == "fast"
    form.set_problem("optimizer.learning_rate", "")
    assert not form.problems()


def test_reset_goes_back_to_the_recipe(form: ConfigForm) -> None:
    form.set_baseline(ExperimentConfig().with_values({"training.epochs": 9}))
    button = next(b for b in form.findChildren(QToolButton) if b.accessibleName() == "Reset Epochs")
    assert button.isVisible()
    spy = QSignalSpy(form.edited)
    button.click()
    assert spy.at(0) == ["training.epochs", 9]
    form.set_config(ExperimentConfig().with_values({"training.epochs": 9}))
    assert not button.isVisible()


def test_the_wheel_passing_over_a_field_changes_nothing(form: ConfigForm) -> None:
    box = inner(form, "training.epochs", QSpinBox)
    box.clearFocus()
    before = box.value()
    middle = QPointF(box.rect().center())
    wheel = QWheelEvent(
        middle,
        QPointF(box.mapToGlobal(box.rect().center())),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(box, wheel)
    assert box.value() == before


def test_typing_a_number_tells_it_once(form: ConfigForm) -> None:
    box = inner(form, "training.epochs", QSpinBox)
    spy = QSignalSpy(form.edited)
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "150")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert [spy.at(i) for i in range(spy.count())] == [["training.epochs", 150]]
