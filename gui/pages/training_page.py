"""Training: the form, the button, the curves, the earlier runs and the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QEvent, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from core.config import ExperimentConfig
from core.config_files import load_recipe, recipe_names
from core.config_text import reason_alone
from core.data.index import DatasetIndex
from core.errors import AkinError, ConfigError
from core.events import Event, Outcome
from core.ranking_repairs import UNRANKED, ranks_nothing
from core.runs import Run
from gui.messages import Message
from gui.models.rank_temperatures import rank_temperatures
from gui.models.run_curves import RunCurves
from gui.models.run_differences import Side
from gui.models.run_report import failure_report
from gui.pages.export_messages import ExportMessages
from gui.pages.training_changes import ChangesButton
from gui.pages.training_controls import TrainingControls
from gui.pages.training_curves import TrainingCurves
from gui.pages.training_detectors import DetectorPanel
from gui.pages.training_log import LogPane, log_text
from gui.pages.training_overlays import TrainingOverlays
from gui.pages.training_queue import QueuePanel
from gui.pages.training_run_actions import RunActions
from gui.pages.training_runs import RunList
from gui.session import Session, half_batch_text
from gui.settings import Settings
from gui.theme import SPACING, set_role, with_text
from gui.widgets.config_form import RESET_WIDTH_PX, TITLE_WIDTH_PX, ConfigForm
from gui.widgets.elided_combo_box import ElidedComboBox

FIRST_KEYS = (
    "objective.method",
    "ranking.depth",
    "encoder.name",
    "training.epochs",
    "device",
    "data.withheld",
)
HIDDEN_KEYS = ("data.folder", "ranking.source")
SPLIT_KEYS = ("data.train_split", "data.validation_split", "data.test_split")
FORM_WIDTH_PX = 288
MIDDLE_WIDTH_PX = 560
RUNS_WIDTH_PX = 272
MOST_RUNS_WIDTH_PX = 320
LEAST_FORM_WIDTH_PX = 280
LEAST_RUNS_WIDTH_PX = 192


class TrainingPage(QWidget):
    """The page; it knows the session only.

    Args:
        session: Shared state.
        parent: Owner.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._curves = RunCurves()
        self._shown: Run | None = None
        self._outcome: Outcome | None = None
        self._recipe = "demo" if "demo" in recipe_names() else ""
        self.form = ConfigForm(FIRST_KEYS, HIDDEN_KEYS)
        self.changes = ChangesButton(HIDDEN_KEYS)
        self._last: Run | None = None
        self.recipes = ElidedComboBox()
        self.controls = TrainingControls()
        self._settings = Settings(session.workspace)
        self.plots = TrainingCurves(self._settings.training_panels)
        self.runs = RunList()
        self.overlays = TrainingOverlays(session, self.runs, self.plots, self)
        self.run_actions = RunActions(session, self.runs, self)
        self.detectors = DetectorPanel(session, self.plots)
        self.queue = QueuePanel(session.trainings)
        self.log = LogPane()
        self._fill_recipes()
        self._lay_out()
        self._connect()
        self.form.set_baseline(self._baseline())
        self._on_config_changed(session.config)
        if session.dataset is not None:
            self._on_dataset_changed(session.dataset)
        self._show_blocked()
        if session.training_run is not None:
            self._show_started(session.training_run, session.training_run.events())

    def _fill_recipes(self) -> None:
        self.recipes.addItems(list(recipe_names()))
        self.recipes.setCurrentText(self._recipe)
        adjust = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.recipes.setSizeAdjustPolicy(adjust)  # as its fellows in the form
        self.recipes.setMinimumContentsLength(6)
        self.recipes.setAccessibleName("Recipe")
        self.recipes.setToolTip("Settings that belong together; your data stay as they are.")

    def _lay_out(self) -> None:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, SPACING, 0)
        column.setSpacing(SPACING)
        title = QLabel("Training")
        set_role(title, "title")
        column.addWidget(title)
        line = QHBoxLayout()
        line.setSpacing(SPACING // 2)
        self._recipe_name, self._under_resets = QLabel("Recipe"), QWidget()
        line.addWidget(self._recipe_name)
        line.addWidget(self.recipes, 1)
        line.addWidget(self._under_resets)
        column.addLayout(line)
        column.addWidget(self.changes)
        column.addWidget(self.form, 1)
        scroll = self._scroll = QScrollArea()
        scroll.setWidget(left)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setAccessibleName("Settings of the experiment")
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(2 * SPACING, 0, 2 * SPACING, 0)
        column.setSpacing(2 * SPACING)
        column.addWidget(self.controls)
        column.addWidget(self.detectors.views, 1)
        splitter = self._splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setChildrenCollapsible(False)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.runs, 1)
        column.addWidget(self.detectors)
        column.addWidget(self.queue)
        for part in (scroll, middle, right):
            splitter.addWidget(part)
        splitter.setStretchFactor(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * SPACING, 2 * SPACING, 3 * SPACING, SPACING)
        layout.setSpacing(SPACING)
        layout.addWidget(splitter, 1)
        layout.addWidget(self.log)
        self._fit_text()

    def _fit_text(self) -> None:
        """Gives the columns the widths that their text needs."""
        font = self.font()
        self._recipe_name.setFixedWidth(with_text(TITLE_WIDTH_PX, font))
        self._under_resets.setFixedWidth(with_text(RESET_WIDTH_PX, font))
        self._scroll.setMinimumWidth(with_text(LEAST_FORM_WIDTH_PX, font))
        self.runs.setMinimumWidth(with_text(LEAST_RUNS_WIDTH_PX, font))
        runs = min(with_text(RUNS_WIDTH_PX, font), MOST_RUNS_WIDTH_PX)
        self._splitter.setSizes([with_text(FORM_WIDTH_PX, font), MIDDLE_WIDTH_PX, runs])

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_splitter"):
            self._fit_text()

    def _connect(self) -> None:
        session = self._session
        self.recipes.textActivated.connect(self._on_recipe)
        self.form.edited.connect(self._on_edited)
        self.controls.train_clicked.connect(self._on_train_clicked)
        self.controls.pause_toggled.connect(session.set_training_paused)
        self.controls.stop_clicked.connect(session.stop_training)
        self.controls.cancel_confirmed.connect(session.cancel_training)
        self.controls.smaller_requested.connect(self._on_smaller)
        ExportMessages(self, session)
        self.plots.panels_changed.connect(self._on_panels)
        self.log.failed.connect(session.post_error)
        self.log.report_wanted.connect(self._on_report)
        self.run_actions.listed.connect(self._on_listed)
        self.changes.setting_chosen.connect(self._on_setting_chosen)
        self.changes.ranking_chosen.connect(self._on_ranking_wanted)
        self.changes.taking_back.connect(self._on_taking_back)
        session.ranking_changed.connect(self._show_changes)
        session.config_changed.connect(self._on_config_changed)
        session.dataset_changed.connect(self._on_dataset_changed)
        session.runs_changed.connect(self._on_runs_changed)
        session.training_started.connect(self._on_started)
        session.training_stopping.connect(self.controls.stopping)
        session.events_received.connect(self._on_events)
        session.training_finished.connect(self._on_finished)

    def plotted_points(self) -> dict[str, int]:
        """Returns how many points each curve of the run at hand has been given."""
        return self.plots.plotted_points()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being read in the background."""
        return self.run_actions.is_idle and self.overlays.is_idle and self.detectors.is_idle

    # ----- the form -----

    def _baseline(self) -> ExperimentConfig:
        config = load_recipe(self._recipe) if self._recipe else ExperimentConfig()
        return config.with_values({"data.folder": self._session.config.data.folder})

    @Slot(str)
    def _on_recipe(self, name: str) -> None:
        self._recipe = name
        for key in self.form.problems():
            self.form.set_problem(key, "")
        self._session.use_recipe(name)
        self.form.set_baseline(self._baseline())
        self.form.set_config(self._session.config)
        self._show_blocked()

    @Slot(str, object)
    def _on_edited(self, key: str, value: Any) -> None:
        try:
            self._session.set_config_values({key: value})
        except ConfigError as error:
            at = key if error.key not in self.form.problems() else error.key
            self.form.set_problem(at, reason_alone(error))
        else:
            self.form.set_problem(key, "")
            self.form.set_config(self._session.config)
        self._show_blocked()

    @Slot(object)
    def _on_config_changed(self, config: ExperimentConfig) -> None:
        self.form.set_config(config)
        self._show_blocked()
        self._show_changes()

    @Slot()
    def _on_listed(self) -> None:
        whole = (row for row in self.runs.model.summaries if row.status != "damaged")
        newest = next(whole, None)
        self._last = newest.run if newest is not None else None
        self._show_changes()

    @Slot()
    def _show_changes(self) -> None:
        """Marks what differs from the last run."""
        run, session = self._last, self._session
        last = None if run is None else Side(run.title, run.config, run.ranking)
        self.changes.refresh(last, session.config, session.ranking)
        self.form.set_last({each.key: each.before for each in self.changes.settings})
        self._show_unranked()

    def _show_unranked(self) -> None:
        session, config = self._session, self._session.config
        ranked = config.objective.method == "ranked" and config.ranking.depth > 1
        classes = session.dataset.classes if session.dataset is not None else ()
        known = [name for name in classes if name not in config.data.withheld]
        empty = ranked and bool(known) and ranks_nothing(session.ranking, known)
        self.controls.set_notice(UNRANKED if empty else "")

    @Slot(str)
    def _on_setting_chosen(self, key: str) -> None:
        self.form.show_row(key)
        QTimer.singleShot(0, self, self._show_focused)  # once the unfolded form has its places

    @Slot()
    def _show_focused(self) -> None:
        widget = self.focusWidget()
        if widget is not None and self._scroll.isAncestorOf(widget):
            self._scroll.ensureWidgetVisible(widget)

    @Slot()
    def _on_taking_back(self) -> None:
        if self._last is not None:
            self.run_actions.do("settings", (self._last,))

    @Slot()
    def _on_ranking_wanted(self) -> None:
        self._session.page_requested.emit("ranking")

    @Slot(object)
    def _on_dataset_changed(self, index: DatasetIndex) -> None:
        self.form.set_choices("data.withheld", index.classes)
        for key in SPLIT_KEYS:
            self.form.set_choices(key, tuple(index.splits))
        self._show_blocked()
        self._show_unranked()

    def _show_blocked(self) -> None:
        problems = self.form.problems()
        if problems:
            self.controls.set_blocked("Correct the settings marked at the left.")
        elif self._session.dataset is None:
            self.controls.set_blocked("Open a data set first (page Data).")
        else:
            self.controls.set_blocked("")

    # ----- training -----

    @Slot()
    def _on_train_clicked(self) -> None:
        focused = self.focusWidget()
        if focused is not None:
            focused.clearFocus()  # what is being typed counts
        if not self.form.problems():
            self._session.start_training()

    @Slot(object)
    def _on_started(self, run: Run) -> None:
        self._show_started(run, self._session.trainings.earlier_events(run))

    def _show_started(self, run: Run, earlier: Iterable[Event]) -> None:
        self._shown, self._outcome = run, None
        self._curves = RunCurves()
        self._curves.extend(earlier)
        self.log.clear()
        self.controls.started()
        try:
            temperatures = rank_temperatures(run.config, run.ranking)
        except AkinError:
            temperatures = ()  # a damaged run is told of elsewhere
        self.plots.show_run(self._curves, run.title, temperatures)

    @Slot(object)
    def _on_events(self, events: list[Event]) -> None:
        for event in events:
            self._curves.append(event)
            self.controls.take(event)
            text = log_text(event)
            if text:
                self.log.append(text, event.time_s)
        self.plots.redraw()

    @Slot(object)
    def _on_finished(self, outcome: Outcome) -> None:
        again = half_batch_text(self._shown, outcome) if self._shown is not None else ""
        self.controls.finished(outcome, again)
        self._outcome = outcome
        self.log.set_failed(outcome.status == "failed")
        if outcome.status == "cancelled":
            self._shown = None
            self.plots.show_run(None, "")
        self._show_blocked()

    @Slot()
    def _on_runs_changed(self) -> None:
        """Forgets the run that is drawn where it has gone, such as to the trash."""
        if self._shown is None or self._outcome is None or self._shown.path.is_dir():
            return
        self._shown = self._outcome = None
        self.plots.show_run(None, "")
        self.log.clear()
        self.controls.forget()
        self._show_blocked()

    # ----- earlier runs -----

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.overlays.watch()
        QTimer.singleShot(0, self.run_actions.reload)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.overlays.rest()
        self.run_actions.shut_down()

    @Slot()
    def _on_smaller(self) -> None:
        if self._shown is not None:
            self._session.train_with_half_batch(self._shown)

    @Slot()
    def _on_report(self) -> None:
        if self._outcome is not None:
            text = failure_report(self._shown, self._outcome, self.log.text())
            QGuiApplication.clipboard().setText(text)
            self._session.post(Message("success", "The report is on the clipboard."))

    @Slot(list)
    def _on_panels(self, names: list[str]) -> None:
        self._settings.training_panels = names
