"""Edits of a whole ranking, in one menu; each is one step that can be undone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QDialog, QMenu, QWidget

from core.errors import AkinError
from core.ranking import Ranking
from core.ranking_controls import CONTROLS, Control, controlled
from core.ranking_edits import cleared, copied, mirrored, symmetrised
from core.ranking_files import load_ranking, preset_names
from core.runs import Run
from gui.pages.ranking_comparison import ComparisonDialog
from gui.pages.ranking_disagreement import DisagreementDialog
from gui.session import Session

MOST_RUNS = 15
_CONTROL_TEXT = {
    "shuffled": ("Shuffle", "The same shape with other classes: does the annotation matter?"),
    "reversed": ("Reverse", "Every ladder upside down"),
    "truncated": ("Truncate to two ranks", "Only the most alike tier of each class"),
    "random": ("Random", "A ranking drawn by chance, with ladders as long"),
}


class RankingTools(QObject):
    """Fills a menu with what can be done to the whole ranking.

    Args:
        session: Whose ranking; every edit goes through `Session.edit`.
        parent: The widget that dialogs belong to, and the owner.
    """

    shown = Signal(object)  # a dialog

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._widget = parent
        self.menu = QMenu(parent)
        self.menu.setToolTipsVisible(True)
        self._copies, self._controls = QMenu(self.menu), QMenu("Make a control of it", self.menu)
        self._controls.setToolTipsVisible(True)
        self._comparisons = QMenu("Compare it with", self.menu)
        self.menu.aboutToShow.connect(self.fill)

    @Slot()
    def fill(self) -> None:
        """Fills the menu for the class and the ranking at hand."""
        menu, session = self.menu, self._session
        menu.clear()
        anchor, ranking = session.selected_class, session.ranking
        classes = session.dataset.classes if session.dataset else ()
        copy = self._copies
        copy.clear()
        copy.setTitle(f"Copy the ladder of {anchor or 'a class'} to")
        menu.addMenu(copy)
        copy.setEnabled(bool(ranking.tiers(anchor)))
        self._add(copy, "all classes", partial(self._copy, classes))
        copy.addSeparator()
        for name in classes:
            if name != anchor:
                self._add(copy, name, partial(self._copy, (name,)))
        can_mirror = bool(anchor) and mirrored(ranking, anchor) != ranking
        self._add(
            menu,
            f"Mirror {anchor}: those it ranks rank it back" if anchor else "Mirror",
            partial(self._edit, lambda r: mirrored(r, anchor), f"{anchor}: mirror"),
            enabled=can_mirror,
        )
        self._add(
            menu,
            "Make the ranking symmetric",
            partial(self._edit, symmetrised, "make symmetric"),
            enabled=symmetrised(ranking) != ranking,
        )
        self._add(
            menu,
            "Clear all ladders",
            partial(self._edit, cleared, "clear all"),
            enabled=bool(ranking.similar),
        )
        menu.addSeparator()
        controls = self._controls
        controls.clear()
        menu.addMenu(controls)
        controls.setEnabled(bool(ranking.similar))
        for control in CONTROLS:
            text, tip = _CONTROL_TEXT[control]
            self._add(controls, text, partial(self._control, control, classes), tip=tip)
        self._fill_comparisons()
        menu.addMenu(self._comparisons)
        self._add(
            menu,
            "Do several people agree?…",
            self._disagree,
            tip="Kendall's W of several rankings, and their consensus",
        )

    def _fill_comparisons(self) -> None:
        compare, session = self._comparisons, self._session
        compare.clear()
        for entry in session.board.library.entries():
            self._add(compare, entry.name, partial(self._compare_file, entry.name, entry.path))
        compare.addSection("Presets")
        for name in preset_names():
            self._add(compare, name, partial(self._compare_file, name, name))
        runs = list(reversed(session.store.list()))[:MOST_RUNS]
        if runs:
            compare.addSection("As it was in a run")
        for run in runs:
            self._add(compare, run.title, partial(self._compare_run, run))

    def _add(
        self,
        menu: QMenu,
        text: str,
        run: Callable[[], None],
        *,
        enabled: bool = True,
        tip: str = "",
    ) -> None:
        action = menu.addAction(text.replace("&", "&&"))
        action.setEnabled(enabled)
        action.setToolTip(tip or text)
        action.triggered.connect(run)

    def _edit(self, change: Callable[[Ranking], Ranking], text: str) -> None:
        self._session.edit(change(self._session.ranking), text)

    def _copy(self, targets: tuple[str, ...]) -> None:
        anchor = self._session.selected_class
        where = targets[0] if len(targets) == 1 else "all"
        self._edit(lambda r: copied(r, anchor, targets), f"copy {anchor} to {where}")

    def _control(self, control: Control, classes: tuple[str, ...]) -> None:
        """Goes on with a control, which has no file: saving it overwrites no original."""
        session = self._session
        number = {"truncated": 2}.get(control, session.config.seed)
        name = f"{session.ranking.name} {control}"
        made = controlled(session.ranking, control, number, classes, name=name)
        session.take_ranking(made, control)

    def _compare_file(self, name: str, source: str | Path) -> None:
        self._compare(name, lambda: load_ranking(source))

    def _compare_run(self, run: Run) -> None:
        self._compare(f"the ranking of {run.title}", lambda: run.ranking)

    def _compare(self, name: str, load: Callable[[], Ranking]) -> None:
        try:
            other = load()
        except AkinError as error:
            self._session.post_error(error)
            return
        classes = self._session.dataset.classes if self._session.dataset else ()
        self._show(ComparisonDialog(self._session.ranking, other, name, classes, self._widget))

    def _disagree(self) -> None:
        self._show(DisagreementDialog(self._session, self._widget))

    def _show(self, dialog: QDialog) -> None:
        dialog.show()
        self.shown.emit(dialog)
