"""Reads the summaries of a workspace's runs, again only of those that have changed."""

from __future__ import annotations

from dataclasses import replace

from core.runs import Run, RunStore
from gui.models.runs_model import RunSummary, summarize_run

FILES = ("config.yaml", "ranking.yaml", "environment.json", "outcome.json", "metrics.json")
NOTES = "notes.json"
Stamps = tuple[int, ...]


class SummaryReader:
    """Keeps what was read; to be used by one thread at a time.

    A run that has not said how it ended is read every time: its process may be gone.
    """

    def __init__(self) -> None:
        self._known: dict[Run, tuple[Stamps, RunSummary]] = {}

    def read(
        self, store: RunStore, running: Run | None, paused: bool = False
    ) -> tuple[RunSummary, ...]:
        """Returns the summaries of a store's runs, oldest first.

        Args:
            store: The runs.
            running: What the window trains now, whatever its directory says.
            paused: It waits to be continued.
        """
        runs = store.list()
        fresh = {run: self._summary(run, is_running=run == running) for run in runs}
        self._known = {run: known for run, known in self._known.items() if run in fresh}
        if paused and running in fresh and fresh[running].status == "running":
            fresh[running] = replace(fresh[running], status="paused")
        return tuple(fresh.values())

    def _summary(self, run: Run, *, is_running: bool) -> RunSummary:
        stamps = tuple(_stamp(run, name) for name in (*FILES, NOTES))
        known = self._known.get(run)
        if known is not None and known[0] == stamps and not is_running:
            return known[1]
        summary = summarize_run(run, running=is_running)
        if summary.status not in {"running", "interrupted"}:
            self._known[run] = (stamps, summary)
        return summary


def _stamp(run: Run, name: str) -> int:
    try:
        return (run.path / name).stat().st_mtime_ns
    except OSError:
        return 0
