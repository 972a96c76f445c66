"""Keeps the workspace's journal while the window is used, and takes it up again at the start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QLockFile, QObject, Slot

from core.config import ExperimentConfig
from core.errors import AkinError
from core.journal import HistoryStep, Journal, JournalState
from gui.messages import Message
from gui.session import Session

JOURNAL_FILE = "journal.jsonl"
LOCK_FILE = "window.lock"


class SessionJournal(QObject):
    """Writes every edit, undo and setting to the journal at once.

    A second window on the same workspace keeps no journal, and says so.

    Args:
        session: What is kept.
        parent: Owner.
    """

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        session.workspace.mkdir(parents=True, exist_ok=True)
        self._journal = Journal(session.workspace / JOURNAL_FILE)
        self._lock = QLockFile(str(session.workspace / LOCK_FILE))
        self._lock.setStaleLockTime(0)  # it is stale when its process is gone, however old
        self._state = JournalState()
        self._writes = False

    def start(self) -> None:
        """Restores what the journal says and keeps it from now on."""
        if not self._lock.tryLock(0):
            self._session.post(
                Message(
                    "warning",
                    "This workspace is open in another window.",
                    "What is changed here is kept only when it is saved.",
                )
            )
            return
        self._state = self._journal.read()
        self._session.restore(self._state)
        self._announce()
        self._state = replace(self._state, config=self._session.config, closed=False)
        self._writes = self._try(self._journal.start, self._state)
        stack = self._session.undo_stack
        stack.indexChanged.connect(self._on_index_changed)
        stack.cleanChanged.connect(self._on_position_changed)
        self._session.ranking_saved.connect(self._on_position_changed)
        self._session.config_changed.connect(self._on_config_changed)

    def close(self) -> None:
        """The window was closed; call before the session goes."""
        if self._writes:
            self._try(self._journal.write_closed)
        self._writes = False
        self._journal.close()
        self._lock.unlock()

    def _announce(self) -> None:
        state = self._state
        if state.config_problem:
            self._session.post(
                Message("warning", "The settings were not taken up again.", state.config_problem)
            )
        if not state.closed and (state.steps or state.config):
            last = (
                f" The last step was: {state.steps[state.index - 1].text}." if state.index else ""
            )
            self._session.post(
                Message(
                    "info",
                    "Akin ended without being closed; everything is as it was then." + last,
                    "Undo takes steps back, as before.",
                )
            )

    # ----- keeping -----

    @Slot(int)
    def _on_index_changed(self, index: int) -> None:
        if not self._writes:
            return
        stack, steps = self._session.undo_stack, self._state.steps
        if index:
            board = self._session.board
            step = HistoryStep(stack.text(index - 1), board.ranking, board.document)
            if index > len(steps) or steps[index - 1] != step:
                self._state = self._state.with_step(index - 1, step)
                self._try(self._journal.write_step, self._state)
        self._on_position_changed()

    @Slot()
    def _on_position_changed(self) -> None:
        if not self._writes:
            return
        stack = self._session.undo_stack
        state = replace(
            self._state,
            steps=self._state.steps[: stack.count()],
            index=stack.index(),
            clean=stack.cleanIndex(),
            paths={n: path.absolute() for n, path in self._session.board.paths.items()},
        )
        self._state = state
        self._try(self._journal.write_position, state)

    @Slot(object)
    def _on_config_changed(self, config: ExperimentConfig) -> None:
        if self._writes:
            self._state = replace(self._state, config=config)
            self._try(self._journal.write_config, config)

    def _try(self, write: Callable[..., None], *arguments: object) -> bool:
        try:
            write(*arguments)
        except AkinError as error:
            self._writes = False
            self._session.post_error(error)
            return False
        return True
