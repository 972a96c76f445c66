"""The trash of the workspace: take runs back, or empty it after a second click."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.run_trash import empty_trash, list_trash
from core.runs import RunStore, format_time
from gui.tasks import LatestTask
from gui.theme import SPACING, set_role


class TrashWindow(QDialog):
    """What is in the trash; nothing is deleted but by its two buttons, one after the other.

    Args:
        store: Whose trash.
        parent: The window it belongs to.
    """

    restore_requested = Signal(object)  # tuple of TrashedRun
    emptied = Signal(int)  # how many were deleted
    failed = Signal(object)  # AkinError

    def __init__(self, store: RunStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Trash")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(480, 320)
        self._store = store
        self._asking = False
        self._task = LatestTask(self)
        self._task.succeeded.connect(self._on_emptied)
        self._task.failed.connect(self._on_failed)
        self._words = QLabel()
        self._words.setWordWrap(True)
        self.list = QListWidget()
        self.list.setAccessibleName("Runs in the trash")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.itemSelectionChanged.connect(self._show_buttons)
        self.restore_button = _button("Take back", None)
        self.restore_button.clicked.connect(self._on_restore)
        self.empty_button = _button("Empty the trash…", None)
        self.empty_button.clicked.connect(self._on_empty)
        self.delete_button = _button("Delete for good", "danger")
        self.delete_button.clicked.connect(self._on_delete)
        self.keep_button = _button("Keep them", None)
        self.keep_button.clicked.connect(self.refresh)
        close = _button("Close", None)
        close.clicked.connect(self.close)
        line = QHBoxLayout()
        line.setSpacing(SPACING)
        for button in (self.restore_button, self.empty_button):
            line.addWidget(button)
        for button in (self.delete_button, self.keep_button):
            line.addWidget(button)
        line.addStretch(1)
        line.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACING, 2 * SPACING, 2 * SPACING, 2 * SPACING)
        layout.setSpacing(SPACING)
        layout.addWidget(self._words)
        layout.addWidget(self.list, 1)
        layout.addLayout(line)
        self.refresh()

    @property
    def is_idle(self) -> bool:
        return self._task.is_idle

    @Slot()
    def refresh(self) -> None:
        """Reads again what is in the trash."""
        self._asking = False
        self.list.clear()
        for trashed in list_trash(self._store):
            text = f"{trashed.run.title}   thrown away {format_time(trashed.time_s)}"
            item = QListWidgetItem(text)
            item.setToolTip(f"Was {trashed.origin}")
            item.setData(Qt.ItemDataRole.UserRole, trashed)
            self.list.addItem(item)
        count = self.list.count()
        self._words.setText(
            f"{count} run{'s' if count != 1 else ''} in the trash."
            if count
            else "No runs are in the trash. Trashed rankings: menu Ranking, Restore."
        )
        self._show_buttons()

    @Slot()
    def _show_buttons(self) -> None:
        count, idle = self.list.count(), self._task.is_idle
        self.restore_button.setVisible(not self._asking)
        self.restore_button.setEnabled(bool(self.list.selectedItems()) and idle)
        self.empty_button.setVisible(not self._asking)
        self.empty_button.setEnabled(count > 0 and idle)
        self.delete_button.setVisible(self._asking)
        self.delete_button.setEnabled(idle)
        self.keep_button.setVisible(self._asking)
        self.keep_button.setEnabled(idle)

    @Slot()
    def _on_restore(self) -> None:
        chosen = tuple(item.data(Qt.ItemDataRole.UserRole) for item in self.list.selectedItems())
        self.restore_requested.emit(chosen)
        self.refresh()

    @Slot()
    def _on_empty(self) -> None:
        self._asking = True
        count = self.list.count()
        them = "this run" if count == 1 else f"these {count} runs"
        self._words.setText(f"Delete {them} for good, with curves and checkpoints?")
        self._show_buttons()
        self.keep_button.setFocus()

    @Slot()
    def _on_delete(self) -> None:
        store = self._store
        self._task.start(lambda _progress, _should_stop: empty_trash(store))
        self._words.setText("Deleting …")
        self._show_buttons()

    @Slot(object)
    def _on_emptied(self, count: int) -> None:
        self.emptied.emit(count)
        self.refresh()

    @Slot(object)
    def _on_failed(self, error: object) -> None:
        self.failed.emit(error)
        self.refresh()

    def done(self, result: int) -> None:
        self._task.shut_down()
        super().done(result)


def _button(text: str, role: str | None) -> QPushButton:
    button = QPushButton(text)
    button.setAccessibleName(text.rstrip("…"))
    button.setAutoDefault(False)
    if role == "danger":
        set_role(button, "danger")
    return button
