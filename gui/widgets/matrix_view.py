"""A confusion matrix, painted: rows are the true classes, columns the predicted ones.

Shape suffixes: R rows (true classes), C columns (predicted classes).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.theme import Tokens, tokens

IntArray = npt.NDArray[np.int64]
LONGEST_LABEL_PX = 104.0
AXIS_TITLE_PX = 22.0
SMALLEST_FONT_PX = 8


@dataclass(frozen=True)
class _Layout:
    """Where things are, in the widget's pixels."""

    left: float
    top: float
    cell_width: float
    cell_height: float
    font_px: int
    row_labels_px: float
    column_labels_px: float
    slanted: bool

    def cell(self, row: int, column: int) -> QRectF:
        x = self.left + column * self.cell_width
        y = self.top + row * self.cell_height
        return QRectF(x, y, self.cell_width, self.cell_height)


class MatrixView(QWidget):
    """The matrix; a click or Enter on a cell emits `cell_clicked`, Escape `cleared`."""

    cell_clicked = Signal(int, int)  # row, column
    cleared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[str, ...] = ()
        self.columns: tuple[str, ...] = ()
        self._counts_RC: IntArray = np.zeros((0, 0), dtype=np.int64)
        self._normalized = False
        self._hovered: tuple[int, int] | None = None
        self._selected: tuple[int, int] | None = None
        self._focused_cell = (0, 0)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(260, 220)
        self.setAccessibleName("Confusion matrix: rows true class, columns predicted class")

    # ----- state -----

    @property
    def counts_RC(self) -> IntArray:
        """Objects in each cell, int64, shape (R, C)."""
        return self._counts_RC

    def set_matrix(self, rows: Sequence[str], columns: Sequence[str], counts_RC: IntArray) -> None:
        """Shows counts of objects; the selection goes."""
        assert counts_RC.shape == (len(rows), len(columns))
        self.rows, self.columns = tuple(rows), tuple(columns)
        self._counts_RC = counts_RC
        self._selected = self._hovered = None
        self._focused_cell = (0, 0)
        self.update()

    def set_normalized(self, on: bool) -> None:
        """Shows each cell as the percentage of its row, or as a count."""
        self._normalized = on
        self.update()

    def set_selected(self, cell: tuple[int, int] | None) -> None:
        self._selected = cell
        self.update()

    @property
    def selected(self) -> tuple[int, int] | None:
        return self._selected

    def cell_text(self, row: int, column: int) -> str:
        """Returns what is written in a cell; empty cells stay empty."""
        count = int(self._counts_RC[row, column])
        if count == 0:
            return ""
        if not self._normalized:
            return str(count)
        share = 100 * count / int(self._counts_RC[row].sum())
        return "<1" if share < 0.5 else f"{share:.0f}"

    def cell_tip(self, row: int, column: int) -> str:
        """Returns the sentence shown for a cell."""
        count, total = int(self._counts_RC[row, column]), int(self._counts_RC[row].sum())
        share = f" ({100 * count / total:.0f} %)" if total else ""
        return f"true {self.rows[row]}, predicted {self.columns[column]}: {count} of {total}{share}"

    def cell_at(self, position: QPointF) -> tuple[int, int] | None:
        """Returns the (row, column) under a point of the widget, or None."""
        if not self._counts_RC.size:
            return None
        layout = self._layout(QRectF(self.rect()))
        column = int((position.x() - layout.left) // layout.cell_width)
        row = int((position.y() - layout.top) // layout.cell_height)
        inside = 0 <= row < len(self.rows) and 0 <= column < len(self.columns)
        return (row, column) if inside else None

    def cell_centre(self, row: int, column: int) -> QPointF:
        """Returns the middle of a cell in the widget's pixels."""
        return self._layout(QRectF(self.rect())).cell(row, column).center()

    # ----- painting -----

    def _layout(self, target: QRectF) -> _Layout:
        rows, columns = max(len(self.rows), 1), max(len(self.columns), 1)
        rough = min((target.width() - 110) / columns, (target.height() - 110) / rows)
        font_px = int(min(max(rough * 0.52, SMALLEST_FONT_PX), 13))
        metrics = QFontMetricsF(self._font(font_px))
        widest = max((metrics.horizontalAdvance(name) for name in self.rows), default=0.0)
        row_labels = min(widest, LONGEST_LABEL_PX) + 8
        left = target.left() + AXIS_TITLE_PX + row_labels
        cell_width = max((target.right() - left - 2) / columns, 1.0)
        widest = max((metrics.horizontalAdvance(name) for name in self.columns), default=0.0)
        widest = min(widest, LONGEST_LABEL_PX)
        slanted = widest + 6 > cell_width
        column_labels = (widest if slanted else metrics.height()) + 8
        top = target.top() + AXIS_TITLE_PX + column_labels
        cell_height = max((target.bottom() - top - 2) / rows, 1.0)
        return _Layout(
            left, top, cell_width, cell_height, font_px, row_labels, column_labels, slanted
        )

    def _font(self, pixels: int) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(pixels)
        return font

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.paint_figure(painter, QRectF(self.rect()))
        layout = self._layout(QRectF(self.rect()))
        colours = tokens(self.palette())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if not self._counts_RC.size:
            return
        if self._hovered is not None:
            painter.setPen(QPen(QColor(colours.muted), 1))
            painter.drawRect(layout.cell(*self._hovered))
        if self.hasFocus():
            painter.setPen(QPen(QColor(colours.accent), 1, Qt.PenStyle.DotLine))
            painter.drawRect(layout.cell(*self._focused_cell))
        if self._selected is not None:
            painter.setPen(QPen(QColor(colours.accent), 2))
            painter.drawRect(layout.cell(*self._selected))

    def paint_figure(self, painter: QPainter, target: QRectF) -> None:
        if not self._counts_RC.size:
            return
        colours = tokens(self.palette())
        layout = self._layout(target)
        self._paint_cells(painter, layout, colours)
        self._paint_labels(painter, layout, colours)
        self._paint_titles(painter, layout, target, colours)

    def _paint_cells(self, painter: QPainter, layout: _Layout, colours: Tokens) -> None:
        totals = np.maximum(self._counts_RC.sum(axis=1, keepdims=True), 1)
        share_RC = self._counts_RC / totals
        painter.setFont(self._font(layout.font_px))
        metrics = QFontMetricsF(painter.font())
        empty, full = QColor(colours.raised), QColor(colours.accent)
        for row in range(len(self.rows)):
            for column in range(len(self.columns)):
                cell = layout.cell(row, column).adjusted(0.5, 0.5, -0.5, -0.5)
                count = int(self._counts_RC[row, column])
                strength = float(share_RC[row, column]) ** 0.6 if count else 0.0
                background = blend(empty, full, strength)
                painter.fillRect(cell, background)
                text = self.cell_text(row, column)
                if text and metrics.horizontalAdvance(text) <= cell.width() + 1:
                    painter.setPen(readable_on(background))
                    painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_labels(self, painter: QPainter, layout: _Layout, colours: Tokens) -> None:
        painter.setFont(self._font(layout.font_px))
        painter.setPen(QColor(colours.text))
        metrics = QFontMetricsF(painter.font())
        elide = Qt.TextElideMode.ElideRight
        for row, name in enumerate(self.rows):
            cell = layout.cell(row, 0)
            room = QRectF(
                layout.left - layout.row_labels_px,
                cell.top(),
                layout.row_labels_px - 6,
                cell.height(),
            )
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(room, flags, metrics.elidedText(name, elide, room.width()))
        for column, name in enumerate(self.columns):
            cell = layout.cell(0, column)
            text = metrics.elidedText(name, elide, LONGEST_LABEL_PX)
            if not layout.slanted:
                room = QRectF(
                    cell.left(), layout.top - metrics.height() - 4, cell.width(), metrics.height()
                )
                painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)
                continue
            painter.save()
            painter.translate(cell.center().x(), layout.top - 5)
            painter.rotate(-90)
            baseline = QPointF(0, metrics.ascent() / 2 - metrics.descent() / 2)
            painter.drawText(baseline, text)
            painter.restore()

    def _paint_titles(
        self, painter: QPainter, layout: _Layout, target: QRectF, colours: Tokens
    ) -> None:
        painter.setFont(self._font(12))
        painter.setPen(QColor(colours.muted))
        width = layout.cell_width * len(self.columns)
        room = QRectF(layout.left, target.top(), width, AXIS_TITLE_PX)
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, "predicted class")
        painter.save()
        height = layout.cell_height * len(self.rows)
        painter.translate(target.left(), layout.top + height)
        painter.rotate(-90)
        room = QRectF(0, 0, height, AXIS_TITLE_PX)
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, "true class")
        painter.restore()

    # ----- gestures -----

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position())
        if cell != self._hovered:
            self._hovered = cell
            shape = Qt.CursorShape.PointingHandCursor if cell else Qt.CursorShape.ArrowCursor
            self.setCursor(shape)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        cell = self.cell_at(event.position())
        if cell is None:
            self.cleared.emit()
        else:
            self._focused_cell = cell
            self.cell_clicked.emit(*cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
        }
        key = Qt.Key(event.key())
        if not self._counts_RC.size:
            super().keyPressEvent(event)
        elif key in moves:
            row, column = (a + b for a, b in zip(self._focused_cell, moves[key], strict=True))
            row = min(max(row, 0), len(self.rows) - 1)
            column = min(max(column, 0), len(self.columns) - 1)
            self._focused_cell = (row, column)
            self.setAccessibleDescription(self.cell_tip(row, column))
            self.update()
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self.cell_clicked.emit(*self._focused_cell)
        elif key == Qt.Key.Key_Escape:
            self.cleared.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            cell = self.cell_at(QPointF(event.pos()))
            if cell is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), self.cell_tip(*cell), self)
            return True
        return super().event(event)

    # ----- export -----

    def figure_size(self) -> QSize:
        return self.size()

    def figure_csv(self) -> str:
        """Returns the counts, a header row of predicted classes, a first column of true ones."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["true \\ predicted", *self.columns])
        for name, counts in zip(self.rows, self._counts_RC.tolist(), strict=True):
            writer.writerow([name, *counts])
        return out.getvalue()


def blend(first: QColor, second: QColor, share: float) -> QColor:
    """Mixes two colours; share 1 gives the second."""
    parts = (
        (first.redF(), second.redF()),
        (first.greenF(), second.greenF()),
        (first.blueF(), second.blueF()),
    )
    return QColor.fromRgbF(*(a + (b - a) * share for a, b in parts))


def luminance(colour: QColor) -> float:
    """Returns the relative luminance, 0 to 1 (WCAG 2.1)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: QColor, second: QColor) -> float:
    """Returns the contrast ratio of two colours, 1 to 21 (WCAG 2.1)."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def readable_on(background: QColor) -> QColor:
    """Returns black or white, whichever reads better on a background."""
    dark, light = QColor("#000000"), QColor("#ffffff")
    return dark if contrast(dark, background) >= contrast(light, background) else light
