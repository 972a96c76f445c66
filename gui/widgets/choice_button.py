"""A small button that shows one of several choices and opens a menu of them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QWidget


class ChoiceButton(QToolButton):
    """One of several, in as little room as possible.

    Args:
        name: Accessible name; the choice is added to it.
        choices: (key, text) each; the first is chosen.
        parent: Owner.
    """

    chosen = Signal(str)  # key

    def __init__(
        self, name: str, choices: Sequence[tuple[str, str]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._name = name
        self._group = QActionGroup(self)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setToolTip(name)
        menu = QMenu(self)
        for key, text in choices:
            action = QAction(text, self._group)
            action.setCheckable(True)
            action.setData(key)
            menu.addAction(action)
        self.setMenu(menu)
        self._group.triggered.connect(self._on_triggered)
        self.set_choice(choices[0][0])

    @property
    def choice(self) -> str:
        """The key of what is chosen."""
        checked = self._group.checkedAction()
        return "" if checked is None else str(checked.data())

    def set_choice(self, key: str) -> None:
        """Chooses without a signal."""
        for action in self._group.actions():
            if action.data() == key:
                action.setChecked(True)
                self.setText(f"{action.text()} ▾")
                self.setAccessibleName(f"{self._name}: {action.text()}")

    def choose(self, key: str) -> None:
        """Chooses as a click in the menu would."""
        if key != self.choice:
            self.set_choice(key)
            self.chosen.emit(key)

    def set_available(self, key: str, available: bool) -> None:
        """Shows or hides a choice."""
        for action in self._group.actions():
            if action.data() == key:
                action.setVisible(available)

    @Slot(QAction)
    def _on_triggered(self, action: QAction) -> None:
        self.set_choice(str(action.data()))
        self.chosen.emit(str(action.data()))
