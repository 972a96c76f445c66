"""A form made from the fields of ExperimentConfig: one row a key, its problem beneath it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.config import ExperimentConfig, config_keys
from core.config_text import as_text
from gui.theme import SPACING, set_role, with_text
from gui.widgets.config_editors import Editor, make_editor

RESET_WIDTH_PX = 26
TITLE_WIDTH_PX = 104


class ConfigRow(QWidget):
    """One key: its title, editor, unit, reset button and problem.

    Args:
        key: The dotted key.
        title: The label.
        description: The help.
        unit: Behind the editor; may be empty.
        editor: Made by make_editor.
        parent: Owner.
    """

    reset_requested = Signal(str)  # key

    def __init__(
        self,
        key: str,
        title: str,
        description: str,
        unit: str,
        editor: Editor,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.key = key
        self.editor = editor
        self._name = title
        self._help = f"{description}\n{key}"
        self._title = QLabel(title)
        self._title.setToolTip(self._help)
        self._title.setBuddy(editor)
        self._title.setWordWrap(True)
        editor.setToolTip(description)
        editor.setAccessibleName(title)
        editor.setAccessibleDescription(description)
        self._unit = QLabel(unit, self)
        set_role(self._unit, "muted")
        self._unit.setVisible(bool(unit))
        self._reset = QToolButton()
        self._reset.setText("↺")
        self._reset.setAutoRaise(True)
        self._reset.setAccessibleName(f"Reset {title}")
        policy = self._reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._reset.setSizePolicy(policy)
        self._reset.hide()
        self._reset.clicked.connect(self._on_reset)
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        set_role(self._problem, "bad")
        self._problem.hide()
        self._lay_out()
        self._fit_text()

    def _lay_out(self) -> None:
        at = Qt.AlignmentFlag.AlignTop if self.editor.tall else Qt.AlignmentFlag.AlignVCenter
        line = QHBoxLayout()
        line.setSpacing(SPACING // 2)
        line.addWidget(self._title, 0, at)
        line.addWidget(self.editor, 1)
        line.addWidget(self._unit)
        line.addWidget(self._reset, 0, at)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(line)
        layout.addWidget(self._problem)

    def _fit_text(self) -> None:
        self._title.setFixedWidth(with_text(TITLE_WIDTH_PX, self.font()))
        self._reset.setFixedWidth(with_text(RESET_WIDTH_PX, self.font()))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit_text()

    def set_problem(self, text: str) -> None:
        """Shows what is wrong with the value; "" takes it away."""
        self._problem.setText(text)
        self._problem.setVisible(bool(text))
        self.editor.setProperty("invalid", bool(text))
        self.editor.style().unpolish(self.editor)
        self.editor.style().polish(self.editor)

    @property
    def problem(self) -> str:
        return self._problem.text()

    def set_changed(self, changed: bool, baseline: str) -> None:
        """Says whether the value differs from the recipe's."""
        self._reset.setVisible(changed)
        self._reset.setToolTip(f"Reset to {baseline}")
        font = self._title.font()
        font.setBold(changed)
        self._title.setFont(font)

    def set_last(self, text: str | None) -> None:
        """Marks the value as another than the last run's; None: it is the same, or there is none.

        Args:
            text: The value of the last run.
        """
        self._title.setText(self._name if text is None else f"{self._name} •")
        was = "" if text is None else f"\n• in the last run: {text}"
        self._title.setToolTip(self._help + was)
        self.editor.setAccessibleDescription(self._help + was)

    @Slot()
    def _on_reset(self) -> None:
        self.reset_requested.emit(self.key)


class ConfigForm(QWidget):
    """Rows for the keys, a few of them up front and the rest folded under "More".

    The form changes nothing itself: it says what the user asks for by `edited`.

    Args:
        first: Keys that are always seen, in this order.
        hidden: Keys that have no row.
        parent: Owner.
    """

    edited = Signal(str, object)  # key, value

    def __init__(
        self, first: Sequence[str], hidden: Sequence[str] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._config = ExperimentConfig()
        self._baseline = ExperimentConfig()
        fields = {key: field for key, field in config_keys() if key not in hidden}
        rest = [key for key in fields if key not in first]
        self._rows: dict[str, ConfigRow] = {}
        for key in (*first, *rest):
            self._rows[key] = self._make_row(key, fields[key])
        self.more_button = QToolButton()
        self.more_button.setText("More settings")
        self.more_button.setCheckable(True)
        self.more_button.setAutoRaise(True)
        self.more_button.setArrowType(Qt.ArrowType.RightArrow)
        self.more_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more_button.setAccessibleName("More settings")
        self.more_button.toggled.connect(self._on_more_toggled)
        self._more = QWidget()
        self._lay_out(first, rest)
        self.set_config(self._config)

    def _make_row(self, key: str, field: Any) -> ConfigRow:
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        row = ConfigRow(
            key,
            field.title or key,
            field.description or "",
            str(extra.get("unit", "")),
            make_editor(key, field),
        )
        row.editor.edited.connect(self._on_edited)
        row.reset_requested.connect(self._on_reset)
        return row

    def _lay_out(self, first: Sequence[str], rest: Sequence[str]) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        for key in first:
            layout.addWidget(self._rows[key])
        layout.addWidget(self.more_button)
        folded = QGridLayout(self._more)
        folded.setContentsMargins(0, 0, 0, 0)
        folded.setVerticalSpacing(SPACING)
        line, section = 0, ""
        for key in rest:
            name = key.split(".")[0] if "." in key else "general"
            if name != section:
                section = name
                heading = QLabel(section.capitalize())
                set_role(heading, "heading")
                folded.addWidget(heading, line, 0)
                line += 1
            folded.addWidget(self._rows[key], line, 0)
            line += 1
        self._more.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._more.hide()
        layout.addWidget(self._more)
        layout.addStretch(1)

    # ----- values -----

    def set_config(self, config: ExperimentConfig) -> None:
        """Shows a configuration; the problems of values it replaces go."""
        self._config = config
        for key, row in self._rows.items():
            value = config.value(key)
            if row.problem and row.editor.shown == value:
                row.set_problem("")
            if not row.problem:
                row.editor.set_value(value)
            self._show_changed(key)

    def set_baseline(self, config: ExperimentConfig) -> None:
        """Says which values the reset buttons go back to."""
        self._baseline = config
        for key in self._rows:
            self._show_changed(key)

    def set_last(self, values: Mapping[str, str]) -> None:
        """Marks the keys whose values differ from those of the last run, given as text."""
        for key, row in self._rows.items():
            row.set_last(values.get(key))

    def show_row(self, key: str) -> None:
        """Brings a key's editor into view, with the focus."""
        row = self._rows[key]
        if row.parent() is self._more:
            self.more_button.setChecked(True)
        row.editor.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def set_choices(self, key: str, choices: Sequence[str]) -> None:
        """Says what can be chosen for a key (classes, splits)."""
        self._rows[key].editor.set_choices(choices)
        self._rows[key].editor.set_value(self._config.value(key))

    def changed_keys(self) -> tuple[str, ...]:
        """Returns the keys whose values differ from the baseline."""
        return tuple(key for key in self._rows if self._differs(key))

    def _differs(self, key: str) -> bool:
        return bool(self._config.value(key) != self._baseline.value(key))

    def _show_changed(self, key: str) -> None:
        changed = self._differs(key) or bool(self._rows[key].problem)
        self._rows[key].set_changed(changed, as_text(self._baseline.value(key)))

    # ----- problems -----

    def set_problem(self, key: str, text: str) -> None:
        """Shows a problem beneath its field, opening "More" if the field is there."""
        row = self._rows[key]
        row.set_problem(text)
        self._show_changed(key)
        if text and row.parent() is self._more:
            self.more_button.setChecked(True)

    def problems(self) -> Mapping[str, str]:
        """Returns what is wrong, by key."""
        return {key: row.problem for key, row in self._rows.items() if row.problem}

    def has_row(self, key: str) -> bool:
        return key in self._rows

    def editor(self, key: str) -> Editor:
        return self._rows[key].editor

    # ----- gestures -----

    @Slot(str, object)
    def _on_edited(self, key: str, value: object) -> None:
        self.edited.emit(key, value)

    @Slot(str)
    def _on_reset(self, key: str) -> None:
        self._rows[key].set_problem("")
        value = self._baseline.value(key)
        self._rows[key].editor.set_value(value)
        self.edited.emit(key, value)
        self._show_changed(key)

    @Slot(bool)
    def _on_more_toggled(self, on: bool) -> None:
        self._more.setVisible(on)
        arrow = Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow
        self.more_button.setArrowType(arrow)
