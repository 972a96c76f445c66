"""What the window tells the user in its message bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.errors import AkinError

Level = Literal["info", "success", "warning", "error"]
Topic = Literal["", "data", "training"]


@dataclass(frozen=True)
class Message:
    """One sentence, with its remedy.

    Attributes:
        level: How grave it is.
        text: What happened.
        hint: What to do.
        detail: For the log: a traceback, or a list; shown on demand.
        link: What one click does about it, such as "Undo"; "" for nothing.
        act: Called by that click.
        topic: What it is about, so that it goes when that has come right.
    """

    level: Level
    text: str
    hint: str = ""
    detail: str = ""
    link: str = ""
    act: Callable[[], object] | None = None
    topic: Topic = ""

    @classmethod
    def of_error(cls, error: AkinError, topic: Topic = "") -> Message:
        return cls("error", error.message, error.hint, topic=topic)
