"""What has been changed since the last run: a count that unfolds into the list."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolButton, QWidget

from core.config import ExperimentConfig
from core.ranking import Ranking
from gui.models.run_differences import Setting, Side, changed_ranking, changed_settings


class ChangesButton(QToolButton):
    """Says how many settings differ from those of the last run, and lists them.

    Args:
        passed_over: Keys that do not count.
        parent: Owner.
    """

    setting_chosen = Signal(str)  # key
    ranking_chosen = Signal()
    taking_back = Signal()  # the settings of the last run are wanted

    def __init__(self, passed_over: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._passed_over = passed_over
        self.settings: tuple[Setting, ...] = ()
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAutoRaise(True)
        self.hide()

    def refresh(self, last: Side | None, config: ExperimentConfig, ranking: Ranking) -> None:
        """Compares what is set now with the last run; None: there is none."""
        if last is None:
            self.settings = ()
            self.hide()
            return
        found = changed_settings(last.config, config)
        self.settings = tuple(each for each in found if each.key not in self._passed_over)
        is_ranked = config.objective.method == "ranked"
        classes = len(changed_ranking(last.ranking, ranking)) if is_ranked else 0
        count = len(self.settings) + bool(classes)
        self.setVisible(count > 0)
        self.setText(f"{count} change{'s' * (count != 1)} since the last run ▾")
        self.setAccessibleName(f"{count} changes since {last.name}")
        self.setToolTip(f"What differs from {last.name}")
        old, menu = self.menu(), QMenu(self)
        for each in self.settings:
            action = menu.addAction(f"{each.title}: {each.before} → {each.after}")
            action.triggered.connect(partial(self._on_setting, each.key))
        if classes:
            text = f"Ranking: {classes} class{'es' * (classes != 1)} ranked differently"
            menu.addAction(text).triggered.connect(self.ranking_chosen)
        if self.settings:
            menu.addSeparator()
            menu.addAction(f"Take the settings of {last.name}").triggered.connect(self.taking_back)
        self.setMenu(menu)
        if old is not None:
            old.deleteLater()

    @Slot()
    def _on_setting(self, key: str, _on: bool = False) -> None:
        self.setting_chosen.emit(key)
