"""A grid of pictures with captions and badges; it asks for the pictures in sight first."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen, QPixmap, QResizeEvent, QTextOption
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from gui.theme import SPACING, Tokens, tokens
from gui.thumbnails import Picture, TileRole

CAPTION_PX = 22
PAGES_AHEAD = 1.0


class TileDelegate(QStyledItemDelegate):
    """Paints one tile: picture, caption, badge; or the sentence that says why there is none.

    Args:
        picture_size: Room for the picture, in logical pixels.
        with_caption: Whether a line of text stands under the picture.
        parent: Owner.
    """

    def __init__(self, picture_size: QSize, *, with_caption: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self._picture_size = picture_size
        self._caption_px = CAPTION_PX if with_caption else 0
        self._colours: Tokens = tokens(parent.palette())

    def set_colours(self, colours: Tokens) -> None:
        self._colours = colours

    @property
    def tile_size(self) -> QSize:
        return self._picture_size + QSize(SPACING, SPACING + self._caption_px)

    def sizeHint(
        self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return self.tile_size

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        rect = QRectF(option.rect)
        state = option.state
        size = self._picture_size
        margin = SPACING / 2
        room = QRectF(
            rect.center().x() - size.width() / 2, rect.top() + margin, size.width(), size.height()
        )
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        corner = room
        if isinstance(picture, QPixmap):
            corner = self._paint_picture(painter, room, picture)
        else:
            self._paint_nothing(painter, room, str(index.data(TileRole.PROBLEM) or ""))
        badge = index.data(TileRole.BADGE)
        if badge:
            self._paint_badge(painter, corner, str(badge))
        if self._caption_px:
            self._paint_caption(painter, room, str(index.data(Qt.ItemDataRole.DisplayRole)))
        self._paint_frame(painter, rect.adjusted(1, 1, -1, -1), state)
        painter.restore()

    def _paint_picture(self, painter: QPainter, room: QRectF, picture: QPixmap) -> QRectF:
        size = picture.size().scaled(room.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRectF(0, 0, size.width(), size.height())
        target.moveCenter(room.center())
        painter.drawPixmap(target.toAlignedRect(), picture)
        return target

    def _paint_nothing(self, painter: QPainter, room: QRectF, problem: str) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._colours.raised))
        painter.drawRoundedRect(room, 4, 4)
        if problem:
            painter.setPen(QColor(self._colours.bad))
            option = QTextOption(Qt.AlignmentFlag.AlignCenter)
            option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
            painter.drawText(room.adjusted(6, 6, -6, -6), problem, option)

    def _paint_badge(self, painter: QPainter, room: QRectF, text: str) -> None:
        metrics = painter.fontMetrics()
        width = metrics.horizontalAdvance(text) + 12
        pill = QRectF(room.right() - width - 4, room.bottom() - 24, width, 20)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 176))
        painter.drawRoundedRect(pill, 10, 10)
        painter.setPen(QColor("#ffffff"))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_caption(self, painter: QPainter, room: QRectF, text: str) -> None:
        line = QRectF(room.left(), room.bottom() + 2, room.width(), self._caption_px)
        metrics = painter.fontMetrics()
        painter.setPen(QColor(self._colours.muted))
        elided = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, int(line.width()))
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, elided)

    def _paint_frame(self, painter: QPainter, rect: QRectF, state: QStyle.StateFlag) -> None:
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(QColor(self._colours.accent), 2))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(QPen(QColor(self._colours.border), 1))
        else:
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect, 6, 6)


class ThumbnailGrid(QListView):
    """Shows a model with TileRole data.

    Args:
        name: Accessible name.
        picture_size: Room for each picture, in logical pixels.
        with_caption: Whether a line of text stands under each picture.
        parent: Owner.
    """

    opened = Signal(int)  # row: Enter or double click
    current_row_changed = Signal(int)  # -1: none
    pictures_wanted = Signal(object)  # list[Picture], those in sight first

    def __init__(
        self,
        name: str,
        picture_size: QSize,
        *,
        with_caption: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._delegate = TileDelegate(picture_size, with_caption=with_caption, parent=self)
        self.setItemDelegate(self._delegate)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setGridSize(self._delegate.tile_size)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMouseTracking(True)
        self.verticalScrollBar().setSingleStep(self._delegate.tile_size.height() // 3)
        self.doubleClicked.connect(self._on_activated)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._ask)
        for bar in (self.verticalScrollBar(), self.horizontalScrollBar()):
            bar.valueChanged.connect(self.ask_soon)
            bar.rangeChanged.connect(self.ask_soon)

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        if model is not None:
            model.modelReset.connect(self.ask_soon)
            self.selectionModel().currentChanged.connect(self._on_current_changed)
        self.ask_soon()

    @property
    def current_row(self) -> int:
        """The row with the keyboard's attention; -1: none."""
        return self.currentIndex().row()

    def set_current_row(self, row: int) -> None:
        """Selects a row and scrolls it into sight."""
        index = self.model().index(row, 0)
        self.setCurrentIndex(index)
        self.scrollTo(index)

    def rows_in_sight(self) -> range:
        """Returns the rows that can be seen, all or in part."""
        model = self.model()
        count = model.rowCount() if model is not None else 0
        if not count:
            return range(0)
        cell = self.gridSize()
        area = self.viewport().rect()
        columns = max(1, area.width() // cell.width())
        if self.flow() == QListView.Flow.TopToBottom or not self.isWrapping():
            columns = 1
        top = self.verticalOffset()
        first = top // cell.height() * columns
        last = (top + area.height() + cell.height() - 1) // cell.height() * columns
        if not self.isWrapping():
            left = self.horizontalOffset()
            first, last = left // cell.width(), (left + area.width()) // cell.width() + 1
        return range(min(first, count), min(last, count))

    @Slot()
    def ask_soon(self) -> None:
        """Asks for the pictures in sight, once the event loop is back."""
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _ask(self) -> None:
        if self.isVisible():
            self.pictures_wanted.emit(list(self._pictures(self.rows_in_sight())))

    def _pictures(self, sight: range) -> Iterable[Picture]:
        model = self.model()
        if model is None:
            return
        ahead = round(PAGES_AHEAD * len(sight))
        after = range(sight.stop, min(sight.stop + ahead, model.rowCount()))
        before = range(max(sight.start - ahead, 0), sight.start)
        for rows in (sight, after, reversed(before)):
            for row in rows:
                picture = model.index(row, 0).data(TileRole.PICTURE)
                if isinstance(picture, Picture):
                    yield picture

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.isWrapping() and self.flow() == QListView.Flow.LeftToRight:
            tile, width = self._delegate.tile_size, self.viewport().width() - 1  # Qt wraps there.
            columns = max(1, width // tile.width())
            self.setGridSize(QSize(max(tile.width(), width // columns), tile.height()))
        self.ask_soon()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.current_row >= 0:
            self.opened.emit(self.current_row)
            return
        super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_delegate"):
            self._delegate.set_colours(tokens(self.palette()))

    @Slot(QModelIndex)
    def _on_activated(self, index: QModelIndex) -> None:
        self.opened.emit(index.row())

    @Slot(QModelIndex, QModelIndex)
    def _on_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        self.current_row_changed.emit(current.row())
