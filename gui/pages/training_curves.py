"""The plots of the training page: the run at hand and those laid over it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

from core.runs import Run
from gui.models.rank_temperatures import temperature_text
from gui.models.run_curves import X_AXES, GrowingTable, RunCurves, RunningAverage
from gui.models.seed_band import SHORT, seed_band
from gui.pages.training_curve_tools import CurveTools
from gui.theme import SPACING, set_role, tokens
from gui.widgets.curve_plot import CurveStack, Line, Panel
from gui.widgets.figure_export import ExportButton

FloatArray = npt.NDArray[np.float64]
Overlay = Run | str  # a run, or the key of a group of runs
LOSS = Panel("loss", "loss", 10)
CHOICE = (
    Panel("validation", "validation", 5, unit_range=True),
    Panel("learning rate", "learning rate", 3),
    Panel("pace", "objects/s", 3),
    Panel("gradient norm", "gradient norm", 3),
    Panel("memory", "memory (GiB)", 3),
    Panel("use", "processors", 3),
)
PANELS = (LOSS, *CHOICE)
SHOWN_AT_FIRST = ["validation", "learning rate", "pace"]
X_TITLES = {"step": "step", "epoch": "epoch", "time": "training time (s)"}
PACE_SMOOTHING = 0.9
NO_RUN = (
    "No run is shown yet.\n\nSet up the experiment at the left and click Train,\n"
    "or tick an earlier run at the right."
)
NO_STEPS = "The curves begin with the first batch."
RANK_STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
RESOURCES = (
    ("memory", "process_memory_gib", "process", Qt.PenStyle.SolidLine),
    ("memory", "device_memory_gib", "GPU, of this process", Qt.PenStyle.DashLine),
    ("use", "cpu_cores", "CPU cores busy", Qt.PenStyle.SolidLine),
    ("use", "device_use", "GPU, share of time", Qt.PenStyle.DashLine),
)


@dataclass(eq=False)
class _Shown:
    """A run whose curves are drawn."""

    curves: RunCurves
    averages: dict[str, RunningAverage] = field(default_factory=dict)

    def smoothed(self, column: str, weight: float) -> FloatArray:
        """Returns a column of the steps, smoothed; only what is new is computed."""
        average = self.averages.get(column)
        if average is None or average.weight != weight:
            average = self.averages[column] = RunningAverage(weight)
        return average.update(self.curves.steps.column(column))


@dataclass
class _Overlay:
    """One run, or several of other seeds, in one colour."""

    key: str
    name: str
    colour: str
    members: tuple[_Shown, ...]


class TrainingCurves(QWidget):
    """Plots with their tools; hidden, it draws nothing until it is shown.

    Args:
        panels: Names of the small panels that are shown at first; None: a few.
        parent: Owner.
    """

    panels_changed = Signal(list)  # names of the small panels shown

    def __init__(self, panels: list[str] | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._main: _Shown | None = None
        self._name = ""
        self._temperatures: Sequence[tuple[float, float]] = ()
        self._overlays: dict[Overlay, _Overlay] = {}
        self._stale = False
        self.stack = CurveStack(PANELS)
        self.stack.view.setAccessibleName("Curves of the training")
        self.stack.set_csv(self._to_csv)
        self.stack.set_x_label(X_TITLES["step"])
        self._empty = QLabel(NO_RUN)
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        set_role(self._empty, "muted")
        shown = SHOWN_AT_FIRST if panels is None else panels
        self.tools = CurveTools(self.stack, CHOICE, shown)
        self.tools.changed.connect(self._on_changed)
        self.tools.x_axis_changed.connect(self._on_x_axis)
        self.tools.panels_changed.connect(self.panels_changed)
        export = ExportButton(self.stack, "training curves", icon_only=True)
        self.tools.line.addWidget(export)
        plots = QWidget()
        self._pages = QStackedLayout(plots)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.stack)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self.tools)
        layout.addWidget(plots, 1)

    # ----- what is drawn -----

    def show_run(
        self,
        curves: RunCurves | None,
        name: str,
        temperatures: Sequence[tuple[float, float]] = (),
    ) -> None:
        """Draws a run in the foreground, in the first colour.

        Args:
            curves: May grow afterwards; None shows no run.
            name: In the legend.
            temperatures: Lowest and highest tau of each rank.
        """
        self._main = None if curves is None else _Shown(curves)
        self._name, self._temperatures = name, temperatures
        self.redraw(everything=True)

    def add_overlay(
        self, overlay: Overlay, members: Iterable[RunCurves], colour: str, name: str
    ) -> None:
        """Lays a run over the one at hand, or the mean and the band of several.

        Args:
            overlay: By which it is taken away again.
            members: One, or those of several seeds.
            colour: Of its curves.
            name: In the legend.
        """
        key = str(overlay.path) if isinstance(overlay, Run) else overlay
        shown = tuple(_Shown(curves) for curves in members)
        self._overlays[overlay] = _Overlay(key, name, colour, shown)
        self.redraw(everything=True)

    def update_overlay(self, overlay: Overlay, members: Iterable[RunCurves]) -> None:
        """Draws what has come to an overlay.

        Args:
            overlay: One that was added.
            members: The curves it was added with, or others in place of those that began anew.
        """
        laid = self._overlays[overlay]
        known = {id(shown.curves): shown for shown in laid.members}
        new = tuple(known.get(id(curves)) or _Shown(curves) for curves in members)
        began_anew, laid.members = new != laid.members, new
        if began_anew or self._stale or not self.isVisible():
            self.redraw(everything=True)
        else:
            self._draw_overlay(laid)

    def remove_overlay(self, overlay: Overlay) -> None:
        if self._overlays.pop(overlay, None) is not None:
            self.redraw(everything=True)

    @property
    def overlays(self) -> tuple[Overlay, ...]:
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
            "gradient norm": ("gradient norm", "main"),
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
            for overlay in self._overlays.values():
                self._draw_overlay(overlay)
        self._stale = False
        if self._main is not None and begun:
            self._draw_main(self._main)

    def _clear(self) -> None:
        for panel in PANELS:
            for key in self.stack.curve_keys(panel.name):
                self.stack.remove_curve(panel.name, key)
        self.stack.clear_marks()

    def _x(self, table: GrowingTable) -> FloatArray:
        return table.column(X_AXES[self.tools.axis])

    def _draw_main(self, shown: _Shown) -> None:
        steps, weight = shown.curves.steps, self.tools.weight
        x_N, colour = self._x(steps), tokens(self.palette()).series[0]
        by_rank = self.tools.by_rank.isChecked() and shown.curves.ranks > 0
        raw = Line(colour, opacity=0.3 if weight else 1.0)
        self.stack.set_curve("loss", "raw", x_N, steps.column("loss"), raw)
        smooth = Line(colour, 2.0, label="all ranks" if by_rank else self._name)
        self.stack.set_curve("loss", "smooth", x_N, shown.smoothed("loss", weight), smooth)
        for rank in range(1, shown.curves.ranks + 1 if by_rank else 1):
            self._draw_rank(shown, rank, weight)
        self._draw_epochs(shown, "accuracy", colour, Qt.PenStyle.SolidLine)
        self._draw_epochs(shown, "compliance", colour, Qt.PenStyle.DashLine)
        self._mark_best(shown)
        thin = Line(colour)
        self.stack.set_curve("learning rate", "main", x_N, steps.column("learning_rate"), thin)
        pace_N = shown.smoothed("objects_per_s", PACE_SMOOTHING)
        self.stack.set_curve("pace", "main", x_N, pace_N, thin)
        norm_N = steps.column("gradient_norm")
        if np.isfinite(norm_N).any():
            self.stack.set_curve("gradient norm", "raw", x_N, norm_N, raw)
            norm_N = shown.smoothed("gradient_norm", weight)
            self.stack.set_curve("gradient norm", "main", x_N, norm_N, Line(colour, 2.0))
        self._draw_resources(shown.curves.resources)

    def _draw_resources(self, table: GrowingTable) -> None:
        series = tokens(self.palette()).series
        for panel, column, label, style in RESOURCES:
            y_N = table.column(column)
            if np.isfinite(y_N).any():
                colour = series[0 if style == Qt.PenStyle.SolidLine else 1]
                line = Line(colour, 2.0, style=style, label=label)
                self.stack.set_curve(panel, column, self._x(table), y_N, line)

    def _draw_rank(self, shown: _Shown, rank: int, weight: float) -> None:
        series = tokens(self.palette()).series
        label = f"rank {rank}"
        if rank <= len(self._temperatures):
            label += f", {temperature_text(self._temperatures[rank - 1])}"
        style = RANK_STYLES[rank % len(RANK_STYLES)]
        line = Line(series[-1 - rank % len(series)], 2.0, style=style, label=label)
        y_N = shown.smoothed(f"loss {rank}", weight)
        self.stack.set_curve("loss", f"rank {rank}", self._x(shown.curves.steps), y_N, line)

    def _draw_epochs(
        self, shown: _Shown, column: str, colour: str, style: Qt.PenStyle = Qt.PenStyle.SolidLine
    ) -> None:
        epochs = shown.curves.epochs
        y_N = epochs.column(column)
        if np.isfinite(y_N).any():
            line = Line(colour, 2.0, style=style, symbol="o", label=column)
            self.stack.set_curve("validation", column, self._x(epochs), y_N, line)

    def _mark_best(self, shown: _Shown) -> None:
        best = shown.curves.best_epoch()
        if best is None:
            return
        row, accuracy = best
        epochs = shown.curves.epochs
        since = len(epochs) - 1 - row
        ago = f", {since} epoch{'s' * (since > 1)} ago" if since else ""
        x, colour = float(self._x(epochs)[row]), tokens(self.palette()).good
        self.stack.mark("validation", x, accuracy, f"best {100 * accuracy:.1f} %{ago}", colour)

    def _draw_overlay(self, overlay: _Overlay) -> None:
        weight, label = self.tools.weight, overlay.name
        if len(overlay.members) > 1:
            label += f": mean of {len(overlay.members)}, {SHORT[self.tools.band_kind]}"
        named = Line(overlay.colour, 1.5, 0.85, label=label)
        thin = Line(overlay.colour, 1.0, 0.85)
        marked = Line(overlay.colour, 1.5, 0.85, symbol="t")
        for panel, column, smoothing, line in (
            ("loss", "loss", weight, named),
            ("learning rate", "learning_rate", 0.0, thin),
            ("pace", "objects_per_s", PACE_SMOOTHING, thin),
            ("gradient norm", "gradient_norm", weight, thin),
        ):
            parts = [
                (self._x(each.curves.steps), each.smoothed(column, smoothing))
                for each in overlay.members
                if np.isfinite(each.curves.steps.column(column)).any()
            ]
            self._draw_parts(panel, overlay, parts, line)
        parts = [
            (self._x(each.curves.epochs), each.curves.epochs.column("accuracy"))
            for each in overlay.members
        ]
        self._draw_parts("validation", overlay, parts, marked)

    def _draw_parts(
        self,
        panel: str,
        overlay: _Overlay,
        parts: list[tuple[FloatArray, FloatArray]],
        line: Line,
    ) -> None:
        """Draws one run's curve, or mean and band of several; nothing where one has none."""
        if len(parts) < len(overlay.members) or not all(np.isfinite(y_N).any() for _, y_N in parts):
            return
        if len(parts) == 1:
            self.stack.set_curve(panel, overlay.key, *parts[0], line)
            return
        band = seed_band(parts, self.tools.band_kind)
        if band is not None:
            self.stack.set_curve(panel, overlay.key, band.x_N, band.mean_N, line)
            edges = (band.low_N, band.high_N)
            self.stack.set_band(panel, overlay.key, band.x_N, *edges, overlay.colour)

    def _to_csv(self) -> str:
        if self._main is not None:
            return self._main.curves.to_csv()
        overlay = next(iter(self._overlays.values()), None)
        return overlay.members[0].curves.to_csv() if overlay else ""

    # ----- gestures -----

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.redraw(everything=self._stale)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.redraw(everything=True)

    @Slot(str)
    def _on_x_axis(self, axis: str) -> None:
        self.stack.set_x_label(X_TITLES[axis])
        self.redraw(everything=True)
        self.stack.show_all()

    @Slot()
    def _on_changed(self) -> None:
        self.redraw(everything=True)
