"""What a person says about a run: its title, tags and a note, kept in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core.errors import RunError
from core.files import write_json

NOTES = "notes.json"
LONGEST_TITLE = 80


@dataclass(frozen=True)
class RunNotes:
    """A person's words about a run; none of them changes what the run is.

    Attributes:
        title: Shown in place of the folder's name; "" for none.
        tags: Short words without commas, each once, in the order they were given.
        note: Free text.
    """

    title: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""

    def titled(self, title: str) -> RunNotes:
        """Returns them with another title.

        Raises:
            RunError: If it is too long, or has a line break.
        """
        title = title.strip()
        if len(title) > LONGEST_TITLE or not title.isprintable():
            raise RunError(
                "This name cannot be given to a run.",
                f"Choose one line of at most {LONGEST_TITLE} characters.",
            )
        return replace(self, title=title)

    def tagged(self, tags: Iterable[str]) -> RunNotes:
        """Returns them with exactly these tags; commas separate tags, case is kept."""
        words = (word.strip() for tag in tags for word in tag.split(","))
        return replace(self, tags=tuple(dict.fromkeys(" ".join(w.split()) for w in words if w)))

    def noted(self, note: str) -> RunNotes:
        """Returns them with another note."""
        return replace(self, note=note.strip())


def read_notes(folder: Path) -> RunNotes:
    """Returns what is noted in a run's folder; nothing where nothing is.

    Raises:
        RunError: If the file is damaged.
    """
    path = folder / NOTES
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        title, tags, note = data.get("title", ""), data.get("tags", []), data.get("note", "")
        if not all(isinstance(text, str) for text in (title, note, *tags)):
            raise TypeError
    except FileNotFoundError:
        return RunNotes()
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise RunError(f"{path} is damaged.", "Correct it, or delete that one file.") from error
    return RunNotes(title, tuple(tags), note)


def write_notes(folder: Path, notes: RunNotes) -> None:
    """Writes notes.json atomically; nothing noted is no file.

    Raises:
        RunError: If the folder is gone or cannot be written.
    """
    if not folder.is_dir():
        raise RunError(f"{folder} is gone.", "List the runs with: akin runs list")
    if notes == RunNotes():
        (folder / NOTES).unlink(missing_ok=True)
    else:
        write_json(folder / NOTES, asdict(notes))


def matches(query: str, texts: Iterable[str]) -> bool:
    """Tells whether every word of a query is somewhere in the texts, whatever the case."""
    text = "\n".join(texts).casefold()
    return all(word in text for word in query.casefold().split())
