"""A line or two that say what happened, with its remedy and, on demand, its details."""

from __future__ import annotations

import html
import re

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.messages import Message
from gui.theme import SPACING, make_icon, set_role, tokens

FADE_MS = 12_000
ACT = "#act"
_ICONS = {
    "info": "mdi6.information-outline",
    "success": "mdi6.check-circle-outline",
    "warning": "mdi6.alert-outline",
    "error": "mdi6.alert-circle-outline",
}
_BY_MOUSE = (
    Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.LinksAccessibleByMouse
)
_PAGE = re.compile(r"\b(Data|Ranking|Training|Results|Detections) page\b")


class MessageBar(QWidget):
    """Shows the latest message; errors and warnings stay until dismissed."""

    page_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.message: Message | None = None
        self._panel: DetailPanel | None = None
        self._icon = QLabel()
        self._icon.setAccessibleName("Message level")
        self._text = QLabel()
        self._text.setObjectName("messageText")
        self._text.setTextFormat(Qt.TextFormat.RichText)
        self._text.setWordWrap(True)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self._text.setSizePolicy(policy)
        self._text.linkActivated.connect(self._on_link)
        self._text.setAccessibleName("Message")
        self._details = QPushButton("Details")
        self._details.setAccessibleName("Details of the message")
        set_role(self._details, "plain")
        self._details.clicked.connect(self.show_details)
        self._dismiss = QToolButton()
        self._dismiss.setAccessibleName("Dismiss the message")
        self._dismiss.setToolTip("Dismiss")
        self._dismiss.setIconSize(QSize(14, 14))
        self._dismiss.clicked.connect(self.clear)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        for widget in (self._icon, self._text, self._details, self._dismiss):
            layout.addWidget(widget, 1 if widget is self._text else 0)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(FADE_MS)
        self._timer.timeout.connect(self.clear)
        self.clear()

    @Slot(object)
    def show_message(self, message: Message) -> None:
        self.message = message
        self._timer.stop()
        if message.level in {"info", "success"}:
            self._timer.start()
        self._draw()

    @Slot()
    def clear(self) -> None:
        self.message = None
        self._draw()

    @Slot()
    def show_details(self) -> None:
        """Opens a window with the whole message, to be read and copied; blocks nothing."""
        if self.message is None:
            return
        self._panel = DetailPanel(self.message, self.window())
        self._panel.show()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_timer"):
            self._draw()

    def _draw(self) -> None:
        message = self.message
        self._text.setTextInteractionFlags(_BY_MOUSE)
        for widget in (self._icon, self._dismiss):
            widget.setVisible(message is not None)
        self._details.setVisible(message is not None and bool(message.detail))
        if message is None:
            self._text.clear()
            self._text.setToolTip("")
            return
        colours = tokens(self.palette())
        icon = make_icon(_ICONS[message.level], self.palette())
        self._icon.setPixmap(icon.pixmap(18, 18))
        self._dismiss.setIcon(make_icon("mdi6.close", self.palette()))
        colour = {"error": colours.bad, "warning": colours.warn}.get(message.level, colours.text)
        hint = _PAGE.sub(_link, html.escape(message.hint, quote=False))
        link = f'&nbsp; <a href="{ACT}">{html.escape(message.link)}</a>' if message.link else ""
        self._text.setText(
            f'<span style="color:{colour}; font-weight:600">{html.escape(message.text)}</span>'
            f'{link}&nbsp; <span style="color:{colours.muted}">{hint}</span>'
        )
        if "<a " in self._text.text():
            self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self._text.setToolTip(f"{message.text}\n{message.hint}".strip())
        self._text.setAccessibleDescription(f"{message.level}: {message.text} {message.hint}")

    @Slot(str)
    def _on_link(self, target: str) -> None:
        if target != ACT:
            self.page_requested.emit(target)
        elif self.message is not None and self.message.act is not None:
            act = self.message.act
            self.clear()
            act()


class DetailPanel(QDialog):
    """A message in full, to be read and copied.

    Args:
        message: What to show.
        parent: The window it belongs to.
    """

    def __init__(self, message: Message, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Details")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(720, 400)
        heading = QLabel(message.text)
        heading.setWordWrap(True)
        set_role(heading, "heading")
        hint = QLabel(message.hint)
        hint.setWordWrap(True)
        set_role(hint, "muted")
        self._report = f"{message.text}\n{message.hint}\n\n{message.detail}".strip() + "\n"
        text = QPlainTextEdit(message.detail)
        text.setReadOnly(True)
        text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        text.setAccessibleName("Details")
        copy = QPushButton("Copy")
        copy.setAccessibleName("Copy the details")
        copy.clicked.connect(self.copy)
        close = QPushButton("Close")
        close.setAccessibleName("Close the details")
        close.clicked.connect(self.close)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(copy)
        buttons.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACING * 2, SPACING * 2, SPACING * 2, SPACING * 2)
        layout.setSpacing(SPACING)
        layout.addWidget(heading)
        layout.addWidget(hint)
        layout.addWidget(text, 1)
        layout.addLayout(buttons)

    @Slot()
    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self._report)


def _link(match: re.Match[str]) -> str:
    return f'<a href="{match.group(1).lower()}">{match.group(0)}</a>'
