"""Where the views of the results page stand: the matrix at the left, one other beside it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gui.pages.results_comparison import ComparisonCard
from gui.pages.results_compliance import ComplianceCard
from gui.pages.results_map import MapCard
from gui.pages.results_matrix import MatrixCard
from gui.pages.results_neighbours import NeighboursCard
from gui.pages.results_ood import OodCard
from gui.theme import SPACING
from gui.widgets.notes import note_label
from gui.widgets.view_card import ViewCard

VIEWS = ("withheld", "compliance", "runs", "neighbours", "map")


class ResultsPanes(QStackedWidget):
    """The cards, or a note where there is nothing to judge."""

    training_requested = Signal()
    judging_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.matrix_card = MatrixCard()
        self.ood_card = OodCard()
        self.comparison_card = ComparisonCard()
        self.compliance_card = ComplianceCard()
        self.neighbours_card = NeighboursCard()
        self.map_card = MapCard()
        self.cards: tuple[ViewCard, ...] = (
            self.matrix_card,
            self.ood_card,
            self.compliance_card,
            self.comparison_card,
            self.neighbours_card,
            self.map_card,
        )
        self.addWidget(self._note_page())
        self.addWidget(self._views())
        self.ood_card.withhold_requested.connect(self.training_requested)
        for card in self.cards:
            card.enlarge_toggled.connect(self._on_enlarged)

    def _note_page(self) -> QWidget:
        self.note = note_label("")
        self.to_training = QPushButton("Go to Training")
        self.to_training.setAccessibleName("Go to Training")
        self.to_training.clicked.connect(self.training_requested)
        self.judge = QPushButton("Judge it now")
        self.judge.setAccessibleName("Judge the run now")
        self.judge.clicked.connect(self.judging_requested)
        page = QWidget()
        column = QVBoxLayout(page)
        column.addStretch(1)
        column.addWidget(self.note)
        column.addSpacing(SPACING)
        for button in (self.to_training, self.judge):
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return page

    def _views(self) -> QWidget:
        self._right = QStackedWidget()
        for card in self.cards[1:]:
            self._right.addWidget(card)
        views = QWidget()
        line = QHBoxLayout(views)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING)
        line.addWidget(self.matrix_card, 1)
        line.addWidget(self._right, 1)
        return views

    def show_note(
        self, text: str, *, offer_training: bool = False, offer_judging: bool = False
    ) -> None:
        """Says why there is nothing to judge."""
        self.note.setText(text)
        self.to_training.setVisible(offer_training)
        self.judge.setVisible(offer_judging)
        self.setCurrentIndex(0)

    def show_views(self) -> None:
        self.setCurrentIndex(1)

    @Slot(str)
    def show_view(self, view: str) -> None:
        """Shows other views beside the matrix."""
        for card in self.cards:
            card.set_enlarged(False)
        self._right.setCurrentIndex(VIEWS.index(view))

    @Slot(bool)
    def _on_enlarged(self, on: bool) -> None:
        is_matrix = self.sender() is self.matrix_card
        self.matrix_card.setVisible(not on or is_matrix)
        self._right.setVisible(not on or not is_matrix)
