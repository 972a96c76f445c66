"""The filters of a file's detections: split, outcome, score, IoU, class, size."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from core.data.index import DatasetIndex
from gui.pages.detections_boxes import ANY, OFFERED, SIZES, BoxFilter, FoundBoxes, Outcome
from gui.theme import SPACING, set_role
from gui.widgets.facet_list import Facet, FacetList

SLIDER_STEPS = 1000
_SIZE_WORDS = {"": "any size", "small": "small", "medium": "medium", "large": "large"}
_SIZE_TIP = "Area of the box: small below 32 × 32 pixels, large from 96 × 96"


class RangeRow(QWidget):
    """A lowest and a highest value between 0 and 1, the lowest also by a slider.

    Args:
        name: What is limited.
        parent: Owner.
    """

    changed = Signal(float, float)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lowest = 0.0
        self.low, self.high = _spin_box(), _spin_box()
        self.high.setValue(1.0)
        for box in (self.low, self.high):
            box.valueChanged.connect(self._on_box)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, SLIDER_STEPS)
        self.slider.setPageStep(SLIDER_STEPS // 20)
        self.slider.valueChanged.connect(self._on_slider)
        line = QHBoxLayout()
        line.setSpacing(SPACING // 2)
        line.addWidget(self.low, 1)
        line.addWidget(QLabel("to"))
        line.addWidget(self.high, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        layout.addLayout(line)
        layout.addWidget(self.slider)

        self.set_name(name)

    def set_name(self, name: str) -> None:
        """Says what is limited."""
        for box, word in ((self.low, "Lowest"), (self.high, "Highest")):
            box.setAccessibleName(f"{word} {name}")
            box.setToolTip(f"{word} {name}")
        self.slider.setAccessibleName(f"Lowest {name}, slider")

    @property
    def values(self) -> tuple[float, float]:
        """Lowest and highest; the lowest exactly as it was set."""
        low = self._lowest if abs(self._lowest - self.low.value()) < 6e-4 else self.low.value()
        return low, self.high.value()

    def set_values(self, low: float, high: float) -> None:
        """Emits nothing."""
        self._lowest = low
        for widget, value in ((self.low, low), (self.high, high)):
            with QSignalBlocker(widget):
                widget.setValue(value)
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(low * SLIDER_STEPS))

    @Slot(float)
    def _on_box(self, _value: float) -> None:
        self.set_values(*self.values)
        self.changed.emit(*self.values)

    @Slot(int)
    def _on_slider(self, step: int) -> None:
        self.set_values(step / SLIDER_STEPS, self.high.value())
        self.changed.emit(*self.values)


class BoxFilterPanel(QWidget):
    """Shows a filter with what each choice would give, and changes it."""

    filter_changed = Signal(object)  # BoxFilter

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filter = BoxFilter()
        self._index: DatasetIndex | None = None
        self._is_proposals = False
        self._score_heading = _heading("Score")
        self.split = QComboBox()
        self.split.setAccessibleName("Split")
        self.split.activated.connect(self._on_split)
        self.outcomes = FacetList("Boxes by outcome")
        self.outcomes.chosen.connect(self._on_outcome)
        self.score = RangeRow("score")
        self.score.changed.connect(self._on_score)
        self.iou = RangeRow("IoU")
        self.iou.slider.hide()
        self.iou.changed.connect(self._on_iou)
        self.size_box = QComboBox()
        self.size_box.setAccessibleName("Size of the box")
        self.size_box.setToolTip(_SIZE_TIP)
        for key in ("", *SIZES):
            self.size_box.addItem(_SIZE_WORDS[key], key)
        self.size_box.activated.connect(self._on_size)
        self.classes = FacetList("Boxes by class")
        self.classes.chosen.connect(self._on_class)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        for item in (
            self.split,
            "Outcome at IoU 0.5",
            self.outcomes,
            self._score_heading,
            self.score,
            "IoU",
            self.iou,
            "Boxes",
        ):
            layout.addWidget(_heading(item) if isinstance(item, str) else item)
        layout.addWidget(self.classes, 1)
        layout.addWidget(self.size_box)

    @property
    def filter(self) -> BoxFilter:
        return self._filter

    def set_data(self, index: DatasetIndex, *, is_proposals: bool = False) -> None:
        """Offers the splits and classes of a data set; emits nothing."""
        self._index = index
        self._is_proposals = is_proposals
        name = "objectness" if is_proposals else "score"
        self._score_heading.setText(name.capitalize())
        self.score.set_name(name)
        with QSignalBlocker(self.split):
            self.split.clear()
            self.split.addItem(f"all images ({len(index.image_ids):,})", "")
            for name, images in index.splits.items():
                self.split.addItem(f"{name} ({len(images):,})", name)

    def show_found(self, found: FoundBoxes, chosen: BoxFilter) -> None:
        """Shows what each choice gives; emits nothing."""
        assert self._index is not None
        self._filter = chosen
        facets = [Facet(ANY, "all boxes", found.outcome_counts[ANY])]
        words = {o: o.word for o in OFFERED}
        if self._is_proposals:
            words = {o: o.word for o in (Outcome.UNKNOWN, Outcome.MISSED, Outcome.DIFFICULT)}
            words[Outcome.UNKNOWN] = "proposal"
        facets += [
            Facet(int(o), f"{o.mark}  {w}", found.outcome_counts[o]) for o, w in words.items()
        ]
        self.outcomes.set_facets(facets, chosen.outcome)
        self.outcomes.fit_height()
        counts = found.class_counts
        every = Facet(ANY, "all classes", counts[ANY])
        by_class = [Facet(i, n, counts[i]) for i, n in enumerate(self._index.classes)]
        self.classes.set_facets([every, *by_class], chosen.label)
        self.score.set_values(*chosen.score)
        self.iou.set_values(*chosen.iou)
        for at, key in enumerate(("", *SIZES)):
            self.size_box.setItemText(at, f"{_SIZE_WORDS[key]} ({found.size_counts[key]:,})")
        for widget, key in ((self.split, chosen.split), (self.size_box, chosen.size)):
            with QSignalBlocker(widget):
                widget.setCurrentIndex(max(widget.findData(key), 0))

    def _change(self, chosen: BoxFilter) -> None:
        if chosen != self._filter:
            self._filter = chosen
            self.filter_changed.emit(chosen)

    @Slot(int)
    def _on_split(self, at: int) -> None:
        self._change(replace(self._filter, split=str(self.split.itemData(at))))

    @Slot(int)
    def _on_outcome(self, outcome: int) -> None:
        self._change(replace(self._filter, outcome=outcome))

    @Slot(float, float)
    def _on_score(self, low: float, high: float) -> None:
        self._change(replace(self._filter, score=(low, high)))

    @Slot(float, float)
    def _on_iou(self, low: float, high: float) -> None:
        self._change(replace(self._filter, iou=(low, high)))

    @Slot(int)
    def _on_class(self, label: int) -> None:
        self._change(replace(self._filter, label=label))

    @Slot(int)
    def _on_size(self, at: int) -> None:
        self._change(replace(self._filter, size=str(self.size_box.itemData(at))))


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    set_role(label, "heading")
    label.setMinimumWidth(0)
    return label


def _spin_box() -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(0.0, 1.0)
    box.setDecimals(3)
    box.setSingleStep(0.05)
    box.setKeyboardTracking(False)
    box.setMinimumWidth(64)
    return box
