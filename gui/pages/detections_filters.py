"""The filters of the detections page: split, verdict, threshold, class, difficult."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.data.index import DatasetIndex
from gui.pages.detections_data import ANY, Filter, Found, Judgement, Verdict
from gui.theme import SPACING, set_role
from gui.widgets.facet_list import Facet, FacetList

SLIDER_STEPS = 1000


class ThresholdSlider(QWidget):
    """Moves the score below which an object is unknown."""

    changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._low, self._high, self._suggested = 0.0, 1.0, 0.5
        self._judgement: Judgement | None = None
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, SLIDER_STEPS)
        self.slider.setPageStep(SLIDER_STEPS // 20)
        self.slider.setAccessibleName("Threshold of unknown objects")
        self.slider.valueChanged.connect(self._on_moved)
        self.words = QLabel()
        self.words.setWordWrap(True)
        set_role(self.words, "muted")
        self.reset = QToolButton()
        self.reset.setText("Reset")
        self.reset.setToolTip("Back to the run's own threshold")
        self.reset.setAccessibleName("Back to the run's own threshold")
        self.reset.clicked.connect(self._on_reset)
        line = QHBoxLayout()
        line.addWidget(self.slider, 1)
        line.addWidget(self.reset)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        layout.addLayout(line)
        layout.addWidget(self.words)

    def set_judgement(self, judgement: Judgement) -> None:
        """Takes range and start from a run with withheld classes; emits nothing."""
        assert judgement.threshold is not None
        self._judgement = judgement
        self._suggested = judgement.threshold
        self._low = min(float(judgement.score_N.min()), self._suggested)
        self._high = max(float(judgement.score_N.max()), self._suggested)
        with QSignalBlocker(self.slider):
            self.slider.setValue(self._step(self._suggested))
        self._say(self._suggested)

    def value(self) -> float:
        """Returns the threshold; the slider's place of rest is exactly the suggested one."""
        step = self.slider.value()
        if step == self._step(self._suggested):
            return self._suggested
        return self._low + (self._high - self._low) * step / SLIDER_STEPS

    def _step(self, value: float) -> int:
        width = self._high - self._low
        return round(SLIDER_STEPS * (value - self._low) / width) if width > 0 else 0

    def _say(self, value: float) -> None:
        judgement = self._judgement
        assert judgement is not None
        known_N = judgement.predictions.label_N >= 0
        kept = float(np.mean(judgement.score_N[known_N] >= value))
        caught = float(np.mean(judgement.score_N[~known_N] < value))
        text = (
            f"Unknown: score below {value:.4f}. Keeps {100 * kept:.0f} % of the known objects, "
            f"catches {100 * caught:.0f} % of the withheld."
        )
        self.words.setText(text)
        self.slider.setAccessibleDescription(text)

    @Slot(int)
    def _on_moved(self, _step: int) -> None:
        self._say(self.value())
        self.changed.emit(self.value())

    @Slot()
    def _on_reset(self) -> None:
        self.slider.setValue(self._step(self._suggested))


class FilterPanel(QWidget):
    """Shows a filter with what each choice would give, and changes it."""

    filter_changed = Signal(object)  # Filter
    threshold_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filter = Filter()
        self._index: DatasetIndex | None = None
        self.split = QComboBox()
        self.split.setAccessibleName("Split")
        self.split.activated.connect(self._on_split)
        self.note = QLabel()
        self.note.setWordWrap(True)
        set_role(self.note, "muted")
        self.verdicts = FacetList("Objects by verdict of the run")
        self.verdicts.chosen.connect(self._on_verdict)
        self.threshold = ThresholdSlider()
        self.threshold.changed.connect(self.threshold_changed)
        self.difficult = QCheckBox()
        self.difficult.setAccessibleName("Only difficult objects")
        self.difficult.toggled.connect(self._on_difficult)
        self.classes = FacetList("Objects by class")
        self.classes.chosen.connect(self._on_class)
        verdict_heading = _heading("Verdict")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(_heading("Split"))
        layout.addWidget(self.split)
        layout.addWidget(verdict_heading)
        layout.addWidget(self.note)
        layout.addWidget(self.verdicts)
        layout.addWidget(self.threshold)
        layout.addWidget(_heading("Objects"))
        layout.addWidget(self.classes, 1)
        layout.addWidget(self.difficult)

    @property
    def filter(self) -> Filter:
        return self._filter

    def set_data(self, index: DatasetIndex, chosen: Filter) -> None:
        """Offers the splits and classes of a data set; emits nothing."""
        self._index, self._filter = index, chosen
        with QSignalBlocker(self.split):
            self.split.clear()
            self.split.addItem(f"all images ({len(index.image_ids):,})", "")
            for name, images in index.splits.items():
                self.split.addItem(f"{name} ({len(images):,})", name)
            self.split.setCurrentIndex(max(self.split.findData(chosen.split), 0))

    def set_judgement(self, judgement: Judgement | None, note: str) -> None:
        """Shows the verdicts of a run, or a note why there are none."""
        self.note.setText(
            f"of run {judgement.run.name}, which judges its test split" if judgement else note
        )
        self.verdicts.setVisible(judgement is not None)
        has_threshold = judgement is not None and judgement.threshold is not None
        self.threshold.setVisible(has_threshold)
        if judgement is not None and has_threshold:
            self.threshold.set_judgement(judgement)

    def show_found(self, found: Found, chosen: Filter, *, with_unknown: bool) -> None:
        """Shows what each choice gives; emits nothing."""
        assert self._index is not None
        self._filter = chosen
        offered = [ANY, Verdict.RIGHT, Verdict.WRONG]
        if with_unknown:
            offered.append(Verdict.UNKNOWN)
        offered.append(Verdict.NOT_JUDGED)
        names = {ANY: "all objects"} | {int(v): f"{v.mark}  {v.word}" for v in Verdict}
        facets = [Facet(int(v), names[v], found.verdict_counts[v]) for v in offered]
        self.verdicts.set_facets(facets, chosen.verdict)
        self.verdicts.fit_height()
        counts = found.class_counts_C.tolist()
        every = Facet(ANY, "all classes", sum(counts))
        by_class = [Facet(i, n, counts[i]) for i, n in enumerate(self._index.classes)]
        self.classes.set_facets([every, *by_class], chosen.label)
        self.difficult.setText(f"only difficult ({found.difficult:,})")
        with QSignalBlocker(self.difficult):
            self.difficult.setChecked(chosen.difficult_only)
        with QSignalBlocker(self.split):
            self.split.setCurrentIndex(max(self.split.findData(chosen.split), 0))

    def _change(self, chosen: Filter) -> None:
        if chosen != self._filter:
            self._filter = chosen
            self.filter_changed.emit(chosen)

    @Slot(int)
    def _on_split(self, at: int) -> None:
        self._change(replace(self._filter, split=str(self.split.itemData(at))))

    @Slot(int)
    def _on_verdict(self, verdict: int) -> None:
        self._change(replace(self._filter, verdict=verdict))

    @Slot(int)
    def _on_class(self, label: int) -> None:
        self._change(replace(self._filter, label=label))

    @Slot(bool)
    def _on_difficult(self, on: bool) -> None:
        self._change(replace(self._filter, difficult_only=on))


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    set_role(label, "heading")
    label.setMinimumWidth(0)
    return label
