"""Beside the ladder: what is wrong, what a batch will hold, what a run suggests, what was done."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QUndoView, QVBoxLayout, QWidget

from core.runs import RunStore
from gui.models.suggestion_desk import SuggestionDesk
from gui.pages.ranking_preview import PreviewPanel
from gui.pages.ranking_problems import RankingProblems
from gui.pages.ranking_suggestions import SuggestionPanel
from gui.theme import SPACING, set_role

LEAST_HISTORY_PX = 116


class RankingInspector(QFrame):
    """Problems with their repairs, the preview of a batch, suggestions, and the history.

    Args:
        undo_stack: Whose steps are listed; a click goes back to one.
        desk: What suggests.
        store: Whose runs can be asked.
        parent: Owner.
    """

    def __init__(
        self,
        undo_stack: QUndoStack,
        desk: SuggestionDesk,
        store: RunStore,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("rankingInspector")
        self.problems = RankingProblems()
        self.suggestions = SuggestionPanel(desk, store)
        self.preview = PreviewPanel()
        history = QUndoView(undo_stack)
        history.setObjectName("rankingHistory")
        history.setAccessibleName("History of the ranking")
        history.setEmptyLabel("as opened")
        history.setTextElideMode(Qt.TextElideMode.ElideRight)
        history.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        history.setMinimumHeight(LEAST_HISTORY_PX)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self._scrolled(), 3)
        layout.addSpacing(SPACING)
        layout.addWidget(_heading("History"))
        layout.addWidget(history, 1)

    def _scrolled(self) -> QScrollArea:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, SPACING, 0)
        column.setSpacing(SPACING)
        column.addWidget(_heading("Check"))
        for panel in (self.problems, self.preview, self.suggestions):
            column.addWidget(panel)
            column.addSpacing(SPACING)
        column.addStretch(1)
        area = QScrollArea()
        area.setObjectName("rankingFindings")
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setAccessibleName("Check, preview and suggestions")
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(content)
        return area


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    set_role(label, "heading")
    return label
