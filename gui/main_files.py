"""Opens what a person chooses, drops or names: data, rankings, runs, workspaces."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from core.errors import AkinError
from core.runs import open_run
from gui.session import Session
from gui.widgets.data_dialogs import ask_for_folder
from gui.widgets.ranking_dialogs import RankingFiles
from gui.workspaces import is_workspace, require_workspace


class Opener(RankingFiles):
    """Asks where things are and opens them; blocks nothing.

    Args:
        session: Where they are opened.
        window: The widget the dialogs belong to, and the owner.
    """

    workspace_requested = Signal(object)  # Path of a folder that may be one

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(session, window)

    @Slot(str)
    def open_path(self, path: str) -> None:
        """Opens whatever it is: a run, a workspace, a data folder or a ranking file."""
        chosen = Path(path)
        if (chosen / "config.yaml").is_file():
            try:
                self._session.select_run(open_run(chosen))
            except AkinError as error:
                self._session.post_error(error)
            else:
                self._session.page_requested.emit("results")
        elif chosen.is_dir() and is_workspace(chosen):
            self.open_workspace(chosen)
        elif chosen.is_dir():
            self._session.open_data(chosen)
        else:
            self._session.open_ranking(chosen)
            self._session.page_requested.emit("ranking")

    @Slot()
    def choose_data(self) -> None:
        """Asks for a data folder and opens it."""
        ask_for_folder(self._window, "Open a data folder (VOC layout)", self.open_path)

    @Slot()
    def choose_workspace(self) -> None:
        """Asks for a workspace, or an empty folder, and opens it."""
        start = self._session.workspace.absolute().parent
        ask_for_folder(self._window, "Open a workspace", self._on_workspace, start)

    @Slot()
    def make_workspace(self) -> None:
        """Asks for the name of a new folder and opens it as a workspace."""
        dialog = QFileDialog(self._window, "Name the new workspace")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setDirectory(str(self._session.workspace.absolute().parent))
        dialog.setLabelText(QFileDialog.DialogLabel.Accept, "Make")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_workspace)
        dialog.open()

    def open_workspace(self, folder: Path) -> None:
        """Asks for the window to be opened on another workspace, if the folder may be one."""
        if folder.absolute() == self._session.workspace.absolute():
            return
        try:
            require_workspace(folder)
        except AkinError as error:
            self._session.post_error(error)
        else:
            self.workspace_requested.emit(folder.absolute())

    @Slot(str)
    def _on_workspace(self, path: str) -> None:
        self.open_workspace(Path(path))


def dropped_path(event: QDropEvent) -> Path | None:
    """Returns the folder or the YAML file that is dragged, if it is one of them."""
    urls = event.mimeData().urls() if event.mimeData() else []
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    return path if path.is_dir() or path.suffix.lower() in {".yaml", ".yml"} else None
