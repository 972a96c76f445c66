"""Everything about a failure that somebody who mends it asks for, as one text."""

from __future__ import annotations

import platform

import PySide6

import core
from core.errors import AkinError
from core.events import Outcome
from core.runs import Run

LONGEST_LOG_LINES = 200


def failure_report(run: Run | None, outcome: Outcome, log: str) -> str:
    """Returns versions, configuration, traceback and the end of the log; nothing else.

    Args:
        run: That failed; None where there was none yet.
        outcome: How.
        log: The log pane's text.
    """
    lines = [
        f"Akin {core.__version__}, Python {platform.python_version()}, Qt {PySide6.__version__}, "
        f"{platform.platform()}",
    ]
    config = ""
    if run is not None:
        try:
            known = run.environment()
            config = run.config.to_yaml()
        except AkinError as error:
            known, config = {}, str(error)
        words = [f"{key} {known[key]}" for key in ("torch", "device") if known.get(key)]
        lines.append(f"{run.name}: {', '.join(words)}".rstrip(": "))
    lines += ["", f"{outcome.status} ({outcome.cause or 'no cause'}): {outcome}"]
    end = log.splitlines()[-LONGEST_LOG_LINES:]
    parts = ["\n".join(lines), outcome.traceback, "Configuration", config, "Log", "\n".join(end)]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
