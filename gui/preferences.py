"""What a person prefers: applied at once, remembered, and told to whoever shows it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from gui.settings import Settings
from gui.theme import ThemeName, apply_theme, tokens
from gui.trainings import Trainings


class Preferences(QObject):
    """The one way to change a preference.

    Args:
        settings: Where they are kept.
        trainings: Trains as they say.
        parent: Owner.
    """

    changed = Signal()

    def __init__(
        self, settings: Settings, trainings: Trainings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._trainings = trainings
        trainings.own_process = settings.own_process
        trainings.processes = settings.processes
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._on_colour_scheme_changed)

    @property
    def theme(self) -> ThemeName:
        return self._settings.theme

    def set_theme(self, name: ThemeName) -> None:
        self._settings.theme = name
        self._apply_look()

    @Slot()
    def toggle_dark(self) -> None:
        """Switches from what is seen now to the other."""
        self.set_theme("light" if tokens(QGuiApplication.palette()).is_dark else "dark")

    @property
    def text_size(self) -> int:
        """In per cent."""
        return self._settings.text_size

    def set_text_size(self, percent: int) -> None:
        self._settings.text_size = percent
        self._apply_look()

    @property
    def own_process(self) -> bool:
        """Whether a run is trained in a process of its own."""
        return self._trainings.own_process

    @Slot(bool)
    def set_own_process(self, on: bool) -> None:
        self._settings.own_process = self._trainings.own_process = on
        self._settings.save()
        self.changed.emit()

    @property
    def processes(self) -> int:
        """How many processes train a run together, where it has its own."""
        return self._trainings.processes

    @Slot(int)
    def set_processes(self, count: int) -> None:
        self._settings.processes = self._trainings.processes = count
        self._settings.save()
        self.changed.emit()

    def _apply_look(self) -> None:
        self._settings.save()
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        apply_theme(application, self.theme, self.text_size)
        self.changed.emit()

    @Slot()
    def _on_colour_scheme_changed(self) -> None:
        if self.theme == "system":
            self._apply_look()
