"""The rail at the window's left: one button a page."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFrame,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.theme import SPACING, make_icon, tokens


class NavRail(QFrame):
    """Checkable buttons, one below the other.

    Args:
        entries: Key, text and icon name of each, from the top.
        parent: Owner.
    """

    chosen = Signal(str)

    def __init__(
        self, entries: tuple[tuple[str, str, str], ...], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("navRail")
        self._icons: dict[QToolButton, str] = {}
        self._keys: dict[QAbstractButton, str] = {}
        self._group = QButtonGroup(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACING, SPACING * 2, SPACING, SPACING)
        layout.setSpacing(SPACING // 2)
        for number, (key, text, icon) in enumerate(entries, start=1):
            button = self._button(text, icon)
            button.setCheckable(True)
            button.setToolTip(f"{text} (Ctrl+{number})")
            button.setAccessibleName(f"{text} page")
            button.setObjectName(f"nav-{key}")
            self._group.addButton(button)
            self._keys[button] = key
            layout.addWidget(button)
        layout.addStretch(1)
        self._group.buttonClicked.connect(self._on_clicked)

    def add_action_button(self, text: str, icon: str, name: str) -> QToolButton:
        """Adds a button at the rail's foot and returns it."""
        button = self._button(text, icon)
        button.setAccessibleName(name)
        button.setToolTip(name)
        layout = self.layout()
        assert layout is not None
        layout.addWidget(button)
        return button

    def set_current(self, key: str) -> None:
        for button, known in self._keys.items():
            if known == key:
                button.setChecked(True)

    def load_icons(self) -> None:
        """Draws the icons; reading the icon fonts takes a moment, so not before the first paint."""
        for button, name in self._icons.items():
            button.setIcon(make_icon(name, self.palette()))

    def _fit(self, button: QToolButton) -> None:
        metrics = self.fontMetrics()  # the buttons hear of another font later
        width = max(84, metrics.horizontalAdvance("Detections") + 20)
        button.setFixedSize(width, 41 + metrics.height())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            for button in self._icons:
                self._fit(button)
        if event.type() == QEvent.Type.PaletteChange and any(
            not button.icon().isNull() for button in self._icons
        ):
            self.load_icons()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = tokens(self.palette())
        painter.fillRect(self.rect(), colours.window)
        painter.fillRect(self.width() - 1, 0, 1, self.height(), colours.border)

    def _button(self, text: str, icon: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(22, 22))
        self._fit(button)
        self._icons[button] = icon
        return button

    @Slot(QAbstractButton)
    def _on_clicked(self, button: QAbstractButton) -> None:
        self.chosen.emit(self._keys[button])
