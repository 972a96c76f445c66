"""The menu of rankings: those of the workspace, what can be done with them, and the presets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QInputDialog, QMenu, QMessageBox, QWidget

from core.ranking import Ranking
from core.ranking_files import preset_names
from core.ranking_library import RankingEntry
from gui.messages import Message
from gui.session import Session
from gui.widgets.ranking_dialogs import RankingFiles


class RankingMenu(QObject):
    """Fills a menu each time it opens; every dialog is open beside the window, none blocks.

    Args:
        session: Whose rankings.
        files: Opens and saves files.
        parent: The widget that dialogs belong to, and the owner.
    """

    def __init__(self, session: Session, files: RankingFiles, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._files = files
        self._widget = parent
        self.menu = QMenu(parent)
        self.menu.setObjectName("rankingsMenu")
        self.menu.setToolTipsVisible(True)
        self._deleted = QMenu("Restore", self.menu)
        self._presets = QMenu("Presets", self.menu)
        self.menu.aboutToShow.connect(self.fill)

    @Slot()
    def fill(self) -> None:
        """Fills the menu for the workspace and the ranking at hand."""
        menu, board = self.menu, self._session.board
        menu.clear()
        current = self._current()
        entries = board.library.entries()
        for entry in entries:
            action = menu.addAction(_shown(entry.name), partial(board.open, entry.path))
            action.setToolTip(str(entry.path))
            action.setCheckable(True)
            action.setChecked(entry == current)
        if not entries:
            menu.addAction("No rankings in this workspace yet").setEnabled(False)
        menu.addSeparator()
        menu.addAction("New ranking…", self.ask_new)
        menu.addAction("Duplicate this ranking…", self.ask_duplicate)
        for text, run in (
            ("Rename this ranking…", self.ask_rename),
            ("Delete this ranking", self.delete),
        ):
            menu.addAction(text, run).setEnabled(current is not None)
        self._fill_deleted()
        menu.addSeparator()
        self._presets.clear()
        for name in preset_names():
            self._presets.addAction(name, partial(self._session.open_ranking, name)).setData(name)
        menu.addMenu(self._presets)
        menu.addSeparator()
        menu.addAction("Open a file…", self._files.open)
        menu.addAction("Save", self._files.save)
        menu.addAction("Save as…", self._files.save_as)

    def _fill_deleted(self) -> None:
        board = self._session.board
        self._deleted.clear()
        for entry in board.library.deleted():
            self._deleted.addAction(_shown(entry.name), partial(board.restore_deleted, entry))
        self.menu.addMenu(self._deleted)
        self._deleted.setEnabled(not self._deleted.isEmpty())
        self._deleted.addSeparator()
        self._deleted.addAction("Empty the trash…", self.ask_empty)

    def _current(self) -> RankingEntry | None:
        path = self._session.ranking_path
        owned = path is not None and self._session.board.library.owns(path)
        return RankingEntry(path) if path is not None and owned else None

    def _current_or_tell(self) -> RankingEntry | None:
        current = self._current()
        if current is None:
            text = f"{self._session.ranking.name} is not a ranking of this workspace."
            self._session.post(Message("info", text, "Save it there first."))
        return current

    # ----- what asks for a name -----

    @Slot()
    def ask_new(self) -> None:
        """Asks for a name and opens an empty ranking of it."""
        self._ask("A new ranking", "Its name:", "my ranking", self._create)

    @Slot()
    def ask_duplicate(self) -> None:
        """Asks for a name and goes on with a copy of the ranking on the board."""
        name = f"{self._session.ranking.name} copy"
        self._ask("Duplicate the ranking", "Name of the copy:", name, self._duplicate)

    @Slot()
    def ask_rename(self) -> None:
        """Asks for another name of the workspace's ranking on the board."""
        current = self._current_or_tell()
        if current is not None:
            rename = partial(self._session.board.rename, current)
            self._ask("Rename the ranking", "Its new name:", current.name, rename)

    @Slot()
    def delete(self) -> None:
        """Moves the workspace's ranking on the board to the trash."""
        current = self._current_or_tell()
        if current is not None:
            self._session.board.delete(current)

    @Slot()
    def ask_empty(self) -> None:
        """Asks whether the trashed rankings are to be deleted for good."""
        count = len(self._session.board.library.deleted())
        them = "the trashed ranking" if count == 1 else f"the {count} trashed rankings"
        box = QMessageBox(self._widget)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setObjectName("emptyRankings")
        box.setText(f"Delete {them} for good?")
        delete = box.addButton("Delete for good", QMessageBox.ButtonRole.DestructiveRole)
        delete.clicked.connect(self._session.board.empty_trash)
        keep = box.addButton("Keep them", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        box.open()

    def _ask(self, title: str, label: str, name: str, done: Callable[[str], None]) -> None:
        dialog = QInputDialog(self._widget)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setObjectName("rankingName")
        dialog.setWindowTitle(title)
        dialog.setLabelText(label)
        dialog.setTextValue(name)
        dialog.textValueSelected.connect(done)
        dialog.open()

    def _create(self, name: str) -> None:
        classes = self._session.dataset.classes if self._session.dataset else ()
        self._session.board.create(Ranking(name=name, classes=classes))

    def _duplicate(self, name: str) -> None:
        self._session.board.duplicate(name)


def _shown(name: str) -> str:
    return (name if len(name) <= 40 else name[:39] + "…").replace("&", "&&")
