"""Widgets under test are destroyed by the test that made them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QWidget

Own = Callable[[QWidget], None]


@pytest.fixture
def own(app: QApplication) -> Iterator[Own]:
    """own(widget): closes and deletes the widget when the test ends."""
    owned: list[QWidget] = []
    yield owned.append
    for widget in reversed(owned):
        widget.close()
        widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
