"""The directory of a detector's training: like a run's, but for detector.yaml."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from core.errors import RunError
from core.events import Outcome
from core.runs import Run, default_workspace, make_run_folder
from core.training.detector_config import DetectorConfig, load_detector_config


class DetectorRun(Run):
    """One directory of `akin detect train`."""

    config_name: ClassVar[str] = "detector.yaml"
    least_batch: ClassVar[int] = 1

    @cached_property
    def detector_config(self) -> DetectorConfig:
        """The configuration it was started with."""
        return load_detector_config(self.path / self.config_name)

    @property
    def plan(self) -> DetectorConfig:
        return self.detector_config

    def outcome(self) -> Outcome | None:
        """How it ended; see `Run.outcome`."""
        found = super().outcome()
        if found is None or found.status != "interrupted":
            return found
        hint = "Its last checkpoint is kept: akin detect train --run DIR --resume"
        return replace(found, hint=hint)


def create_detector_run(config: DetectorConfig, path: Path | None = None) -> DetectorRun:
    """Makes a directory with its configuration.

    Args:
        config: Saved as detector.yaml.
        path: Where; None: the next free number in the workspace's detectors.

    Raises:
        RunError: If the directory exists and is not empty, or cannot be written.
    """
    target = path if path is not None else _next_path(config)
    make_run_folder(target, {DetectorRun.config_name: config.to_yaml()})
    return DetectorRun(target)


def open_detector_run(path: Path) -> DetectorRun:
    """Opens an existing directory of a detector's training.

    Raises:
        RunError: If it is none.
    """
    if not (path / DetectorRun.config_name).is_file():
        raise RunError(
            f"{path} is no run of akin detect train.", "Start one without --resume first."
        )
    return DetectorRun(path)


def _next_path(config: DetectorConfig) -> Path:
    folder = default_workspace() / "detectors"
    number = 1
    while any(folder.glob(f"{number:04d}-*")):
        number += 1
    return folder / f"{number:04d}-{config.detector.network}"


def list_detector_runs(folder: Path) -> list[DetectorRun]:
    """Returns the detectors' trainings in a folder, oldest first; none where there is none."""
    found = (path.parent for path in folder.glob(f"*/{DetectorRun.config_name}"))
    return [DetectorRun(path) for path in sorted(found)]
