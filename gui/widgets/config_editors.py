"""Editors for the kinds of fields a configuration has; each says what was asked for by `edited`."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any, Literal, Union, get_args, get_origin

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from gui.theme import set_role

LIST_HEIGHT_PX = 124
BIGGEST_INT = 2**31 - 1


class Editor(QWidget):
    """Base: holds one inner widget and a key.

    Attributes:
        tall: It takes several lines.
        shown: The value it was last told to show, or that the user asked for.
    """

    edited = Signal(str, object)  # key, value
    tall = False

    def __init__(self, key: str, inner: QWidget) -> None:
        super().__init__()
        self.key = key
        self.inner = inner
        self.shown: Any = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(inner)
        self.setFocusProxy(inner)

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.inner.setAccessibleName(name)

    def set_value(self, value: Any) -> None:
        """Shows a value without telling of it."""
        self.shown = value
        with QSignalBlocker(self.inner):
            self._show(value)

    def set_choices(self, choices: Sequence[str]) -> None:
        """Offers choices, where the kind of editor can."""
        del choices

    def _show(self, value: Any) -> None:
        raise NotImplementedError

    def _ask(self, value: Any) -> None:
        if value != self.shown:
            self.shown = value
            self.edited.emit(self.key, value)


class _QuietSpinBox(QSpinBox):
    """A spin box that the wheel changes only when it has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class _QuietComboBox(QComboBox):
    """A combo box that the wheel does not change."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class IntEditor(Editor):
    """A spin box within the field's limits."""

    def __init__(self, key: str, low: int, high: int) -> None:
        box = _QuietSpinBox()
        super().__init__(key, box)
        self._box = box
        box.setRange(low, high)
        box.setGroupSeparatorShown(False)
        box.setKeyboardTracking(False)
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = box.sizePolicy()
        policy.setHorizontalPolicy(QSizePolicy.Policy.Ignored)  # else as wide as its largest number
        box.setSizePolicy(policy)
        box.valueChanged.connect(self._on_changed)

    def _show(self, value: Any) -> None:
        self._box.setValue(value)

    @Slot(int)
    def _on_changed(self, value: int) -> None:
        self._ask(value)


class TextEditor(Editor):
    """A line of text; numbers are read by the configuration, so that it can say what is wrong.

    Args:
        key: The dotted key.
        number: Floats are sent as floats where the text is one.
        optional: Empty means None.
    """

    def __init__(self, key: str, *, number: bool = False, optional: bool = False) -> None:
        line = QLineEdit()
        super().__init__(key, line)
        self._line = line
        self._number = number
        self._optional = optional
        if optional:
            line.setPlaceholderText("none")
        line.editingFinished.connect(self._on_finished)

    def _show(self, value: Any) -> None:
        text = "" if value is None else f"{value:g}" if self._number else str(value)
        if text != self._line.text():
            self._line.setText(text)

    @Slot()
    def _on_finished(self) -> None:
        text = self._line.text().strip()
        self._ask(self._read(text))

    def _read(self, text: str) -> Any:
        if self._optional and not text:
            return None
        if self._number:
            try:
                return float(text)
            except ValueError:
                return text
        return text


class ChoiceEditor(Editor):
    """A combo box of named values.

    Args:
        key: The dotted key.
        choices: Text shown to value.
        free: Other texts can be typed.
    """

    def __init__(self, key: str, choices: dict[str, Any], *, free: bool = False) -> None:
        box = _QuietComboBox()
        super().__init__(key, box)
        self._box = box
        self._free = free
        box.setMinimumContentsLength(6)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        box.setEditable(free)
        for text, value in choices.items():
            box.addItem(text, value)
        line = box.lineEdit()
        if free and line is not None:
            box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            line.editingFinished.connect(self._on_typed)
        box.activated.connect(self._on_activated)

    def set_choices(self, choices: Sequence[str]) -> None:
        with QSignalBlocker(self._box):
            self._box.clear()
            for name in choices:
                self._box.addItem(name, name)

    def _show(self, value: Any) -> None:
        at = self._box.findData(value)
        if self._free:
            self._box.setEditText(str(value))
        else:
            self._box.setCurrentIndex(at)

    @Slot(int)
    def _on_activated(self, at: int) -> None:
        self._ask(self._box.itemData(at))

    @Slot()
    def _on_typed(self) -> None:
        self._ask(self._box.currentText().strip())


class BoolEditor(Editor):
    """A check box."""

    def __init__(self, key: str) -> None:
        box = QCheckBox()
        super().__init__(key, box)
        self._box = box
        box.toggled.connect(self._on_toggled)

    def _show(self, value: Any) -> None:
        self._box.setChecked(value)

    @Slot(bool)
    def _on_toggled(self, on: bool) -> None:
        self._ask(on)


class NamesEditor(Editor):
    """A list of names with check boxes; names chosen but not offered stay, at the end."""

    tall = True

    def __init__(self, key: str) -> None:
        names = QListWidget()
        super().__init__(key, names)
        self._list = names
        self._choices: tuple[str, ...] = ()
        names.setMaximumHeight(LIST_HEIGHT_PX)
        names.setMinimumHeight(LIST_HEIGHT_PX)
        names.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._summary = QLabel()
        self._summary.setWordWrap(True)
        self._summary.hide()
        set_role(self._summary, "muted")
        box = self.layout()
        assert box is not None
        box.addWidget(self._summary)
        names.itemChanged.connect(self._on_changed)

    def set_choices(self, choices: Sequence[str]) -> None:
        self._choices = tuple(choices)

    def _show(self, value: Any) -> None:
        names = (*self._choices, *(name for name in value if name not in self._choices))
        shown = tuple(self._list.item(row).text() for row in range(self._list.count()))
        if names != shown:
            self._list.clear()
            for name in names:
                item = QListWidgetItem(name, self._list)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Unchecked)
        for row, name in enumerate(names):
            on = Qt.CheckState.Checked if name in value else Qt.CheckState.Unchecked
            self._list.item(row).setCheckState(on)
        self._show_summary()

    def _show_summary(self) -> None:
        self._summary.setText(", ".join(self.checked()))
        self._summary.setVisible(bool(self.checked()))

    def checked(self) -> tuple[str, ...]:
        """Returns the names that are ticked, in the order of the list."""
        items = (self._list.item(row) for row in range(self._list.count()))
        return tuple(item.text() for item in items if item.checkState() == Qt.CheckState.Checked)

    @Slot(QListWidgetItem)
    def _on_changed(self, _item: QListWidgetItem) -> None:
        self._show_summary()
        self._ask(self.checked())


def make_editor(key: str, field: Any) -> Editor:
    """Returns the editor for a field of the configuration (a pydantic FieldInfo)."""
    kind, optional = _without_none(field.annotation)
    if get_origin(kind) is Literal:
        return ChoiceEditor(key, {str(value): value for value in get_args(kind)})
    if get_origin(kind) is tuple:
        return NamesEditor(key)
    if kind is bool:
        if optional:
            return ChoiceEditor(key, {"automatic": None, "on": True, "off": False})
        return BoolEditor(key)
    if kind is int:
        return IntEditor(key, *_limits(field))
    if key == "device" or key.endswith("_split"):
        offered = ("auto", "cpu", "cuda") if key == "device" else ()
        return ChoiceEditor(key, {name: name for name in offered}, free=True)
    return TextEditor(key, number=kind is float, optional=optional)


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) in {Union, types.UnionType}:
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        assert len(kinds) == 1
        return kinds[0], True
    return annotation, False


def _limits(field: Any) -> tuple[int, int]:
    low = [limit.ge for limit in field.metadata if hasattr(limit, "ge")]
    high = [limit.le for limit in field.metadata if hasattr(limit, "le")]
    return max(low, default=-BIGGEST_INT), min(high, default=BIGGEST_INT)
