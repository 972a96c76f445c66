"""`akin detect train` in a process of its own, begun from the window and surviving it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from core.errors import RunError
from core.training.detector_run import DetectorRun

ROOT = Path(__file__).parent.parent


class DetectorProcess:
    """Trains a detector; what it does is read from its run's events.

    Args:
        folder: The workspace's detectors.
        data: The data set's folder.
        recipe: Of `akin detect train`.
        extra: Further words of that command.

    Attributes:
        run: Its directory, which the process makes.
        has_ended: As the last poll found.

    Raises:
        RunError: It cannot be started.
    """

    def __init__(self, folder: Path, data: Path, recipe: str, extra: tuple[str, ...] = ()) -> None:
        path = _next_path(folder, recipe)
        self.run = DetectorRun(path)
        self.has_ended = False
        self._log = folder / f".{path.name}.log"
        command = [sys.executable, "-m", "core.cli", "detect", "train", "--json"]
        command += ["--data", str(data), "--run", str(path), "--recipe", recipe, *extra]
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._log.open("wb") as log:
                self._child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
                    start_new_session=True,
                )
        except OSError as error:
            raise RunError(
                f"The detector cannot be trained: {(error.strerror or str(error)).lower()}.",
                "Free some memory and disk space, or train it with akin detect train.",
            ) from error

    def poll(self) -> RunError | None:
        """Looks whether it has ended; returns what went wrong, once."""
        if self.has_ended or self._child.poll() is None:
            return None
        self.has_ended = True
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        self._log.unlink(missing_ok=True)
        if self._child.returncode in (0, 130, 143):
            return None
        message = [line[7:] for line in lines if line.startswith("error: ")]
        hint = [line[6:] for line in lines if line.startswith("hint: ")]
        return RunError(
            message[0] if message else f"Training {self.run.name} ended without a word.",
            hint[0] if hint else "Train it with akin detect train to see why.",
        )


def stop_detector(run: DetectorRun) -> None:
    """Asks the process that trains a detector to stop and keep, as Ctrl+C does.

    Raises:
        RunError: It runs no more, or belongs to somebody else.
    """
    try:
        pid = run.local_pid
        if pid is not None and run.is_alive:
            os.kill(pid, signal.SIGINT)
            return
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise RunError(f"{run.name} cannot be stopped: {why}.", "Stop it where it runs.") from error
    raise RunError(f"{run.name} is not being trained on this machine.", "Stop it where it runs.")


def _next_path(folder: Path, name: str) -> Path:
    number = 1
    while any(folder.glob(f"{number:04d}-*")) or any(folder.glob(f".{number:04d}-*")):
        number += 1
    return folder / f"{number:04d}-{name}"
