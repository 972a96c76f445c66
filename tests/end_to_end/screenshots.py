"""Renders every page to PNG from a real window under Xvfb, after training on the demo.

Usage: python tests/end_to_end/screenshots.py FOLDER [--epochs N]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "end_to_end")]

from driver import Script, open_window, run_script, virtual_screen, wait  # noqa: E402
from PySide6.QtWidgets import QToolButton  # noqa: E402

from gui.main_window import MainWindow  # noqa: E402
from gui.session import Session  # noqa: E402

PAGES = ("data", "ranking", "training", "results", "detections")
WITHHELD = ["chair", "motorbike"]


def script(session: Session, window: MainWindow, folder: Path, epochs: int) -> Script:
    """Opens the demo, ranks, trains, and photographs each page."""

    def shoot(name: str) -> None:
        image = window.grab()
        assert image.save(str(folder / f"{name}.png")), f"{folder} cannot be written"

    window.resize(1280, 800)
    session.open_demo()
    yield lambda: session.dataset is not None
    session.open_ranking("voc2007-paper")
    session.select_class("aeroplane")
    session.edit(session.ranking.tied("aeroplane", ["train"], 1), "tie train with boat")
    for page in ("data", "ranking"):
        window.show_page(page)
        yield wait(3)
        shoot(page)
    yield from _show_matrix(window, on=True)
    shoot("ranking-matrix")
    yield from _show_matrix(window, on=False)
    session.set_config_values({"data.withheld": WITHHELD, "training.epochs": epochs})
    window.show_page("training")
    yield wait(1)
    session.start_training()
    yield lambda: not session.is_training
    yield wait(2)
    shoot("training")
    yield from _show_suggestions(session, window)
    shoot("ranking-suggestions")
    window.show_page("results")
    yield wait(3)
    _select_worst_confusion(window)
    yield wait(2)
    shoot("results")
    session.select_objects(None)
    yield from _open_first_error(window)
    shoot("detections")
    window.set_theme("dark")
    for page in PAGES:
        window.show_page(page)
        yield wait(1)
        shoot(f"{page}-dark")


def _show_suggestions(session: Session, window: MainWindow) -> Script:
    from gui.pages.ranking_page import RankingPage

    page = window.page("ranking")
    assert isinstance(page, RankingPage)
    session.select_class("car")
    page.desk.ask(session.run)
    window.show_page("ranking")
    yield wait(3)


def _show_matrix(window: MainWindow, *, on: bool) -> Script:
    button = window.page("ranking").findChild(QToolButton, "toolMatrix")
    assert button is not None
    button.setChecked(on)
    yield wait(0.5)


def _open_first_error(window: MainWindow) -> Script:
    from gui.pages.detections_page import DetectionsPage

    window.show_page("detections")
    page = window.page("detections")
    assert isinstance(page, DetectionsPage)
    yield wait(3)
    page.open_row(0)
    yield wait(1)
    page._on_error_requested(1)
    yield wait(2)


def _select_worst_confusion(window: MainWindow) -> None:
    from gui.pages.results_page import ResultsPage

    page = window.page("results")
    assert isinstance(page, ResultsPage)
    page.select_worst_confusion()


def _inside(folder: Path, epochs: int, theme: str) -> int:
    with tempfile.TemporaryDirectory() as parent:
        app, session, window = open_window(Path(parent) / "Akin", theme)
        return run_script(app, session, script(session, window, folder, epochs), timeout_s=900)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=11)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return _inside(options.folder, options.epochs, "light")
    options.folder.mkdir(parents=True, exist_ok=True)
    with virtual_screen() as environment, tempfile.TemporaryDirectory() as cache:
        words = [sys.executable, __file__, str(options.folder), "--epochs", str(options.epochs)]
        environment |= {"AKIN_CACHE": cache, "PYTHONPATH": os.pathsep.join(sys.path[:2])}
        return subprocess.run([*words, "--inside"], env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
