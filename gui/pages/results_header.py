"""The header of the results page: run A, optionally against run B, and which views are shown."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QWidget,
)

from core.runs import Run
from gui.models.runs_model import RunSummary
from gui.theme import SPACING, set_role, with_text
from gui.widgets.elided_combo_box import ElidedComboBox
from gui.widgets.elided_label import ElidedLabel

LEAST_RUN_PX = 96
LONGEST_RUN_PX = 175
VIEWS = (
    ("withheld", "Withheld", "Withheld against known objects: ROC, histogram, threshold"),
    ("compliance", "Ranks", "Rank compliance, and similarity against rank"),
    ("runs", "Runs", "Runs compared, with their curves"),
    ("neighbours", "Neighbours", "The objects most alike a chosen one"),
    ("map", "Map", "All embeddings in the plane"),
)


class ResultsHeader(QWidget):
    """Run A, run B, what they were measured on, and the view."""

    run_chosen = Signal(object)  # Run
    other_chosen = Signal(object)  # Run | None
    view_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runs = ElidedComboBox()
        self.runs.setAccessibleName("The run that is judged")
        self.against = ElidedComboBox()
        self.against.setAccessibleName("Run B, to compare with")
        self.against.setToolTip("Run B: subtracted from the matrix and compared in words")
        for box in (self.runs, self.against):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMinimumWidth(LEAST_RUN_PX)
        self._fit_text()
        self.data_label = ElidedLabel()
        set_role(self.data_label, "muted")
        self._views = QButtonGroup(self)
        title = QLabel("Results")
        set_role(title, "title")
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING)
        line.addWidget(title)
        line.addSpacing(SPACING)
        for text, box in (("of run", self.runs), ("against", self.against)):
            label = QLabel(text)
            label.setBuddy(box)
            line.addWidget(label)
            line.addWidget(box)
        line.addWidget(self.data_label, 1)
        for key, text, tip in VIEWS:
            line.addWidget(self._view_button(key, text, tip))
        self.runs.activated.connect(self._on_run)
        self.against.activated.connect(self._on_against)
        self._views.buttonToggled.connect(self._on_view)

    def _fit_text(self) -> None:
        for box in (self.runs, self.against):
            box.setMaximumWidth(with_text(LONGEST_RUN_PX, self.font()))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit_text()

    def _view_button(self, key: str, text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(f"Show {text}: {tip}")
        button.setObjectName(f"view-{key}")
        button.setCheckable(True)
        button.setChecked(key == VIEWS[0][0])
        self._views.addButton(button)
        return button

    # ----- runs -----

    def set_runs(
        self, rows: tuple[RunSummary, ...], current: Run | None, other: Run | None
    ) -> None:
        """Offers the runs, newest first; those with figures may be compared with."""
        with QSignalBlocker(self.runs), QSignalBlocker(self.against):
            self.runs.clear()
            self.against.clear()
            self.against.addItem("no other", None)
            for row in reversed(rows):
                self.runs.addItem(f"{row.name} · {row.status}", row.run)
                if row.run != current and row.accuracy is not None:
                    self.against.addItem(row.name, row.run)
            if current is not None and _place(self.runs, current) is None:
                self.runs.insertItem(0, current.name, current)
            self.runs.setCurrentIndex(_place(self.runs, current) or 0)
            self.against.setCurrentIndex(_place(self.against, other) or 0)
        self.runs.setEnabled(self.runs.count() > 0)
        self.against.setEnabled(self.against.count() > 1)

    @Slot(int)
    def _on_run(self, at: int) -> None:
        self.run_chosen.emit(self.runs.itemData(at))

    @Slot(int)
    def _on_against(self, at: int) -> None:
        self.other_chosen.emit(self.against.itemData(at))

    # ----- views -----

    @property
    def view(self) -> str:
        """Which views are shown."""
        button = self._views.checkedButton()
        assert button is not None
        return button.objectName().removeprefix("view-")

    def show_view(self, key: str) -> None:
        """Shows other views, as a click would."""
        for button in self._views.buttons():
            if button.objectName() == f"view-{key}":
                button.setChecked(True)

    @Slot(QAbstractButton, bool)
    def _on_view(self, _button: QAbstractButton, on: bool) -> None:
        if on:
            self.view_chosen.emit(self.view)


def _place(box: QComboBox, run: Run | None) -> int | None:
    """Returns where a run is in a box; findData would ask for the same object."""
    return next((at for at in range(box.count()) if box.itemData(at) == run), None)
