"""The files of a report: told in its page, so that another report in its place leaves none behind.

Nothing else in the folder is touched, and a folder that holds no report is none of ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from core.errors import RunError
from core.files import write_text

PAGE = "report.html"
_NAMES = re.compile(r'<meta name="akin-files" content="([^"]*)">')
_BESIDE = re.compile(r"(tables|figures)/[\w-]+\.(csv|svg)")


def files_before(folder: Path) -> frozenset[str]:
    """Returns what an earlier report wrote beside its page; nothing in a new or empty folder.

    Raises:
        RunError: The folder holds something, but no report.
    """
    try:
        if not folder.exists() or not any(folder.iterdir()):
            return frozenset()
        page = folder / PAGE
        found = _NAMES.search(page.read_text(encoding="utf-8")) if page.is_file() else None
    except (OSError, UnicodeDecodeError):
        found = None
    if found is None:
        raise RunError(
            f"{folder} holds something that is no report.",
            "Choose a new folder, or that of an earlier report.",
        )
    return frozenset(name for name in found[1].split() if _BESIDE.fullmatch(name))


def write_files(folder: Path, beside: Mapping[str, str], page: str) -> Path:
    """Writes a report, and takes away what an earlier one leaves in its place.

    Args:
        folder: Where to; created.
        beside: Text by name, such as tables/summary.csv.
        page: The page, which names them in `akin-files`.

    Returns:
        The page's path.

    Raises:
        RunError: The folder holds something, but no report; or it cannot be written.
    """
    stale = files_before(folder) - beside.keys()
    for name, text in beside.items():
        assert _BESIDE.fullmatch(name)
        write_text(folder / name, text)
    write_text(folder / PAGE, page)
    for name in stale:
        (folder / name).unlink(missing_ok=True)
    return folder / PAGE
