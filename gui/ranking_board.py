"""The ranking on the board, its history, and the rankings of the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from core.errors import AkinError
from core.files import write_text
from core.journal import JournalState
from core.ranking import Ranking
from core.ranking_files import load_ranking, preset_names
from core.ranking_library import RankingEntry, RankingLibrary
from gui.messages import Message
from gui.ranking_edit import Board, RankingEdit

CHANGED = "(changed)"


class RankingBoard(QObject):
    """One ranking at a time, changed by steps that can be undone; opening another is a step too.

    What is left unsaved when another ranking is opened is kept in the workspace under a name of
    its own; no file is overwritten but by saving.

    Args:
        library: The workspace's rankings.
        parent: Owner.
    """

    changed = Signal(object)  # Ranking
    saved = Signal()
    listed = Signal()  # the workspace has other rankings, or other names of them
    posted = Signal(object)  # Message

    def __init__(self, library: RankingLibrary, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.library = library
        self.undo_stack = QUndoStack(self)
        self._board = Board(Ranking())
        self._paths: dict[int, Path] = {}
        self._documents = 1

    @property
    def ranking(self) -> Ranking:
        return self._board.ranking

    @property
    def document(self) -> int:
        """Which of the rankings that were opened one after another is on the board."""
        return self._board.document

    @property
    def path(self) -> Path | None:
        """The file it came from or was saved to."""
        return self._paths.get(self._board.document)

    @property
    def paths(self) -> Mapping[int, Path]:
        """The files of all documents of the history."""
        return self._paths

    # ----- one ranking -----

    def edit(self, ranking: Ranking, text: str, gesture: str = "") -> None:
        """Changes the ranking; the only way to (see Session.edit)."""
        if ranking != self.ranking:
            self._push(replace(self._board, ranking=ranking), text, gesture)

    def open(self, source: str | Path) -> None:
        """Opens a ranking file or preset as an undoable step; on failure nothing changes."""
        try:
            ranking = load_ranking(source)
        except AkinError as error:
            self.posted.emit(Message.of_error(error))
            return
        self.take(ranking, Path(source) if Path(source).is_file() else None)

    def take(self, ranking: Ranking, path: Path | None = None, text: str = "") -> None:
        """Puts another ranking on the board as an undoable step; unsaved changes are kept.

        Args:
            ranking: Such as a run's.
            path: Its file, if it has one.
            text: The step's name; empty: "open NAME".
        """
        if not self._keep_changes():
            return
        if path is not None:
            self._paths[self._documents] = path
        self._documents += 1
        self._push(Board(ranking, self._documents - 1), text or f"open {ranking.name}")
        self.undo_stack.setClean()

    def save(self, path: Path) -> bool:
        """Saves the ranking as YAML; says so, or why not."""
        try:
            write_text(path, self.ranking.to_yaml())
        except AkinError as error:
            self.posted.emit(Message.of_error(error))
            return False
        self._paths[self._board.document] = path
        self.undo_stack.setClean()
        self.saved.emit()
        self.listed.emit()
        self.posted.emit(Message("success", f"Ranking saved as {path.name}."))
        return True

    def restore(self, state: JournalState) -> None:
        """Takes up the ranking and the history that a journal holds."""
        self._paths = dict(state.paths)
        numbers = (state.base_document, *state.paths, *(step.document for step in state.steps))
        self._documents = 1 + max(numbers)
        self._show(Board(state.base, state.base_document))
        for step in state.steps:
            self._push(Board(step.ranking, step.document), step.text)
        if state.clean < 0:
            self.undo_stack.resetClean()
        else:
            self.undo_stack.setIndex(state.clean)
            self.undo_stack.setClean()
        self.undo_stack.setIndex(state.index)

    # ----- the workspace's rankings -----

    def create(self, ranking: Ranking) -> None:
        """Keeps a ranking in the workspace under a free name, and opens it."""
        try:
            path = self.library.add(ranking)
        except AkinError as error:
            self.posted.emit(Message.of_error(error))
            return
        self.listed.emit()
        self.open(path)

    def duplicate(self, name: str) -> None:
        """Keeps a copy of the board under another name in the workspace, and goes on with it.

        The original stays as it was saved; its unsaved changes go with the copy.
        """
        copy = replace(self.ranking, name=name)
        try:
            path = self.library.add(copy)
        except AkinError as error:
            self.posted.emit(Message.of_error(error))
            return
        self.listed.emit()
        self.undo_stack.setClean()  # the copy has the changes
        self.open(path)

    def rename(self, entry: RankingEntry, name: str) -> None:
        """Gives one of the workspace's rankings another name."""
        try:
            path = self.library.rename(entry.path, name)
        except AkinError as error:
            self.posted.emit(Message.of_error(error))
            return
        self._paths = {
            number: path if old == entry.path else old for number, old in self._paths.items()
        }
        if self.path == path and self.ranking.name != path.stem:
            clean = self.undo_stack.isClean()
            self.edit(replace(self.ranking, name=path.stem), f"name it {path.stem}")
            if clean:
                self.undo_stack.setClean()
        self.listed.emit()

    def delete(self, entry: RankingEntry) -> None:
        """Moves one of the workspace's rankings to the trash; on the board it stays, unsaved."""
        try:
            self.library.delete(entry.path)
        except AkinError as error:
            self.posted.emit(Message.of_error(error))
            return
        self._paths = {number: old for number, old in self._paths.items() if old != entry.path}
        self.listed.emit()
        hint = "It can be restored from the menu Ranking in the header."
        self.posted.emit(Message("info", f"{entry.name} was moved to the trash.", hint))

    def restore_deleted(self, entry: RankingEntry) -> None:
        """Moves a ranking back from the trash, and opens it."""
        try:
            path = self.library.restore(entry.path)
        except AkinError as error:
            self.posted.emit(Message.of_error(error))
            return
        self.listed.emit()
        self.open(path)

    def empty_trash(self) -> None:
        """Deletes for good what can be restored; whoever calls it has asked."""
        try:
            count = self.library.empty_trash()
        except AkinError as error:
            self.posted.emit(Message.of_error(error))
            return
        what = "1 ranking" if count == 1 else f"{count} rankings"
        self.posted.emit(Message("info", f"{what} deleted for good."))

    # ----- inside -----

    def _push(self, board: Board, text: str, gesture: str = "") -> None:
        self.undo_stack.push(RankingEdit(self._show, self._board, board, text, gesture))

    def _show(self, board: Board) -> None:
        self._board = board
        self.changed.emit(board.ranking)

    def _keep_changes(self) -> bool:
        """Says whether it is safe to open another: nothing is unsaved, or it is kept now."""
        ranking = self.ranking
        if self.undo_stack.isClean() or not ranking.similar or self.library.holds(ranking):
            return True
        is_new = self.path is None and ranking.name not in preset_names()
        if not is_new and not ranking.name.endswith(CHANGED):
            ranking = replace(ranking, name=f"{ranking.name} {CHANGED}")
        try:
            path = self.library.add(ranking)
        except AkinError as error:
            self.posted.emit(Message.of_error(error))
            return False
        self.listed.emit()
        hint = "It is in the workspace's rankings; the undo history has it too."
        text = f"What was not saved of {self.ranking.name} is kept as {path.stem}."
        self.posted.emit(Message("info", text, hint))
        return True
