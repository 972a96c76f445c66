"""The ladder of one class as it looks: rows of chips at the height of their similarity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from PySide6.QtCore import (
    QEasingCurve,
    QPoint,
    QPointF,
    QRect,
    QSize,
    Qt,
    QVariantAnimation,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import QDoubleSpinBox, QStyle, QWidget

from core.config import ExperimentConfig
from core.evaluation.suggestions import Suggestion
from core.ranking import Ranking
from gui.models.ladder import Target, drop_at
from gui.pages.ranking_ghost import GhostRow
from gui.pages.ranking_ladder_chip import LadderChip
from gui.pages.ranking_ladder_painter import LadderPainter, LadderState
from gui.pages.ranking_layout import (
    AXIS_X,
    CARD_X,
    CHIP_WIDTH,
    CHIPS_X,
    MARGIN,
    PAD,
    WORDS,
    LadderLayout,
    Row,
    RowSpec,
    arrange,
)
from gui.theme import SPACING, with_text

SLIDE_MS = 150
SLIDE_PX = 36.0


class LadderBoard(QWidget):
    """Shows rank 1, the tiers and the negatives of the ranking it is given."""

    similarity_requested = Signal(int, float)  # tier, similarity
    suggestion_accepted = Signal(object)  # Suggestion
    suggestion_dismissed = Signal(object)  # Suggestion

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ladder")
        self.setAccessibleName("Ladder of the chosen class")
        self._ranking = Ranking()
        self._config = ExperimentConfig()
        self._anchor = ""
        self._classes: tuple[str, ...] = ()
        self._pictures: Mapping[str, QPixmap] = {}
        self._chips: dict[str, LadderChip] = {}
        self._ghosts: dict[str, GhostRow] = {}
        self._selected: set[str] = set()
        self._dragged: tuple[str, ...] = ()
        self._target: Target | None = None
        self._handle: tuple[int, float] | None = None
        self._trial: float | None = None
        self._tabbed_from: QWidget | None = None
        self._editor: QDoubleSpinBox | None = None
        self._layout = arrange(self._specs(None), 400, 400)
        self._rest = self._layout
        self._starts: dict[tuple[str, int], float] = {}
        self._chip_starts: dict[str, QPointF] = {}
        self._slide = 0.0
        self._share = 1.0
        self._animation = QVariantAnimation(self)
        self._animation.setDuration(SLIDE_MS)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._animation.valueChanged.connect(self._on_animation)

    # ----- what it shows -----

    def set_ladder(
        self,
        ranking: Ranking,
        anchor: str,
        classes: tuple[str, ...],
        config: ExperimentConfig,
        suggestions: Sequence[Suggestion] = (),
    ) -> None:
        """Shows an anchor's ladder and what is suggested for it; another anchor's slides in."""
        slides = anchor != self._anchor
        if slides:
            self._selected.clear()
        self._ranking, self._anchor, self._classes, self._config = ranking, anchor, classes, config
        self._close_editor()
        self.setAccessibleName(f"Ladder of {anchor}" if anchor else "Ladder of the chosen class")
        self._refresh_chips()
        self._refresh_ghosts(suggestions)
        self._order_tabs()
        self._arrange(slide=slides)

    def follow(self, widget: QWidget) -> None:
        """Says from which widget of the window Tab leads to the ladder."""
        self._tabbed_from = widget
        self._order_tabs()

    def set_pictures(self, pictures: Mapping[str, QPixmap]) -> None:
        self._pictures = pictures
        for name, chip in self._chips.items():
            chip.set_picture(pictures.get(name))
        for name, ghost in self._ghosts.items():
            ghost.set_picture(pictures.get(name))

    def ghost(self, name: str) -> GhostRow:
        """Returns the suggestion of a class."""
        return self._ghosts[name]

    def chip_rect(self, name: str) -> QRect:
        """Returns where a ranked class's chip is (or will be in a moment), global."""
        for row in self._layout.rows:
            for other, rect in zip(row.spec.classes, row.chips, strict=True):
                if other == name:
                    return QRect(self.mapToGlobal(rect.topLeft().toPoint()), rect.size().toSize())
        return QRect()

    def drop_point(self, target: Target) -> QPoint:
        """Returns a point, global, where a drop reaches a place."""
        return self.mapToGlobal(self._rest.point_of(target).toPoint())

    def handle_point(self, tier: int) -> QPoint:
        """Returns the point, global, at which a tier's similarity is dragged."""
        centre = self._rest.row("tier", tier).card.center()
        return self.mapToGlobal(QPoint(int(AXIS_X), int(centre.y())))

    @property
    def arrangement(self) -> LadderLayout:
        """Where everything is, or will be when it has stopped moving."""
        return self._layout

    def focus_chip(self, name: str) -> None:
        if name in self._chips:
            self._chips[name].setFocus(Qt.FocusReason.OtherFocusReason)

    # ----- arranging -----

    def _specs(self, lane: Target | None) -> list[RowSpec]:
        specs = [RowSpec("self", 1.0, (self._anchor,) if self._anchor else ())]
        values = list(self._ranking.similarities(self._anchor))
        if self._handle is not None and self._trial is not None:
            values[self._handle[0]] = self._trial
        tiers = self._ranking.tiers(self._anchor)
        for i, (tier, value) in enumerate(zip(tiers, values, strict=True)):
            if lane == Target("gap", i):
                specs.append(RowSpec("lane", _between(values, i), tier=i))
            specs += self._ghost_specs(values, i)
            slot = lane == Target("tier", i) and not set(self._dragged) <= set(tier.classes)
            specs.append(RowSpec("tier", value, tier.classes, i, slot))
        if lane == Target("gap", len(tiers)):
            specs.append(RowSpec("lane", _between(values, len(tiers)), tier=len(tiers)))
        specs += self._ghost_specs(values, len(tiers))
        specs.append(RowSpec("negatives", 0.0))
        return specs

    def _ghost_specs(self, values: Sequence[float], gap: int) -> list[RowSpec]:
        names = [name for name, g in self._ghosts.items() if g.suggestion.gap == gap]
        high, low = _around(values, gap)
        step = (high - low) / (len(names) + 1)
        return [
            RowSpec("ghost", high - step * i, tier=gap, ghost=name)
            for i, name in enumerate(names, start=1)
        ]

    def _arrange(self, *, slide: bool = False) -> None:
        self._starts = {row.key: self._top(row) for row in self._layout.rows}
        self._chip_starts = {name: QPointF(chip.pos()) for name, chip in self._chips.items()}
        width, height = float(self.width()), float(self.height())
        right = with_text(WORDS, self.font()) + MARGIN
        self._rest = arrange(self._specs(None), width, height, right)
        self._layout = self._rest
        if self._target is not None:
            self._layout = arrange(self._specs(self._target), width, height, right)
        self.setMinimumHeight(int(self._rest.height) if self._rest.height > height else 0)
        for row in self._layout.rows:
            for name, rect in zip(row.spec.classes, row.chips, strict=True):
                self._chips[name].resize(rect.size().toSize())
            if row.spec.ghost:
                size = row.card.size().toSize()
                self._ghosts[row.spec.ghost].resize(size)
                self._ghosts[row.spec.ghost].set_width(size.width())
        if slide:
            self._starts = {}
            self._chip_starts = {}
        self._slide = SLIDE_PX if slide else 0.0
        self._animation.stop()
        if self.isVisible() and self.style().styleHint(
            QStyle.StyleHint.SH_Widget_Animation_Duration
        ):
            self._on_animation(0.0)
            self._animation.start()
        else:
            self._on_animation(1.0)

    @Slot(object)
    def _on_animation(self, share: float) -> None:
        self._share = share
        for row in self._layout.rows:
            for name, rect in zip(row.spec.classes, row.chips, strict=True):
                end = rect.topLeft()
                start = self._chip_starts.get(name, end)
                place = start + (end - start) * share
                self._chips[name].move(round(place.x() + self._offset), round(place.y()))
            if row.spec.ghost:
                left = round(row.card.left() + self._offset)
                self._ghosts[row.spec.ghost].move(left, round(self._top(row)))
        self.update()

    @property
    def _offset(self) -> float:
        return self._slide * (1 - self._share)

    def _top(self, row: Row) -> float:
        end = row.card.top()
        start = self._starts.get(row.key, end)
        return start + (end - start) * self._share

    def _refresh_chips(self) -> None:
        tiers = self._ranking.tiers(self._anchor)
        ranks = {name: i + 2 for i, tier in enumerate(tiers) for name in tier.classes}
        if self._anchor:
            ranks[self._anchor] = 1
        self._selected &= set(ranks)
        for name in set(self._chips) - set(ranks):
            chip = self._chips.pop(name)
            chip.hide()
            chip.deleteLater()
        for name, rank in ranks.items():
            if name not in self._chips:
                self._chips[name] = LadderChip(name, self)
                self._chips[name].set_picture(self._pictures.get(name))
                self._chips[name].show()
            chip = self._chips[name]
            chip.describe(rank, self._similarity(rank), name in self._selected)
            chip.set_faded(name in self._dragged)

    def _refresh_ghosts(self, suggestions: Sequence[Suggestion]) -> None:
        wanted = {suggestion.name: suggestion for suggestion in suggestions}
        for name, ghost in list(self._ghosts.items()):
            if ghost.suggestion != wanted.get(name):
                ghost.hide()
                ghost.deleteLater()
                del self._ghosts[name]
        for name, suggestion in wanted.items():
            if name not in self._ghosts:
                ghost = GhostRow(suggestion, self)
                ghost.set_picture(self._pictures.get(name))
                ghost.accepted.connect(self.suggestion_accepted)
                ghost.dismissed.connect(self.suggestion_dismissed)
                ghost.show()
                self._ghosts[name] = ghost
        self._ghosts = {name: self._ghosts[name] for name in wanted}

    def _order_tabs(self) -> None:
        """Puts the chips, then the suggestions, after the widget that is tabbed from."""
        anchor = (self._anchor,) if self._anchor else ()
        names = dict.fromkeys((*anchor, *self._ranking.ranked(self._anchor)))
        stops: list[QWidget] = [self._chips[name] for name in names]
        stops += [button for g in self._ghosts.values() for button in (g.accept, g.dismiss)]
        before = () if self._tabbed_from is None else (self._tabbed_from,)
        for first, second in pairwise((*before, *stops)):
            QWidget.setTabOrder(first, second)

    def _similarity(self, rank: int) -> float:
        return 1.0 if rank == 1 else self._ranking.similarities(self._anchor)[rank - 2]

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
        self._animation.stop()
        self._on_animation(1.0)

    def minimumSizeHint(self) -> QSize:
        return QSize(int(CHIPS_X + CHIP_WIDTH + PAD + MARGIN) + with_text(WORDS, self.font()), 320)

    def paintEvent(self, event: QPaintEvent) -> None:
        drop = None
        if self._target is not None and self._dragged:
            drop = drop_at(self._ranking, self._anchor, self._dragged, self._target)
        state = LadderState(
            layout=self._layout,
            tops={row.key: self._top(row) for row in self._layout.rows},
            offset=self._offset,
            anchor=self._anchor,
            negatives=max(0, len(self._classes) - 1 - len(self._ranking.ranked(self._anchor))),
            config=self._config,
            target=self._target,
            drop=drop,
        )
        painter = QPainter(self)
        LadderPainter(painter, self.palette(), self.font(), self.width()).paint(state)

    # ----- typing a similarity -----

    def edit_similarity(self, tier: int) -> None:
        """Opens a field for a tier's similarity beside it."""
        self._close_editor()
        centre = self._rest.row("tier", tier).card.center().y()
        editor = QDoubleSpinBox(self)
        editor.setObjectName("similarityEditor")
        editor.setAccessibleName(f"Similarity of rank {tier + 2}")
        editor.setRange(0.01, 0.99)
        editor.setSingleStep(0.05)
        editor.setValue(self._ranking.similarities(self._anchor)[tier])
        editor.setProperty("tier", tier)
        editor.setGeometry(0, int(centre) - 15, int(CARD_X) - SPACING // 2, 30)
        editor.editingFinished.connect(self._on_editing_finished)
        cancel = QShortcut(QKeySequence(Qt.Key.Key_Escape), editor)
        cancel.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        cancel.activated.connect(self._on_editing_cancelled)
        self._editor = editor
        editor.show()
        editor.setFocus(Qt.FocusReason.OtherFocusReason)
        editor.selectAll()

    @Slot()
    def _on_editing_finished(self) -> None:
        if self._editor is None:
            return
        tier, value = int(self._editor.property("tier")), self._editor.value()
        before = self._ranking.similarities(self._anchor)[tier]
        by_keyboard = self._editor.hasFocus()
        self._close_editor()
        if by_keyboard:
            self.focus_chip(self._ranking.tiers(self._anchor)[tier].classes[0])
        if abs(value - before) >= 0.005:
            self.similarity_requested.emit(tier, value)

    @Slot()
    def _on_editing_cancelled(self) -> None:
        tier = int(self._editor.property("tier")) if self._editor is not None else 0
        self._close_editor()
        self.focus_chip(self._ranking.tiers(self._anchor)[tier].classes[0])

    def _close_editor(self) -> None:
        if self._editor is not None:
            editor, self._editor = self._editor, None
            editor.hide()
            editor.deleteLater()


def _around(values: Sequence[float], gap: int) -> tuple[float, float]:
    high = values[gap - 1] if gap > 0 else 1.0
    return high, values[gap] if gap < len(values) else 0.0


def _between(values: Sequence[float], gap: int) -> float:
    high, low = _around(values, gap)
    return (high + low) / 2
