"""Run directories: what a run leaves behind, written so that a kill never leaves half a file."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import platformdirs

from core.config import ConfigTree, ExperimentConfig
from core.config_files import load_config
from core.epoch_embeddings import EpochEmbeddings
from core.errors import AkinError, RunError
from core.events import (
    EvaluationCompleted,
    Event,
    Outcome,
    RunFinished,
    event_from_json,
    event_to_json,
    outcome_from_json,
)
from core.files import write_json, write_text
from core.predictions import Predictions
from core.ranking import Ranking
from core.ranking_files import ranking_from_yaml
from core.run_claim import Claim, Doing, claim, holder_of, process_start
from core.run_notes import RunNotes, read_notes

TRASH = "trash"
TRASH_RECORD = "trash.json"


def default_workspace() -> Path:
    """Returns the workspace used where none is given: $AKIN_WORKSPACE or the user's data folder."""
    given = os.environ.get("AKIN_WORKSPACE")
    return Path(given) if given else Path(platformdirs.user_data_dir("akin", appauthor=False))


def default_cache() -> Path:
    """Returns the folder for what can be made again: $AKIN_CACHE or the user's cache folder."""
    given = os.environ.get("AKIN_CACHE")
    return Path(given) if given else Path(platformdirs.user_cache_dir("akin", appauthor=False))


class Run:
    """One run directory.

    Args:
        path: The directory; need not be complete.

    Attributes:
        config_name: The file that says what is trained.
        least_batch: What a batch must hold.
    """

    config_name: ClassVar[str] = "config.yaml"
    least_batch: ClassVar[int] = 2

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def name(self) -> str:
        """The directory's name, which never changes."""
        return self.path.name

    @property
    def title(self) -> str:
        """What people call it: the name they gave it, else the directory's."""
        try:
            return read_notes(self.path).title or self.name
        except RunError:
            return self.name

    def notes(self) -> RunNotes:
        """Its title, tags and note (raises RunError if they are damaged)."""
        return read_notes(self.path)

    @cached_property
    def config(self) -> ExperimentConfig:
        """The configuration it was started with."""
        return load_config(self.path / self.config_name)

    @property
    def plan(self) -> ConfigTree:
        """What is trained, whatever it is: for a run its configuration."""
        return self.config

    def replanned(self, values: Mapping[str, Any]) -> Self:
        """Sets dotted keys in the file that says what is trained; returns it read anew.

        Raises:
            ConfigError: If a value is impossible; nothing changes.
        """
        write_text(self.path / self.config_name, self.plan.with_values(values).to_yaml())
        return type(self)(self.path)

    @cached_property
    def ranking(self) -> Ranking:
        """The user's ranking as it was when the run started."""
        try:
            text = (self.path / "ranking.yaml").read_text(encoding="utf-8")
        except OSError as error:
            raise RunError(
                f"{self.path} has no ranking.yaml.", "Choose a run directory made by Akin."
            ) from error
        return ranking_from_yaml(text, "ranking.yaml")

    def environment(self) -> dict[str, Any]:
        """environment.json, or an empty dictionary."""
        return _read_json(self.path / "environment.json") or {}

    def metrics(self) -> dict[str, Any] | None:
        """metrics.json, or None while there is none."""
        return _read_json(self.path / "metrics.json")

    def predictions(self) -> Predictions:
        """predictions.npz (raises RunError if it is missing)."""
        return Predictions.load(self.path / "predictions.npz")

    @property
    def epoch_embeddings(self) -> EpochEmbeddings:
        """What the epochs kept; older runs and detectors kept none."""
        return EpochEmbeddings(self.path / "embeddings")

    @property
    def checkpoint_folder(self) -> Path:
        return self.path / "checkpoints"

    def outcome(self) -> Outcome | None:
        """How it ended; None while it runs; "interrupted" where its process is gone."""
        data = _read_json(self.path / "outcome.json")
        if data is not None:
            return outcome_from_json(data)
        if self.is_alive:
            return None
        return Outcome(
            "interrupted",
            "The run was interrupted before it ended.",
            "Its last checkpoint is kept: akin train --run DIR --resume",
        )

    def belongs_to(self, pid: int) -> None:
        """Notes that another process is about to train it."""
        write_json(self.path / "environment.json", self.environment() | _owner(pid))

    @property
    def local_pid(self) -> int | None:
        """The process of this machine that it belongs to; None where that is gone."""
        known = self.environment()
        pid, start = known.get("pid"), known.get("process_start")
        return pid if isinstance(pid, int) and start and process_start(pid) == start else None

    def write_outcome(self, outcome: Outcome) -> None:
        write_json(self.path / "outcome.json", asdict(outcome))

    def discard(self) -> None:
        """Removes what the run made: its directory, unless that had been there, empty."""
        keep = self.environment().get("folder_was_there") is True
        shutil.rmtree(self.path, ignore_errors=True)
        if keep:
            self.path.mkdir(exist_ok=True)

    def events(self) -> Iterator[Event]:
        """Yields what events.jsonl holds; a last line cut by a kill is left out."""
        try:
            with (self.path / "events.jsonl").open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    if not line.endswith("\n"):
                        return
                    try:
                        yield event_from_json(json.loads(line))
                    except (json.JSONDecodeError, AkinError):
                        continue
        except OSError:
            return

    def cut_events_after(self, step: int) -> None:
        """Drops events of later steps, and the ends of earlier attempts, before a resume."""
        kept = []
        for event in self.events():
            if getattr(event, "step", 0) > step:
                break
            if isinstance(event, RunFinished | EvaluationCompleted):
                continue
            kept.append(json.dumps(event_to_json(event), allow_nan=False))
        write_text(self.path / "events.jsonl", "".join(line + "\n" for line in kept))

    def rewind(self, step: int, epochs: int) -> None:
        """Drops what came after a checkpoint, and how the run ended, before a resume."""
        self.cut_events_after(step)
        self.epoch_embeddings.cut_after(epochs)
        (self.path / "outcome.json").unlink(missing_ok=True)

    @property
    def is_alive(self) -> bool:
        """Whether a process trains it, on any machine, and has not said that it ended."""
        if (self.path / "outcome.json").is_file():
            return False
        holder = holder_of(self.path)
        return self.local_pid is not None if holder is None else holder.doing == "trained"

    def claim(self, doing: Doing = "trained") -> Claim:
        """Claims it for this process, to be entered around what is done with it.

        Raises:
            RunError: If it is claimed already.
        """
        return claim(self.path, doing, self.title)


class EventLog:
    """Appends events to events.jsonl, one JSON object a line."""

    def __init__(self, run: Run) -> None:
        self._file = (run.path / "events.jsonl").open("a", encoding="utf-8", buffering=1)

    def write(self, event: Event) -> None:
        self._file.write(json.dumps(event_to_json(event), allow_nan=False) + "\n")

    def close(self) -> None:
        self._file.close()


class RunStore:
    """The folder that holds a workspace's runs.

    Args:
        folder: Created when the first run is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, config: ExperimentConfig, ranking: Ranking, path: Path | None = None) -> Run:
        """Makes a run directory with its configuration and ranking.

        Args:
            config: Saved as config.yaml.
            ranking: Saved as ranking.yaml.
            path: Where; None: the next free number in the store.

        Raises:
            RunError: If the directory exists and is not empty, or cannot be written.
        """
        target = path if path is not None else self._next_path(config)
        texts = {"config.yaml": config.to_yaml(), "ranking.yaml": ranking.to_yaml()}
        make_run_folder(target, texts)
        return Run(target)

    def list(self) -> list[Run]:
        """Returns the runs, oldest first."""
        if not self.folder.is_dir():
            return []
        found = [p for p in self.folder.iterdir() if (p / "config.yaml").is_file()]
        return [Run(path) for path in sorted(found, key=_run_order)]

    def _next_path(self, config: ExperimentConfig) -> Path:
        trashed = trash_of(self.folder).glob("*/config.yaml")  # may come back to their numbers
        paths = (*(run.path for run in self.list()), *(path.parent for path in trashed))
        numbers = [_run_order(path)[0] for path in paths]
        number = max(numbers, default=0) + 1
        while True:
            path = self.folder / f"{number:04d}-{config.objective.method}"
            if not path.exists():
                return path
            number += 1


def make_run_folder(target: Path, texts: Mapping[str, str]) -> None:
    """Makes a run directory that belongs to this process, whole or not at all.

    Args:
        target: The directory.
        texts: Files in it that say what is to be done, by name.

    Raises:
        RunError: If the directory exists and is not empty, or cannot be written.
    """
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise RunError(
                f"{target} exists already.",
                "Choose another --run directory, or continue it with --resume.",
            )
        was_there = target.exists()
        known = {"started": time.time(), "folder_was_there": was_there}
        try:
            (target / "checkpoints").mkdir(parents=True, exist_ok=True)
            write_json(target / "environment.json", _owner(os.getpid()) | known)
            for name, text in texts.items():
                write_text(target / name, text)
        except (OSError, RunError):
            shutil.rmtree(target, ignore_errors=True)
            if was_there:
                target.mkdir(exist_ok=True)
            raise
    except OSError as error:
        raise RunError(
            f"{target} cannot be created: {(error.strerror or str(error)).lower()}.",
            "Choose a folder you can write to.",
        ) from error


def _owner(pid: int) -> dict[str, Any]:
    return {"pid": pid, "process_start": process_start(pid)}


def open_run(path: Path) -> Run:
    """Opens an existing run directory.

    Raises:
        RunError: If it is none.
    """
    if (path / "config.yaml").is_file():
        return Run(path)
    if (trash_of(path.parent) / path.name / TRASH_RECORD).is_file():
        again = restore_command(path.name, path.parent)
        raise RunError(f"{path} is in the trash.", f"Take it back: {again}")
    raise RunError(f"{path} is not a run directory.", "List them with: akin runs list")


def trash_of(folder: Path) -> Path:
    """Returns where runs of a folder go when they are trashed: the workspace's trash."""
    folder = folder.resolve()
    return (folder.parent if folder.name in {"runs", "detectors"} else folder) / TRASH


def restore_command(name: str, folder: Path) -> str:
    """Returns the command, ready to copy, that takes a run of a folder back from the trash."""
    is_own = trash_of(folder) == trash_of(default_workspace() / "runs")
    where = "" if is_own else f" --in {shlex.quote(str(folder.resolve()))}"
    return f"akin runs restore {shlex.quote(name)}{where}"


def format_time(time_s: float) -> str:
    """Returns a local date and time, such as "2026-11-23 14:05"."""
    return datetime.fromtimestamp(time_s, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _run_order(path: Path) -> tuple[int, str]:
    head = path.name.split("-")[0]
    return (int(head) if head.isdigit() else 0, path.name)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is damaged.", "Evaluate the run again.") from error
    return data if isinstance(data, dict) else None
