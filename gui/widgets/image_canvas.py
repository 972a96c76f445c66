"""A large image with labelled boxes: the wheel zooms at the cursor, drag pans, F fits, H hides.

Image coordinates are pixels of the full-size image, 0-based; x2 and y2 are exclusive.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QTextOption,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from gui.theme import tokens
from gui.widgets.canvas_boxes import CanvasBox, paint_boxes

MARGIN_PX = 16.0
LARGEST_SCALE = 40.0
LARGEST_FIT = 6.0
WHEEL_BASE = 1.0015
KEY_FACTOR = 1.25
PICTURE_PX = 1000


def image_levels(image: QImage) -> tuple[QImage, ...]:
    """Returns the image and its halves, so that a far view of a large one is cheap to paint."""
    levels = [image]
    while max(levels[-1].width(), levels[-1].height()) > 1024:
        half = levels[-1].size() * 0.5
        levels.append(
            levels[-1].scaled(
                half.expandedTo(QSize(1, 1)),
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        )
    return tuple(levels)


class ImageCanvas(QWidget):
    """Shows one image at a time."""

    box_clicked = Signal(int)  # which box; -1: beside all of them
    scale_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Image with its boxes")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(240, 200)
        self.setMouseTracking(False)
        self._levels: tuple[QPixmap, ...] = ()
        self._image_size = QSize()
        self._boxes: tuple[CanvasBox, ...] = ()
        self._selected = -1
        self._message = ""
        self._scale = 1.0
        self._origin = QPointF()
        self._fitted = True
        self._hidden = False
        self._pressed: QPointF | None = None
        self._dragged: QPointF | None = None
        self._show_cursor()

    # ----- content -----

    def set_image(self, levels: Sequence[QImage]) -> None:
        """Shows another image, fitted.

        Args:
            levels: From image_levels, largest first.
        """
        self._levels = tuple(QPixmap.fromImage(level) for level in levels)
        self._image_size = levels[0].size()
        self._message = ""
        self._show_cursor()
        self.fit()

    def set_message(self, text: str) -> None:
        """Shows a sentence instead of an image."""
        self._levels, self._boxes, self._selected = (), (), -1
        self._message = text
        self.setAccessibleDescription(text)
        self._show_cursor()
        self.update()

    def set_boxes(self, boxes: Sequence[CanvasBox]) -> None:
        """Lays boxes over the image; without one there are none."""
        if not self._levels:
            return
        self._boxes = tuple(boxes)
        if self._selected >= len(self._boxes):
            self._selected = -1
        self.setAccessibleDescription("; ".join(box.text for box in self._boxes) or "no boxes")
        self.update()

    @property
    def boxes(self) -> tuple[CanvasBox, ...]:
        return self._boxes

    @property
    def selected(self) -> int:
        return self._selected

    def set_selected(self, which: int) -> None:
        """Emphasises one box; -1: none."""
        self._selected = which if which < len(self._boxes) else -1
        self.update()

    @property
    def boxes_hidden(self) -> bool:
        return self._hidden

    def set_boxes_hidden(self, hidden: bool) -> None:
        if hidden != self._hidden:
            self._hidden = hidden
            self.update()

    # ----- view -----

    @property
    def scale(self) -> float:
        """Logical pixels of the screen per image pixel."""
        return self._scale

    def to_widget(self, point: QPointF) -> QPointF:
        """Maps image pixels to this widget."""
        return point * self._scale + self._origin

    def to_image(self, point: QPointF) -> QPointF:
        """Maps a point of this widget to image pixels."""
        return (point - self._origin) * (1.0 / self._scale)

    def fit(self) -> None:
        """Shows the whole image."""
        self._fitted = True
        if self._levels:
            self._set_view(self._fit_scale(), None)

    def zoom(self, factor: float, at: QPointF) -> None:
        """Scales, keeping what is under a point of the widget there."""
        if not self._levels:
            return
        fit = self._fit_scale()
        scale = min(max(self._scale * factor, fit / 2), max(LARGEST_SCALE, fit))
        still = self.to_image(at)
        self._fitted = False
        self._set_view(scale, at - still * scale)

    def pan(self, by: QPointF) -> None:
        if self._levels:
            self._fitted = False
            self._set_view(self._scale, self._origin + by)

    def _fit_scale(self) -> float:
        width = max(self.width() - 2 * MARGIN_PX, 1.0)
        height = max(self.height() - 2 * MARGIN_PX, 1.0)
        size = self._image_size
        return min(width / size.width(), height / size.height(), LARGEST_FIT)

    def _set_view(self, scale: float, origin: QPointF | None) -> None:
        size = QPointF(self._image_size.width(), self._image_size.height()) * scale
        centre = QPointF(self.width(), self.height()) * 0.5
        if origin is None:
            origin = centre - size * 0.5
        # At least the widget's centre stays over the image, so that it cannot be lost.
        x = min(max(origin.x(), centre.x() - size.x()), centre.x())
        y = min(max(origin.y(), centre.y() - size.y()), centre.y())
        changed = scale != self._scale
        self._scale, self._origin = scale, QPointF(x, y)
        if changed:
            self.scale_changed.emit(scale)
        self.update()

    # ----- painting -----

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = tokens(self.palette())
        painter.fillRect(self.rect(), QColor(colours.window))
        if not self._levels:
            painter.setPen(QColor(colours.muted))
            option = QTextOption(Qt.AlignmentFlag.AlignCenter)
            painter.drawText(QRectF(self.rect()).adjusted(32, 32, -32, -32), self._message, option)
            return
        self._paint_image(painter)
        if not self._hidden:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            room = QRectF(self.rect())
            paint_boxes(painter, self._boxes, self._selected, self._screen_rect, room)

    def _paint_image(self, painter: QPainter) -> None:
        dense = self._scale * self.devicePixelRatioF()
        needed = self._image_size.width() * dense
        level = next((p for p in reversed(self._levels) if p.width() >= needed), self._levels[0])
        ratio = self._image_size.width() / level.width()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, dense * ratio < 4)
        view = QTransform.fromTranslate(self._origin.x(), self._origin.y())
        ratio_y = self._image_size.height() / level.height()
        painter.setTransform(view.scale(self._scale * ratio, self._scale * ratio_y), combine=True)
        painter.drawPixmap(0, 0, level)
        painter.restore()

    def picture(self) -> QImage:
        """Returns the whole image with its boxes, at least PICTURE_PX wide; null without one."""
        if not self._levels:
            return QImage()
        scale = max(1.0, PICTURE_PX / self._image_size.width())
        image = QImage(self._image_size * scale, QImage.Format.Format_RGB32)
        painter = QPainter(image)
        painter.setFont(self.font())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPixmap(image.rect(), self._levels[0])

        def enlarged(rect: QRectF) -> QRectF:
            return QRectF(rect.topLeft() * scale, rect.size() * scale)

        paint_boxes(painter, self._boxes, self._selected, enlarged, QRectF(image.rect()))
        painter.end()
        return image

    def _screen_rect(self, rect: QRectF) -> QRectF:
        return QRectF(self.to_widget(rect.topLeft()), self.to_widget(rect.bottomRight()))

    # ----- input -----

    def wheelEvent(self, event: QWheelEvent) -> None:
        pixels = event.angleDelta().y() or event.angleDelta().x()
        self.zoom(WHEEL_BASE**pixels, event.position())
        event.accept()

    def event(self, event: QEvent) -> bool:
        if (
            isinstance(event, QNativeGestureEvent)
            and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture
        ):
            self.zoom(1.0 + event.value(), event.position())
            return True
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            which = -1 if self._hidden else self.box_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self._boxes[which].tip if which >= 0 else "")
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in {Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton}:
            self._pressed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            return
        if self._dragged is None:
            far = (event.position() - self._pressed).manhattanLength()
            if far < QApplication.startDragDistance():
                return
            self._dragged = self._pressed
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        self.pan(event.position() - self._dragged)
        self._dragged = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            return
        if self._dragged is None and event.button() == Qt.MouseButton.LeftButton:
            self.box_clicked.emit(self.box_at(event.position()))
        self._pressed = self._dragged = None
        self._show_cursor()

    def box_at(self, position: QPointF) -> int:
        """Returns the smallest box at a point of the widget; -1: none."""
        point = self.to_image(position)
        hits = [
            (box.rect.width() * box.rect.height(), which)
            for which, box in enumerate(self._boxes)
            if box.rect.contains(point)
        ]
        return min(hits)[1] if hits else -1

    def keyPressEvent(self, event: QKeyEvent) -> None:
        centre = QPointF(self.rect().center())
        match event.key():
            case Qt.Key.Key_F | Qt.Key.Key_0:
                self.fit()
            case Qt.Key.Key_H:
                self.set_boxes_hidden(True)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom(KEY_FACTOR, centre)
            case Qt.Key.Key_Minus:
                self.zoom(1 / KEY_FACTOR, centre)
            case _:
                super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_H and not event.isAutoRepeat():
            self.set_boxes_hidden(False)
        else:
            super().keyReleaseEvent(event)

    def leave_hiding(self) -> None:
        """Shows the boxes again where the key's release went elsewhere."""
        self.set_boxes_hidden(False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._levels:
            return
        if self._fitted:
            self.fit()
        else:
            self._set_view(self._scale, self._origin)

    def _show_cursor(self) -> None:
        shape = Qt.CursorShape.OpenHandCursor if self._levels else Qt.CursorShape.ArrowCursor
        self.setCursor(shape)
