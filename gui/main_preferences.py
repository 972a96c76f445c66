"""The preferences, in a window of their own; what is chosen is so at once."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from gui.main_files import Opener
from gui.preferences import Preferences
from gui.settings import TEXT_SIZES
from gui.theme import SPACING, THEME_NAMES, set_role

MOST_PROCESSES = 64
_LAID_OUT_ANEW = (QEvent.Type.LayoutRequest, QEvent.Type.Resize, QEvent.Type.Show)
THEME_TEXTS = {"system": "As the desktop", "light": "Light", "dark": "Dark"}


class PreferencesWindow(QDialog):
    """Look, training and workspace; blocks nothing.

    Args:
        preferences: What is shown and changed.
        workspace: The one that is open.
        opener: Opens another.
        parent: The window it belongs to.
    """

    def __init__(
        self,
        preferences: Preferences,
        workspace: Path,
        opener: Opener,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self._workspace = workspace
        self._opener = opener
        self.setWindowTitle("Akin: preferences")
        self.setMinimumWidth(520)
        self.theme = QComboBox()
        for name in THEME_NAMES:
            self.theme.addItem(THEME_TEXTS[name], name)
        self.text_size = QComboBox()
        for percent in TEXT_SIZES:
            self.text_size.addItem(f"{percent} %", percent)
        self.own_process = QCheckBox("Train in a process of its own")
        self.processes = QSpinBox()
        self.processes.setRange(1, MOST_PROCESSES)
        self._lay_out()
        self.refresh()
        self.theme.activated.connect(self._on_theme)
        self.text_size.activated.connect(self._on_text_size)
        self.own_process.toggled.connect(preferences.set_own_process)
        self.processes.valueChanged.connect(preferences.set_processes)
        preferences.changed.connect(self.refresh)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * SPACING, 2 * SPACING, 3 * SPACING, 2 * SPACING)
        layout.setSpacing(SPACING)
        look = _section(layout, "Look")
        _add(look, "Theme", self.theme, "")
        _add(look, "Text size", self.text_size, "")
        training = _section(layout, "Training")
        _add(
            training,
            "",
            self.own_process,
            "The run survives the window, which takes it up again; its memory is given back at "
            "its end. It takes some seconds longer to begin.",
        )
        _add(
            training,
            "Processes",
            self.processes,
            "How many train one run together, in a process of its own: one for each GPU.",
        )
        self._add_workspace(layout)
        close = QPushButton("Close")
        close.setAccessibleName("Close the preferences")
        close.clicked.connect(self.close)
        layout.addStretch(1)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)

    def _add_workspace(self, layout: QVBoxLayout) -> None:
        form = _section(layout, "Workspace")
        path = QLabel(str(self._workspace))
        path.setWordWrap(True)
        path.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        show = QPushButton("Show in files")
        show.setAccessibleName("Show the workspace's folder")
        show.clicked.connect(self._on_show)
        other = QPushButton("Open another…")
        other.setAccessibleName("Open another workspace")
        other.clicked.connect(self._opener.choose_workspace)
        buttons = QHBoxLayout()
        buttons.addWidget(show)
        buttons.addWidget(other)
        buttons.addStretch(1)
        hint = QLabel("Runs, rankings, detections and the demo are kept in it, and nowhere else.")
        hint.setWordWrap(True)
        set_role(hint, "muted")
        form.addRow("Folder", path)
        form.addRow("", buttons)
        form.addRow("", hint)

    def event(self, event: QEvent) -> bool:
        handled = super().event(event)
        if event.type() in _LAID_OUT_ANEW and (layout := self.layout()) is not None:
            self.setMinimumHeight(layout.totalHeightForWidth(self.width()))
        return handled

    @Slot()
    def refresh(self) -> None:
        """Shows the preferences as they are."""
        kept = self._preferences
        self.theme.setCurrentIndex(self.theme.findData(kept.theme))
        self.text_size.setCurrentIndex(self.text_size.findData(kept.text_size))
        self.own_process.setChecked(kept.own_process)
        self.processes.setValue(kept.processes)
        self.processes.setEnabled(kept.own_process)

    @Slot()
    def _on_theme(self) -> None:
        self._preferences.set_theme(self.theme.currentData())

    @Slot()
    def _on_text_size(self) -> None:
        self._preferences.set_text_size(self.text_size.currentData())

    @Slot()
    def _on_show(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._workspace)))


def _section(layout: QVBoxLayout, title: str) -> QFormLayout:
    heading = QLabel(title)
    set_role(heading, "heading")
    form = QFormLayout()
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    form.setHorizontalSpacing(2 * SPACING)
    form.setVerticalSpacing(SPACING)
    layout.addSpacing(SPACING)
    layout.addWidget(heading)
    layout.addLayout(form)
    return form


def _add(form: QFormLayout, label: str, editor: QWidget, hint: str) -> None:
    """Adds a labelled row, and a line that explains it."""
    editor.setAccessibleName(label or editor.property("text"))
    editor.setAccessibleDescription(hint)
    form.addRow(label, editor)
    if hint:
        words = QLabel(hint)
        words.setWordWrap(True)
        set_role(words, "muted")
        form.addRow("", words)
