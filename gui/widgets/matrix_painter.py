"""What a matrix shows, where its cells are, and how they are painted.

Shape suffixes: R rows (true classes), C columns (predicted classes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from gui.theme import Tokens, fitting_font, narrowed_font, sized_font, with_text
from gui.widgets.colour_mix import blend, readable_on

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
MatrixMode = Literal["counts", "rows", "columns"]
LONGEST_LABEL_PX = 104
AXIS_TITLE_PX = 22
TEXT_POINTS = 9.75
TITLE_POINTS = 9.0
LINE_SHARE = 0.84  # Of the smaller side of a cell.


def _nothing() -> IntArray:
    return np.zeros((0, 0), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class MatrixContent:
    """Counts, or the difference of two runs' counts, and what is written about them.

    Attributes:
        rows: True classes.
        columns: Predicted classes.
        counts_RC: Objects in each cell.
        minus_RC: Those of a second run, which are subtracted; None: there is none.
        mode: Counts, or shares of the row or of the column.
        breaks: Rows and columns before which a group of classes begins.
    """

    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    counts_RC: IntArray = field(default_factory=_nothing)
    minus_RC: IntArray | None = None
    mode: MatrixMode = "counts"
    breaks: Sequence[int] = ()

    def share_RC(self, counts_RC: IntArray) -> FloatArray:
        """Returns each cell's share of its column, or of its row in the other modes."""
        axis = 0 if self.mode == "columns" else 1
        share: FloatArray = counts_RC / np.maximum(counts_RC.sum(axis=axis, keepdims=True), 1)
        return share

    def strength_RC(self) -> FloatArray:
        """Returns how strongly each cell is coloured, -1 to 1; negative where B has more."""
        share_RC = self.share_RC(self.counts_RC)
        if self.minus_RC is None:
            return np.asarray(share_RC**0.6)
        difference_RC = share_RC - self.share_RC(self.minus_RC)
        largest = max(float(np.abs(difference_RC).max(initial=0.0)), 1e-9)
        return np.asarray(np.sign(difference_RC) * (np.abs(difference_RC) / largest) ** 0.6)

    def text(self, row: int, column: int) -> str:
        """Returns what is written in a cell; where there is nothing it stays empty."""
        if self.minus_RC is not None:
            return self._difference_text(row, column)
        count = int(self.counts_RC[row, column])
        if count == 0 or self.mode == "counts":
            return str(count) if count else ""
        share = 100 * count / self._total(self.counts_RC, row, column)
        return "<1" if share < 0.5 else f"{share:.0f}"

    def _difference_text(self, row: int, column: int) -> str:
        assert self.minus_RC is not None
        a, b = int(self.counts_RC[row, column]), int(self.minus_RC[row, column])
        if self.mode == "counts":
            return "" if a == b else signed(f"{a - b:+d}")
        share_a = 100 * a / max(self._total(self.counts_RC, row, column), 1)
        share_b = 100 * b / max(self._total(self.minus_RC, row, column), 1)
        text = f"{share_a - share_b:+.0f}"
        return "" if share_a == share_b or text in {"+0", "-0"} else signed(text)

    def tip(self, row: int, column: int) -> str:
        """Returns the sentence shown for a cell."""
        what = f"true {self.rows[row]}, predicted {self.columns[column]}"
        count, total = int(self.counts_RC[row, column]), self._total(self.counts_RC, row, column)
        if self.minus_RC is not None:
            other = int(self.minus_RC[row, column])
            return f"{what}: {count} in A, {other} in B ({signed(f'{count - other:+d}')})"
        share = f" ({100 * count / total:.0f} %)" if total else ""
        whole = f"{total} predicted so" if self.mode == "columns" else f"{total}"
        return f"{what}: {count} of {whole}{share}"

    def summary(self) -> str:
        """Returns in words how much is right, and which confusion is the most frequent."""
        if not self.counts_RC.size:
            return ""
        right_RC = np.array([[row == column for column in self.columns] for row in self.rows])
        total = int(self.counts_RC.sum())
        words = f"{int(self.counts_RC[right_RC].sum()):,} of {total:,} objects are predicted right"
        wrong_RC = np.where(right_RC, 0, self.counts_RC)
        row, column = divmod(int(wrong_RC.argmax()), len(self.columns))
        if wrong_RC[row, column]:
            words += f"; the most frequent confusion is {self.tip(row, column)}"
        if self.minus_RC is not None:
            other = int(self.minus_RC[right_RC].sum())
            return f"Run A less run B. Of A {words}; of B {other:,} are."
        return words + "."

    def _total(self, counts_RC: IntArray, row: int, column: int) -> int:
        return int((counts_RC[:, column] if self.mode == "columns" else counts_RC[row]).sum())


def signed(text: str) -> str:
    """Writes a minus as one."""
    return text.replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True)
class MatrixLayout:
    """Where things are, in the widget's pixels."""

    left: float
    top: float
    cell_width: float
    cell_height: float
    font: QFont
    row_labels_px: float
    column_labels_px: float
    title_px: int
    longest_label_px: int
    slanted: bool

    def cell(self, row: int, column: int) -> QRectF:
        x = self.left + column * self.cell_width
        y = self.top + row * self.cell_height
        return QRectF(x, y, self.cell_width, self.cell_height)


def lay_out(content: MatrixContent, target: QRectF, font: QFont) -> MatrixLayout:
    """Fits the matrix, its labels and its titles into a rectangle."""
    rows, columns = max(len(content.rows), 1), max(len(content.columns), 1)
    rough = min((target.width() - 110) / columns, (target.height() - 110) / rows)
    small = fitting_font(font, TEXT_POINTS, rough * LINE_SHARE)
    metrics = QFontMetricsF(small)
    title, longest = (with_text(pixels, font) for pixels in (AXIS_TITLE_PX, LONGEST_LABEL_PX))
    widest = max((metrics.horizontalAdvance(name) for name in content.rows), default=0.0)
    row_labels = min(widest, longest) + 8
    left = target.left() + title + row_labels
    cell_width = max((target.right() - left - 2) / columns, 1.0)
    widest = max((metrics.horizontalAdvance(name) for name in content.columns), default=0.0)
    widest = min(widest, longest)
    slanted = widest + 6 > cell_width
    column_labels = (widest if slanted else metrics.height()) + 8
    top = target.top() + title + column_labels
    cell_height = max((target.bottom() - top - 2) / rows, 1.0)
    return MatrixLayout(
        left=left,
        top=top,
        cell_width=cell_width,
        cell_height=cell_height,
        font=small,
        row_labels_px=row_labels,
        column_labels_px=column_labels,
        title_px=title,
        longest_label_px=longest,
        slanted=slanted,
    )


class MatrixPainter:
    """Paints one matrix.

    Args:
        painter: Target.
        content: What.
        layout: Where.
        colours: Of the theme.
        font: Of the widget.
    """

    def __init__(
        self,
        painter: QPainter,
        content: MatrixContent,
        layout: MatrixLayout,
        colours: Tokens,
        font: QFont,
    ) -> None:
        self._painter = painter
        self._content = content
        self._layout = layout
        self._colours = colours
        self._font = font

    def paint(self, target: QRectF) -> None:
        self._paint_cells()
        self._paint_breaks()
        self._paint_labels()
        self._paint_titles(target)

    def _paint_cells(self) -> None:
        painter, layout = self._painter, self._layout
        neutral = QColor(self._colours.raised)
        more, less = QColor(self._colours.accent), QColor(self._colours.series[1])
        whole = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextDontClip)
        strength_RC = self._content.strength_RC()
        for row in range(len(self._content.rows)):
            for column in range(len(self._content.columns)):
                cell = layout.cell(row, column).adjusted(0.5, 0.5, -0.5, -0.5)
                strength = float(strength_RC[row, column])
                background = blend(neutral, more if strength > 0 else less, abs(strength))
                painter.fillRect(cell, background)
                text = self._content.text(row, column)
                if text:
                    room = cell.adjusted(1, 0, -1, 0).size()
                    painter.setFont(narrowed_font(layout.font, text, room))
                    painter.setPen(readable_on(background))
                    painter.drawText(cell, whole, text)

    def _paint_breaks(self) -> None:
        layout, rows, columns = self._layout, len(self._content.rows), len(self._content.columns)
        line = blend(QColor(self._colours.border), QColor(self._colours.muted), 0.5)
        self._painter.setPen(QPen(line, 1))
        for at in self._content.breaks:
            x, y = layout.left + at * layout.cell_width, layout.top + at * layout.cell_height
            if at < columns:
                bottom = layout.top + rows * layout.cell_height
                self._painter.drawLine(QPointF(x, layout.top), QPointF(x, bottom))
            if at < rows:
                right = layout.left + columns * layout.cell_width
                self._painter.drawLine(QPointF(layout.left, y), QPointF(right, y))

    def _paint_labels(self) -> None:
        painter, layout = self._painter, self._layout
        painter.setFont(layout.font)
        painter.setPen(QColor(self._colours.text))
        metrics = QFontMetricsF(painter.font())
        elide = Qt.TextElideMode.ElideRight
        for row, name in enumerate(self._content.rows):
            cell = layout.cell(row, 0)
            left = layout.left - layout.row_labels_px
            room = QRectF(left, cell.top(), layout.row_labels_px - 6, cell.height())
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(room, flags, metrics.elidedText(name, elide, room.width()))
        for column, name in enumerate(self._content.columns):
            cell = layout.cell(0, column)
            text = metrics.elidedText(name, elide, layout.longest_label_px)
            if not layout.slanted:
                top = layout.top - metrics.height() - 4
                room = QRectF(cell.left(), top, cell.width(), metrics.height())
                painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)
                continue
            painter.save()
            painter.translate(cell.center().x(), layout.top - 5)
            painter.rotate(-90)
            painter.drawText(QPointF(0, metrics.ascent() / 2 - metrics.descent() / 2), text)
            painter.restore()

    def _paint_titles(self, target: QRectF) -> None:
        painter, layout = self._painter, self._layout
        painter.setFont(sized_font(self._font, TITLE_POINTS))
        painter.setPen(QColor(self._colours.muted))
        width = layout.cell_width * len(self._content.columns)
        room = QRectF(layout.left, target.top(), width, layout.title_px)
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, "predicted class")
        painter.save()
        height = layout.cell_height * len(self._content.rows)
        painter.translate(target.left(), layout.top + height)
        painter.rotate(-90)
        room = QRectF(0, 0, height, layout.title_px)
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, "true class")
        painter.restore()
