"""Whoever cannot see the window must be able to hear it: what takes focus has a name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollArea,
    QWidget,
)

from core.runs import Run
from gui.main_window import MainWindow
from gui.session import Session
from gui.settings import Settings

MakeRun = Callable[..., Run]
PAGES = ("data", "ranking", "training", "results", "detections")


def name_of(widget: QWidget) -> str:
    """Returns what a screen reader would say."""
    if widget.accessibleName():
        return widget.accessibleName()
    if isinstance(widget, QAbstractButton | QLabel) and widget.text():
        return widget.text()
    return ""


def is_part_of_named(widget: QWidget) -> bool:
    """Tells whether a widget is the inner part of one that has a name: an editor, a viewport."""
    parent = widget.parentWidget()
    inner = isinstance(parent, QAbstractSpinBox | QComboBox) and isinstance(
        widget, QLineEdit | QAbstractItemView
    )
    return inner and bool(name_of(parent))


@pytest.mark.parametrize("page", PAGES)
def test_every_widget_that_takes_focus_has_a_name(
    page: str,
    loaded_session: Session,
    make_run: MakeRun,
    wait_until: Callable[..., None],
    tmp_path: Path,
) -> None:
    assert loaded_session.dataset is not None
    loaded_session.select_run(make_run(loaded_session.store, loaded_session.dataset))
    window = MainWindow(loaded_session, Settings(tmp_path))
    ready: list[bool] = []
    window.pages_ready.connect(lambda: ready.append(True))
    window.resize(1280, 800)
    window.show()
    wait_until(lambda: ready, 30)
    try:
        window.show_page(page)
        for _ in range(20):
            QApplication.processEvents()
        silent = [
            f"{type(widget).__name__} {widget.objectName()} in {type(widget.parent()).__name__}"
            for widget in window.findChildren(QWidget)
            if widget.isVisible()
            and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
            and not isinstance(widget, QScrollArea)
            and not name_of(widget)
            and not is_part_of_named(widget)
        ]
        assert not silent
    finally:
        window.close_now()
        window.deleteLater()
