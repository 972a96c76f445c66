"""Shares between 0 and 1 as shaded cells: a few rows over named columns, painted."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.theme import narrowed_font, sized_font, tokens, with_text
from gui.widgets.colour_mix import blend, readable_on

NAME_PX = 70
ROW_NAME_PX = 44
CELL_PX = 26
TEXT_POINTS = 7.5


@dataclass(frozen=True)
class HeatCell:
    """One cell.

    Attributes:
        value: 0 to 1; None: there is nothing to show.
        tip: Said about it.
    """

    value: float | None
    tip: str = ""


class HeatStrip(QWidget):
    """The strip; a click or Enter on a column emits `column_clicked`.

    Args:
        name: Accessible name.
        parent: Owner.
    """

    column_clicked = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns: tuple[str, ...] = ()
        self.rows: tuple[str, ...] = ()
        self._cells: dict[tuple[int, int], HeatCell] = {}
        self._focused = 0
        self._selected: int | None = None
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_cells(
        self,
        rows: Sequence[str],
        columns: Sequence[str],
        cells: Sequence[Sequence[HeatCell]],
    ) -> None:
        """Shows cells, one sequence a row; the selection goes."""
        self.rows, self.columns = tuple(rows), tuple(columns)
        self._cells = {
            (row, column): cell
            for row, line in enumerate(cells)
            for column, cell in enumerate(line)
        }
        self._selected, self._focused = None, min(self._focused, max(len(self.columns) - 1, 0))
        self.setAccessibleDescription(self.figure_summary())
        self.updateGeometry()
        self.update()

    def set_selected(self, column: int | None) -> None:
        self._selected = column
        self.update()

    @property
    def selected(self) -> int | None:
        return self._selected

    def cell(self, row: int, column: int) -> HeatCell:
        return self._cells[row, column]

    def sizeHint(self) -> QSize:
        return QSize(320, self._cell_px * max(len(self.rows), 1) + self._name_px)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.sizeHint().height())

    @property
    def _cell_px(self) -> int:
        return with_text(CELL_PX, self.font())

    @property
    def _name_px(self) -> int:
        return with_text(NAME_PX, self.font())

    @property
    def _row_name_px(self) -> int:
        return with_text(ROW_NAME_PX, self.font())

    def _rectangle(self, target: QRectF, row: int, column: int) -> QRectF:
        left = target.left() + (self._row_name_px if len(self.rows) > 1 else 0)
        width = (target.right() - left) / max(len(self.columns), 1)
        height = self._cell_px
        return QRectF(left + column * width, target.top() + row * height, width, height)

    def column_at(self, position: QPointF) -> int | None:
        """Returns the column under a point of the widget, or None."""
        for column in range(len(self.columns)):
            cell = self._rectangle(QRectF(self.rect()), 0, column)
            if cell.left() <= position.x() < cell.right():
                return column
        return None

    # ----- painting -----

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        target = QRectF(self.rect())
        self.paint_figure(painter, target)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        accent = QColor(tokens(self.palette()).accent)
        for column, pen in (
            (self._focused if self.hasFocus() else None, QPen(accent, 1, Qt.PenStyle.DotLine)),
            (self._selected, QPen(accent, 2)),
        ):
            if column is not None and column < len(self.columns):
                whole = self._rectangle(target, 0, column)
                whole.setHeight(self._cell_px * len(self.rows))
                painter.setPen(pen)
                painter.drawRect(whole.adjusted(1, 1, -1, -1))

    def paint_figure(self, painter: QPainter, target: QRectF) -> None:
        colours = tokens(self.palette())
        font = sized_font(self.font(), TEXT_POINTS)
        metrics = QFontMetricsF(font)
        values = [cell.value for cell in self._cells.values() if cell.value is not None]
        lowest = min([0.5, *values])
        pale, full = QColor(colours.raised), QColor(colours.accent)
        for (row, column), cell in self._cells.items():
            box = self._rectangle(target, row, column).adjusted(0.5, 0.5, -0.5, -0.5)
            strength = 0.0
            if cell.value is not None:
                strength = (cell.value - lowest) / max(1 - lowest, 1e-9)
            shade = blend(pale, full, strength)
            painter.fillRect(box, shade)
            text = "–" if cell.value is None else f"{100 * cell.value:.0f}"
            painter.setFont(narrowed_font(font, text, box.size()))
            painter.setPen(readable_on(shade))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        painter.setFont(font)
        painter.setPen(QColor(colours.text))
        self._paint_names(painter, target, metrics)

    def _paint_names(self, painter: QPainter, target: QRectF, metrics: QFontMetricsF) -> None:
        elide = Qt.TextElideMode.ElideRight
        if len(self.rows) > 1:
            for row, name in enumerate(self.rows):
                box = self._rectangle(target, row, 0)
                room = QRectF(target.left(), box.top(), self._row_name_px - 6, box.height())
                flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                painter.drawText(room, flags, metrics.elidedText(name, elide, room.width()))
        for column, name in enumerate(self.columns):
            box = self._rectangle(target, len(self.rows) - 1, column)
            painter.save()
            painter.translate(box.center().x() + metrics.ascent() / 2 - 1, box.bottom() + 4)
            painter.rotate(-90)
            text = metrics.elidedText(name, elide, self._name_px - 6)
            painter.drawText(QPointF(-metrics.horizontalAdvance(text), 0), text)
            painter.restore()

    # ----- gestures -----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        column = self.column_at(event.position())
        if column is not None and event.button() == Qt.MouseButton.LeftButton:
            self._focused = column
            self.column_clicked.emit(column)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self.column_at(event.position()) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        key = Qt.Key(event.key())
        if key in steps and self.columns:
            last = len(self.columns) - 1
            self._focused = min(max(self._focused + steps[key], 0), last)
            self.setAccessibleDescription(self._tip(self._focused))
            self.update()
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space} and self.columns:
            self.column_clicked.emit(self._focused)
        else:
            super().keyPressEvent(event)

    def _tip(self, column: int) -> str:
        return "\n".join(
            cell.tip for (_, at), cell in self._cells.items() if at == column and cell.tip
        )

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            column = self.column_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), "" if column is None else self._tip(column), self)
            return True
        return super().event(event)

    # ----- export -----

    def figure_size(self) -> QSize:
        return QSize(self.width(), self.sizeHint().height())

    def figure_summary(self) -> str:
        """Returns the mean, the least and the greatest of each row."""
        parts = []
        for row, name in enumerate(self.rows):
            values = {
                column: value
                for at, column in enumerate(self.columns)
                if (value := self._cells[row, at].value) is not None
            }
            if values:
                least, most = (
                    min(values, key=values.__getitem__),
                    max(values, key=values.__getitem__),
                )
                mean = sum(values.values()) / len(values)
                parts.append(
                    f"{name}: mean {100 * mean:.0f} % over {len(values)} classes, least {least} "
                    f"({100 * values[least]:.0f} %), most {most} ({100 * values[most]:.0f} %)."
                )
        return " ".join(parts)

    def figure_csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["class", *self.rows])
        for column, name in enumerate(self.columns):
            values = [self._cells[row, column].value for row in range(len(self.rows))]
            writer.writerow([name, *("" if v is None else f"{v:.6g}" for v in values)])
        return out.getvalue()
