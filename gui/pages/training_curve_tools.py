"""The tools above the training curves: what they are drawn by, and which of them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSlider,
    QToolButton,
    QWidget,
)

from gui.models.run_curves import X_AXES
from gui.models.seed_band import BAND_KINDS, BandKind
from gui.theme import SPACING, make_icon, set_role
from gui.widgets.curve_plot import CurveStack, Panel

NARROW_PX = 560


class CurveTools(QWidget):
    """Controls of a CurveStack, and a menu of further ones.

    Args:
        stack: What log axes, outliers, panels and following are passed on to.
        panels: That may be hidden.
        shown: Names of those shown at first.
        parent: Owner.
    """

    changed = Signal()  # the curves must be drawn anew
    x_axis_changed = Signal(str)  # "step", "epoch" or "time"
    panels_changed = Signal(list)  # names of those shown

    def __init__(
        self,
        stack: CurveStack,
        panels: tuple[Panel, ...],
        shown: list[str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._stack = stack
        self.x_axis = QComboBox()
        for name in X_AXES:
            self.x_axis.addItem(f"by {name}", name)
        self.x_axis.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.x_axis.setAccessibleName("The x axis")
        self.x_axis.currentIndexChanged.connect(self._on_x_axis)
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 99)
        self.smoothing.setValue(80)
        self.smoothing.setMinimumWidth(48)
        self.smoothing.setMaximumWidth(96)
        self.smoothing.setAccessibleName("Smoothing of the loss")
        self.smoothing.setToolTip("Smoothing of the loss and the gradient's norm; raw is faint")
        self.smoothing.valueChanged.connect(self.changed)
        self.by_rank = QCheckBox("By rank")
        self.by_rank.setAccessibleName("Loss of each rank")
        self.by_rank.setToolTip("Loss of each rank, with its temperature τ")
        self.by_rank.toggled.connect(self.changed)
        self.follow = QToolButton()
        self.follow.setCheckable(True)
        self.follow.setChecked(True)
        self.follow.setAccessibleName("Follow the curves")
        self.follow.setToolTip(
            "Follow: all of the curves, also what comes.\n"
            "Off: the view stays where it is. Wheel and drag turn it off."
        )
        self.follow.toggled.connect(stack.set_following)
        stack.following_changed.connect(self.follow.setChecked)
        self.view_button = QToolButton()
        self.view_button.setText("View ▾")
        self.view_button.setAccessibleName("Axes and panels of the curves")
        self.view_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._make_menu(panels, shown)
        self._lay_out()
        self._show_icons()

    def _make_menu(self, panels: tuple[Panel, ...], shown: list[str]) -> None:
        menu = QMenu(self.view_button)
        self.log_y = self._tick(menu, "Loss on a logarithmic axis")
        self.log_y.toggled.connect(self._on_log_y)
        self.log_x = self._tick(menu, "x on a logarithmic axis")
        self.log_x.toggled.connect(self._stack.set_log_x)
        self.log_x.toggled.connect(self.changed)
        self.outliers = self._tick(menu, "Leave outliers out of the heights")
        self.outliers.setToolTip("The axes reach over the middle 96 % of the values in view")
        self.outliers.toggled.connect(self._stack.set_without_outliers)
        menu.addSeparator()
        self.panel_actions: dict[str, QAction] = {}
        for panel in panels:
            action = self._tick(menu, panel.label[:1].upper() + panel.label[1:])
            action.setChecked(panel.name in shown)
            action.setData(panel.name)
            self._stack.set_panel_visible(panel.name, panel.name in shown)
            action.toggled.connect(self._on_panel)
            self.panel_actions[panel.name] = action
        menu.addSeparator()
        self._bands = QActionGroup(self)
        for kind in BAND_KINDS:
            action = self._tick(menu, f"Band of seeds: {kind}")
            action.setData(kind)
            self._bands.addAction(action)
        self._bands.actions()[0].setChecked(True)
        self._bands.triggered.connect(self.changed)
        menu.setToolTipsVisible(True)
        self.view_button.setMenu(menu)

    def _tick(self, menu: QMenu, text: str) -> QAction:
        action = menu.addAction(text)
        action.setCheckable(True)
        return action

    def _lay_out(self) -> None:
        self._smoothing_label = QLabel("Smoothing")
        self._smoothing_label.setBuddy(self.smoothing)
        set_role(self._smoothing_label, "muted")
        self.line = QHBoxLayout(self)
        self.line.setContentsMargins(0, 0, 0, 0)
        self.line.setSpacing(SPACING)
        for widget in (self.x_axis, self._smoothing_label, self.smoothing, self.by_rank):
            self.line.addWidget(widget)
        self.line.addStretch(1)
        self.line.addWidget(self.follow)
        self.line.addWidget(self.view_button)

    # ----- what is chosen -----

    @property
    def axis(self) -> str:
        """The x axis: "step", "epoch" or "time"."""
        return str(self.x_axis.currentData())

    @property
    def weight(self) -> float:
        """Weight of the past in what is smoothed."""
        return self.smoothing.value() / 100

    @property
    def band_kind(self) -> BandKind:
        chosen = self._bands.checkedAction().data()
        return next(kind for kind in BAND_KINDS if kind == chosen)

    # ----- gestures -----

    @Slot()
    def _on_x_axis(self) -> None:
        self.x_axis_changed.emit(self.axis)

    @Slot(bool)
    def _on_log_y(self, on: bool) -> None:
        self._stack.set_log_y("loss", on)

    @Slot()
    def _on_panel(self) -> None:
        shown = [name for name, action in self.panel_actions.items() if action.isChecked()]
        for name in self.panel_actions:
            self._stack.set_panel_visible(name, name in shown)
        self.panels_changed.emit(shown)

    def _show_icons(self) -> None:
        self.follow.setIcon(make_icon("mdi6.fit-to-screen-outline", self.palette()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._smoothing_label.setVisible(self.width() > NARROW_PX)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_icons()
