"""All commands, of the menus and of the page that is seen, found by typing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QDialog,
    QLineEdit,
    QListWidget,
    QMenu,
    QMenuBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.theme import SPACING

WIDTH_PX, HEIGHT_PX = 560, 380
HERE = "This page"
_ROW_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


@dataclass(frozen=True, eq=False)
class Command:
    """A command and where it stands.

    Attributes:
        text: Such as "File › Ranking presets › none".
        run: Does it.
        keys: Its shortcuts.
        enabled: Whether it can be done now.
    """

    text: str
    run: Callable[[], object]
    keys: tuple[QKeySequence, ...] = ()
    enabled: bool = True

    def matches(self, words: Sequence[str]) -> bool:
        """Tells whether every word occurs."""
        text = self.text.lower()
        return all(word in text for word in words)


def commands_of(bar: QMenuBar) -> tuple[Command, ...]:
    """Returns every command of the menus, in their order."""
    menus = [menu for menu in bar.findChildren(QMenu) if menu.menuAction() in bar.actions()]
    menus.sort(key=lambda menu: bar.actions().index(menu.menuAction()))
    return tuple(command for menu in menus for command in _of_menu(menu, (_plain(menu.title()),)))


def commands_on(page: QWidget) -> tuple[Command, ...]:
    """Returns what the buttons of a page do that are seen now, and the entries of their menus."""
    found = []
    for button in page.findChildren(QAbstractButton):
        name = button.accessibleName() or _plain(button.text())
        if not name or not button.isVisible():
            continue
        menu = button.menu() if isinstance(button, QToolButton | QPushButton) else None
        if menu is None:
            keys = () if button.shortcut().isEmpty() else (button.shortcut(),)
            place = f"{HERE} › {name}"
            found.append(Command(place, button.click, keys, button.isEnabled()))
        elif button.isEnabled():
            menu.aboutToShow.emit()  # some are filled only then
            found += _of_menu(menu, (HERE, name))
    return tuple(found)


def _of_menu(menu: QMenu, path: tuple[str, ...]) -> Iterator[Command]:
    submenus = {child.menuAction(): child for child in menu.findChildren(QMenu)}
    for action in menu.actions():
        if action.isSeparator() or not action.isVisible():
            continue
        child = submenus.get(action)
        place = (*path, _plain(action.text()))
        if child is not None:
            yield from _of_menu(child, place)
        else:
            keys = tuple(action.shortcuts())
            yield Command(" › ".join(place), action.trigger, keys, action.isEnabled())


def _plain(text: str) -> str:
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").strip(" ▾")


class CommandPalette(QDialog):
    """Type, choose by the arrow keys, Enter; blocks nothing.

    Args:
        bar: Whose commands.
        page: Returns the page that is seen, whose buttons are commands too.
        parent: Owner; the palette stands over it.
    """

    def __init__(self, bar: QMenuBar, page: Callable[[], QWidget], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._bar = bar
        self._page = page
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
        self._commands = (*commands_of(self._bar), *commands_on(self._page()))
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
        return tuple(c for c in self._commands if c.enabled and c.matches(words))

    @Slot(str)
    def _on_text(self, _text: str) -> None:
        self.rows.clear()
        for command in self.found:
            keys = command.keys[0].toString() if command.keys else ""
            self.rows.addItem(f"{command.text}    {keys}" if keys else command.text)
        if self.rows.count():
            self.rows.setCurrentRow(0)

    @Slot()
    def _on_chosen(self) -> None:
        row, found = self.rows.currentRow(), self.found
        if 0 <= row < len(found):
            self.close()
            QTimer.singleShot(0, self._owner, found[row].run)

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
