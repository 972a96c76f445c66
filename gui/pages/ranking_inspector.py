"""Beside the ladder: what is wrong, what a batch will hold, and what was done."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QUndoView,
    QVBoxLayout,
    QWidget,
)

from core.ranking import RankingProblem
from gui.models.batch_preview import RankPreview
from gui.theme import SPACING, number_font, set_role, tokens

MOST_PROBLEMS = 3


class RankingInspector(QFrame):
    """Problems with their repair, positives expected in a batch, and the history.

    Args:
        undo_stack: Whose steps are listed; a click goes back to one.
        parent: Owner.
    """

    repair_requested = Signal()

    def __init__(self, undo_stack: QUndoStack, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rankingInspector")
        self._problems = _text_label("rankingProblems")
        self._repair = QPushButton("Repair")
        self._repair.setObjectName("repairRanking")
        self._repair.setAccessibleName("Repair the ranking")
        self._repair.clicked.connect(self.repair_requested)
        self._batch = _text_label("batchSize")
        self._table = QGridLayout()
        self._table.setHorizontalSpacing(SPACING)
        self._table.setVerticalSpacing(SPACING // 2)
        self._table.setColumnStretch(2, 1)
        self._cells: list[QLabel] = []
        self._note = _text_label("batchNote")
        history = QUndoView(undo_stack)
        history.setObjectName("rankingHistory")
        history.setAccessibleName("History of the ranking")
        history.setEmptyLabel("as opened")
        history.setMinimumHeight(96)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(_heading("Check"))
        layout.addWidget(self._problems)
        layout.addWidget(self._repair, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addSpacing(SPACING)
        layout.addWidget(_heading("Positives"))
        layout.addWidget(self._batch)
        layout.addLayout(self._table)
        layout.addWidget(self._note)
        layout.addSpacing(SPACING)
        layout.addWidget(_heading("History"))
        layout.addWidget(history, 1)

    def show_problems(self, problems: Sequence[RankingProblem]) -> None:
        """Lists the first problems; errors can be repaired."""
        self._repair.setVisible(bool(problems))
        if not problems:
            self._problems.setText("No problems.")
            self._problems.setStyleSheet("")
            return
        lines = [f"⚠ {p.message} {p.hint}" for p in problems[:MOST_PROBLEMS]]
        if len(problems) > MOST_PROBLEMS:
            lines.append(f"and {len(problems) - MOST_PROBLEMS} more")
        self._problems.setText("\n".join(lines))
        self._problems.setStyleSheet(f"color: {tokens(self.palette()).bad}")

    def show_preview(self, rows: Sequence[RankPreview], batch_size: int, note: str) -> None:
        """Shows the expected positives of each rank."""
        self._batch.setText(f"Expected in a batch of {batch_size}:")
        for cell in self._cells:
            self._table.removeWidget(cell)
            cell.deleteLater()
        self._cells = []
        colours = tokens(self.palette())
        few = []
        for line, row in enumerate(rows):
            is_few = row.is_few
            if is_few:
                few.append(row.rank)
            shown = "–" if not row.is_used else f"{row.positives:.1f}"
            self._cell(line, 0, f"rank {row.rank}", colours.muted)
            self._cell(line, 1, shown, colours.warn if is_few else colours.text)
            remark = "⚠ few" if is_few else "not used" if not row.is_used else ""
            self._cell(line, 2, remark, colours.warn if is_few else colours.muted)
        self._note.setText(note or _advice(few))
        self._note.setVisible(bool(self._note.text()))

    def _cell(self, row: int, column: int, text: str, colour: str) -> None:
        label = QLabel(text)
        label.setStyleSheet(f"color: {colour}")
        if column == 1:
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            label.setFont(number_font(label.font()))
            label.setMinimumWidth(48)
        self._table.addWidget(label, row, column)
        self._cells.append(label)


def _advice(few: Sequence[int]) -> str:
    if not few:
        return ""
    ranks = "rank " + ", ".join(str(rank) for rank in few)
    return f"Less than one at {ranks}: seldom learned. A larger batch or a memory bank helps."


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    set_role(label, "heading")
    return label


def _text_label(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setWordWrap(True)
    set_role(label, "muted")
    return label
