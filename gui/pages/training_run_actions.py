"""What the list of runs asks for, done through the session, the runs' folders and the trash."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QWidget

from core.errors import AkinError
from core.run_notes import RunNotes, write_notes
from core.run_trash import TrashedRun, restore_run, trash_run
from core.runs import Run
from gui.messages import Message
from gui.models.run_differences import Side
from gui.models.runs_model import RunSummary
from gui.models.summary_reader import SummaryReader
from gui.pages.training_differences import DifferencesWindow
from gui.pages.training_notes import NotesWindow
from gui.pages.training_runs import RunList
from gui.pages.training_trash import TrashWindow
from gui.session import Session
from gui.tasks import LatestTask

NOW = "now"


class RunActions(QObject):
    """Keeps the list up to date and does what it asks for.

    Args:
        session: Shared state.
        runs: The list.
        page: That the windows belong to; the owner.
    """

    listed = Signal()

    def __init__(self, session: Session, runs: RunList, page: QWidget) -> None:
        super().__init__(page)
        self._session = session
        self._runs = runs
        self._page = page
        self._reader = SummaryReader()
        self._reading = LatestTask(self)
        self._reading.succeeded.connect(self._on_listed)
        self._reading.failed.connect(session.post_error)
        self.trash: TrashWindow | None = None
        self.notes: NotesWindow | None = None
        self.differences: DifferencesWindow | None = None
        runs.asked.connect(self.do)
        runs.renamed.connect(self.rename)
        runs.look_wanted.connect(self._on_look)
        runs.trash_opened.connect(self.open_trash)
        session.runs_changed.connect(self.reload)
        session.training_paused.connect(self.reload)

    @property
    def is_idle(self) -> bool:
        return self._reading.is_idle

    def shut_down(self) -> None:
        self._reading.shut_down()

    # ----- the list -----

    @Slot()
    def _on_look(self) -> None:
        if self._reading.is_idle:
            self.reload()

    @Slot()
    def reload(self) -> None:
        """Reads the list of runs again, in the background, where somebody looks at it."""
        if not self._page.isVisible():
            return
        store, current, reader = self._session.store, self._session.training_run, self._reader
        paused = self._session.trainings.paused
        self._reading.start(lambda _progress, _should_stop: reader.read(store, current, paused))

    @Slot(object)
    def _on_listed(self, summaries: tuple[RunSummary, ...]) -> None:
        self._runs.set_summaries(summaries)
        self.listed.emit()

    # ----- what is asked for -----

    @Slot(str, object)
    def do(self, what: str, runs: tuple[Run, ...]) -> None:
        """Does what a menu says with runs."""
        session, first = self._session, runs[0]
        word, _, count = what.partition(" ")
        try:
            if word == "results":
                session.select_run(first)
                session.page_requested.emit("results")
            elif word == "judge":
                session.judge_run(first)
            elif word == "resume":
                session.resume_training(first)
            elif word == "more":
                session.train_again(first, more=int(count))
            elif word == "ranking":
                self._open_ranking(first)
            elif word == "settings":
                self._take_settings(first)
            elif word == "diff":
                self._compare(first)
            elif word == "compare":
                self._compare(first, runs[1])
            elif word == "notes":
                self._open_notes(first)
            elif word == "trash":
                self._throw_away(runs)
        except AkinError as error:
            session.post_error(error)

    def _open_ranking(self, run: Run) -> None:
        self._session.take_ranking(run.ranking, f"open the ranking of {run.title}")
        self._session.page_requested.emit("ranking")

    def _take_settings(self, run: Run) -> None:
        folder = self._session.config.data.folder or run.config.data.folder
        self._session.set_config(run.config.with_values({"data.folder": folder}))
        message = f"The settings are those of {run.title}."
        self._session.post(Message("success", message, "The opened data stay."))

    # ----- names, tags, notes -----

    @Slot(object, str)
    def rename(self, run: Run, title: str) -> None:
        """Gives a run another name; its folder keeps its own."""
        try:
            self._write(run, run.notes().titled("" if title == run.name else title))
        except AkinError as error:
            self._session.post_error(error)

    def _open_notes(self, run: Run) -> None:
        self.notes = NotesWindow(run, run.notes(), self._page.window())
        self.notes.edited.connect(self._on_notes)
        self.notes.show()

    @Slot(object, object)
    def _on_notes(self, run: Run, notes: RunNotes) -> None:
        try:
            self._write(run, notes)
        except AkinError as error:
            self._session.post_error(error)

    def _write(self, run: Run, notes: RunNotes) -> None:
        write_notes(run.path, notes)
        self._session.runs_changed.emit()

    # ----- the trash -----

    def _throw_away(self, runs: tuple[Run, ...]) -> None:
        thrown: list[TrashedRun] = []
        titles = [run.title for run in runs]
        failure: AkinError | None = None
        for run in runs:
            try:
                thrown.append(trash_run(run))
            except AkinError as error:
                failure = error
        if self._session.run in runs:
            self._session.select_run(None)
        self._session.runs_changed.emit()
        if failure is not None:
            self._session.post_error(failure)
        elif thrown:
            what = titles[0] if len(thrown) == 1 else f"{len(thrown)} runs"
            is_or_are = "is" if len(thrown) == 1 else "are"
            message = Message(
                "info",
                f"{what} {is_or_are} in the trash.",
                link="Undo",
                act=lambda: self.restore(tuple(thrown)),
            )
            self._session.post(message)

    def restore(self, thrown: tuple[TrashedRun, ...]) -> None:
        """Brings runs back from the trash."""
        back: list[Run] = []
        for trashed in thrown:
            try:
                back.append(restore_run(trashed))
            except AkinError as error:
                self._session.post_error(error)
        self._session.runs_changed.emit()
        if back:
            what = back[0].title if len(back) == 1 else f"{len(back)} runs"
            self._session.post(Message("success", f"{what} taken back from the trash."))

    @Slot()
    def open_trash(self) -> None:
        """Shows what is in the trash; blocks nothing."""
        self.trash = TrashWindow(self._session.store, self._page.window())
        self.trash.restore_requested.connect(self._on_restore)
        self.trash.emptied.connect(self._on_emptied)
        self.trash.failed.connect(self._session.post_error)
        self.trash.show()

    @Slot(object)
    def _on_restore(self, thrown: tuple[TrashedRun, ...]) -> None:
        self.restore(thrown)

    @Slot(int)
    def _on_emptied(self, count: int) -> None:
        what = "1 run" if count == 1 else f"{count} runs"
        self._session.post(Message("info", f"{what} deleted for good."))

    # ----- comparing -----

    def _compare(self, run: Run, other: Run | None = None) -> None:
        before = Side(run.title, run.config, run.ranking)
        if other is None:
            after = Side(NOW, self._session.config, self._session.ranking)
        else:
            after = Side(other.title, other.config, other.ranking)
        self.differences = DifferencesWindow(before, after, self._page.window())
        if other is None:
            self.differences.offer("Take its settings", "settings", (run,))
            self.differences.offer("Open its ranking", "ranking", (run,))
        else:
            self.differences.offer("Show both results", "both", (run, other))
        self.differences.chosen.connect(self._on_offer)
        self.differences.show()

    @Slot(str, object)
    def _on_offer(self, what: str, runs: tuple[Run, ...]) -> None:
        if what == "both":
            self._session.select_run(runs[0])
            self._session.comparison_requested.emit(runs[1])
            QTimer.singleShot(0, self, self._show_results)
        else:
            self.do(what, runs)

    @Slot()
    def _show_results(self) -> None:
        self._session.page_requested.emit("results")
