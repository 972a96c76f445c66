"""Ranks by drag and drop in a real window, and is killed in the middle of a drag.

Usage: python kill_job.py WORKSPACE DATA
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from driver import Script, click_widget, drag, nav, open_window, run_script, wait, xdotool

from gui.main_window import MainWindow
from gui.pages.ranking_page import RankingPage
from gui.session import Session
from gui.session_journal import SessionJournal


def script(session: Session, window: MainWindow, data: Path) -> Script:
    """Ranks boat and bird under aeroplane; dies while train is being dragged."""
    session.open_data(data)
    yield lambda: session.dataset is not None
    yield from click_widget(nav(window, "ranking"))
    page = window.page("ranking")
    assert isinstance(page, RankingPage)
    yield page.isVisible
    yield wait(1.0)
    session.select_class("aeroplane")
    yield wait(0.5)
    for count, name in enumerate(("boat", "bird"), start=1):
        yield from drag(page.chip_rect(name).center(), lambda: page.drop_point("gap", 0))
        yield lambda: len(session.ranking.ranked("aeroplane")) == count  # noqa: B023
    start, end = page.chip_rect("train").center(), page.drop_point("tier", 1)
    yield xdotool("mousemove", start.x(), start.y())
    yield xdotool("mousedown", 1)
    for share in (0.2, 0.5, 0.8):
        point = start + (end - start) * share
        yield xdotool("mousemove", point.x(), point.y())
        yield wait(0.15)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    workspace, data = map(Path, sys.argv[1:3])
    app, session, window = open_window(workspace)
    SessionJournal(session, window).start()
    return run_script(app, session, script(session, window, data))


if __name__ == "__main__":
    raise SystemExit(main())
