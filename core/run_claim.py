"""A run's folder belongs to one process at a time.

The process holds RUN/lock by flock, which the system drops however the process ends, on local disks
and on NFS. Where a file system knows no locks, what is written in the file decides.
"""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from core.errors import RunError

try:
    import fcntl
except ImportError:  # not on Windows: what is written in the file decides
    fcntl = None  # type: ignore[assignment]

Doing = Literal["trained", "judged", "moved"]
LOCK_FILE = "lock"
PATIENCE_S = 0.5  # somebody who only looks holds it for a moment


@dataclass(frozen=True)
class Holder:
    """The process that holds a run's folder.

    Attributes:
        doing: What it does with the run.
        host: Its machine; "" where it has not written that yet.
        pid: Its number there.
        process_start: As of `process_start`.
    """

    doing: str = "trained"
    host: str = ""
    pid: int = 0
    process_start: str | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is on another machine."""
        return self.host not in ("", socket.gethostname())

    @property
    def may_live(self) -> bool:
        """Whether it lives, as far as this machine can tell."""
        start = process_start(self.pid) if self.pid else None
        return self.is_elsewhere or (start is not None and start == self.process_start)


class Claim:
    """A run's folder, held by this process until the claim is released or the process ends.

    Attributes:
        folder: The run's folder; to be set where it is moved.
    """

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.folder = folder
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        path = self.folder / LOCK_FILE
        if _is_file_of(path, self._descriptor):
            path.unlink(missing_ok=True)
        os.close(self._descriptor)


def claim(folder: Path, doing: Doing, title: str) -> Claim:
    """Claims a run's folder for this process.

    Args:
        folder: The folder, which is there.
        doing: What it is claimed for.
        title: What people call the run.

    Raises:
        RunError: If another process, or another thread of this one, has it; or the folder cannot
            be written.
    """
    path, deadline_s = folder / LOCK_FILE, time.monotonic() + PATIENCE_S
    own = Holder(doing, socket.gethostname(), os.getpid(), process_start(os.getpid()))
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise RunError(
                f"{path} cannot be written: {why}.", "Look at who owns the folder."
            ) from error
        got = _lock(descriptor, exclusive=True)
        found = _read(descriptor)
        is_theirs = found is not None and found.may_live if got is None else not got
        if not is_theirs and _is_file_of(path, descriptor):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(asdict(own)).encode(), 0)
            return Claim(folder, descriptor)
        os.close(descriptor)
        if is_theirs and time.monotonic() > deadline_s:
            raise _taken(path, title, found or Holder(), is_certain=got is not None)
        time.sleep(0.02)


def holder_of(folder: Path) -> Holder | None:
    """Returns who holds a run's folder; None where nobody does."""
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY)
    except OSError:
        return None
    try:
        got = _lock(descriptor, exclusive=False)
        found = _read(descriptor)
        if got or (got is None and (found is None or not found.may_live)):
            return None
        return found or Holder()
    finally:
        os.close(descriptor)


def require_free(folder: Path, title: str) -> None:
    """Raises RunError where another process has a run's folder, or another thread of this one."""
    found = holder_of(folder)
    if found is not None:
        raise _taken(folder / LOCK_FILE, title, found)


def process_start(pid: int) -> str | None:
    """Returns when a process started, in a form that only it can match; None if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return None if fields[0] in "ZX" else fields[19]  # killed, its parent has not looked yet
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except PermissionError:
        return "alive"
    except (OSError, ValueError, OverflowError):
        return None
    return "alive"


def _lock(descriptor: int, *, exclusive: bool) -> bool | None:
    """Locks without waiting: True: done; False: another has it; None: there are no locks."""
    if fcntl is None:
        return None
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True


def _read(descriptor: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(descriptor, 10_000, 0)))
    except (OSError, ValueError, TypeError):
        return None


def _is_file_of(path: Path, descriptor: int) -> bool:
    """Whether a path still leads to an open file: who held it before may have removed it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


def _taken(path: Path, title: str, holder: Holder, *, is_certain: bool = True) -> RunError:
    where = f" on {holder.host}" if holder.is_elsewhere else ""
    hint = "Stop it first." if holder.doing == "trained" else "Wait until that has ended."
    if not is_certain and holder.is_elsewhere:
        hint = f"{hint} If {holder.host} has lost it, delete {path}."
    return RunError(f"{title} is being {holder.doing}{where}.", hint)
