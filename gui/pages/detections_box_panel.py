"""Beside a file's detections: average precision by class with its curves, or one image's boxes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui.pages.detections_boxes import ANY, FileBoxes, Outcome, SplitFigures
from gui.theme import SPACING, class_colour, number_font, set_role
from gui.widgets.canvas_boxes import CanvasBox
from gui.widgets.figure_export import ExportButton
from gui.widgets.precision_plot import PrecisionCurve, PrecisionPlot

_KEY = Qt.ItemDataRole.UserRole
_SORT = Qt.ItemDataRole.UserRole + 1
# Read on any photograph, in either theme; mark and line style say the same.
_COLOURS = {
    Outcome.TRUE_POSITIVE: "#4cc38a",
    Outcome.FALSE_POSITIVE: "#ff8177",
    Outcome.UNKNOWN: "#e8b75a",
    Outcome.MISSED: "#ffd0cb",
}


class _Row(QTreeWidgetItem):
    """Sorts by what the cells mean, not by their text."""

    def __lt__(self, other: QTreeWidgetItem) -> bool:
        tree = self.treeWidget()
        column = tree.sortColumn() if tree is not None else 0
        return bool(self.data(column, _SORT) < other.data(column, _SORT))


class BoxPanel(QWidget):
    """Figures in front of the grid, boxes in front of an image."""

    label_chosen = Signal(int)
    threshold_chosen = Signal(int, float)  # class, score
    box_chosen = Signal(int)  # which of the boxes drawn

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._figures: SplitFigures | None = None
        self._names: tuple[str, ...] = ()
        self.heading = QLabel()
        set_role(self.heading, "heading")
        self.heading.setWordWrap(True)
        self.classes = _table("Average precision by class", ("class", "objects", "AP50"))
        self.classes.setSortingEnabled(True)
        self.classes.header().setSortIndicatorShown(False)
        self.classes.currentItemChanged.connect(self._on_class)
        self.plot = PrecisionPlot()
        self.plot.point_chosen.connect(self._on_point)
        self.export = ExportButton(self.plot, "precision and recall")
        figures = QWidget()
        column = QVBoxLayout(figures)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addWidget(self.classes, 1)
        column.addWidget(self.plot, 1)
        column.addWidget(self.export, 0, Qt.AlignmentFlag.AlignRight)
        self.boxes = _table("Boxes of the image", ("class", "score", "IoU", "outcome"))
        self.boxes.currentItemChanged.connect(self._on_box)
        self._stack = QStackedWidget()
        self._stack.addWidget(figures)
        self._stack.addWidget(self.boxes)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self.heading)
        layout.addWidget(self._stack, 1)

    # ----- figures -----

    def set_figures(self, figures: SplitFigures, names: Sequence[str]) -> None:
        """Shows average precision and curves of a split."""
        self._figures, self._names = figures, tuple(names)
        columns = zip(names, figures.curves, strict=True)
        self.plot.set_curves(
            [
                PrecisionCurve(name, curve.recall_K, curve.precision_K, curve.score_K)
                if curve.objects
                else PrecisionCurve(name, curve.score_K[:0], curve.score_K[:0], curve.score_K[:0])
                for name, curve in columns
            ]
        )
        objects = [curve.objects for curve in figures.curves]
        self._fill("AP50", objects, figures.ap_C, figures.mean)
        with QSignalBlocker(self.classes):
            self.classes.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.plot.show()
        self.export.show()

    def set_recall(self, objects: Sequence[int], found: Sequence[int]) -> None:
        """Shows which share of each class's objects proposals find, in place of figures."""
        shares = [
            hits / count if count else None for hits, count in zip(found, objects, strict=True)
        ]
        every = sum(found) / sum(objects) if sum(objects) else None
        self._fill("recall", objects, shares, every)
        self.plot.hide()
        self.export.hide()

    def _fill(
        self,
        heading: str,
        objects: Sequence[int],
        values: Sequence[float | None],
        of_all: float | None,
    ) -> None:
        with QSignalBlocker(self.classes):
            self.classes.clear()
            self.classes.headerItem().setText(2, heading)
            self._add_class(ANY, "all classes", sum(objects), of_all)
            for label, name in enumerate(self._names):
                self._add_class(label, name, objects[label], values[label])

    def _add_class(self, label: int, name: str, objects: int, ap: float | None) -> None:
        row = _Row([name, f"{objects:,}", "none" if ap is None else f"{100 * ap:.1f}"])
        row.setData(0, _KEY, label)
        for column, value in enumerate((label, objects, -1.0 if ap is None else ap)):
            row.setData(column, _SORT, value)
            if column:
                row.setFont(column, number_font(self.font()))
                row.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
        self.classes.addTopLevelItem(row)

    def show_figures(self, label: int, threshold: float, heading: str) -> None:
        """Turns to the figures, with one class in front; ANY: none."""
        self.heading.setText(heading)
        self._stack.setCurrentIndex(0)
        self.plot.set_front(label, threshold)
        with QSignalBlocker(self.classes):
            for at in range(self.classes.topLevelItemCount()):
                item = self.classes.topLevelItem(at)
                if item is not None and item.data(0, _KEY) == label:
                    self.classes.setCurrentItem(item)

    # ----- boxes -----

    def show_boxes(self, boxes: FileBoxes, rows: Sequence[int], outcome_B: Sequence[int]) -> None:
        """Turns to the boxes of one image."""
        self._stack.setCurrentIndex(1)
        with QSignalBlocker(self.boxes):
            self.boxes.clear()
            for row, outcome in zip(rows, outcome_B, strict=True):
                self.boxes.addTopLevelItem(_box_row(boxes, row, Outcome(outcome)))

    def set_current_box(self, which: int) -> None:
        """Chooses a row; -1: none. Emits nothing."""
        with QSignalBlocker(self.boxes):
            self.boxes.clearSelection()
            item = self.boxes.topLevelItem(which) if which >= 0 else None
            if item is None:
                self.boxes.setCurrentIndex(QModelIndex())
            else:
                self.boxes.setCurrentItem(item)

    @Slot(QTreeWidgetItem, QTreeWidgetItem)
    def _on_class(self, current: QTreeWidgetItem | None, _previous: object) -> None:
        if current is not None:
            self.label_chosen.emit(current.data(0, _KEY))

    @Slot(QTreeWidgetItem, QTreeWidgetItem)
    def _on_box(self, current: QTreeWidgetItem | None, _previous: object) -> None:
        if current is not None:
            self.box_chosen.emit(self.boxes.indexOfTopLevelItem(current))

    @Slot(int, float)
    def _on_point(self, label: int, score: float) -> None:
        self.threshold_chosen.emit(label, score)


def canvas_box(boxes: FileBoxes, row: int, outcome: Outcome) -> CanvasBox:
    """Returns a box to draw: objects by solid lines, detections by dashed ones."""
    x1, y1, x2, y2 = boxes.xyxy_B4[row].tolist()
    name = boxes.class_name(row)
    is_detection = boxes.is_detection(row)
    difficult = " · difficult" if boxes.difficult_B[row] else ""
    if is_detection and boxes.is_proposals:
        finds = bool((boxes.matching.found_by_N == row).any())
        words = f"{boxes.score_B[row]:.2f}" if finds else ""
        tip = f"proposal: objectness {boxes.score_B[row]:.4f}, IoU {boxes.iou_B[row]:.3f}"
        if finds:
            tip += "\nthe best of an object's"
    elif is_detection:
        words = f"{outcome.mark} {name} {boxes.score_B[row]:.2f}".strip()
        score, iou = f"score {boxes.score_B[row]:.4f}", f"IoU {boxes.iou_B[row]:.3f}"
        tip = f"detected {name}: {outcome.word}\n{score}, {iou}"
        if outcome is Outcome.UNKNOWN:
            tip = f"detected, but of no known class\n{score}, {iou}"
    else:
        tail = " missed" if outcome is Outcome.MISSED else ""
        words = f"{outcome.mark} {name}{tail}{difficult}".strip()
        tip = f"annotated {name}{difficult or ': ' + _fate(boxes, row, outcome)}"
    plain = class_colour(max(int(boxes.label_B[row]), 0))
    colour = QColor(_COLOURS[outcome]) if outcome in _COLOURS else plain
    style = Qt.PenStyle.DashLine if is_detection else Qt.PenStyle.SolidLine
    return CanvasBox((x1, y1, x2, y2), words, colour, style, tip)


def _fate(boxes: FileBoxes, row: int, outcome: Outcome) -> str:
    if outcome is Outcome.MISSED:
        return "missed"
    finder = int(boxes.matching.found_by_N[row - len(boxes.found)])
    if boxes.is_proposals:  # Its IoU is that with its own best object.
        return f"found\nobjectness {boxes.score_B[finder]:.4f}"
    return f"found\nscore {boxes.score_B[finder]:.4f}, IoU {boxes.iou_B[finder]:.3f}"


def _box_row(boxes: FileBoxes, row: int, outcome: Outcome) -> QTreeWidgetItem:
    texts = [boxes.class_name(row), "", "", f"{outcome.mark} {outcome.word}".strip()]
    if boxes.is_proposals and boxes.is_detection(row):
        texts[3] = ""
    if boxes.is_detection(row):
        texts[1:3] = [f"{boxes.score_B[row]:.3f}", f"{boxes.iou_B[row]:.2f}"]
    item = QTreeWidgetItem(texts)
    for column in (1, 2):
        item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
    item.setToolTip(3, texts[3])
    return item


def _table(name: str, columns: Sequence[str]) -> QTreeWidget:
    table = QTreeWidget()
    table.setAccessibleName(name)
    table.setHeaderLabels(list(columns))
    table.setRootIsDecorated(False)
    table.setUniformRowHeights(True)
    table.setAllColumnsShowFocus(True)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setStyleSheet(
        "QTreeView::item { padding: 2px 4px; } QHeaderView::section { padding: 4px 6px; }"
    )
    header = table.header()
    header.setMinimumSectionSize(40)
    for column in range(1, len(columns)):
        if columns[column] != "outcome":
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            table.headerItem().setTextAlignment(column, right)
    header.setStretchLastSection(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return table
