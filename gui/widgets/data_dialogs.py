"""Asking where data are, or shall be put; blocks nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from core.data.download import SOURCES, find_source
from gui.session import Session


class DataDialogs(QObject):
    """Opens data folders and downloads known data sets.

    Args:
        session: Where they are opened.
        parent: The widget the dialogs belong to, and the owner.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._widget = parent
        self._wanted = ""

    @Slot()
    def open(self) -> None:
        """Asks for a data folder and opens it."""
        ask_for_folder(self._widget, "Open a data folder (VOC layout)", self._on_folder)

    def fill(self, menu: QMenu) -> None:
        """Adds a command for each data set that can be downloaded."""
        for name, source in SOURCES.items():
            size_mb = sum(archive.size_bytes for archive in source.archives) / 1e6
            action = menu.addAction(f"Download {source.title} ({size_mb:,.0f} MB)…")
            action.setData(name)
            action.triggered.connect(partial(self.download, name))

    def download(self, name: str, _checked: bool = False) -> None:
        """Asks where a data set is put, downloads and opens it."""
        self._wanted = name
        title = f"Where {SOURCES[name].title} is put"
        ask_for_folder(self._widget, title, self._on_download_folder)

    @Slot(str)
    def _on_folder(self, path: str) -> None:
        self._session.open_data(Path(path))

    @Slot(str)
    def _on_download_folder(self, path: str) -> None:
        self._session.download_data(find_source(self._wanted), Path(path))


def ask_for_folder(
    parent: QWidget, title: str, chosen: Callable[[str], None], start: Path | None = None
) -> None:
    """Opens a dialog for a folder; `chosen` is called with its path."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    if start is not None:
        dialog.setDirectory(str(start))
    dialog.fileSelected.connect(chosen)
    dialog.open()
