"""The pages of the window, made on first use so that the window is seen at once."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from gui.session import Session

PAGES = (
    ("data", "Data", "mdi6.image-multiple-outline"),
    ("ranking", "Ranking", "mdi6.sort-variant"),
    ("training", "Training", "mdi6.chart-line"),
    ("results", "Results", "mdi6.grid"),
    ("detections", "Detections", "mdi6.image-search-outline"),
)
PAGE_NAMES = tuple(name for name, _, _ in PAGES)


def make_page(name: str, session: Session) -> QWidget:
    """Makes a page of PAGES."""
    makers: dict[str, Callable[[Session], QWidget]] = {
        "data": _data_page,
        "ranking": _ranking_page,
        "training": _training_page,
        "results": _results_page,
        "detections": _detections_page,
    }
    return makers[name](session)


def _data_page(session: Session) -> QWidget:
    from gui.pages.data_page import DataPage  # noqa: PLC0415 - pages load after the first paint

    return DataPage(session)


def _ranking_page(session: Session) -> QWidget:
    from gui.pages.ranking_page import RankingPage  # noqa: PLC0415

    return RankingPage(session)


def _training_page(session: Session) -> QWidget:
    from gui.pages.training_page import TrainingPage  # noqa: PLC0415

    return TrainingPage(session)


def _results_page(session: Session) -> QWidget:
    from gui.pages.results_page import ResultsPage  # noqa: PLC0415

    return ResultsPage(session)


def _detections_page(session: Session) -> QWidget:
    from gui.pages.detections_page import DetectionsPage  # noqa: PLC0415

    return DetectionsPage(session)
