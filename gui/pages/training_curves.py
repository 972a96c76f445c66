"""The plots of the training page: the run at hand and those laid over it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.runs import Run
from gui.models.run_curves import X_AXES, RunCurves, RunningAverage
from gui.theme import SPACING, make_icon, set_role, tokens
from gui.widgets.curve_plot import CurveStack, Line, Panel
from gui.widgets.figure_export import ExportButton

FloatArray = npt.NDArray[np.float64]
PANELS = (
    Panel("loss", "loss", 10, label_at=0.4),
    Panel(
        "validation",
        "validation: accuracy ──  compliance ╌╌",
        5,
        unit_range=True,
        has_legend=False,
    ),
    Panel("learning rate", "learning rate", 3, label_at=1.0),
    Panel("pace", "objects/s", 3, label_at=1.0),
)
X_TITLES = {"step": "step", "epoch": "epoch", "time": "training time (s)"}
NARROW_PX = 520
PACE_SMOOTHING = 0.9
NO_RUN = (
    "No run is shown yet.\n\nSet up the experiment at the left and click Train,\n"
    "or tick an earlier run at the right."
)
NO_STEPS = "The curves begin with the first batch."
RANK_STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)


@dataclass
class _Shown:
    """A run that is drawn."""

    curves: RunCurves
    colour: str
    name: str
    averages: dict[str, RunningAverage] = field(default_factory=dict)

    def smoothed(self, column: str, weight: float) -> FloatArray:
        """Returns a column of the steps, smoothed; only what is new is computed."""
        average = self.averages.get(column)
        if average is None or average.weight != weight:
            average = self.averages[column] = RunningAverage(weight)
        return average.update(self.curves.steps.column(column))


class TrainingCurves(QWidget):
    """Plots with their tools; hidden, it draws nothing until it is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._main: _Shown | None = None
        self._overlays: dict[Run, _Shown] = {}
        self._stale = False
        self.stack = CurveStack(PANELS)
        self.stack.view.setAccessibleName("Curves of the training")
        self.stack.set_csv(self._to_csv)
        self._empty = QLabel(NO_RUN)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        set_role(self._empty, "muted")
        self.x_axis = QComboBox()
        for name in X_AXES:
            self.x_axis.addItem(f"by {name}", name)
        self.x_axis.setAccessibleName("The x axis")
        self.x_axis.currentIndexChanged.connect(self._on_x_axis)
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 99)
        self.smoothing.setValue(80)
        self.smoothing.setMinimumWidth(48)
        self.smoothing.setMaximumWidth(96)
        self.smoothing.setAccessibleName("Smoothing of the loss")
        self.smoothing.setToolTip("Smoothing of the loss")
        self.smoothing.valueChanged.connect(self._on_changed)
        self.log_y = self._tick("Log", "Logarithmic loss axis")
        self.log_y.toggled.connect(self._on_log_y)
        self.by_rank = self._tick("By rank", "Loss of each rank")
        self.by_rank.toggled.connect(self._on_changed)
        self._all = QToolButton()
        self._all.setToolTip("Show the whole of all curves")
        self._all.setAccessibleName("Show the whole of all curves")
        self._all.clicked.connect(self.stack.show_all)
        self._export = ExportButton(self.stack, "training curves", icon_only=True)
        self._lay_out()
        self._show_icons()
        self.stack.set_x_label(X_TITLES["step"])

    def _show_icons(self) -> None:
        self._all.setIcon(make_icon("mdi6.fit-to-screen-outline", self.palette()))

    def _tick(self, text: str, name: str) -> QCheckBox:
        box = QCheckBox(text)
        box.setAccessibleName(name)
        box.setToolTip(name)
        return box

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(SPACING)
        self._smoothing_label = QLabel("Smoothing")
        self._smoothing_label.setBuddy(self.smoothing)
        set_role(self._smoothing_label, "muted")
        tools.addWidget(self.x_axis)
        tools.addWidget(self._smoothing_label)
        tools.addWidget(self.smoothing)
        tools.addWidget(self.log_y)
        tools.addWidget(self.by_rank)
        tools.addStretch(1)
        tools.addWidget(self._all)
        tools.addWidget(self._export)
        plots = QWidget()
        self._pages = QStackedLayout(plots)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.stack)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(tools)
        layout.addWidget(plots, 1)

    # ----- what is drawn -----

    def show_run(self, curves: RunCurves | None, name: str) -> None:
        """Draws a run in the foreground, in the first colour."""
        self._main = None if curves is None else _Shown(curves, "", name)
        self.redraw(everything=True)

    def add_overlay(self, run: Run, curves: RunCurves, colour: str) -> None:
        self._overlays[run] = _Shown(curves, colour, run.name)
        self.redraw(everything=True)

    def remove_overlay(self, run: Run) -> None:
        if self._overlays.pop(run, None) is not None:
            self.redraw(everything=True)

    @property
    def overlays(self) -> tuple[Run, ...]:
        return tuple(self._overlays)

    def plotted_points(self) -> dict[str, int]:
        """Returns how many points each curve of the run at hand has been given."""
        names = {
            "loss": ("loss", "raw"),
            "loss smoothed": ("loss", "smooth"),
            "accuracy": ("validation", "accuracy"),
            "compliance": ("validation", "compliance"),
            "learning rate": ("learning rate", "main"),
            "objects_per_s": ("pace", "main"),
        }
        return {name: self.stack.point_count(*where) for name, where in names.items()}

    # ----- drawing -----

    def redraw(self, *, everything: bool = False) -> None:
        """Draws what has arrived: one call a curve; nothing where nobody looks.

        Args:
            everything: Overlays too, and take away curves that are gone.
        """
        if not self.isVisible():
            self._stale = True
            return
        begun = self._main is not None and len(self._main.curves.steps) > 0
        empty = not begun and not self._overlays
        self._empty.setText(NO_RUN if self._main is None else NO_STEPS)
        self._pages.setCurrentWidget(self._empty if empty else self.stack)
        if everything or self._stale:
            self._clear()
            for run, shown in self._overlays.items():
                self._draw(shown, str(run.path), opacity=0.85)
        self._stale = False
        if self._main is not None and begun:
            self._main.colour = tokens(self.palette()).series[0]
            self._draw_main(self._main)

    def _clear(self) -> None:
        for panel in PANELS:
            for key in self.stack.curve_keys(panel.name):
                self.stack.remove_curve(panel.name, key)
        self.stack.clear_marks()

    def _draw_main(self, shown: _Shown) -> None:
        steps = shown.curves.steps
        x_N, loss_N = self._x(shown.curves), steps.column("loss")
        colour, weight = shown.colour, self.smoothing.value() / 100
        by_rank = self.by_rank.isChecked() and shown.curves.ranks > 0
        raw = Line(colour, opacity=0.3 if weight else 1.0)
        self.stack.set_curve("loss", "raw", x_N, loss_N, raw)
        smooth = Line(colour, 2.0, label="loss" if by_rank else shown.name)
        self.stack.set_curve("loss", "smooth", x_N, shown.smoothed("loss", weight), smooth)
        for rank in range(1, shown.curves.ranks + 1 if by_rank else 1):
            self._draw_rank(shown, rank, weight)
        self._draw_epochs(shown, "accuracy", "accuracy", 2.0)
        self._draw_epochs(shown, "compliance", "compliance", 2.0, Qt.PenStyle.DashLine)
        self._mark_best(shown)
        rate = steps.column("learning_rate")
        self.stack.set_curve("learning rate", "main", x_N, rate, Line(colour))
        pace_N = shown.smoothed("objects_per_s", PACE_SMOOTHING)
        self.stack.set_curve("pace", "main", x_N, pace_N, Line(colour))

    def _draw_rank(self, shown: _Shown, rank: int, weight: float) -> None:
        series = tokens(self.palette()).series
        style = RANK_STYLES[rank % len(RANK_STYLES)]
        line = Line(series[-1 - rank % len(series)], 2.0, style=style, label=f"rank {rank}")
        y_N = shown.smoothed(f"loss {rank}", weight)
        self.stack.set_curve("loss", f"rank {rank}", self._x(shown.curves), y_N, line)

    def _draw_epochs(
        self,
        shown: _Shown,
        column: str,
        key: str,
        width: float,
        style: Qt.PenStyle = Qt.PenStyle.SolidLine,
    ) -> None:
        y_N = shown.curves.epochs.column(column)
        if not np.isfinite(y_N).any():
            return
        x_N = shown.curves.epochs.column(X_AXES[self.x_axis.currentData()])
        line = Line(shown.colour, width, style=style, symbol="o", label=column)
        self.stack.set_curve("validation", key, x_N, y_N, line)

    def _mark_best(self, shown: _Shown) -> None:
        best = shown.curves.best_epoch()
        if best is None:
            return
        row, accuracy = best
        epochs = shown.curves.epochs
        since = len(epochs) - 1 - row
        text = f"best {100 * accuracy:.1f} %" + (
            f", {since} epoch{'s' * (since > 1)} ago" if since else ""
        )
        x = float(epochs.column(X_AXES[self.x_axis.currentData()])[row])
        self.stack.mark("validation", x, accuracy, text, tokens(self.palette()).good)

    def _draw(self, shown: _Shown, key: str, opacity: float) -> None:
        curves = shown.curves
        x_N, weight = self._x(curves), self.smoothing.value() / 100
        line = Line(shown.colour, 1.5, opacity, label=shown.name)
        loss_N = shown.smoothed("loss", weight)
        self.stack.set_curve("loss", key, x_N, loss_N, line)
        accuracy_N = curves.epochs.column("accuracy")
        if np.isfinite(accuracy_N).any():
            x_epoch_N = curves.epochs.column(X_AXES[self.x_axis.currentData()])
            dotted = Line(shown.colour, 1.5, opacity, symbol="t")
            self.stack.set_curve("validation", key, x_epoch_N, accuracy_N, dotted)
        thin = Line(shown.colour, 1.0, opacity)
        self.stack.set_curve("learning rate", key, x_N, curves.steps.column("learning_rate"), thin)
        pace_N = shown.smoothed("objects_per_s", PACE_SMOOTHING)
        self.stack.set_curve("pace", key, x_N, pace_N, thin)

    def _x(self, curves: RunCurves) -> FloatArray:
        return curves.steps.column(X_AXES[self.x_axis.currentData()])

    def _to_csv(self) -> str:
        shown = self._main or next(iter(self._overlays.values()), None)
        return shown.curves.to_csv() if shown else ""

    # ----- gestures -----

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._smoothing_label.setVisible(self.width() > NARROW_PX)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.redraw(everything=self._stale)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_icons()
            self.redraw(everything=True)

    @Slot()
    def _on_x_axis(self) -> None:
        self.stack.set_x_label(X_TITLES[self.x_axis.currentData()])
        self.redraw(everything=True)
        self.stack.show_all()

    @Slot()
    def _on_changed(self) -> None:
        self.redraw(everything=True)

    @Slot(bool)
    def _on_log_y(self, on: bool) -> None:
        self.stack.set_log_y("loss", on)
