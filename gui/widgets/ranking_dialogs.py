"""Asks for ranking files; blocks nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from gui.session import Session


class RankingFiles(QObject):
    """Open, save and save as, for the menus and the ranking page.

    Args:
        session: Whose ranking.
        window: The widget the dialogs belong to, and the owner.
    """

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._window = window

    @Slot()
    def open(self) -> None:
        """Asks for a ranking file and opens it."""
        dialog = self._dialog("Open a ranking", self._folder())
        dialog.fileSelected.connect(self._on_open)
        dialog.open()

    @Slot()
    def save(self) -> None:
        """Saves where it came from; asks where it came from nowhere."""
        if self._session.ranking_path is None:
            self.save_as()
        else:
            self._session.save_ranking(self._session.ranking_path)

    @Slot()
    def save_as(self) -> None:
        """Asks for a name and saves."""
        path = self._session.ranking_path
        start = path or self._folder() / f"{self._session.ranking.name}.yaml"
        dialog = self._dialog("Save the ranking", start)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("yaml")
        dialog.fileSelected.connect(self._on_save)
        dialog.open()

    def _folder(self) -> Path:
        return self._session.workspace / "rankings"

    def _dialog(self, title: str, start: Path) -> QFileDialog:
        self._folder().mkdir(parents=True, exist_ok=True)
        dialog = QFileDialog(self._window, title, str(start), "Rankings (*.yaml *.yml)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog

    @Slot(str)
    def _on_open(self, path: str) -> None:
        self._session.open_ranking(Path(path))

    @Slot(str)
    def _on_save(self, path: str) -> None:
        ranking, name = self._session.ranking, Path(path).stem
        self._session.edit(replace(ranking, name=name), f"name it {name}")
        self._session.save_ranking(Path(path))
