"""What the window remembers from one start to the next, in the workspace's window.ini."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

from gui.theme import THEME_NAMES, ThemeName

MOST_RECENT = 8


class Settings:
    """Typed access to the workspace's window.ini; damaged or missing values are defaults.

    Args:
        workspace: The folder of window.ini.
    """

    def __init__(self, workspace: Path) -> None:
        self._store = QSettings(str(workspace / "window.ini"), QSettings.Format.IniFormat)

    @property
    def theme(self) -> ThemeName:
        name = self._text("theme")
        return next((known for known in THEME_NAMES if known == name), "system")

    @theme.setter
    def theme(self, name: ThemeName) -> None:
        self._store.setValue("theme", name)

    @property
    def page(self) -> str:
        return self._text("page")

    @page.setter
    def page(self, name: str) -> None:
        self._store.setValue("page", name)

    @property
    def geometry(self) -> QByteArray:
        value = self._store.value("geometry")
        return value if isinstance(value, QByteArray) else QByteArray()

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._store.setValue("geometry", value)

    @property
    def data_folder(self) -> Path | None:
        """The folder that was open last; None for the demo, or where it is gone."""
        text = self._text("data_folder")
        return Path(text) if text and Path(text).is_dir() else None

    @data_folder.setter
    def data_folder(self, folder: Path | None) -> None:
        self._store.setValue("data_folder", str(folder) if folder else "")

    @property
    def recent_folders(self) -> list[Path]:
        """Data folders opened before that still exist, latest first."""
        value = self._store.value("recent_folders")
        texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return [Path(text) for text in texts if isinstance(text, str) and Path(text).is_dir()]

    def remember_folder(self, folder: Path) -> None:
        """Puts a folder at the head of the recent ones."""
        others = [other for other in self.recent_folders if other != folder]
        texts = [str(path) for path in [folder, *others]][:MOST_RECENT]
        self._store.setValue("recent_folders", texts)

    @property
    def own_process(self) -> bool:
        """Whether a run is trained in a process of its own."""
        return self._text("own_process") == "yes"

    @own_process.setter
    def own_process(self, on: bool) -> None:
        self._store.setValue("own_process", "yes" if on else "no")

    @property
    def processes(self) -> int:
        """How many processes train a run together; at least one."""
        text = self._text("processes")
        return max(int(text), 1) if text.isdecimal() else 1

    @processes.setter
    def processes(self, count: int) -> None:
        self._store.setValue("processes", str(count))

    @property
    def training_panels(self) -> list[str] | None:
        """The small panels under the loss; None: nobody has chosen yet."""
        value = self._store.value("training_panels")
        return value.split(" + ") if isinstance(value, str) else None

    @training_panels.setter
    def training_panels(self, names: list[str]) -> None:
        self._store.setValue("training_panels", " + ".join(names) or "none")

    def save(self) -> None:
        """Writes to disk now."""
        self._store.sync()

    def _text(self, key: str) -> str:
        value = self._store.value(key, "")
        return value if isinstance(value, str) else ""
