"""What the window remembers from one start to the next.

What belongs to a workspace (the page, the data, the geometry) is in its window.ini; what belongs to
the person (theme, text size, how runs are trained, recent workspaces) in preferences.ini.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
from PySide6.QtCore import QByteArray, QSettings

from gui.theme import THEME_NAMES, ThemeName

MOST_RECENT = 8
TEXT_SIZES = (90, 100, 110, 125)  # per cent


def user_config() -> Path:
    """Returns the folder of a person's preferences: $AKIN_CONFIG or the user's config folder."""
    given = os.environ.get("AKIN_CONFIG")
    return Path(given) if given else platformdirs.user_config_path("akin", appauthor=False)


class Settings:
    """Typed access to window.ini and preferences.ini; damaged or missing values are defaults.

    Args:
        workspace: The folder of window.ini.
        user: The folder of preferences.ini; None: the workspace, whose preferences are then its
            own.
    """

    def __init__(self, workspace: Path, user: Path | None = None) -> None:
        ini = QSettings.Format.IniFormat
        self._store = QSettings(str(workspace / "window.ini"), ini)
        self._user = QSettings(str((user or workspace) / "preferences.ini"), ini)

    # ----- the person's -----

    @property
    def theme(self) -> ThemeName:
        name = _text(self._user, "theme")
        return next((known for known in THEME_NAMES if known == name), "system")

    @theme.setter
    def theme(self, name: ThemeName) -> None:
        self._user.setValue("theme", name)

    @property
    def text_size(self) -> int:
        """Size of text in per cent; one of TEXT_SIZES."""
        text = _text(self._user, "text_size")
        return next((size for size in TEXT_SIZES if str(size) == text), 100)

    @text_size.setter
    def text_size(self, percent: int) -> None:
        self._user.setValue("text_size", str(percent))

    @property
    def own_process(self) -> bool:
        """Whether a run is trained in a process of its own."""
        return _text(self._user, "own_process") == "yes"

    @own_process.setter
    def own_process(self, on: bool) -> None:
        self._user.setValue("own_process", "yes" if on else "no")

    @property
    def processes(self) -> int:
        """How many processes train a run together; at least one."""
        text = _text(self._user, "processes")
        return max(int(text), 1) if text.isdecimal() else 1

    @processes.setter
    def processes(self, count: int) -> None:
        self._user.setValue("processes", str(count))

    @property
    def tour_done(self) -> bool:
        """Whether the tour of the demo was dismissed."""
        return _text(self._user, "tour_done") == "yes"

    @tour_done.setter
    def tour_done(self, done: bool) -> None:
        self._user.setValue("tour_done", "yes" if done else "no")

    @property
    def recent_workspaces(self) -> list[Path]:
        """Workspaces opened before that still exist, latest first."""
        return _folders(self._user, "recent_workspaces")

    def remember_workspace(self, folder: Path) -> None:
        """Puts a workspace at the head of the recent ones."""
        _put_first(self._user, "recent_workspaces", folder.absolute())

    # ----- the workspace's -----

    @property
    def page(self) -> str:
        return _text(self._store, "page")

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
        text = _text(self._store, "data_folder")
        return Path(text) if text and Path(text).is_dir() else None

    @data_folder.setter
    def data_folder(self, folder: Path | None) -> None:
        self._store.setValue("data_folder", str(folder) if folder else "")

    @property
    def recent_folders(self) -> list[Path]:
        """Data folders opened before that still exist, latest first."""
        return _folders(self._store, "recent_folders")

    def remember_folder(self, folder: Path) -> None:
        """Puts a folder at the head of the recent ones."""
        _put_first(self._store, "recent_folders", folder)

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
        self._user.sync()


def _text(store: QSettings, key: str) -> str:
    value = store.value(key, "")
    return value if isinstance(value, str) else ""


def _folders(store: QSettings, key: str) -> list[Path]:
    value = store.value(key)
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [Path(text) for text in texts if isinstance(text, str) and Path(text).is_dir()]


def _put_first(store: QSettings, key: str, folder: Path) -> None:
    others = [other for other in _folders(store, key) if other != folder]
    store.setValue(key, [str(path) for path in [folder, *others]][:MOST_RECENT])
