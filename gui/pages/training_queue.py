"""The runs that wait for their turn: order them, take one out, let them go on."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gui.theme import SPACING, set_role
from gui.trainings import Trainings

MOST_ROWS_SHOWN = 5


class QueueList(QListWidget):
    """The list; Alt+Up and Alt+Down move a run, Delete takes it out."""

    def __init__(self, trainings: Trainings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue = trainings.queue
        self.setAccessibleName("Runs that wait for their turn")
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        self.model().rowsMoved.connect(self._on_rows_moved)
        self._queue.changed.connect(self._refresh)
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        titles = [waiting.title for waiting in self._queue.runs]
        if titles == [self.item(row).text() for row in range(self.count())]:
            return
        row = self.currentRow()
        self.clear()
        for title in titles:
            item = QListWidgetItem(title)
            item.setToolTip(title)
            self.addItem(item)
        self.setCurrentRow(min(row, self.count() - 1))
        rows = min(max(self.count(), 1), MOST_ROWS_SHOWN)
        height = self.sizeHintForRow(0) if self.count() else self.fontMetrics().height()
        self.setFixedHeight(rows * height + 2 * self.frameWidth() + 4)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row, key = self.currentRow(), event.key()
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(key), 0)
        if event.modifiers() & Qt.KeyboardModifier.AltModifier and step and row >= 0:
            self.move_row(row, row + step)
        elif key in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace} and row >= 0:
            self._queue.remove(row)
        else:
            super().keyPressEvent(event)

    def move_row(self, row: int, to: int) -> None:
        """Moves a waiting run; out of the list is no move."""
        if 0 <= to < self.count():
            self._queue.move(row, to)
            self.setCurrentRow(to)

    @Slot(QModelIndex, int, int, QModelIndex, int)
    def _on_rows_moved(
        self, _source: QModelIndex, start: int, _end: int, _target: QModelIndex, row: int
    ) -> None:
        self._queue.move(start, row - 1 if row > start else row)

    @Slot(QPoint)
    def _on_menu(self, position: QPoint) -> None:
        row = self.row(item) if (item := self.itemAt(position)) else -1
        if row < 0:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Train it next", lambda: self.move_row(row, 0)).setEnabled(row > 0)
        menu.addAction("Take it out", lambda: self._queue.remove(row))
        menu.popup(self.viewport().mapToGlobal(position))


class QueuePanel(QWidget):
    """The list under its title; hidden while nothing waits.

    Args:
        trainings: Whose queue.
        parent: Owner.
    """

    def __init__(self, trainings: Trainings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue = trainings.queue
        self._title = QLabel()
        set_role(self._title, "heading")
        self.list = QueueList(trainings)
        self.go_button = QPushButton("Go on with the queue")
        self.go_button.setToolTip("The first begins as soon as nothing is being trained")
        self.go_button.clicked.connect(trainings.release_queue)
        hint = QLabel("Drag to reorder · Delete takes one out")
        hint.setWordWrap(True)
        set_role(hint, "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACING, SPACING, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self._title)
        layout.addWidget(self.list)
        layout.addWidget(self.go_button)
        layout.addWidget(hint)
        self._queue.changed.connect(self._refresh)
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        queue = self._queue
        self.setVisible(bool(queue.runs))
        word = "Queue, held" if queue.held else "Queue"
        self._title.setText(f"{word} ({len(queue.runs)})")
        self.go_button.setVisible(queue.held)
