"""A card that holds one view: title, tools, and a button that enlarges it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.theme import SPACING, make_icon, set_role
from gui.widgets.elided_label import ElidedLabel


def scrolled(body: QWidget, name: str) -> QScrollArea:
    """Returns an area in which a view keeps the height it needs, however large the text is."""
    area = QScrollArea()
    area.setWidget(body)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setAccessibleName(name)
    for widget in (area.viewport(), body):
        widget.setAutoFillBackground(False)
    return area


class ViewCard(QFrame):
    """A title over a body.

    Args:
        title: Of the view.
        body: The view.
        tools: To the right of the title.
        parent: Owner.
    """

    enlarge_toggled = Signal(bool)

    def __init__(
        self,
        title: str,
        body: QWidget,
        tools: tuple[QWidget, ...] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.title = title
        heading = QLabel(title)
        set_role(heading, "heading")
        self.subtitle = ElidedLabel()
        set_role(self.subtitle, "muted")
        self._enlarge = QToolButton()
        self._enlarge.setCheckable(True)
        self._enlarge.setAccessibleName(f"Enlarge {title}")
        self._enlarge.setToolTip("Enlarge; click again to see all views")
        self._enlarge.toggled.connect(self._on_toggled)
        line = QHBoxLayout()
        line.setSpacing(SPACING)
        line.addWidget(heading)
        line.addWidget(self.subtitle, 1)
        for tool in tools:
            line.addWidget(tool)
        line.addWidget(self._enlarge)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACING, SPACING, SPACING, SPACING)
        layout.setSpacing(SPACING // 2)
        layout.addLayout(line)
        layout.addWidget(body, 1)
        self._show_icon()

    @property
    def is_enlarged(self) -> bool:
        return self._enlarge.isChecked()

    def set_enlarged(self, on: bool) -> None:
        self._enlarge.setChecked(on)

    def _show_icon(self) -> None:
        name = "mdi6.arrow-collapse" if self._enlarge.isChecked() else "mdi6.arrow-expand"
        self._enlarge.setIcon(make_icon(name, self.palette()))

    @Slot(bool)
    def _on_toggled(self, on: bool) -> None:
        self._show_icon()
        self.enlarge_toggled.emit(on)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_enlarge"):
            self._show_icon()
