"""Name, tags and note of a run, edited in a window that blocks nothing."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from core.errors import AkinError
from core.run_notes import LONGEST_TITLE, RunNotes
from core.runs import Run
from gui.theme import SPACING, set_role


class NotesWindow(QDialog):
    """What a person says about a run.

    Args:
        run: About which.
        notes: What is noted now.
        parent: The window it belongs to.
    """

    edited = Signal(object, object)  # Run, RunNotes

    def __init__(self, run: Run, notes: RunNotes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"About {run.title}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(440, 320)
        self._run = run
        self.title = QLineEdit(notes.title)
        self.title.setPlaceholderText(run.name)
        self.title.setMaxLength(LONGEST_TITLE)
        self.title.setAccessibleName("Name of the run")
        self.tags = QLineEdit(", ".join(notes.tags))
        self.tags.setPlaceholderText("such as baseline, for the report")
        self.tags.setAccessibleName("Tags, separated by commas")
        self.note = QPlainTextEdit(notes.note)
        self.note.setTabChangesFocus(True)
        self.note.setAccessibleName("Note about the run")
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        set_role(self._problem, "bad")
        self._problem.hide()
        where = QLabel(str(run.path))
        where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        where.setWordWrap(True)
        set_role(where, "muted")
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        for button in buttons.buttons():
            button.setAccessibleName(button.text().replace("&", ""))
            button.setIcon(QIcon())
        buttons.accepted.connect(self.save)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.setSpacing(SPACING)
        form.addRow("Name", self.title)
        form.addRow("Tags", self.tags)
        form.addRow("Note", self.note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACING, 2 * SPACING, 2 * SPACING, 2 * SPACING)
        layout.setSpacing(SPACING)
        layout.addLayout(form, 1)
        layout.addWidget(self._problem)
        layout.addWidget(where)
        layout.addWidget(buttons)

    @Slot()
    def save(self) -> None:
        """Tells what is noted now, or says here why it cannot be."""
        try:
            notes = RunNotes().titled(self.title.text()).tagged([self.tags.text()])
        except AkinError as error:
            self._problem.setText(str(error))
            self._problem.show()
            return
        self.edited.emit(self._run, notes.noted(self.note.toPlainText()))
        self.accept()
