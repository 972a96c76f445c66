"""The drawer: crops of the objects that are selected, wherever they were selected."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QSize, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListView, QToolButton, QVBoxLayout, QWidget

from core.data.index import DatasetIndex
from gui.pages.results_crops import CROP_PX, CropModel
from gui.session import ObjectSelection
from gui.theme import SPACING, Tokens, set_role, tokens


class SelectionDrawer(QWidget):
    """The crops, and a chip that says what is selected and lets it go."""

    cleared = Signal()
    browse_requested = Signal()
    data_requested = Signal()
    query_requested = Signal(int)  # object of the data set

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = CropModel(self)
        self.chip = QToolButton()
        self.chip.setToolTip("Select nothing")
        self.chip.clicked.connect(self.cleared)
        self.note = QLabel()
        self.note.setWordWrap(True)
        set_role(self.note, "muted")
        self.browse = QToolButton()
        self.browse.setText("Open in Detections")
        self.browse.setAccessibleName("Open the selected objects in Detections")
        self.browse.clicked.connect(self.browse_requested)
        self.open_data = QToolButton()
        self.open_data.setText("Open the run's data")
        self.open_data.setAccessibleName("Open the data set that the run was judged on")
        self.open_data.clicked.connect(self.data_requested)
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setViewMode(QListView.ViewMode.IconMode)
        self.view.setMovement(QListView.Movement.Static)
        self.view.setResizeMode(QListView.ResizeMode.Adjust)
        self.view.setUniformItemSizes(True)
        self.view.setIconSize(QSize(CROP_PX, CROP_PX))
        self.view.setSpacing(0)
        self.view.setFrameShape(QListView.Shape.NoFrame)
        self.view.setFixedHeight(CROP_PX + 3 * SPACING)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setAccessibleName("Crops of the selected objects; Enter finds an object's like")
        self.view.setToolTip("Double click a crop for the objects most like it")
        self.view.activated.connect(self._on_activated)
        self._lay_out()
        self.show_selection(None, None)

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(SPACING)
        line.addWidget(self.chip)
        line.addWidget(self.note, 1)
        line.addWidget(self.open_data)
        line.addWidget(self.browse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        layout.addLayout(line)
        layout.addWidget(self.view)

    def show_selection(self, index: DatasetIndex | None, selection: ObjectSelection | None) -> None:
        """Shows what is selected; None folds the drawer into a hint."""
        self.model.set_placeholder_colour(QColor(tokens(self.palette()).border))
        on = selection is not None and index is not None
        self.model.show_objects(index, selection.object_indices if on and selection else ())
        text = selection.text if on and selection else ""
        self.chip.setText(f"{text}  ✕")
        self.chip.setAccessibleName(f"Selected: {text}. Press to select nothing")
        self.chip.setStyleSheet(_chip_style(tokens(self.palette())))
        self.chip.setVisible(on)
        self.view.setVisible(on)
        self.browse.setVisible(on)
        self.open_data.hide()
        self.note.setText("" if on else "Click a cell of the matrix to see its objects here.")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "chip"):
            self.chip.setStyleSheet(_chip_style(tokens(self.palette())))

    @Slot(QModelIndex)
    def _on_activated(self, index: QModelIndex) -> None:
        self.query_requested.emit(self.model.objects[index.row()])

    def show_note(self, text: str, *, offer_data: bool = False) -> None:
        """Says why there are no crops."""
        self.show_selection(None, None)
        self.note.setText(text)
        self.open_data.setVisible(offer_data)


def _chip_style(colours: Tokens) -> str:
    return (
        f"QToolButton {{ background: {colours.surface}; border: 1px solid {colours.accent};"
        f" border-radius: 12px; padding: 3px 12px; color: {colours.text}; }}"
        f"QToolButton:hover {{ background: {colours.raised}; }}"
    )
