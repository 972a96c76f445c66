"""What a run would add to the ladder, and why; accepted or dismissed one by one."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.evaluation.suggestions import Evidence, Suggestion
from core.ranking import Ranking
from core.runs import Run, RunStore
from gui.models.suggestion_desk import SuggestionDesk, runs_that_can_be_asked
from gui.theme import SPACING, make_icon, set_role

_EVIDENCE: tuple[tuple[Evidence, str], ...] = (
    ("means", "By how near the classes lie"),
    ("confusion", "By what is taken for what"),
)


class SuggestionPanel(QWidget):
    """Which run is asked, and its suggestions for the class that is shown.

    Args:
        desk: What suggests.
        store: Whose runs can be asked.
        parent: Owner.
    """

    accepted = Signal(object)  # Suggestion

    def __init__(
        self, desk: SuggestionDesk, store: RunStore, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._store = store
        self._ranking = Ranking()
        self._shown: tuple[Suggestion, ...] = ()
        title = QLabel("Suggestions")
        set_role(title, "heading")
        self.chooser = QToolButton()
        self.chooser.setObjectName("suggestionRun")
        self.chooser.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.chooser.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.chooser.setToolTip("Ask a run which classes it finds alike")
        menu = QMenu(self.chooser)
        menu.aboutToShow.connect(self.fill)
        self.chooser.setMenu(menu)
        self._source = QLabel()
        self._source.setObjectName("suggestionSource")
        self._source.setWordWrap(True)
        set_role(self._source, "muted")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(SPACING)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(title)
        layout.addWidget(self.chooser, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self._source)
        layout.addLayout(self._rows)
        self.show_suggestions(Ranking(), ())

    @Slot()
    def fill(self) -> None:
        """Fills the menu with the runs that can be asked now."""
        menu = self.chooser.menu()
        menu.clear()
        group = QActionGroup(menu)
        runs = runs_that_can_be_asked(self._store)
        choices: list[tuple[str, Run | None]] = [("Off", None)]
        choices += [(run.title.replace("&", "&&"), run) for run in runs]
        for text, run in choices:
            action = menu.addAction(text, partial(self._desk.ask, run))
            action.setCheckable(True)
            action.setChecked(run == self._desk.run)
            group.addAction(action)
        if not runs:
            menu.addAction("No run has validation embeddings yet").setEnabled(False)
        menu.addSeparator()
        kinds = QActionGroup(menu)
        for evidence, text in _EVIDENCE:
            action = menu.addAction(text, partial(self._ask_by, evidence))
            action.setCheckable(True)
            action.setChecked(evidence == self._desk.evidence)
            action.setEnabled(self._desk.run is not None)
            kinds.addAction(action)

    def show_suggestions(self, ranking: Ranking, suggestions: tuple[Suggestion, ...]) -> None:
        """Lists suggestions for a ladder of the ranking."""
        run = self._desk.run
        title = run.title if run is not None else "off"
        shown = title if len(title) <= 18 else f"{title[:17]}…"
        self.chooser.setText(f"from {shown} ▾" if run is not None else "off ▾")
        self.chooser.setAccessibleName(f"Run that suggests: {title}")
        self._source.setText(self._words(suggestions))
        changed = (suggestions, ranking) != (self._shown, self._ranking)
        self._shown, self._ranking = suggestions, ranking
        if changed:
            self._fill_rows()

    def _words(self, suggestions: tuple[Suggestion, ...]) -> str:
        if self._desk.run is None:
            return "A run can say which classes it finds alike. Your ranking is not changed."
        nothing = "" if suggestions else " It has nothing to add here."
        return self._desk.source + nothing

    def _fill_rows(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        before: QWidget = self.chooser
        for suggestion in self._shown:
            row = self._row(suggestion)
            self._rows.addWidget(row)
            row.show()
            for button in row.findChildren(QToolButton):
                QWidget.setTabOrder(before, button)
                before = button

    def _row(self, suggestion: Suggestion) -> QWidget:
        row = QWidget()
        place = place_in_words(self._ranking, suggestion)
        label = QLabel(suggestion.reason)
        label.setWordWrap(True)
        label.setToolTip(f"{suggestion.name}, {place}")
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(label, 1)
        for icon, said, run in (
            ("mdi6.check", f"Accept {suggestion.name} {place}", self._accept),
            ("mdi6.close", f"Dismiss {suggestion.name}", self._desk.dismiss),
        ):
            button = QToolButton()
            button.setIcon(make_icon(icon, self.palette()))
            button.setToolTip(said)
            button.setAccessibleName(f"{said}: {suggestion.reason}")
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setMinimumSize(button.sizeHint())
            button.clicked.connect(partial(run, suggestion))
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_rows"):
            self._fill_rows()

    def _accept(self, suggestion: Suggestion) -> None:
        self.accepted.emit(suggestion)

    def _ask_by(self, evidence: Evidence) -> None:
        self._desk.ask(self._desk.run, evidence)


def place_in_words(ranking: Ranking, suggestion: Suggestion) -> str:
    """Returns "after bird", or "first" where nothing is above."""
    tiers = ranking.tiers(suggestion.anchor)
    if not suggestion.gap:
        return "first"
    return "after " + " = ".join(tiers[suggestion.gap - 1].classes)
