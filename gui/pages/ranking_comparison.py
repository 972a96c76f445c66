"""What differs between two rankings."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLabel, QListWidget, QVBoxLayout, QWidget

from core.ranking import Ranking
from core.ranking_edits import differences
from gui.theme import SPACING, set_role


class ComparisonDialog(QDialog):
    """A line for each class whose ladders differ; blocks nothing.

    Args:
        mine: The ranking on the board.
        other: Another one.
        other_name: What to call that.
        classes: Of the data.
        parent: The window it belongs to.
    """

    def __init__(
        self,
        mine: Ranking,
        other: Ranking,
        other_name: str,
        classes: tuple[str, ...],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"{mine.name} and {other_name}")
        self.resize(720, 420)
        found = differences(other, mine, classes)
        differ = "1 class differs" if len(found) == 1 else f"{len(found)} classes differ"
        count = differ if found else "They are the same"
        title = QLabel(f"{count}. Left of the arrow {other_name}, right of it {mine.name}.")
        title.setWordWrap(True)
        set_role(title, "muted")
        self.rows = QListWidget()
        self.rows.setAccessibleName("Classes whose ladders differ")
        self.rows.setWordWrap(True)
        self.rows.addItems(list(found))
        layout = QVBoxLayout(self)
        layout.setSpacing(SPACING)
        layout.addWidget(title)
        layout.addWidget(self.rows, 1)
