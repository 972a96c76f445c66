"""A confusion matrix, painted: rows are the true classes, columns the predicted ones.

Shape suffixes: R rows (true classes), C columns (predicted classes).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.theme import tokens
from gui.widgets.matrix_painter import (
    IntArray,
    MatrixContent,
    MatrixLayout,
    MatrixMode,
    MatrixPainter,
    lay_out,
)


class MatrixView(QWidget):
    """The matrix; a click or Enter on a cell emits `cell_clicked`, Escape `cleared`."""

    cell_clicked = Signal(int, int)  # row, column
    cleared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content = MatrixContent()
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
    def content(self) -> MatrixContent:
        return self._content

    @property
    def rows(self) -> tuple[str, ...]:
        return self._content.rows

    @property
    def columns(self) -> tuple[str, ...]:
        return self._content.columns

    @property
    def counts_RC(self) -> IntArray:
        """Objects in each cell, int64, shape (R, C)."""
        return self._content.counts_RC

    def set_matrix(
        self,
        rows: Sequence[str],
        columns: Sequence[str],
        counts_RC: IntArray,
        *,
        minus_RC: IntArray | None = None,
        breaks: Sequence[int] = (),
    ) -> None:
        """Shows counts of objects, or those of run A less those of run B; the selection goes."""
        assert counts_RC.shape == (len(rows), len(columns))
        assert minus_RC is None or minus_RC.shape == counts_RC.shape
        mode = self._content.mode
        self._content = MatrixContent(
            tuple(rows), tuple(columns), counts_RC, minus_RC, mode, tuple(breaks)
        )
        self._selected = self._hovered = None
        row, column = self._focused_cell
        if row >= len(rows) or column >= len(columns):
            self._focused_cell = (0, 0)
        self.setAccessibleDescription(self.figure_summary())
        self.update()

    def set_mode(self, mode: MatrixMode) -> None:
        """Shows each cell as a count, or in per cent of its row or its column."""
        self._content = replace(self._content, mode=mode)
        self.update()

    def set_selected(self, cell: tuple[int, int] | None) -> None:
        self._selected = cell
        self.update()

    @property
    def selected(self) -> tuple[int, int] | None:
        return self._selected

    def cell_text(self, row: int, column: int) -> str:
        """Returns what is written in a cell; empty cells stay empty."""
        return self._content.text(row, column)

    def cell_tip(self, row: int, column: int) -> str:
        """Returns the sentence shown for a cell."""
        return self._content.tip(row, column)

    def cell_at(self, position: QPointF) -> tuple[int, int] | None:
        """Returns the (row, column) under a point of the widget, or None."""
        if not self._content.counts_RC.size:
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

    def _layout(self, target: QRectF) -> MatrixLayout:
        return lay_out(self._content, target, self.font())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.paint_figure(painter, QRectF(self.rect()))
        layout = self._layout(QRectF(self.rect()))
        colours = tokens(self.palette())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if not self._content.counts_RC.size:
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
        if not self._content.counts_RC.size:
            return
        layout = self._layout(target)
        colours = tokens(self.palette())
        MatrixPainter(painter, self._content, layout, colours, self.font()).paint(target)

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
        if not self._content.counts_RC.size:
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

    def figure_summary(self) -> str:
        """Returns how many objects are right, and the most frequent confusion."""
        return self._content.summary()

    def figure_csv(self) -> str:
        """Returns what is shown, a header row of predicted classes, a first column of true ones.

        Counts, or shares 0 to 1; of two runs the difference.
        """
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["true \\ predicted", *self.columns])
        content = self._content
        values = content.counts_RC.tolist()
        if content.mode != "counts":
            share_RC = content.share_RC(content.counts_RC)
            if content.minus_RC is not None:
                share_RC = share_RC - content.share_RC(content.minus_RC)
            values = np.round(share_RC, 6).tolist()
        elif content.minus_RC is not None:
            values = (content.counts_RC - content.minus_RC).tolist()
        for name, row in zip(self.rows, values, strict=True):
            writer.writerow([name, *row])
        return out.getvalue()
