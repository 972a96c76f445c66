"""All commands of the menus, found by typing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QMenu, QMenuBar, QVBoxLayout, QWidget

from gui.theme import SPACING

WIDTH_PX, HEIGHT_PX = 520, 360
_ROW_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


@dataclass(frozen=True, eq=False)
class Command:
    """A command and where it stands.

    Attributes:
        text: Such as "File › Ranking presets › none".
        action: What is triggered.
    """

    text: str
    action: QAction

    def matches(self, words: Sequence[str]) -> bool:
        """Tells whether every word occurs."""
        text = self.text.lower()
        return all(word in text for word in words)


def commands_of(bar: QMenuBar) -> tuple[Command, ...]:
    """Returns every command of the menus, in their order."""
    menus = [menu for menu in bar.findChildren(QMenu) if menu.menuAction() in bar.actions()]
    menus.sort(key=lambda menu: bar.actions().index(menu.menuAction()))
    return tuple(command for menu in menus for command in _of_menu(menu, ()))


def _of_menu(menu: QMenu, above: tuple[str, ...]) -> Iterator[Command]:
    path = (*above, menu.title().replace("&", ""))
    submenus = {child.title(): child for child in menu.findChildren(QMenu)}
    for action in menu.actions():
        if action.isSeparator():
            continue
        child = submenus.get(action.text())
        if child is not None:
            yield from _of_menu(child, path)
        else:
            yield Command(" › ".join((*path, action.text().replace("&", ""))), action)


class CommandPalette(QDialog):
    """Type, choose by the arrow keys, Enter; blocks nothing.

    Args:
        bar: Whose commands.
        parent: Owner; the palette stands over it.
    """

    def __init__(self, bar: QMenuBar, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._bar = bar
        self._owner = parent
        self._commands: tuple[Command, ...] = ()
        self.setAccessibleName("Commands")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Type a command")
        self.search.setAccessibleName("Type a command")
        self.search.installEventFilter(self)
        self.search.textChanged.connect(self._on_text)
        self.rows = QListWidget()
        self.rows.setAccessibleName("Commands found")
        self.rows.itemActivated.connect(self._on_chosen)
        self.rows.itemClicked.connect(self._on_chosen)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACING, SPACING, SPACING, SPACING)
        layout.setSpacing(SPACING)
        layout.addWidget(self.search)
        layout.addWidget(self.rows, 1)

    @Slot()
    def open_over(self) -> None:
        """Shows all commands over the owner."""
        owner = self._owner
        self._commands = commands_of(self._bar)
        self.search.clear()
        self._on_text("")
        self.resize(min(WIDTH_PX, owner.width()), min(HEIGHT_PX, owner.height()))
        corner = owner.mapToGlobal(owner.rect().topLeft())
        self.move(corner.x() + (owner.width() - self.width()) // 2, corner.y() + 6 * SPACING)
        self.show()
        self.search.setFocus()

    @property
    def found(self) -> tuple[Command, ...]:
        """What the words typed so far leave, in the order shown."""
        words = self.search.text().lower().split()
        return tuple(c for c in self._commands if c.action.isEnabled() and c.matches(words))

    @Slot(str)
    def _on_text(self, _text: str) -> None:
        self.rows.clear()
        for command in self.found:
            keys = command.action.shortcut().toString()
            self.rows.addItem(f"{command.text}    {keys}" if keys else command.text)
        if self.rows.count():
            self.rows.setCurrentRow(0)

    @Slot()
    def _on_chosen(self) -> None:
        row, found = self.rows.currentRow(), self.found
        if 0 <= row < len(found):
            self.close()
            QTimer.singleShot(0, found[row].action.trigger)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.search and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.KeyPress and event.key() in _ROW_KEYS:
                self.rows.event(event)
                return True
            is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if event.type() == QEvent.Type.KeyPress and is_enter:
                self._on_chosen()
                return True
        return super().eventFilter(watched, event)
