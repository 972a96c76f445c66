"""What is wrong with the ranking, or worth a look, each with its repairs at one click."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.ranking import Ranking, RankingProblem
from core.ranking_repairs import UNRANKED, Repair, notices, ranks_nothing, repairs
from gui.theme import SPACING, make_icon, set_role, tokens
from gui.widgets.notes import breakable

MOST_PROBLEMS = 3
MOST_NOTICES = 1


class RankingProblems(QWidget):
    """Errors of the whole ranking first, then notices about the class that is shown."""

    repair_chosen = Signal(object)  # Repair
    focus_left = Signal()  # the keyboard was here, and nothing here takes it any more

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ranking = Ranking()
        self._anchor = ""
        self._classes: tuple[str, ...] = ()
        self._ignored: set[tuple[str, str]] = set()
        self._shown: tuple[object, ...] = ()
        self._summary = QLabel()
        self._summary.setObjectName("rankingProblems")
        self._summary.setWordWrap(True)
        set_role(self._summary, "muted")
        self._all = QPushButton("Repair all")
        self._all.setObjectName("repairRanking")
        self._all.setAccessibleName("Repair all problems of the ranking")
        self._all.setToolTip("Removes what does not fit, and keeps each class at its first place")
        self._all.clicked.connect(self._on_all)
        self._shown_rows: list[QWidget] = []
        self._rows = QVBoxLayout()
        self._rows.setSpacing(SPACING)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self._summary)
        layout.addWidget(self._all, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addLayout(self._rows)

    def show_ranking(self, ranking: Ranking, anchor: str, classes: tuple[str, ...]) -> None:
        """Checks a ranking of these classes; notices are about the anchor."""
        self._ranking, self._anchor, self._classes = ranking, anchor, classes
        errors = ranking.problems(classes)
        found = [
            notice
            for notice in notices(ranking, anchor, classes)
            if (notice.anchor, notice.name) not in self._ignored
        ]
        self._summarise(errors, len(found))
        shown = (*errors[:MOST_PROBLEMS], *found[:MOST_NOTICES])
        if (key := (shown, ranking.similar, tokens(self.palette()).is_dark)) == self._shown:
            return
        self._shown = key
        had_focus = self._clear()
        self._shown_rows = [self._row(problem) for problem in shown]
        self._order_tabs()
        if had_focus:
            self._focus_next()

    def _buttons(self) -> list[QAbstractButton]:
        """Returns the buttons of the rows, from the top."""
        return [button for row in self._shown_rows for button in row.findChildren(QAbstractButton)]

    def _order_tabs(self) -> None:
        for before, after in pairwise([self._all, *self._buttons()]):
            QWidget.setTabOrder(before, after)

    def _focus_next(self) -> None:
        """Gives the keyboard to the first repair that is left."""
        buttons = self._buttons()
        if buttons:
            buttons[0].setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.focus_left.emit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_rows"):
            self.show_ranking(self._ranking, self._anchor, self._classes)

    def _summarise(self, errors: Sequence[RankingProblem], count: int) -> None:
        self._all.setVisible(len(errors) > 1)
        if errors:
            more = len(errors) - MOST_PROBLEMS
            text = f"⚠ {len(errors)} problem{'s' if len(errors) > 1 else ''}"
            text += f"; the first {MOST_PROBLEMS}:" if more > 0 else ":"
        else:
            text = "No problems."
            if ranks_nothing(self._ranking, self._classes):
                text += f" {UNRANKED}"
            if count > MOST_NOTICES:
                text += f" {count} pairs are one-sided, which may be meant."
        self._summary.setText(text)
        set_role(self._summary, "bad" if errors else "body")

    def _clear(self) -> bool:
        """Removes the rows; says whether one of them had the keyboard."""
        had_focus = False
        for row in self._shown_rows:
            focused = self.window().focusWidget()
            had_focus |= focused is not None and row.isAncestorOf(focused)
            self._rows.removeWidget(row)
            row.hide()
            row.deleteLater()
        return had_focus

    def _row(self, problem: RankingProblem) -> QWidget:
        row = QWidget()
        mark = "⚠" if problem.severity == "error" else "○"
        label = QLabel(breakable(f"{mark} {problem.message}"))
        label.setWordWrap(True)
        label.setToolTip(problem.hint)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING // 2)
        for repair in repairs(self._ranking, problem, self._classes):
            buttons.addWidget(self._button(repair))
        if problem.severity == "notice":
            ignore = QToolButton()
            ignore.setIcon(make_icon("mdi6.close", self.palette()))
            ignore.setToolTip("Ignore: it is meant so")
            ignore.setAccessibleName(f"Ignore: {problem.message}")
            ignore.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            ignore.setMinimumSize(ignore.sizeHint())
            ignore.clicked.connect(partial(self._ignore, problem))
            buttons.addWidget(ignore)
        buttons.addStretch(1)
        layout = QVBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        layout.addWidget(label)
        layout.addLayout(buttons)
        self._rows.addWidget(row)
        row.show()
        return row

    def _button(self, repair: Repair) -> QPushButton:
        text = repair.text if len(repair.text) <= 20 else f"{repair.text[:19]}…"
        button = QPushButton(text.replace("&", "&&"))
        button.setAccessibleName(f"{repair.text}: {repair.step}")
        button.setToolTip(repair.step)
        button.clicked.connect(partial(self._choose, repair))
        return button

    def _choose(self, repair: Repair) -> None:
        self.repair_chosen.emit(repair)
        self._focus_next()

    def _ignore(self, problem: RankingProblem) -> None:
        self._ignored.add((problem.anchor, problem.name))
        self.show_ranking(self._ranking, self._anchor, self._classes)

    @Slot()
    def _on_all(self) -> None:
        self._choose(Repair("Repair all", "repair", self._ranking.repaired(self._classes)))
