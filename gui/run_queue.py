"""Runs that wait for their turn, in an order that the user changes; kept in the workspace."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from core.config import ExperimentConfig, config_from_tree
from core.errors import AkinError
from core.files import write_json
from core.ranking import Ranking
from core.ranking_files import ranking_from_yaml


@dataclass(frozen=True)
class WaitingRun:
    """One run to be trained.

    Attributes:
        config: As the form had it when it was added.
        ranking: As the board had it.
    """

    config: ExperimentConfig
    ranking: Ranking

    @property
    def title(self) -> str:
        """Such as "ranked r3 · seed 0 · 9 epochs · voc2007-paper"."""
        config, method = self.config, self.config.objective.method
        depth = f" r{config.ranking.depth}" if method == "ranked" else ""
        words = [f"{method}{depth}", f"seed {config.seed}", f"{config.training.epochs} epochs"]
        return " · ".join([*words, self.ranking.name] if depth else words)


class RunQueue(QObject):
    """The waiting runs, first come first; every change is saved at once.

    Args:
        path: The file, such as WORKSPACE/queue.json.
        parent: Owner.
    """

    changed = Signal()
    failed = Signal(object)  # AkinError

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._runs = list(_read(path))
        self._held = bool(self._runs)

    @property
    def runs(self) -> tuple[WaitingRun, ...]:
        return tuple(self._runs)

    @property
    def held(self) -> bool:
        """Whether the next run waits even once nothing is being trained."""
        return self._held

    def set_held(self, held: bool) -> None:
        if held != self._held:
            self._held = held
            self.changed.emit()

    def add(self, run: WaitingRun) -> None:
        self._set([*self._runs, run])

    def take(self) -> WaitingRun | None:
        """Removes and returns the first."""
        if not self._runs:
            return None
        first, *rest = self._runs
        self._set(rest)
        return first

    def remove(self, index: int) -> None:
        self._set([run for i, run in enumerate(self._runs) if i != index])

    def move(self, index: int, to: int) -> None:
        """Moves a run to another place in the order."""
        runs = list(self._runs)
        runs.insert(to, runs.pop(index))
        self._set(runs)

    def _set(self, runs: list[WaitingRun]) -> None:
        self._runs = runs
        self._held = self._held and bool(runs)
        entries = [
            {"config": run.config.model_dump(mode="json"), "ranking": run.ranking.to_yaml()}
            for run in runs
        ]
        try:
            write_json(self._path, entries)
        except AkinError as error:
            self.failed.emit(error)
        self.changed.emit()


def _read(path: Path) -> Iterable[WaitingRun]:
    """Yields what is on file; an entry that makes no sense any more is left out."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    for entry in entries if isinstance(entries, list) else []:
        try:
            yield WaitingRun(config_from_tree(entry["config"]), ranking_from_yaml(entry["ranking"]))
        except (AkinError, KeyError, TypeError, AttributeError):
            continue
