"""The only mutable state of the application: data, ranking, configuration and runs.

Pages know the session and nothing of each other. Every change of the ranking goes through
`Session.edit` and so through the undo stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QDeadlineTimer, QObject, Signal, Slot

from core.config import ExperimentConfig
from core.config_files import load_recipe, recipe_names
from core.data.index import DatasetIndex
from core.errors import AkinError
from core.events import Outcome
from core.journal import JournalState
from core.ranking import Ranking
from core.ranking_library import RankingLibrary
from core.run_claim import require_free
from core.runs import Run, RunStore
from core.training.extension import has_checkpoint, replanned, smaller_batch
from gui.data_loading import DataLoading, DownloadStopped
from gui.messages import Level, Message
from gui.ranking_board import RankingBoard
from gui.run_queue import WaitingRun
from gui.trainings import Trainings

if TYPE_CHECKING:
    from core.data.download import Source

JUDGING_PAGES = ("results", "detections")  # they show the run being judged
LEVELS: dict[str, Level] = {"done": "success", "failed": "error", "interrupted": "warning"}


@dataclass(frozen=True)
class ObjectSelection:
    """What is selected anywhere in the window: objects of the data set, and why.

    Attributes:
        object_indices: Indices into the DatasetIndex.
        text: Such as "true cat, predicted dog (14)".
    """

    object_indices: tuple[int, ...]
    text: str


class Session(QObject):
    """The state that the pages share.

    Args:
        workspace: Folder for runs, rankings and the demo; created as needed.
        parent: Owner.
    """

    dataset_changed = Signal(object)  # DatasetIndex
    dataset_loading = Signal(str, int, int)  # what, done, total; "" when it is over
    ranking_changed = Signal(object)  # Ranking
    ranking_saved = Signal()
    rankings_changed = Signal()  # the workspace's
    config_changed = Signal(object)  # ExperimentConfig
    class_selected = Signal(str)
    runs_changed = Signal()
    run_changed = Signal(object)  # Run | None: the run being judged
    comparison_requested = Signal(object)  # Run: to be seen against the run being judged
    training_started = Signal(object)  # Run
    training_stopping = Signal(str)  # "stop" | "cancel"
    training_paused = Signal(bool)  # it waits, or goes on
    events_received = Signal(object)  # list[Event]
    training_finished = Signal(object)  # Outcome
    selection_changed = Signal(object)  # ObjectSelection | None
    page_requested = Signal(str)  # "data", "ranking", "training", "results", "detections"
    message_posted = Signal(object)  # Message

    def __init__(self, workspace: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.store = RunStore(workspace / "runs")
        self.board = RankingBoard(RankingLibrary(workspace), self)
        self.board.changed.connect(self.ranking_changed)
        self.board.saved.connect(self.ranking_saved)
        self.board.listed.connect(self.rankings_changed)
        self.board.posted.connect(self.message_posted)
        self.undo_stack = self.board.undo_stack
        self.dataset: DatasetIndex | None = None
        self.config = _first_config()
        self.run: Run | None = None
        self.page = ""  # the one that is seen, as in page_requested
        self.selected_class = ""
        self.selection: ObjectSelection | None = None
        self.trainings = Trainings(self.store, workspace, self)
        self.trainings.started.connect(self._on_training_started)
        self.trainings.stopping.connect(self.training_stopping)
        self.trainings.paused_changed.connect(self.training_paused)
        self.trainings.events_received.connect(self.events_received)
        self.trainings.ended.connect(self._on_training_ended)
        self.trainings.failed.connect(self._on_training_refused)
        self.loading = DataLoading(workspace, self)
        self.loading.progressed.connect(self.dataset_loading)
        self.loading.loaded.connect(self._on_loaded)
        self.loading.failed.connect(self._on_load_failed)

    # ----- messages -----

    def post(self, message: Message) -> None:
        self.message_posted.emit(message)

    def post_error(self, error: AkinError) -> None:
        self.post(Message.of_error(error))

    # ----- data -----

    @property
    def is_demo(self) -> bool:
        """Whether the built-in demo is open."""
        return self.dataset is not None and self.workspace in self.dataset.folder.parents

    def open_demo(self) -> None:
        """Opens the built-in demo, generating it the first time."""
        self.loading.open_demo()

    def open_data(self, folder: Path) -> None:
        """Opens a data folder in the background; on failure the present one stays."""
        self.loading.open_folder(folder)

    def download_data(self, source: Source, folder: Path) -> None:
        """Downloads a known data set into a folder and opens it."""
        self.loading.download(source, folder)

    @Slot(object)
    def _on_loaded(self, index: DatasetIndex) -> None:
        self.dataset = index
        self.set_config_values({"data.folder": str(index.folder)})
        if self.selected_class not in index.classes:
            self.selected_class = index.classes[0]
        self.select_objects(None)
        self.dataset_changed.emit(index)
        self.class_selected.emit(self.selected_class)
        if index.problems:
            count = len(index.problems)
            self.post(
                Message(
                    "warning",
                    f"{count} problem{'s' if count > 1 else ''} found in {index.name}; "
                    "what could not be read was skipped.",
                    "The Data page lists them.",
                    topic="data",
                )
            )

    @Slot(object)
    def _on_load_failed(self, error: AkinError) -> None:
        stopped = isinstance(error, DownloadStopped)
        level: Level = "info" if stopped else "error"
        self.post(Message(level, error.message, error.hint, topic="data"))

    # ----- ranking -----

    @property
    def ranking(self) -> Ranking:
        """The ranking on the board."""
        return self.board.ranking

    @property
    def ranking_path(self) -> Path | None:
        """The file of the ranking on the board."""
        return self.board.path

    def edit(self, ranking: Ranking, text: str, gesture: str = "") -> None:
        """Changes the ranking; the only way to.

        Args:
            ranking: The new one; the same as before is no edit.
            text: The undo step's name, such as "move boat to rank 3".
            gesture: Steps of the same gesture, one after another, become one step.
        """
        self.board.edit(ranking, text, gesture)

    def open_ranking(self, source: str | Path) -> None:
        """Opens a ranking file or preset as an undoable step; on failure nothing changes.

        What was not saved of the present one is kept in the workspace.
        """
        self.board.open(source)

    def take_ranking(self, ranking: Ranking, text: str) -> None:
        """Puts another ranking on the board, such as a run's, as `open_ranking` does a file's."""
        self.board.take(ranking, text=text)

    def save_ranking(self, path: Path) -> bool:
        """Saves the ranking as YAML; says so, or why not."""
        return self.board.save(path)

    def restore(self, state: JournalState) -> None:
        """Takes up the ranking, its history and the settings that a journal holds."""
        self.board.restore(state)
        if state.config is not None:
            self.set_config(state.config)

    def select_class(self, name: str) -> None:
        if name != self.selected_class:
            self.selected_class = name
            self.class_selected.emit(name)

    # ----- configuration -----

    def set_config(self, config: ExperimentConfig) -> None:
        if config != self.config:
            self.config = config
            self.config_changed.emit(config)

    def set_config_values(self, values: Mapping[str, Any]) -> None:
        """Sets dotted keys.

        Raises:
            ConfigError: If a value is impossible; nothing changes.
        """
        self.set_config(self.config.with_values(values))

    def use_recipe(self, name: str) -> None:
        """Takes a recipe's settings, keeping the opened data."""
        try:
            recipe = load_recipe(name)
        except AkinError as error:
            self.post_error(error)
            return
        folder = self.config.data.folder
        self.set_config(recipe.with_values({"data.folder": folder} if folder else {}))

    # ----- runs -----

    @property
    def is_training(self) -> bool:
        return self.trainings.run is not None

    @property
    def training_run(self) -> Run | None:
        """The run being trained."""
        return self.trainings.run

    def select_run(self, run: Run | None) -> None:
        if run != self.run:
            self.run = run
            self.select_objects(None)
            self.run_changed.emit(run)

    def start_training(self) -> None:
        """Trains with the configuration and the ranking as they are; queued while a run trains."""
        if self.dataset is None:
            hint = "Open a VOC folder or the demo."
            self.post(Message("error", "There is no data yet.", hint, topic="data"))
            return
        try:
            if self.config.objective.method == "ranked":
                self.ranking.require_valid(self.dataset.classes)
        except AkinError as error:
            self._on_training_refused(error)
            return
        waiting = WaitingRun(self.config, self.ranking)
        if self.is_training:
            self.trainings.queue.add(waiting)
        else:
            self.trainings.begin(waiting)

    def resume_training(self, run: Run) -> None:
        """Continues a stopped or interrupted run from its last checkpoint."""
        if not self.is_training:
            self.trainings.start(run, resume=True)

    def judge_run(self, run: Run) -> None:
        """Judges a run's last checkpoint on the test split, in the background."""
        if not self.is_training:
            self.trainings.start(run, judge_only=True)

    def train_again(self, run: Run, *, more: int = 0, batch_size: int = 0) -> None:
        """Trains a run for more epochs, or with batches of another size.

        Without a checkpoint to go on from, a run like it is trained anew with these.
        """
        if self.is_training:
            return
        try:
            require_free(run.path, run.title)
            if batch_size and has_checkpoint(run):
                self.trainings.start(replanned(run, batch_size=batch_size), resume=True)
            elif batch_size:
                config = run.config.with_values({"training.batch_size": batch_size})
                self.trainings.begin(WaitingRun(config, run.ranking))
            else:
                self.trainings.start(replanned(run, more=more), resume=True)
        except AkinError as error:
            self._on_training_refused(error)

    def train_with_half_batch(self, run: Run) -> None:
        """Goes on with a run that ran out of memory, in batches half as large."""
        smaller = smaller_batch(run)
        if smaller is not None:
            self.train_again(run, batch_size=smaller)

    def stop_training(self) -> None:
        """Stop and keep."""
        self.trainings.stop()

    def cancel_training(self) -> None:
        """Cancel and discard."""
        self.trainings.cancel()

    def set_training_paused(self, paused: bool) -> None:
        self.trainings.set_paused(paused)

    @Slot(object)
    def _on_training_refused(self, error: AkinError) -> None:
        self.post(Message.of_error(error, "training"))

    @Slot(object)
    def _on_training_started(self, run: Run) -> None:
        self.runs_changed.emit()
        self.training_started.emit(run)

    @Slot(object, object)
    def _on_training_ended(self, run: Run, outcome: Outcome) -> None:
        self.runs_changed.emit()
        is_read = self.run is not None and self.page in JUDGING_PAGES
        if outcome.status != "cancelled":
            if run == self.run:
                self.run = run  # its configuration may have been extended
                self.run_changed.emit(run)
            elif not is_read:
                self.select_run(run)
        self.training_finished.emit(outcome)
        level = LEVELS.get(outcome.status, "info")
        message = Message(level, outcome.message, outcome.hint, outcome.traceback, topic="training")
        link = half_batch_text(run, outcome)
        if link:
            message = replace(message, link=link, act=partial(self.train_with_half_batch, run))
        elif outcome.status != "cancelled" and run != self.run:
            message = replace(message, link=f"Show {run.title}", act=partial(self._show_run, run))
        self.post(message)

    def _show_run(self, run: Run) -> None:
        self.select_run(run)
        if self.page not in JUDGING_PAGES:
            self.page_requested.emit("results")

    # ----- selection -----

    def select_objects(self, selection: ObjectSelection | None) -> None:
        """Selects objects everywhere in the window; None clears."""
        if selection != self.selection:
            self.selection = selection
            self.selection_changed.emit(selection)

    def close(self, timeout_s: float | None = None) -> bool:
        """Stops and waits for everything that runs; call once, before the window goes.

        Args:
            timeout_s: Wait no longer; None: as long as it takes.

        Returns:
            Whether everything has stopped.
        """
        self.undo_stack.blockSignals(True)  # its destructor would call into widgets that are gone
        deadline = (
            QDeadlineTimer(QDeadlineTimer.ForeverConstant.Forever)
            if timeout_s is None
            else QDeadlineTimer(round(timeout_s * 1000))
        )
        if not self.trainings.survives_window:
            self.trainings.stop()
        return self.loading.close(deadline) and self.trainings.close(deadline)


def half_batch_text(run: Run, outcome: Outcome) -> str:
    """Returns what train_with_half_batch would do with a run; "" where it would not help."""
    if outcome.cause != "memory" or smaller_batch(run) is None:
        return ""
    then = "resume" if has_checkpoint(run) else "train anew"
    return f"Halve the batch and {then}"


def _first_config() -> ExperimentConfig:
    return load_recipe("demo") if "demo" in recipe_names() else ExperimentConfig()
