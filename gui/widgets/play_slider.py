"""A slider over named steps that can also be played."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from gui.theme import SPACING, make_icon, set_role

PARTS = 8
TICK_MS = 40


class PlaySlider(QWidget):
    """Steps that are walked smoothly: between two of them the position is a fraction.

    Arrow keys walk from step to step, the mouse and playing pass between them.

    Args:
        name: Accessible name of the slider.
        parent: Owner.
    """

    moved = Signal(float)  # position: 0 is the first step

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self.play = QToolButton()
        self.play.setCheckable(True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(name)
        self.slider.setToolTip(name)
        self.slider.setSingleStep(PARTS)
        self.slider.setPageStep(5 * PARTS)
        self.label = QLabel()
        set_role(self.label, "muted")
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING)
        line.addWidget(self.play)
        line.addWidget(self.slider, 1)
        line.addWidget(self.label)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._on_tick)
        self.play.toggled.connect(self._on_toggled)
        self.slider.valueChanged.connect(self._on_value)
        self._show_icon()

    def set_steps(self, names: Sequence[str]) -> None:
        """Takes other steps and stands on the last, without a signal."""
        self.play.setChecked(False)
        self._names = tuple(names)
        self.slider.blockSignals(True)
        self.slider.setRange(0, PARTS * max(0, len(self._names) - 1))
        self.slider.setValue(self.slider.maximum())
        self.slider.blockSignals(False)
        widths = [self.fontMetrics().horizontalAdvance(name) for name in self._names]
        self.label.setMinimumWidth(max(widths, default=0) + SPACING)
        self._show_name()

    @property
    def position(self) -> float:
        """Where it stands: 0 is the first step, 1.5 is between the second and the third."""
        return self.slider.value() / PARTS

    def set_position(self, position: float) -> None:
        """Moves as the mouse would."""
        self.slider.setValue(round(position * PARTS))

    @property
    def step(self) -> int:
        """The nearest step."""
        return int(self.position + 0.5)

    def _show_name(self) -> None:
        name = self._names[self.step] if self._names else ""
        self.label.setText(name)
        self.slider.setAccessibleDescription(name)

    def _show_icon(self) -> None:
        playing = self.play.isChecked()
        words = "Pause" if playing else "Play from the first to the last"
        self.play.setAccessibleName(words)
        self.play.setToolTip(words)
        self.play.setIcon(make_icon("mdi6.pause" if playing else "mdi6.play", self.palette()))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_icon()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.play.setChecked(False)

    @Slot(bool)
    def _on_toggled(self, on: bool) -> None:
        self._show_icon()
        if not on:
            self._timer.stop()
            return
        if self.slider.value() == self.slider.maximum():
            self.slider.setValue(0)
        self._timer.start()

    @Slot()
    def _on_tick(self) -> None:
        self.slider.setValue(self.slider.value() + 1)
        if self.slider.value() == self.slider.maximum():
            self.play.setChecked(False)

    @Slot(int)
    def _on_value(self, _value: int) -> None:
        self._show_name()
        self.moved.emit(self.position)
