"""The buttons above the ladder."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from gui.session import Session
from gui.theme import SPACING, make_icon, set_role

NARROW_TEXTS = ("Rankings", "Whole", "Matrix")


class RankingToolbar(QWidget):
    """Title, rankings, save, undo and redo, what can be done to a ladder and to the whole.

    Args:
        session: Whose ranking.
        rankings: The menu of rankings.
        whole: The menu of what can be done to the whole ranking.
        save: Saves the ranking.
        parent: Owner.
    """

    space_requested = Signal()
    clear_requested = Signal()
    matrix_toggled = Signal(bool)

    def __init__(
        self,
        session: Session,
        rankings: QMenu,
        whole: QMenu,
        save: Callable[[], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._buttons: dict[QToolButton, str] = {}
        stack = session.undo_stack
        title = QLabel("Ranking")
        set_role(title, "title")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(SPACING // 2)
        self._row.addWidget(title)
        self._row.addStretch(1)
        self._add_menu("Rankings", "mdi6.cards-outline", "Rankings of the workspace", rankings)
        self._add("Save", "mdi6.content-save-outline", "Save the ranking", save)
        self._row.addSpacing(SPACING * 2)
        self._undo = self._add("Undo", "mdi6.undo", "Undo", stack.undo)
        self._redo = self._add("Redo", "mdi6.redo", "Redo", stack.redo)
        self._row.addSpacing(SPACING * 2)
        tip = "Give this ladder evenly spaced similarities"
        self._space = self._add(
            "Space evenly", "mdi6.format-line-spacing", tip, self.space_requested.emit
        )
        self._clear = self._add(
            "Clear", "mdi6.close-circle-outline", "Empty this ladder", self.clear_requested.emit
        )
        self._add_menu("Whole", "mdi6.dots-horizontal", "Edit the whole ranking", whole)
        self._matrix = self._add("Matrix", "mdi6.grid", "Show all classes at once (Ctrl+M)", None)
        self._matrix.setCheckable(True)
        self._matrix.setShortcut("Ctrl+M")
        self._matrix.toggled.connect(self.matrix_toggled)
        stack.indexChanged.connect(self.refresh)

    @property
    def shows_matrix(self) -> bool:
        return self._matrix.isChecked()

    def show_ladder(self) -> None:
        """Leaves the matrix."""
        self._matrix.setChecked(False)

    def set_wide(self, wide: bool) -> None:
        """Says whether there is room for a word on every button."""
        style = Qt.ToolButtonStyle
        for button in self._buttons:
            has_text = wide or button.text() in NARROW_TEXTS
            button.setToolButtonStyle(
                style.ToolButtonTextBesideIcon if has_text else style.ToolButtonIconOnly
            )

    @Slot()
    def refresh(self) -> None:
        """Enables what can be done now."""
        stack = self._session.undo_stack
        for button, can, text in (
            (self._undo, stack.canUndo(), f"Undo {stack.undoText()}"),
            (self._redo, stack.canRedo(), f"Redo {stack.redoText()}"),
        ):
            button.setEnabled(can)
            button.setToolTip(text.strip())
        tiers = self._session.ranking.tiers(self._session.selected_class)
        self._space.setEnabled(any(tier.similarity is not None for tier in tiers))
        self._clear.setEnabled(bool(tiers))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_buttons"):
            for button, icon in self._buttons.items():
                button.setIcon(make_icon(icon, self.palette()))

    def _add_menu(self, text: str, icon: str, tip: str, menu: QMenu) -> None:
        button = self._add(text, icon, tip, None)
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    def _add(self, text: str, icon: str, tip: str, run: Callable[[], object] | None) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setObjectName(f"tool{text.title().replace(' ', '')}")
        button.setAccessibleName(tip)
        button.setToolTip(tip)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIcon(make_icon(icon, self.palette()))
        button.setIconSize(QSize(18, 18))
        if run is not None:
            button.clicked.connect(lambda _checked=False: run())
        self._buttons[button] = icon
        self._row.addWidget(button)
        return button
