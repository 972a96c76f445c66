"""The line over the grid, and what stands in its place when there is nothing to show."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.theme import SPACING, set_role, tokens


class GridToolbar(QWidget):
    """How much is shown, the selection's chip, whose boxes, and images or objects.

    Args:
        source: Chooses whose boxes are shown.
        parent: Owner.
    """

    selection_cleared = Signal()
    kind_changed = Signal(str)  # "image" | "object"

    def __init__(self, source: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("Detections")
        set_role(title, "title")
        self.counts = QLabel()
        set_role(self.counts, "muted")
        self.chip = QToolButton()
        self.chip.clicked.connect(self.selection_cleared)
        self.images = _choice("Images", "Show whole images")
        self.objects = _choice("Objects", "Show objects, cut out")
        self._kinds = QButtonGroup(self)
        self._kinds.addButton(self.images)
        self._kinds.addButton(self.objects)
        self.images.setChecked(True)
        self._kinds.buttonClicked.connect(self._on_kind)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(title)
        layout.addSpacing(SPACING)
        layout.addWidget(self.counts)
        layout.addWidget(self.chip)
        layout.addStretch(1)
        layout.addWidget(source)
        layout.addSpacing(SPACING)
        layout.addWidget(self.images)
        layout.addWidget(self.objects)
        self.set_selection("")

    @property
    def kind(self) -> Literal["image", "object"]:
        return "image" if self.images.isChecked() else "object"

    def show_counts(self, images: int, boxes: int, kind: str = "object") -> None:
        self.counts.setText(
            f"{images:,} image{'' if images == 1 else 's'}, "
            f"{boxes:,} {kind}{'' if boxes == 1 else 's'}"
        )

    def offer_kinds(self, on: bool) -> None:
        """Shows or hides the choice of images or objects."""
        self.images.setVisible(on)
        self.objects.setVisible(on)

    def set_selection(self, text: str) -> None:
        """Shows what is selected elsewhere in the window; "" for nothing."""
        self.chip.setVisible(bool(text))
        self.chip.setText(f"{text}  ✕")
        self.chip.setToolTip("Let the selection go and show everything")
        self.chip.setAccessibleName(f"Selected: {text}. Press to show everything")
        colours = tokens(self.palette())
        self.chip.setStyleSheet(
            f"QToolButton {{ border: 1px solid {colours.accent}; border-radius: 12px;"
            f" padding: 3px 12px; color: {colours.text}; background: {colours.surface}; }}"
        )

    @Slot()
    def _on_kind(self) -> None:
        self.kind_changed.emit(self.kind)


class EmptyNote(QWidget):
    """A sentence and a way on."""

    reset_requested = Signal()
    data_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = QLabel()
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words.setWordWrap(True)
        set_role(self.words, "muted")
        self.reset = QPushButton("Reset the filters")
        self.reset.setAccessibleName("Reset the filters")
        self.reset.clicked.connect(self.reset_requested)
        self.to_data = QPushButton("Go to Data")
        self.to_data.setAccessibleName("Go to Data")
        self.to_data.clicked.connect(self.data_requested)
        layout = QVBoxLayout(self)
        layout.setSpacing(2 * SPACING)
        layout.addStretch(1)
        layout.addWidget(self.words)
        layout.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.to_data, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)

    def show_no_data(self, loading: str) -> None:
        self.words.setText(loading or "There is no data yet. Open a VOC folder or the demo.")
        self.reset.hide()
        self.to_data.setVisible(not loading)

    def show_no_match(self) -> None:
        self.words.setText("No image matches the filters.")
        self.reset.show()
        self.to_data.hide()


def _choice(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setCheckable(True)
    return button
