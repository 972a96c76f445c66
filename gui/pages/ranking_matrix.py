"""The whole ranking at a glance, and editable: who ranks whom, and how high."""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDoubleSpinBox,
    QHeaderView,
    QLabel,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core.ranking import Ranking
from gui.models.ranking_matrix_model import SIMILARITY_ROLE, USED_ROLE, RankingMatrixModel
from gui.theme import SPACING, set_role, tokens, with_text

_FOCUS, _SELECTED = QStyle.StateFlag.State_HasFocus, QStyle.StateFlag.State_Selected
LEAST_CELL_PX = 22
MOST_HEADER_PX = 150
Index = QModelIndex | QPersistentModelIndex


class RankingMatrix(QWidget):
    """A table of similarities; double click, F2 or a digit edits a cell, Delete empties it."""

    entry_requested = Signal(str, str, float)  # anchor, class, similarity
    class_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = RankingMatrixModel(self)
        self.model.entry_requested.connect(self.entry_requested)
        self.table = _Table()
        self.table.setModel(self.model)
        self.table.setItemDelegate(_Cell(self.table))
        self.table.setHorizontalHeader(_Slanted(self.table))
        self.table.emptied.connect(self._on_emptied)
        for header in (self.table.horizontalHeader(), self.table.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
            header.setSectionsClickable(True)
        self.table.verticalHeader().sectionClicked.connect(self._on_row)
        self.table.verticalHeader().setAccessibleName("Anchor classes")
        self.table.horizontalHeader().setAccessibleName("Ranked classes")
        note = QLabel("A row is what its class ranks. Type a similarity, Delete makes a negative.")
        note.setWordWrap(True)
        set_role(note, "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self.table, 1)
        layout.addWidget(note)
        self.table.verticalHeader().setStyleSheet("QHeaderView::section { padding: 0 8px; }")
        self._fit_text()

    def _fit_text(self) -> None:
        least = with_text(LEAST_CELL_PX, self.font())
        for header in (self.table.horizontalHeader(), self.table.verticalHeader()):
            header.setMinimumSectionSize(least)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "table"):
            self._fit_text()

    def show_ranking(self, ranking: Ranking, classes: tuple[str, ...], depth: int) -> None:
        self.model.set_ranking(ranking, classes, depth)

    @Slot(int)
    def _on_row(self, row: int) -> None:
        self.class_chosen.emit(self.model.classes[row])

    @Slot()
    def _on_emptied(self) -> None:
        index = self.table.currentIndex()
        if index.isValid():
            self.model.setData(index, 0.0)


class _Table(QTableView):
    emptied = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Ranking of all classes: rows anchors, columns ranked classes")
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
        )
        self.setShowGrid(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)  # Tab leaves it

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.emptied.emit()
        else:
            super().keyPressEvent(event)


class _Cell(QStyledItemDelegate):
    """Paints a similarity as a shade, and edits it in a spin box."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colours = tokens(option.palette)
        rect: QRect = option.rect.adjusted(1, 1, -1, -1)
        value = float(index.data(SIMILARITY_ROLE))
        is_self = index.row() == index.column()
        fill = QColor(colours.muted if is_self else colours.accent)
        fill.setAlphaF(0.35 if is_self else 0.85 * value)
        painter.save()
        painter.fillRect(rect, QColor(colours.surface))
        if value:
            painter.fillRect(rect, fill)
        if value and not index.data(USED_ROLE):
            painter.setPen(QPen(QColor(colours.warn), 1, Qt.PenStyle.DashLine))
            painter.drawRect(rect.adjusted(0, 0, -1, -1))
        painter.setPen(QColor(colours.text))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, index.data())
        if option.state & _FOCUS and option.state & _SELECTED:
            painter.setPen(QPen(QColor(colours.text), 2))
            painter.drawRect(rect.adjusted(0, 0, -1, -1))
        painter.restore()

    def createEditor(
        self, parent: QWidget, _option: QStyleOptionViewItem, _index: Index
    ) -> QWidget:
        box = QDoubleSpinBox(parent)
        box.setRange(0.0, 0.99)
        box.setSingleStep(0.05)
        box.setDecimals(2)
        box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        box.setFrame(False)
        box.setAccessibleName("Similarity, 0 for a negative")
        box.setMinimumWidth(52)
        return box


class _Slanted(QHeaderView):
    """Column titles that read upwards, so that twenty fit."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)

    def sizeHint(self) -> QSize:
        model = self.model()
        titles = (str(model.headerData(i, self.orientation())) for i in range(self.count()))
        widest = max((self.fontMetrics().horizontalAdvance(title) for title in titles), default=40)
        return QSize(super().sizeHint().width(), min(widest, MOST_HEADER_PX) + 2 * SPACING)

    def paintSection(self, painter: QPainter, rect: QRect, index: int) -> None:
        title = str(self.model().headerData(index, self.orientation()))
        room = rect.height() - SPACING
        text = self.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, room)
        painter.save()
        painter.setPen(QColor(tokens(self.palette()).text))
        painter.translate(rect.left(), rect.bottom() - SPACING // 2)
        painter.rotate(-90)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(0, 0, room, rect.width()), flags, text)
        painter.restore()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.viewport().update()
