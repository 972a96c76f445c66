"""One step of the ranking's history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtGui import QUndoCommand

from core.ranking import Ranking


@dataclass(frozen=True)
class Board:
    """What is on the board.

    Attributes:
        ranking: The ranking.
        document: Which of those that were opened one after another; each has a file of its own.
    """

    ranking: Ranking
    document: int = 0


class RankingEdit(QUndoCommand):
    """Replaces what is on the board.

    Args:
        show: Puts something on the board.
        before: What undo goes back to.
        after: What redo goes to.
        text: The step's name.
        gesture: Steps of the same gesture, one after another, become one; "": this one does not.
    """

    def __init__(
        self,
        show: Callable[[Board], None],
        before: Board,
        after: Board,
        text: str,
        gesture: str = "",
    ) -> None:
        super().__init__(text)
        self._show = show
        self._before = before
        self._after = after
        self._gesture = gesture

    def redo(self) -> None:
        self._show(self._after)

    def undo(self) -> None:
        self._show(self._before)

    def id(self) -> int:
        return 1 if self._gesture else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, RankingEdit) or other._gesture != self._gesture:
            return False
        self._after = other._after
        self.setText(other.text())
        self.setObsolete(self._after == self._before)
        return True
