"""The detectors of the workspace: a list, and the curves of one, live while it is trained."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.errors import AkinError
from core.event_tail import EventTail
from core.training.detector_config import detector_recipe_names
from core.training.detector_run import DetectorRun
from gui.detector_process import DetectorProcess, stop_detector
from gui.messages import Message
from gui.models.detector_curves import DetectorCurves, DetectorSummary, summarize_detectors
from gui.pages.training_detector_plots import DetectorPlots
from gui.session import Session
from gui.tasks import LatestTask
from gui.theme import SPACING, set_role

LOOK_MS = 250
LIST_EVERY = 8  # looks: every two seconds
LEAST_HEIGHT_PX, MOST_HEIGHT_PX = 72, 132


class DetectorPanel(QWidget):
    """The list; a click on a detector shows its curves in place of the run's.

    Args:
        session: Shared state.
        plots: The run's curves, which the detector's take the place of.
        parent: Owner.
    """

    listed = Signal()

    def __init__(self, session: Session, plots: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._summaries: tuple[DetectorSummary, ...] | None = None
        self._shown: DetectorRun | None = None
        self._tail: EventTail | None = None
        self._curves = DetectorCurves()
        self._processes: list[DetectorProcess] = []
        self._looks = 0
        self._reading = LatestTask(self)
        self._reading.succeeded.connect(self._on_listed)
        self._reading.failed.connect(session.post_error)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        self.plots = DetectorPlots()
        self.plots.back_requested.connect(self.close_curves)
        self.plots.stop_requested.connect(self._on_stop)
        self.views = QStackedWidget()
        self.views.addWidget(plots)
        self.views.addWidget(self.plots)
        self.list = QListWidget()
        self.list.setAccessibleName("Detectors of the workspace")
        self.list.setMinimumHeight(LEAST_HEIGHT_PX)
        self.list.setMaximumHeight(MOST_HEIGHT_PX)
        self.list.itemClicked.connect(self._on_chosen)
        self.list.itemActivated.connect(self._on_chosen)
        self.train = QToolButton()
        self._lay_out()
        session.training_started.connect(self.close_curves)

    def _lay_out(self) -> None:
        title = QLabel("Detectors")
        set_role(title, "heading")
        self.train.setText("Train ▾")
        self.train.setAccessibleName("Train a detector on the open data")
        self.train.setToolTip("Train a detector on the open data, in a process of its own")
        self.train.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.train.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        menu = QMenu(self.train)
        for name in detector_recipe_names():
            menu.addAction(f"Recipe {name}").setData(name)
        menu.triggered.connect(self._on_train)
        self.train.setMenu(menu)
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(self.train)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACING, SPACING, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(head)
        layout.addWidget(self.list)
        self.list.hide()

    @property
    def is_idle(self) -> bool:
        return self._reading.is_idle

    @property
    def shown(self) -> DetectorRun | None:
        """Whose curves are shown."""
        return self._shown

    # ----- the list -----

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._looks = 0
        self._look()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
        self._reading.shut_down()

    @Slot()
    def _look(self) -> None:
        if self._looks % LIST_EVERY == 0 and self._reading.is_idle:
            folder = self._session.workspace / "detectors"
            self._reading.start(lambda _progress, _stop: summarize_detectors(folder))
        self._looks += 1
        for process in tuple(self._processes):
            if error := process.poll():
                self._session.post_error(error)
            if process.has_ended:
                self._processes.remove(process)
        self._follow()

    @Slot(object)
    def _on_listed(self, summaries: tuple[DetectorSummary, ...]) -> None:
        if summaries != self._summaries:
            self._summaries = summaries
            self.list.clear()
            for summary in summaries:
                self.list.addItem(_item(summary))
                if summary.run == self._shown:
                    self.list.setCurrentRow(self.list.count() - 1)
            self.list.setVisible(bool(summaries))
            self._draw()
        self.listed.emit()

    # ----- the curves -----

    @Slot(QListWidgetItem)
    def _on_chosen(self, item: QListWidgetItem) -> None:
        self.show_curves(item.data(Qt.ItemDataRole.UserRole))

    def show_curves(self, run: DetectorRun) -> None:
        """Shows a detector's curves; those of one in training grow."""
        self._shown = run
        self._tail = EventTail(run.path / "events.jsonl")
        self._curves = DetectorCurves()
        self.views.setCurrentWidget(self.plots)
        self._draw()
        self._follow()

    @Slot()
    def close_curves(self) -> None:
        """Shows the run's curves again."""
        self._shown = self._tail = None
        self.list.clearSelection()
        self.views.setCurrentIndex(0)

    def _follow(self) -> None:
        if self._tail is None:
            return
        events, began_anew = self._tail.read()
        if began_anew:
            self._curves = DetectorCurves()
        self._curves.extend(events)
        if events or began_anew:
            self._draw()

    def _draw(self) -> None:
        if self._shown is None:
            return
        found = [s for s in self._summaries or () if s.run == self._shown]
        status = found[0].status if found else ""
        done, total = len(self._curves.epochs), self._curves.total_epochs
        title = f"{self._shown.name} · {status}" + (f" · epoch {done} of {total}" if total else "")
        self.plots.show_detector(title, self._curves, running=status == "running")

    # ----- training -----

    @Slot(QAction)
    def _on_train(self, action: QAction) -> None:
        self.start(str(action.data()))

    def start(self, recipe: str, *extra: str) -> None:
        """Trains a detector by a recipe on the open data.

        Args:
            recipe: Of `akin detect train`.
            extra: Further words of that command.
        """
        dataset = self._session.dataset
        if dataset is None:
            why = Message("error", "There is no data yet.", "Open a VOC folder or the demo.")
            self._session.post(why)
            return
        folder = self._session.workspace / "detectors"
        try:
            process = DetectorProcess(folder, dataset.folder, recipe, extra)
        except AkinError as error:
            self._session.post_error(error)
            return
        self._processes.append(process)
        self.show_curves(process.run)

    @Slot()
    def _on_stop(self) -> None:
        if self._shown is not None:
            try:
                stop_detector(self._shown)
            except AkinError as error:
                self._session.post_error(error)


def _item(summary: DetectorSummary) -> QListWidgetItem:
    figure = summary.status if summary.ap50 is None else f"AP50 {100 * summary.ap50:.1f} %"
    item = QListWidgetItem(f"{summary.run.name}   {figure}")
    words = (f"{summary.run.name}: {summary.status}", summary.network, summary.note)
    item.setToolTip("\n".join(filter(None, words)))
    item.setData(Qt.ItemDataRole.UserRole, summary.run)
    return item
