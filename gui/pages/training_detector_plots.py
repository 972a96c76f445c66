"""The curves of a detector's training: the parts of its loss, and AP by epoch."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from gui.models.detector_curves import PART_NAMES, DetectorCurves
from gui.models.run_curves import smoothed
from gui.theme import SPACING, set_role, tokens
from gui.widgets.curve_plot import CurveStack, Line, Panel
from gui.widgets.figure_export import ExportButton

PANELS = (
    Panel("loss", "loss and its parts", 10),
    Panel("validation", "validation", 6, unit_range=True),
    Panel("learning rate", "learning rate", 3),
    Panel("pace", "objects/s", 3),
)
SMOOTHING = 0.8
EPOCH_LINES = (
    ("ap50", "AP50", Qt.PenStyle.SolidLine),
    ("ap", "AP", Qt.PenStyle.DashLine),
    ("recall", "recall of 50 proposals", Qt.PenStyle.DotLine),
)
STYLES = (
    Qt.PenStyle.DashLine,
    Qt.PenStyle.DotLine,
    Qt.PenStyle.DashDotLine,
    Qt.PenStyle.DashDotDotLine,
)


class DetectorPlots(QWidget):
    """Plots of one detector, with a way back to the run's."""

    back_requested = Signal()
    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves: DetectorCurves | None = None
        self.title = QLabel()
        set_role(self.title, "heading")
        self.stop = QPushButton("Stop and keep")
        self.stop.setAccessibleName("Stop the detector's training and keep it")
        self.stop.clicked.connect(self.stop_requested)
        self.back = QPushButton("Back to the run")
        self.back.setAccessibleName("Back to the run's curves")
        self.back.clicked.connect(self.back_requested)
        self.stack = CurveStack(PANELS)
        self.stack.view.setAccessibleName("Curves of the detector's training")
        self.stack.set_x_label("step")
        self.stack.set_csv(self._to_csv)
        export = ExportButton(self.stack, "detector curves", icon_only=True)
        self._empty = QLabel("The curves begin with the first batch.")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        set_role(self._empty, "muted")
        head = QHBoxLayout()
        head.setSpacing(SPACING)
        head.addWidget(self.title, 1)
        head.addWidget(self.stop)
        head.addWidget(export)
        head.addWidget(self.back)
        body = QWidget()
        self._pages = QStackedLayout(body)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.stack)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(head)
        layout.addWidget(body, 1)

    def show_detector(self, title: str, curves: DetectorCurves, *, running: bool) -> None:
        """Draws a detector's curves in place of what was drawn."""
        if curves is not self._curves:
            self._clear()
        self._curves = curves
        self.title.setText(title)
        self.stop.setVisible(running)
        self.redraw()

    def plotted_points(self) -> dict[str, int]:
        """Returns how many points each curve has been given, by "panel/name"."""
        return {
            f"{panel.name}/{key}": self.stack.point_count(panel.name, key)
            for panel in PANELS
            for key in self.stack.curve_keys(panel.name)
        }

    def redraw(self) -> None:
        """Draws what has arrived: one call a curve; nothing where nobody looks."""
        curves = self._curves
        if curves is None or not self.isVisible():
            return
        begun = len(curves.steps) > 0
        self._pages.setCurrentWidget(self.stack if begun else self._empty)
        if not begun:
            return
        series, steps = tokens(self.palette()).series, curves.steps
        x_N = steps.column("step")
        loss = Line(series[0], 2.0, label="loss")
        self.stack.set_curve("loss", "loss", x_N, smoothed(steps.column("loss"), SMOOTHING), loss)
        for at, part in enumerate(curves.parts):
            name, colour = PART_NAMES.get(part, part), series[1 + at % (len(series) - 1)]
            line = Line(colour, 1.5, style=STYLES[at % len(STYLES)], label=name)
            self.stack.set_curve("loss", name, x_N, smoothed(steps.column(part), SMOOTHING), line)
        epoch_N = curves.epochs.column("step")
        for at, (column, name, style) in enumerate(EPOCH_LINES):
            y_N = curves.epochs.column(column)
            if np.isfinite(y_N).any():
                line = Line(series[at], 2.0, style=style, symbol="o", label=name)
                self.stack.set_curve("validation", name, epoch_N, y_N, line)
        thin = Line(series[0])
        self.stack.set_curve("learning rate", "main", x_N, steps.column("learning_rate"), thin)
        pace_N = smoothed(steps.column("objects_per_s"), SMOOTHING)
        self.stack.set_curve("pace", "main", x_N, pace_N, thin)

    def _to_csv(self) -> str:
        return self._curves.to_csv() if self._curves else ""

    def _clear(self) -> None:
        for panel in PANELS:
            for key in self.stack.curve_keys(panel.name):
                self.stack.remove_curve(panel.name, key)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.redraw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.redraw()
