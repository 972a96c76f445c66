"""The workspace's journal: the ranking with its history and the settings, written as they change.

One JSON object a line, appended; a process that is killed loses at most the line it was writing.
Reading ends at the first line that makes no sense. The file is written anew, whole, when it is
opened and when it has grown, so it never holds much more than the history it describes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.config import ExperimentConfig, config_from_tree
from core.errors import AkinError, RunError
from core.files import write_text
from core.ranking import Ranking, Tier

MOST_STEPS = 200
MOST_BYTES = 4_000_000


@dataclass(frozen=True)
class HistoryStep:
    """One step of the ranking's history.

    Attributes:
        text: Its name, such as "move boat to rank 3".
        ranking: What it led to.
        document: Which of the rankings opened one after another that is: 0 for the first.
    """

    text: str
    ranking: Ranking
    document: int = 0


@dataclass(frozen=True)
class JournalState:
    """What a journal says.

    Attributes:
        base: The ranking before the first step.
        steps: The history, those undone included.
        index: How many of the steps are done.
        clean: After how many of them the ranking is the one on file; -1: after none.
        paths: The files of the documents that have one.
        config: The settings; None where they were never changed, or no longer make sense.
        config_problem: Why they do not.
        closed: Whether the window was closed, and not killed.
        base_document: Which document the base is.
    """

    base: Ranking = field(default_factory=Ranking)
    steps: tuple[HistoryStep, ...] = ()
    index: int = 0
    clean: int = 0
    paths: Mapping[int, Path] = field(default_factory=dict)
    config: ExperimentConfig | None = None
    config_problem: str = ""
    closed: bool = True
    base_document: int = 0

    @property
    def ranking(self) -> Ranking:
        """The ranking on the board."""
        return self.steps[self.index - 1].ranking if self.index else self.base

    def with_step(self, at: int, step: HistoryStep) -> JournalState:
        """Returns the state after a step that follows the first `at`."""
        return replace(self, steps=(*self.steps[:at], step), index=at + 1, closed=False)

    def shortened(self, most: int = MOST_STEPS) -> JournalState:
        """Returns the state with no more than so many steps, the oldest forgotten."""
        drop = min(max(len(self.steps) - most, 0), self.index)
        if not drop:
            return self
        return replace(
            self,
            base=self.steps[drop - 1].ranking,
            base_document=self.steps[drop - 1].document,
            steps=self.steps[drop:],
            index=self.index - drop,
            clean=self.clean - drop if self.clean >= drop else -1,
        )


class Journal:
    """A journal that is open for writing.

    Args:
        path: The file, such as WORKSPACE/journal.jsonl; made when first written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None
        self._forgotten = 0  # steps at the head of the history that are not in the file

    def read(self) -> JournalState:
        """Returns what the journal says; a new one says nothing."""
        state = JournalState()
        for number, record in enumerate(_records(self.path)):
            if number == 0 and record.get("version") != 1:
                break
            try:
                state = _after(state, record)
            except (AkinError, KeyError, TypeError, ValueError, AttributeError):
                break
        return state

    def start(self, state: JournalState) -> None:
        """Writes the journal anew, and opens it for appending.

        Raises:
            RunError: If it cannot be written.
        """
        self.close()
        steps = len(state.steps)
        state = state.shortened()
        self._forgotten = steps - len(state.steps)
        base = {"base": _ranking_to_json(state.base), "document": state.base_document}
        records: list[Mapping[str, Any]] = [{"version": 1} | base]
        records += [_step_record(at, step) for at, step in enumerate(state.steps)]
        records.append(_position_record(state))
        if state.config is not None:
            records.append({"config": state.config.model_dump(mode="json")})
        if state.closed:
            records.append({"closed": True})
        write_text(self.path, "".join(map(_line, records)))
        self._file = self.path.open("ab", buffering=0)

    def write_step(self, state: JournalState) -> None:
        """Adds the last step done; those that had been undone are forgotten."""
        at = state.index - 1 - self._forgotten
        if at < 0:
            self.start(state)
        else:
            self._append(_step_record(at, state.steps[state.index - 1]))

    def write_position(self, state: JournalState) -> None:
        """Adds how many steps are done, and which ranking is on file."""
        if state.index < self._forgotten or self._is_long:
            self.start(state)
        else:
            self._append(_position_record(state, self._forgotten))

    def write_config(self, config: ExperimentConfig) -> None:
        """Adds the settings."""
        self._append({"config": config.model_dump(mode="json")})

    def write_closed(self) -> None:
        """Adds that the window was closed."""
        self._append({"closed": True})

    @property
    def _is_long(self) -> bool:
        return os.fstat(self._file.fileno()).st_size > MOST_BYTES

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, record: Mapping[str, Any]) -> None:
        assert self._file is not None, "a journal is started before it is written"
        try:
            self._file.write(_line(record).encode())
        except OSError as error:
            raise RunError(
                f"{self.path} cannot be written: {(error.strerror or str(error)).lower()}.",
                "Free some disk space, and save the ranking as a file.",
            ) from error


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"


def _records(path: Path) -> Iterator[dict[str, Any]]:
    try:
        data = path.read_bytes()
    except OSError:
        return
    for line in data.splitlines(keepends=True):
        try:
            record = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            return
        if not isinstance(record, dict):
            return
        yield record


def _after(state: JournalState, record: Mapping[str, Any]) -> JournalState:
    if "base" in record:
        base, document = _ranking_from_json(record["base"]), int(record.get("document", 0))
        return JournalState(base=base, base_document=document, closed=False)
    if "ranking" in record:
        ranking, document = _ranking_from_json(record["ranking"]), int(record.get("document", 0))
        step = HistoryStep(str(record["text"]), ranking, document)
        return state.with_step(min(int(record["at"]), len(state.steps)), step)
    if "done" in record:
        return replace(
            state,
            steps=state.steps[: int(record["count"])],
            index=max(0, min(int(record["done"]), int(record["count"]), len(state.steps))),
            clean=int(record["clean"]),
            paths=_paths(record),
            closed=False,
        )
    if "config" in record:
        return _with_config(state, record["config"])
    return replace(state, closed=bool(record["closed"]))


def _paths(record: Mapping[str, Any]) -> dict[int, Path]:
    if "paths" not in record:  # written before a history could hold several documents
        return {0: Path(record["path"])} if record["path"] else {}
    return {int(number): Path(path) for number, path in record["paths"].items()}


def _with_config(state: JournalState, tree: Mapping[str, Any]) -> JournalState:
    try:
        config, problem = config_from_tree(tree), ""
    except AkinError as error:
        config, problem = None, error.message
    return replace(state, config=config, config_problem=problem, closed=False)


def _step_record(at: int, step: HistoryStep) -> dict[str, Any]:
    ranking = _ranking_to_json(step.ranking)
    return {"at": at, "text": step.text, "ranking": ranking, "document": step.document}


def _position_record(state: JournalState, forgotten: int = 0) -> dict[str, Any]:
    return {
        "done": state.index - forgotten,
        "count": len(state.steps) - forgotten,
        "clean": max(state.clean - forgotten, -1),
        "paths": {str(number): str(path) for number, path in state.paths.items()},
    }


def _ranking_to_json(ranking: Ranking) -> dict[str, Any]:
    similar = {
        anchor: [[list(tier.classes), tier.similarity] for tier in tiers]
        for anchor, tiers in ranking.similar.items()
    }
    return {"name": ranking.name, "classes": list(ranking.classes), "similar": similar}


def _ranking_from_json(data: Mapping[str, Any]) -> Ranking:
    similar = {
        str(anchor): tuple(
            Tier(tuple(map(str, classes)), None if value is None else float(value))
            for classes, value in tiers
        )
        for anchor, tiers in data["similar"].items()
    }
    return Ranking(similar, str(data["name"]), tuple(map(str, data["classes"])))
