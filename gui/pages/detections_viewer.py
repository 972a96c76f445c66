"""One image, large, with its boxes; keys walk through the images that pass the filters."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QImage, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from core.data.index import DatasetIndex
from core.detection.detector import Detections, Detector
from core.errors import DataError
from gui.theme import SPACING, make_icon, set_role
from gui.thumbnails import to_qimage
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.image_canvas import ImageCanvas, image_levels

KEYS = (
    "Wheel zooms · drag pans · F fits · hold H: no boxes · ← → walk · E next error, Shift+E the "
    "one before · Esc grid"
)


@dataclass(frozen=True, eq=False)
class LargeImage:
    """What the worker reads of an image.

    Attributes:
        index: The data set.
        image: Which image.
        levels: As for the canvas; empty if it cannot be decoded.
        problem: Why.
        detections: Its boxes.
    """

    index: DatasetIndex
    image: int
    levels: tuple[QImage, ...]
    problem: str
    detections: Detections


def read_large(index: DatasetIndex, detector: Detector, image: int) -> LargeImage:
    """Decodes an image and finds its boxes; slow, for a worker."""
    detections = detector.detect([image])[0]
    try:
        levels = image_levels(to_qimage(index.load_image(image)))
    except DataError as error:
        return LargeImage(index, image, (), str(error), detections)
    return LargeImage(index, image, levels, "", detections)


class ImageViewer(QWidget):
    """Canvas under a line that says which image it is."""

    back_requested = Signal()
    step_requested = Signal(int)  # -1 or 1
    error_requested = Signal(int)  # 1: the next image with an error, -1: the one before

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = ImageCanvas()
        self.title = ElidedLabel()
        set_role(self.title, "heading")
        self.hint = QLabel(KEYS)
        self.hint.setWordWrap(True)
        set_role(self.hint, "muted")
        self._icons: list[tuple[QToolButton, str]] = []
        self.back = self._button("Back to the grid (Esc)", "mdi6.view-grid-outline", "Grid")
        self.back.clicked.connect(self.back_requested)
        self.previous = self._button("Previous image (←)", "mdi6.chevron-left")
        self.previous.clicked.connect(self._on_previous)
        self.next = self._button("Next image (→)", "mdi6.chevron-right")
        self.next.clicked.connect(self._on_next)
        self.error = self._button(
            "Next image with an error (E); Shift+E: the one before",
            "mdi6.alert-circle-outline",
            "Next error",
        )
        self.error.clicked.connect(self._on_next_error)
        self.fit = self._button("Show all of the image (F)", "mdi6.fit-to-page-outline", "Fit")
        self.fit.clicked.connect(self.canvas.fit)
        line = QHBoxLayout()
        line.setSpacing(SPACING // 2)
        for widget in (self.back, self.previous, self.next):
            line.addWidget(widget)
        line.addSpacing(SPACING)
        line.addWidget(self.title, 1)
        line.addWidget(self.error)
        line.addWidget(self.fit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(line)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.hint)
        self.show_icons()

    def _button(self, words: str, icon: str, text: str = "") -> QToolButton:
        button = QToolButton()
        if text:
            button.setText(text)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setToolTip(words)
        button.setAccessibleName(words)
        self._icons.append((button, icon))
        return button

    def show_icons(self) -> None:
        """Draws the icons in the theme's colour."""
        for button, name in self._icons:
            button.setIcon(make_icon(name, self.palette()))

    def add_keys(self, scope: QWidget) -> list[QShortcut]:
        """Makes the keys of the viewer work in a widget around it; returns them."""
        made = []
        for key, slot in (
            ("Left", self._on_previous),
            ("Right", self._on_next),
            ("E", self._on_next_error),
            ("Shift+E", self._on_previous_error),
            ("Escape", self.back_requested.emit),
            ("F", self.canvas.fit),
        ):
            context = Qt.ShortcutContext.WidgetWithChildrenShortcut
            shortcut = QShortcut(QKeySequence(key), scope, context=context)
            shortcut.activated.connect(slot)
            made.append(shortcut)
        return made

    def show_title(self, title: str) -> None:
        """Says which image is shown, or on its way."""
        self.title.setText(title)

    def show_large(self, large: LargeImage) -> None:
        if large.problem:
            self.canvas.set_message(large.problem)
        else:
            self.canvas.set_image(large.levels)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Lets H hide the boxes while another widget has the keyboard."""
        kinds = {QEvent.Type.KeyPress, QEvent.Type.KeyRelease}
        if event.type() in kinds and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_H:
            if not event.isAutoRepeat():
                self.canvas.set_boxes_hidden(event.type() == QEvent.Type.KeyPress)
            return True
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_icons"):
            self.show_icons()

    @Slot()
    def _on_previous(self) -> None:
        self.step_requested.emit(-1)

    @Slot()
    def _on_next(self) -> None:
        self.step_requested.emit(1)

    @Slot()
    def _on_next_error(self) -> None:
        self.error_requested.emit(1)

    @Slot()
    def _on_previous_error(self) -> None:
        self.error_requested.emit(-1)
