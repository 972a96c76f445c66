"""Pairs of crops: two objects beside each other, with how alike the run finds them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListView, QToolButton, QVBoxLayout, QWidget

from core.data.index import DatasetIndex
from gui.pages.results_crops import CROP_PX, CropModel
from gui.theme import SPACING, set_role, tokens
from gui.widgets.figure_export import ExportButton, WidgetFigure
from gui.widgets.notes import note_label

Index = QModelIndex | QPersistentModelIndex
GAP_PX = 2


@dataclass(frozen=True)
class CropPair:
    """Two objects.

    Attributes:
        objects: Indices into the data set.
        rows: Of the predictions.
        names: Their true classes.
        cosine: Of their embeddings.
    """

    objects: tuple[int, int]
    rows: tuple[int, int]
    names: tuple[str, str]
    cosine: float

    @property
    def words(self) -> str:
        """Such as "bird, aeroplane: cosine 0.93"."""
        return f"{', '.join(self.names)}: cosine {self.cosine:.2f}"

    @property
    def caption(self) -> str:
        """What stands under them; the cosine first, since long names are cut."""
        return f"{self.cosine:.2f} {', '.join(self.names)}"


class PairModel(QAbstractListModel):
    """Pairs as pictures of two crops, decoded when they are seen."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pairs: tuple[CropPair, ...] = ()
        self._crops = CropModel(self)
        self._crops.dataChanged.connect(self._on_decoded)

    def set_placeholder_colour(self, colour: QColor) -> None:
        self._crops.set_placeholder_colour(colour)

    def show_pairs(self, index: DatasetIndex | None, pairs: Sequence[CropPair]) -> None:
        """Shows pairs of a data set."""
        self.beginResetModel()
        self.pairs = tuple(pairs)
        objects = dict.fromkeys(number for pair in pairs for number in pair.objects)
        self._crops.show_objects(index, tuple(objects))
        self._row_of = {number: row for row, number in enumerate(objects)}
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.pairs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        pair = self.pairs[index.row()]
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(pair)
        if role == Qt.ItemDataRole.DisplayRole:
            return pair.caption
        if role in {Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole}:
            return pair.words
        if role == Qt.ItemDataRole.SizeHintRole:
            return QSize(2 * CROP_PX + GAP_PX + SPACING, CROP_PX + SPACING + 18)
        return None

    def _picture(self, pair: CropPair) -> QPixmap:
        picture = QPixmap(2 * CROP_PX + GAP_PX, CROP_PX)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        for place, number in enumerate(pair.objects):
            crop = self._crops.index(self._row_of[number]).data(Qt.ItemDataRole.DecorationRole)
            painter.drawPixmap(place * (CROP_PX + GAP_PX), 0, crop)
        painter.end()
        return picture

    @Slot()
    def _on_decoded(self) -> None:
        if self.pairs:
            self.dataChanged.emit(self.index(0), self.index(len(self.pairs) - 1))


class PairsPane(QWidget):
    """A title, a way back, and the pairs."""

    closed = Signal()
    pair_chosen = Signal(object)  # CropPair

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = PairModel(self)
        self.title = QLabel()
        self.title.setWordWrap(True)
        set_role(self.title, "muted")
        self.back = QToolButton()
        self.back.setText("Back")
        self.back.setToolTip("Back to the curve by epoch")
        self.back.setAccessibleName("Back to the curve by epoch")
        self.back.clicked.connect(self.closed)
        self.note = note_label("")
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setViewMode(QListView.ViewMode.IconMode)
        self.view.setMovement(QListView.Movement.Static)
        self.view.setResizeMode(QListView.ResizeMode.Adjust)
        self.view.setIconSize(QSize(2 * CROP_PX + GAP_PX, CROP_PX))
        self.view.setFrameShape(QListView.Shape.NoFrame)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setAccessibleName("Pairs of crops; Enter selects a pair's objects")
        self.view.setToolTip("Double click a pair to select its objects")
        self.view.activated.connect(self._on_activated)
        self.export = ExportButton(WidgetFigure(self.csv, self.view), "crop pairs", icon_only=True)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.export, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.back, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING // 2)
        column.addLayout(head)
        column.addWidget(self.note)
        column.addWidget(self.view, 1)

    def show_pairs(
        self, title: str, index: DatasetIndex | None, pairs: Sequence[CropPair], note: str = ""
    ) -> None:
        """Shows pairs, or says in a note why there are none."""
        self.title.setText(title)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self.view.setVisible(not note)
        self.model.set_placeholder_colour(QColor(tokens(self.palette()).border))
        self.model.show_pairs(index, () if note else pairs)
        self.view.scrollToTop()

    def csv(self) -> str:
        """Returns the pairs as CSV."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["first", "second", "cosine"])
        for pair in self.model.pairs:
            writer.writerow([*pair.names, f"{pair.cosine:.6g}"])
        return out.getvalue()

    @Slot(QModelIndex)
    def _on_activated(self, index: QModelIndex) -> None:
        self.pair_chosen.emit(self.model.pairs[index.row()])
