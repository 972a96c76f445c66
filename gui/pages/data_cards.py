"""The cards of the data page: classes, box sizes, splits, problems.

Shape suffixes: C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QStringListModel, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.data.index import Problem
from core.data.summary import DatasetSummary
from gui.theme import SPACING, set_role
from gui.widgets.bar_chart import BarChart, ChartBar, Histogram
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.figure_export import ExportButton

ALL = "all"


class Card(QFrame):
    """A heading, tools beside it, a body below.

    Args:
        title: The heading.
        body: Below it.
        tools: Right of it.
        parent: Owner.
    """

    def __init__(
        self,
        title: str,
        body: QWidget,
        tools: Sequence[QWidget] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.heading = QLabel(title)
        set_role(self.heading, "heading")
        self.subtitle = ElidedLabel()
        set_role(self.subtitle, "muted")
        line = QHBoxLayout()
        line.setSpacing(SPACING)
        line.addWidget(self.heading)
        line.addWidget(self.subtitle, 1)
        for tool in tools:
            line.addWidget(tool)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACING, SPACING, 2 * SPACING, 2 * SPACING)
        layout.setSpacing(SPACING)
        layout.addLayout(line)
        layout.addWidget(body, 1)
        layout.addStretch(0)


class ClassCard(Card):
    """Objects of each class, in all or one split, by count or name."""

    class_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.chart = BarChart("Objects of each class", "class")
        self.splits = QComboBox()
        self.splits.setAccessibleName("Split whose objects are counted")
        self.order = QComboBox()
        self.order.setAccessibleName("Order of the classes")
        self.order.addItems(["by count", "by name"])
        self.export = ExportButton(self.chart, "objects per class", icon_only=True)
        tools = (self.splits, self.order, self.export)
        super().__init__("Objects per class", self.chart, tools, parent)
        self._summary: DatasetSummary | None = None
        self.splits.activated.connect(self._show)
        self.order.activated.connect(self._show)
        self.chart.bar_clicked.connect(self.class_clicked)

    def show_summary(self, summary: DatasetSummary) -> None:
        self._summary = summary
        kept = self.splits.currentData()
        self.splits.clear()
        self.splits.addItem("all", ALL)
        for name in summary.split_images:
            self.splits.addItem(name, name)
        self.splits.setCurrentIndex(max(self.splits.findData(kept), 0))
        self._show()

    @Slot()
    def _show(self) -> None:
        summary = self._summary
        if summary is None:
            return
        split = str(self.splits.currentData())
        counts_C, images_C = summary.class_objects[split], summary.class_images[split]
        total = max(int(counts_C.sum()), 1)
        by_name = self.order.currentIndex() == 1
        order = range(len(counts_C)) if by_name else np.argsort(-counts_C, kind="stable").tolist()
        most = np.flatnonzero(counts_C == counts_C.max()).tolist()
        self.chart.set_bars(
            [
                ChartBar(
                    summary.classes[i],
                    float(counts_C[i]),
                    f"{counts_C[i]:,} · {100 * counts_C[i] / total:.1f} %",
                    emphasised=i in most,
                    tip=f"{counts_C[i]:,} objects in {images_C[i]:,} images",
                )
                for i in order
            ]
        )
        share = f"{100 * counts_C.max() / total:.0f} %"
        named = summary.classes[most[0]] if len(most) == 1 else f"{len(most)} classes,"
        self.subtitle.setText(f"most: {named} {share}")


class SizeCard(Card):
    """How large the boxes are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.chart = Histogram("Box sizes", "px")
        self.export = ExportButton(self.chart, "box sizes", icon_only=True)
        super().__init__("Box sizes", self.chart, (self.export,), parent)
        self.subtitle.setText("objects by the square root of their area")

    def show_summary(self, summary: DatasetSummary) -> None:
        edges, counts = summary.box_size_edges_px.tolist(), summary.box_size_counts.tolist()
        self.chart.set_bins(edges, counts)


class SplitCard(Card):
    """How large the splits are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.chart = BarChart("Sizes of the splits", "split")
        self.export = ExportButton(self.chart, "splits", icon_only=True)
        super().__init__("Splits", self.chart, (self.export,), parent)
        self.subtitle.setText("images, objects")

    def show_summary(self, summary: DatasetSummary) -> None:
        self.chart.set_bars(
            [
                ChartBar(
                    name, images, f"{images:,} images, {summary.split_objects[name]:,} objects"
                )
                for name, images in summary.split_images.items()
            ]
        )


class ProblemCard(Card):
    """What was skipped or is wrong with splits; copied as text, or looked at in its folder."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.model = QStringListModel()
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setAccessibleName("Problems found in the data")
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setWordWrap(True)
        self.view.setResizeMode(QListView.ResizeMode.Adjust)
        self.view.setMinimumHeight(96)
        self.view.setSpacing(2)
        self.copy = QPushButton("Copy")
        self.copy.setAccessibleName("Copy the problems as text")
        self.copy.setToolTip("Copy the chosen lines, or all of them")
        self.copy.clicked.connect(self._on_copy)
        self.open_folder = QPushButton("Open folder")
        self.open_folder.setAccessibleName("Open the folder of the chosen file")
        self.open_folder.clicked.connect(self._on_open_folder)
        super().__init__("Problems", self.view, (self.copy, self.open_folder), parent)
        self._problems: tuple[Problem, ...] = ()

    def show_problems(self, problems: tuple[Problem, ...]) -> None:
        self._problems = problems
        self.model.setStringList([f"{p.path.name}: {p.message}" for p in problems])
        self.subtitle.setText(f"{len(problems):,} found")
        self.setVisible(bool(problems))

    def _chosen(self) -> list[Problem]:
        rows = sorted(index.row() for index in self.view.selectedIndexes())
        return [self._problems[row] for row in rows] or list(self._problems)

    @Slot()
    def _on_copy(self) -> None:
        text = "\n".join(f"{problem.path}: {problem.message}" for problem in self._chosen())
        QGuiApplication.clipboard().setText(text)

    @Slot()
    def _on_open_folder(self) -> None:
        path: Path = self._chosen()[0].path
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path if path.is_dir() else path.parent)))
