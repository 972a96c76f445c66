"""The pool: every class as a chip, to be chosen, found by typing, and dragged."""

from __future__ import annotations

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from gui.models.class_pool_model import ClassPoolModel, PoolRole, mime_of
from gui.models.ladder import MIME_TYPE, decode_classes
from gui.pages.ranking_layout import CHIP_HEIGHT, CHIP_WIDTH
from gui.theme import tokens
from gui.widgets.class_chip import ChipLook, drag_pixmap, paint_chip

CELL_HEIGHT = 48
NARROWEST = 116
STEPS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
_ANY_INDEX = QModelIndex | QPersistentModelIndex


class _ChipDelegate(QStyledItemDelegate):
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _ANY_INDEX) -> None:
        state = option.state
        rect = QRectF(option.rect).adjusted(2, 2, -6, -6)
        rank = index.data(PoolRole.RANK)
        count = index.data(PoolRole.COUNT)
        look = ChipLook(
            index.data(Qt.ItemDataRole.DisplayRole),
            f"{count}" if count else "",
            index.data(Qt.ItemDataRole.DecorationRole),
            badge=f"{rank}" if rank > 1 else "",
            is_selected=bool(state & QStyle.StateFlag.State_Selected),
            is_current=bool(state & QStyle.StateFlag.State_HasFocus),
            is_strong=index.data(PoolRole.IS_ANCHOR),
        )
        paint_chip(painter, rect, look, option.palette, option.font)

    def sizeHint(self, option: QStyleOptionViewItem, index: _ANY_INDEX) -> QSize:
        view = self.parent()
        assert isinstance(view, ClassPool)
        # The list keeps room for its scroll bar even while there is none.
        room = view.width() - view.verticalScrollBar().sizeHint().width() - 4
        return QSize(room // max(1, room // NARROWEST), CELL_HEIGHT)


class ClassPool(QListView):
    """Chips in columns.

    A click shows a class's ladder; a drag takes the selected classes with it; ranked classes
    that are dropped here leave the ladder.
    """

    class_chosen = Signal(str)
    rank_requested = Signal(object, int)  # names, rank (0: a new last one)
    step_requested = Signal(object, int)  # names, -1 or +1
    removal_requested = Signal(object)  # names

    def __init__(self, model: ClassPoolModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes = model
        self._pressed = QPersistentModelIndex()
        self._offer: tuple[str, ...] = ()
        self.setObjectName("classPool")
        self.setAccessibleName("Classes")
        self.setModel(model)
        self.setItemDelegate(_ChipDelegate(self))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setMovement(QListView.Movement.Static)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setDragEnabled(True)
        self.setAcceptDrops(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setStyleSheet("QListView { background: transparent; border: 0; }")

    # ----- what the page and tests ask -----

    def selected_names(self) -> tuple[str, ...]:
        """Returns the selected classes in list order; the current one if none is."""
        rows = sorted({index.row() for index in self.selectedIndexes()})
        if not rows and self.currentIndex().isValid():
            rows = [self.currentIndex().row()]
        return tuple(self._classes.classes[row] for row in rows)

    def make_current(self, name: str) -> None:
        index = self._classes.index(self._classes.row_of(name))
        if index.isValid() and index != self.currentIndex():
            self.selectionModel().setCurrentIndex(
                index, QItemSelectionModel.SelectionFlag.ClearAndSelect
            )

    def chip_rect(self, name: str) -> QRect:
        """Returns a chip's rectangle in global coordinates, scrolled into view."""
        index = self._classes.index(self._classes.row_of(name))
        self.doItemsLayout()
        self.scrollTo(index)
        rect = self.visualRect(index).adjusted(2, 2, -6, -6)
        return QRect(self.viewport().mapToGlobal(rect.topLeft()), rect.size())

    # ----- looks -----

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._offer:
            return
        colours = tokens(self.palette())
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colours.accent), 2, Qt.PenStyle.DashLine))
        ground = QColor(colours.surface)
        ground.setAlphaF(0.86)
        painter.setBrush(ground)
        room = QRectF(self.viewport().rect()).adjusted(2, 2, -2, -2)
        painter.drawRoundedRect(room, 8, 8)
        painter.setPen(QColor(colours.accent))
        text = "back to the pool:\n" + ", ".join(self._offer) + " becomes a negative"
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(room.adjusted(16, 16, -16, -16), flags, text)

    # ----- mouse -----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = QPersistentModelIndex(self.indexAt(event.position().toPoint()))
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        same = index.isValid() and self._pressed == QPersistentModelIndex(index)
        if event.button() == Qt.MouseButton.LeftButton and plain and same:
            self.class_chosen.emit(self._classes.classes[index.row()])

    def startDrag(self, supportedActions: Qt.DropAction) -> None:
        chosen = self.selected_names()
        names = tuple(name for name in chosen if self._rank(name) != 1) or chosen
        if not names:
            return
        looks = [
            ChipLook(name, picture=self._classes.data(index, Qt.ItemDataRole.DecorationRole))
            for name in names
            if (index := self._classes.index(self._classes.row_of(name))).isValid()
        ]
        size = QSize(int(CHIP_WIDTH), int(CHIP_HEIGHT))
        drag = QDrag(self)
        drag.setMimeData(mime_of(list(names)))
        drag.setPixmap(
            drag_pixmap(looks, size, self.palette(), self.font(), self.devicePixelRatioF())
        )
        drag.setHotSpot(QPoint(size.width() // 2, size.height() // 2))
        drag.exec(Qt.DropAction.MoveAction)

    # ----- drops: out of the ladder -----

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self._consider(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self._consider(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._show_offer(())

    def dropEvent(self, event: QDropEvent) -> None:
        self._consider(event)
        names = self._offer
        self._show_offer(())
        if names:
            self.removal_requested.emit(names)

    def _consider(self, event: QDropEvent) -> None:
        if not event.mimeData().hasFormat(MIME_TYPE):
            event.ignore()
            return
        names = decode_classes(bytes(event.mimeData().data(MIME_TYPE).data()))
        ranked = tuple(name for name in names if self._rank(name) > 1)
        self._show_offer(ranked)
        if ranked:
            event.setDropAction(Qt.DropAction.MoveAction)
            event.accept()
        else:
            event.ignore()

    def _rank(self, name: str) -> int:
        index = self._classes.index(self._classes.row_of(name))
        return int(index.data(PoolRole.RANK)) if index.isValid() else 0

    def _show_offer(self, names: tuple[str, ...]) -> None:
        if names != self._offer:
            self._offer = names
            self.viewport().update()

    # ----- keyboard -----

    def keyPressEvent(self, event: QKeyEvent) -> None:
        names = self.selected_names()
        key, modifiers = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        plain = modifiers == Qt.KeyboardModifier.NoModifier
        if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and plain and names:
            self.rank_requested.emit(names, 0)
        elif Qt.Key.Key_2 <= key <= Qt.Key.Key_9 and plain and names:
            self.rank_requested.emit(names, key - Qt.Key.Key_0)
        elif key == Qt.Key.Key_Space and plain and self.currentIndex().isValid():
            self.class_chosen.emit(self._classes.classes[self.currentIndex().row()])
        elif key in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace} and plain and names:
            self.removal_requested.emit(names)
        elif (
            key in {Qt.Key.Key_Up, Qt.Key.Key_Down} and modifiers == Qt.KeyboardModifier.AltModifier
        ):
            self.step_requested.emit(names, -1 if key == Qt.Key.Key_Up else 1)
        else:
            super().keyPressEvent(event)
