"""Following the events of a run that another process trains."""

from __future__ import annotations

import json
from pathlib import Path

from core.errors import AkinError
from core.events import Event, event_from_json

MOST_BYTES = 1 << 18  # Read at once: some milliseconds' worth of events.


class EventTail:
    """Reads what has been appended to an events.jsonl since the last look; never writes.

    Args:
        path: The file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._inode = -1

    def read(self) -> tuple[list[Event], bool]:
        """Returns new events, at most some thousands, and whether the file began anew.

        A run that is resumed cuts the file; then everything read before counts no more. A line
        that is still being written is left for the next look.
        """
        try:
            told = self._path.stat()
            if (told.st_ino, told.st_size) == (self._inode, self._position):
                return [], False
            with self._path.open("rb") as file:
                told = self._path.stat()
                is_new = told.st_ino != self._inode or told.st_size < self._position
                began_anew = is_new and self._position > 0
                if is_new:
                    self._position, self._inode = 0, told.st_ino
                file.seek(self._position)
                data = file.read(MOST_BYTES)
        except OSError:
            return [], False
        whole = data[: data.rfind(b"\n") + 1]
        self._position += len(whole)
        return [event for line in whole.splitlines() if (event := _event(line))], began_anew


def _event(line: bytes) -> Event | None:
    try:
        return event_from_json(json.loads(line))
    except (ValueError, AkinError):
        return None
