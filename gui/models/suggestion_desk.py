"""Which run suggests classes for the ladder, by what evidence, and what was dismissed."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core.errors import AkinError
from core.evaluation.suggestions import Alikeness, Evidence, Suggestion, run_alikeness, suggest
from core.ranking import Ranking
from core.runs import Run, RunStore

MOST_RUNS = 12


class SuggestionDesk(QObject):
    """Off until the user asks a run: an annotation is a person's opinion first.

    Args:
        parent: Owner.
    """

    changed = Signal()
    failed = Signal(object)  # AkinError

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._run: Run | None = None
        self._found: Alikeness | None = None
        self._dismissed: set[tuple[str, str]] = set()
        self.evidence: Evidence = "means"

    @property
    def run(self) -> Run | None:
        """The run that is asked; None: no suggestions."""
        return self._run

    @property
    def source(self) -> str:
        """What the suggestions come from, in words; empty where there are none."""
        if self._run is None or self._found is None:
            return ""
        count = int(self._found.count_C.sum())
        return f"By {count} validation objects, epoch {self._found.epoch}."

    def ask(self, run: Run | None, evidence: Evidence | None = None) -> None:
        """Asks a run; None asks none any more. What it cannot answer is told by `failed`."""
        wanted = self.evidence if evidence is None else evidence
        found = None
        if run is not None:
            try:
                found = run_alikeness(run, wanted)
            except AkinError as error:
                self.failed.emit(error)
                return
        self._run, self._found, self.evidence = run, found, wanted
        self._dismissed.clear()
        self.changed.emit()

    def of(self, ranking: Ranking, anchor: str) -> tuple[Suggestion, ...]:
        """Returns what the run would add to a ladder, without what was dismissed."""
        if self._found is None:
            return ()
        dismissed = [name for other, name in self._dismissed if other == anchor]
        return suggest(ranking, anchor, self._found, dismissed)

    def dismiss(self, suggestion: Suggestion) -> None:
        """Does not suggest it again until a run is asked anew."""
        self._dismissed.add((suggestion.anchor, suggestion.name))
        self.changed.emit()


def runs_that_can_be_asked(store: RunStore) -> list[Run]:
    """Returns the runs that kept validation embeddings, the latest first."""
    found = (run for run in reversed(store.list()) if run.epoch_embeddings.epochs())
    return [run for _, run in zip(range(MOST_RUNS), found, strict=False)]
