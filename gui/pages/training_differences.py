"""In what two runs, or a run and what is set now, differ: a window that blocks nothing."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QListWidget,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.runs import Run
from gui.models.run_differences import Side, changed_ranking, changed_settings
from gui.theme import SPACING, set_role


class DifferencesWindow(QDialog):
    """Settings that differ, side by side, and the rankings class by class.

    Args:
        before: One side.
        after: The other.
        parent: The window it belongs to.
    """

    chosen = Signal(str, object)  # what is asked for, tuple of Run

    def __init__(self, before: Side, after: Side, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"{before.name} and {after.name}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(640, 480)
        settings = changed_settings(before.config, after.config)
        self.table = QTableWidget(len(settings), 3)
        self.table.setTabKeyNavigation(False)  # Tab leaves it
        self.table.setAccessibleName("Settings that differ")
        self.table.setHorizontalHeaderLabels(["Setting", before.name, after.name])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for row, setting in enumerate(settings):
            for column, text in enumerate((setting.title, setting.before, setting.after)):
                item = QTableWidgetItem(text)
                item.setToolTip(f"{text}\n{setting.key}")
                self.table.setItem(row, column, item)
        sentences = changed_ranking(before.ranking, after.ranking)
        self.rankings = QListWidget()
        self.rankings.setAccessibleName("Classes that are ranked differently")
        self.rankings.setWordWrap(True)
        self.rankings.addItems(list(sentences))
        self._line = QHBoxLayout()
        self._line.setSpacing(SPACING)
        self._line.addStretch(1)
        close = QPushButton("Close")
        close.setAccessibleName("Close the comparison")
        close.clicked.connect(self.close)
        self._line.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACING, 2 * SPACING, 2 * SPACING, 2 * SPACING)
        layout.setSpacing(SPACING)
        count = len(settings)
        layout.addWidget(
            _heading(f"{count} setting{'s' * (count != 1)} differ{'s' * (count == 1)}")
        )
        layout.addWidget(self.table, 2)
        self.table.setVisible(bool(settings))
        arrow = f", {before.name} → {after.name}" if sentences else ""
        classes = f"{len(sentences)} class{'es' * (len(sentences) != 1)} ranked differently"
        layout.addWidget(_heading(classes + arrow if sentences else "The rankings are the same"))
        layout.addWidget(self.rankings, 1)
        self.rankings.setVisible(bool(sentences))
        if not sentences and not settings:
            layout.addStretch(1)
        layout.addLayout(self._line)

    def offer(self, text: str, what: str, runs: tuple[Run, ...]) -> None:
        """Adds a button that asks for something and closes the window."""
        button = QPushButton(text)
        button.setAccessibleName(text)
        button.setAutoDefault(False)
        button.clicked.connect(partial(self._on_offer, what, runs))
        self._line.insertWidget(self._line.count() - 2, button)

    @Slot()
    def _on_offer(self, what: str, runs: tuple[Run, ...], _on: bool = False) -> None:
        self.chosen.emit(what, runs)
        self.close()


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    set_role(label, "heading")
    return label
