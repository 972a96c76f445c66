"""The ladder of one class as it is handled: with the mouse, by drops, and by keyboard."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QPointF, QSize, Qt, Signal
from PySide6.QtGui import (
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
)
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from gui.models.class_pool_model import mime_of
from gui.models.ladder import MIME_TYPE, Target, decode_classes, drop_at
from gui.pages.ranking_ladder_board import LadderBoard
from gui.pages.ranking_layout import AXIS_X, CARD_X, CHIP_HEIGHT, CHIP_WIDTH
from gui.theme import SPACING, set_role
from gui.widgets.class_chip import drag_pixmap

HANDLE_PX = 12.0


class LadderView(LadderBoard):
    """Rank 1, the tiers, and the negatives; everything can be dragged but rank 1.

    It changes nothing itself: it asks, and shows the ranking it is given.
    """

    drop_requested = Signal(object, object)  # names, Target
    rank_requested = Signal(object, int)  # names, rank
    step_requested = Signal(object, int)  # names, -1 or +1
    removal_requested = Signal(object)  # names
    class_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self.setMouseTracking(True)
        self._pressed: tuple[str, QPoint] | None = None
        self.drop_hint = QLabel(self)
        self.drop_hint.setObjectName("dropHint")
        self.drop_hint.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        set_role(self.drop_hint, "hint")
        self.drop_hint.hide()

    # ----- mouse -----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        point = event.position()
        if event.button() != Qt.MouseButton.LeftButton:
            return
        tier = self._handle_at(point)
        if tier is not None:
            self._handle = (tier, point.y())
            return
        name = self._chip_at(point)
        if not name:
            self._select(set())
            return
        self._pressed = (name, point.toPoint())
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._select_to(name)
            return
        self._chips[name].setFocus(Qt.FocusReason.MouseFocusReason)
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._select(self._selected ^ {name})
        elif name not in self._selected:
            self._select({name})

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        point = event.position()
        if self._handle is not None:
            self._drag_handle(point.y())
            return
        if self._pressed is not None:
            name, start = self._pressed
            far = (point.toPoint() - start).manhattanLength()
            if far >= QApplication.startDragDistance() and name != self._anchor:
                self._pressed = None
                self._start_drag(name)
            return
        over_handle = self._handle_at(point) is not None
        over_chip = self._chip_at(point) not in {"", self._anchor}
        shape = Qt.CursorShape.SizeVerCursor if over_handle else Qt.CursorShape.OpenHandCursor
        self.setCursor(shape if over_handle or over_chip else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._handle is not None:
            (tier, _), trial = self._handle, self._trial
            self._handle, self._trial = None, None
            if trial is not None:
                self.similarity_requested.emit(tier, trial)
            self._arrange()
        elif self._pressed is not None and not event.modifiers():
            self._select({self._pressed[0]})
        self._pressed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        point = event.position()
        name = self._chip_at(point)
        if name and name != self._anchor:
            self.class_chosen.emit(name)
            return
        for row in self._rest.rows:
            inside = row.card.top() <= point.y() <= row.card.bottom()
            if row.spec.kind == "tier" and inside and point.x() < CARD_X:
                self._handle, self._trial = None, None
                self.edit_similarity(row.spec.tier)

    def _drag_handle(self, y: float) -> None:
        assert self._handle is not None
        tier, start = self._handle
        before = self._ranking.similarities(self._anchor)[tier]
        wanted = before - (y - start) / max(1.0, self._rest.scale)
        trial = self._ranking.with_similarity(self._anchor, tier, round(wanted, 2))
        if self._trial is not None or abs(y - start) >= 3:
            self._trial = trial.similarities(self._anchor)[tier]
            self._arrange()
            self._animation.stop()
            self._on_animation(1.0)

    def _start_drag(self, name: str) -> None:
        names = tuple(sorted(self._selected - {self._anchor})) or (name,)
        looks = [self._chips[chosen].look for chosen in names]
        size = QSize(int(CHIP_WIDTH), int(CHIP_HEIGHT))
        drag = QDrag(self)
        drag.setMimeData(mime_of(list(names)))
        drag.setPixmap(
            drag_pixmap(looks, size, self.palette(), self.font(), self.devicePixelRatioF())
        )
        drag.setHotSpot(QPoint(size.width() // 2, size.height() // 2))
        for chosen in names:
            self._chips[chosen].set_faded(True)
        drag.exec(Qt.DropAction.MoveAction)
        for chip in self._chips.values():
            chip.set_faded(False)

    def _chip_at(self, point: QPointF) -> str:
        for name, chip in self._chips.items():
            if chip.geometry().contains(point.toPoint()):
                return name
        return ""

    def _handle_at(self, point: QPointF) -> int | None:
        for row in self._rest.rows:
            distance = point - QPointF(AXIS_X, row.card.center().y())
            if row.spec.kind == "tier" and distance.manhattanLength() <= HANDLE_PX:
                return row.spec.tier
        return None

    def _select(self, names: set[str]) -> None:
        self._selected = names
        self._refresh_chips()

    # ----- drops -----

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self._consider(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self._consider(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._aim(None, ())

    def dropEvent(self, event: QDropEvent) -> None:
        self._consider(event)
        names, target = self._dragged, self._target
        self._aim(None, ())
        if names and target is not None:
            self.drop_requested.emit(names, target)

    def _consider(self, event: QDropEvent) -> None:
        names: Sequence[str] = ()
        if event.mimeData().hasFormat(MIME_TYPE):
            names = decode_classes(bytes(event.mimeData().data(MIME_TYPE).data()))
        known = tuple(name for name in names if name in self._classes)
        if not known or not self._anchor:
            self._aim(None, ())
            event.ignore()
            return
        self._aim(self._rest.target_at(event.position().y()), known)
        self._say(event.position())
        event.setDropAction(Qt.DropAction.MoveAction)
        event.accept()

    def _say(self, point: QPointF) -> None:
        """Says beside the pointer what a drop would do."""
        assert self._target is not None
        drop = drop_at(self._ranking, self._anchor, self._dragged, self._target)
        self.drop_hint.setText(drop.text)
        self.drop_hint.adjustSize()
        width, height = self.drop_hint.width(), self.drop_hint.height()
        x = min(max(0, int(point.x()) - width // 2), max(0, self.width() - width))
        above = int(point.y() - CHIP_HEIGHT / 2) - height - SPACING
        y = above if above >= 0 else int(point.y() + CHIP_HEIGHT / 2) + SPACING
        self.drop_hint.move(x, y)
        self.drop_hint.raise_()
        self.drop_hint.show()

    def _aim(self, target: Target | None, names: tuple[str, ...]) -> None:
        if (target, names) != (self._target, self._dragged):
            self._target, self._dragged = target, names
            self._arrange()
        if target is None:
            self.drop_hint.hide()

    # ----- keyboard -----

    def keyPressEvent(self, event: QKeyEvent) -> None:
        name = next((name for name, chip in self._chips.items() if chip.hasFocus()), "")
        key = event.key()
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(key), 0)
        walk = step or {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(key), 0)
        if not name:
            super().keyPressEvent(event)
        elif modifiers == Qt.KeyboardModifier.AltModifier and step:
            self.step_requested.emit(self._with_selected(name), step)
        elif modifiers == Qt.KeyboardModifier.ShiftModifier and walk:
            self._extend(name, walk)
        elif modifiers:
            super().keyPressEvent(event)
        elif walk:
            self._walk(name, walk)
        elif key in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
            self._remove(name)
        elif Qt.Key.Key_2 <= key <= Qt.Key.Key_9:
            self.rank_requested.emit(self._with_selected(name), key - Qt.Key.Key_0)
        elif key == Qt.Key.Key_F2 and name != self._anchor:
            tier = self._ranking.tier_index(self._anchor, name)
            if tier is not None:
                self.edit_similarity(tier)
        elif key == Qt.Key.Key_Space:
            self.class_chosen.emit(name)
        else:
            super().keyPressEvent(event)

    def _remove(self, name: str) -> None:
        names, order = self._with_selected(name), self._order()
        after = [other for other in order[order.index(name) :] if other not in names]
        before = [other for other in order[: order.index(name)] if other not in names]
        if heir := (after[:1] or before[-1:]):
            self._walk(heir[0], 0)
        self.removal_requested.emit(names)

    def _with_selected(self, name: str) -> tuple[str, ...]:
        """Returns the selection in order if a class is part of it, else the class alone."""
        ranked = self._ranking.ranked(self._anchor)
        together = tuple(n for n in ranked if n in self._selected)
        return together if name in together else (name,)

    def _extend(self, name: str, step: int) -> None:
        order = self._order()
        at = min(max(order.index(name) + step, 0), len(order) - 1)
        self._chips[order[at]].setFocus(Qt.FocusReason.TabFocusReason)
        self._select(self._selected | {name, order[at]})

    def _select_to(self, name: str) -> None:
        """Selects all from the class that has the keyboard to another."""
        order = self._order()
        focused = next((n for n, chip in self._chips.items() if chip.hasFocus()), name)
        first, last = sorted((order.index(focused), order.index(name)))
        self._select(set(order[first : last + 1]))

    def _order(self) -> tuple[str, ...]:
        return (self._anchor, *self._ranking.ranked(self._anchor))

    def _walk(self, name: str, step: int) -> None:
        order = self._order()
        at = min(max(order.index(name) + step, 0), len(order) - 1)
        self._chips[order[at]].setFocus(Qt.FocusReason.TabFocusReason)
        self._select({order[at]})
