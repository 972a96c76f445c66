"""The objects of one image: a table, and the class means nearest to the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QSignalBlocker,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core.data.index import DatasetIndex, IntArray
from core.detection.detector import Detections
from gui.pages.detections_data import Judgement, Verdict
from gui.theme import SPACING, class_colour, set_role, tokens
from gui.widgets.bar_chart import BarChart, ChartBar
from gui.widgets.canvas_boxes import CanvasBox

Index = QModelIndex | QPersistentModelIndex
_LINES = {
    Verdict.NOT_JUDGED: Qt.PenStyle.SolidLine,
    Verdict.RIGHT: Qt.PenStyle.SolidLine,
    Verdict.WRONG: Qt.PenStyle.DashLine,
    Verdict.UNKNOWN: Qt.PenStyle.DotLine,
}
_COMPACT = "QHeaderView::section { padding: 4px 6px; } QTableView::item { padding: 0 6px; }"
_ELASTIC = ("class", "predicted")
# Read on any photograph, in either theme; mark and line style say the same.
_COLOURS = {Verdict.RIGHT: "#4cc38a", Verdict.WRONG: "#ff8177", Verdict.UNKNOWN: "#e8b75a"}


@dataclass(frozen=True)
class BoxRow:
    """One box of an image, with what is known of it.

    Attributes:
        xyxy: Image pixels.
        label: Class index; -1: none.
        name: Annotated (or detected) class; "" if there is none.
        difficult: VOC's flag.
        verdict: Of the run.
        predicted: Class the run takes it for; "" if it was not judged.
        likeness: Cosine to that class's mean, or its probability.
        row: In the run's predictions; -1: none.
    """

    xyxy: tuple[float, float, float, float]
    label: int
    name: str
    difficult: bool
    verdict: Verdict = Verdict.NOT_JUDGED
    predicted: str = ""
    likeness: float = 0.0
    row: int = -1

    @property
    def words(self) -> str:
        """The label over the box."""
        tail = " · difficult" if self.difficult else ""
        match self.verdict:
            case Verdict.RIGHT:
                return f"{self.name} ✓ {self.likeness:.2f}{tail}"
            case Verdict.WRONG:
                return f"{self.name} → {self.predicted} ✗ {self.likeness:.2f}{tail}"
            case Verdict.UNKNOWN:
                return f"{self.name} → unknown ? ({self.predicted} {self.likeness:.2f}){tail}"
        return f"{self.name}{tail}"

    def canvas_box(self) -> CanvasBox:
        plain = class_colour(max(self.label, 0))
        colour = QColor(_COLOURS[self.verdict]) if self.verdict in _COLOURS else plain
        return CanvasBox(self.xyxy, self.words, colour, _LINES[self.verdict])


def box_rows(
    index: DatasetIndex,
    found: Detections,
    judgement: Judgement | None,
    verdict_O: IntArray | None,
) -> tuple[BoxRow, ...]:
    """Joins the boxes of a detector with the annotation and the run's predictions."""
    rows = []
    for box, label, at in zip(
        found.boxes_xyxy_N4.tolist(),
        found.label_N.tolist(),
        found.object_index_N.tolist(),
        strict=True,
    ):
        x1, y1, x2, y2 = box
        name = index.classes[label] if label >= 0 else ""
        difficult = bool(index.difficult_N[at]) if at >= 0 else False
        row = int(judgement.row_O[at]) if judgement is not None and at >= 0 else -1
        if judgement is None or verdict_O is None or row < 0:
            rows.append(BoxRow((x1, y1, x2, y2), label, name, difficult))
            continue
        predicted = int(judgement.predictions.predicted_N[row])
        rows.append(
            BoxRow(
                (x1, y1, x2, y2),
                label,
                name,
                difficult,
                Verdict(int(verdict_O[at])),
                judgement.predictions.classes[predicted],
                float(judgement.likeness(row)[predicted]),
                row,
            )
        )
    return tuple(rows)


class ObjectsModel(QAbstractTableModel):
    """The boxes of one image; columns that a run would fill are there once it has."""

    def __init__(self, palette: QPalette) -> None:
        super().__init__()
        self._rows: tuple[BoxRow, ...] = ()
        self._judged = False
        self._measure = "cosine"
        self.palette = palette

    def show_rows(self, rows: Sequence[BoxRow], *, judged: bool, measure: str) -> None:
        self.beginResetModel()
        self._rows, self._judged, self._measure = tuple(rows), judged, measure
        self.endResetModel()

    @property
    def rows(self) -> tuple[BoxRow, ...]:
        return self._rows

    def _headers(self) -> list[str]:
        headers = ["class", "size"]
        if self._judged:
            headers = ["class", "predicted", self._measure, "verdict"]
        return [*headers, "difficult"] if any(row.difficult for row in self._rows) else headers

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._headers())

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return self._headers()[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, header = self._rows[index.row()], self._headers()[index.column()]
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole}:
            return self._text(row, header)
        if role == Qt.ItemDataRole.ForegroundRole and header == "verdict":
            colours = tokens(self.palette)
            by_verdict = {
                Verdict.RIGHT: colours.good,
                Verdict.WRONG: colours.bad,
                Verdict.UNKNOWN: colours.warn,
            }
            return QColor(by_verdict.get(row.verdict, colours.muted))
        return None

    def _text(self, row: BoxRow, header: str) -> str:
        match header:
            case "class":
                return row.name
            case "size":
                return f"{row.xyxy[2] - row.xyxy[0]:.0f} × {row.xyxy[3] - row.xyxy[1]:.0f}"
            case "difficult":
                return "yes" if row.difficult else ""
            case "predicted":
                return row.predicted
            case "verdict":
                return f"{row.verdict.mark} {row.verdict.word}".strip()
        return f"{row.likeness:.2f}" if row.row >= 0 else ""


class ObjectPanel(QWidget):
    """Table and nearest class means."""

    object_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._judgement: Judgement | None = None
        self._threshold: float | None = None
        self.model = ObjectsModel(self.palette())
        self.heading = QLabel("Objects of the image")
        set_role(self.heading, "heading")
        self.table = QTableView()
        self.table.setAccessibleName("Objects of the image")
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setStyleSheet(_COMPACT)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(26)
        self.table.horizontalHeader().setHighlightSections(False)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        self.table.horizontalHeader().setDefaultAlignment(left)
        self.table.selectionModel().currentRowChanged.connect(self._on_row)
        self.nearest_heading = QLabel("Nearest class means")
        set_role(self.nearest_heading, "heading")
        self.nearest = BarChart("Nearest class means")
        self.words = QLabel()
        self.words.setWordWrap(True)
        set_role(self.words, "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self.heading)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.nearest_heading)
        layout.addWidget(self.nearest)
        layout.addWidget(self.words)
        self.show_image("", (), None, None)

    def show_image(
        self,
        title: str,
        rows: Sequence[BoxRow],
        judgement: Judgement | None,
        threshold: float | None,
    ) -> None:
        """Shows the boxes of an image; the first is not chosen."""
        self._judgement, self._threshold = judgement, threshold
        self.model.palette = self.palette()
        measure = "probability" if judgement is not None and judgement.is_softmax else "cosine"
        judged = any(row.row >= 0 for row in rows)
        with QSignalBlocker(self.table.selectionModel()):
            self.model.show_rows(rows, judged=judged, measure=measure)
        self.heading.setText(title or "Objects of the image")
        self._size_columns()
        self._show_nearest(-1)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "table"):
            self.model.palette = self.palette()
            self.table.viewport().update()

    def set_current(self, which: int) -> None:
        """Chooses a row; -1: none. Emits nothing."""
        with QSignalBlocker(self.table.selectionModel()):
            if which < 0:
                self.table.clearSelection()
                self.table.setCurrentIndex(QModelIndex())
            else:
                self.table.selectRow(which)
        self.table.viewport().update()
        self._show_nearest(which)

    def _size_columns(self) -> None:
        header = self.table.horizontalHeader()
        for column in range(self.model.columnCount()):
            elastic = self.model.headerData(column, Qt.Orientation.Horizontal) in _ELASTIC
            mode = QHeaderView.ResizeMode
            header.setSectionResizeMode(column, mode.Stretch if elastic else mode.ResizeToContents)

    def _show_nearest(self, which: int) -> None:
        rows, judgement = self.model.rows, self._judgement
        row = rows[which] if 0 <= which < len(rows) else None
        shown = row is not None and row.row >= 0 and judgement is not None
        for widget in (self.nearest_heading, self.nearest, self.words):
            widget.setVisible(shown)
        if row is None or judgement is None or not shown:
            return
        nearest = judgement.nearest(row.row)
        self.nearest_heading.setText(
            "Most probable classes" if judgement.is_softmax else "Nearest class means"
        )
        self.nearest.set_bars(
            [
                ChartBar(name, max(value, 0.0), f"{value:.2f}", name == row.name)
                for name, value in nearest
            ]
        )
        score = float(judgement.score_N[row.row])
        text = f"Score {score:.4f}"
        if self._threshold is not None:
            side = "below" if score < self._threshold else "not below"
            text += f", {side} the threshold {self._threshold:.4f}"
        withheld = int(judgement.predictions.label_N[row.row]) < 0
        self.words.setText(text + (f". {row.name} was withheld." if withheld else "."))

    @Slot(QModelIndex, QModelIndex)
    def _on_row(self, current: QModelIndex, _previous: QModelIndex) -> None:
        self._show_nearest(current.row())
        if current.isValid():
            self.object_chosen.emit(current.row())
