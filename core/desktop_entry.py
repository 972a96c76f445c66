"""An entry in the application menu of Linux desktops, with its icon.

Source: freedesktop.org, Desktop Entry Specification 1.5 and Icon Theme Specification 0.13.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from core.errors import AkinError
from core.files import write_text

ENTRY = "applications/akin.desktop"
ICON = "icons/hicolor/scalable/apps/akin.svg"
_NEEDS_QUOTES = re.compile(r"[\s\"'\\><~|&;$*?#()`]")


def data_home() -> Path:
    """Returns where a person's menu entries are: $XDG_DATA_HOME, else ~/.local/share."""
    given = os.environ.get("XDG_DATA_HOME")
    return Path(given) if given else Path.home() / ".local" / "share"


def command() -> tuple[str, ...]:
    """Returns the words that start the window of this installation."""
    script = Path(sys.executable).with_name("akin")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "core.cli")


def desktop_entry(words: Sequence[str]) -> str:
    """Returns the text of the entry that starts a command."""
    lines = [
        "[Desktop Entry]",
        "Type=Application",
        "Version=1.0",
        "Name=Akin",
        "GenericName=Ranking Experiments",
        "Comment=Rank classes by likeness, train, and judge what a network learned",
        f"TryExec={_value(words[0])}",
        f"Exec={_value(' '.join(_quoted(word) for word in words))}",
        "Icon=akin",
        "Terminal=false",
        "Categories=Science;ArtificialIntelligence;",
        "Keywords=ranking;contrastive;training;images;annotation;",
        "StartupNotify=true",
        "StartupWMClass=Akin",
    ]
    return "\n".join(lines) + "\n"


def install(folder: Path, words: Sequence[str]) -> tuple[Path, Path]:
    """Writes the entry and its icon under a data folder; returns their paths.

    Raises:
        AkinError: If this is no Linux desktop, or they cannot be written.
    """
    if not sys.platform.startswith("linux"):
        raise AkinError(
            "Only Linux desktops have menu entries of this kind.", "Start the window with: akin"
        )
    icon = files("resources").joinpath("icons", "akin.svg").read_text(encoding="utf-8")
    write_text(folder / ICON, icon)
    write_text(folder / ENTRY, desktop_entry(words))
    return folder / ENTRY, folder / ICON


def remove(folder: Path) -> tuple[Path, ...]:
    """Deletes what `install` wrote; returns what there was."""
    found = tuple(folder / name for name in (ENTRY, ICON) if (folder / name).is_file())
    for path in found:
        path.unlink()
    return found


def _quoted(word: str) -> str:
    word = word.replace("%", "%%")
    if not _NEEDS_QUOTES.search(word):
        return word
    return '"' + re.sub(r'(["`$\\])', r"\\\1", word) + '"'


def _value(text: str) -> str:
    return text.replace("\\", "\\\\")
