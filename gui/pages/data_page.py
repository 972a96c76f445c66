"""Data: what is in the data set that is open, and how to open another."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.data.index import DatasetIndex
from core.data.split_checks import split_problems
from core.data.summary import DatasetSummary, summarize
from gui.messages import Message
from gui.pages.data_cards import ClassCard, ProblemCard, SizeCard, SplitCard
from gui.pages.data_strip import CROP_PX, CropStrip
from gui.pages.export_messages import ExportMessages
from gui.session import ObjectSelection, Session
from gui.tasks import LatestTask
from gui.theme import SPACING, set_role
from gui.thumbnails import ThumbnailLoader
from gui.widgets.data_dialogs import DataDialogs
from gui.widgets.figure_row import FigureRow, KeyFigure

DEMO_TEXT = (
    "This is the built-in demo. Open your own VOC folder, or download VOC 2007 from its official "
    "page."
)


class DataPage(QWidget):
    """The page; it knows the session only.

    Args:
        session: Shared state.
        parent: Owner.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._error: Message | None = None
        self._is_loading = False
        self._dialogs = DataDialogs(session, self)
        side = round(CROP_PX * self.devicePixelRatioF())
        self.loader = ThumbnailLoader(side, session.workspace / "thumbnails", parent=self)
        self._task = LatestTask(self)
        self.title = QLabel("Data")
        set_role(self.title, "title")
        self.folder = QLabel()
        self.folder.setAccessibleName("Data folder")
        self.folder.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.folder.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        set_role(self.folder, "muted")
        self.open_folder = QPushButton("Open VOC folder…")
        self.open_folder.setAccessibleName("Open a VOC folder")
        set_role(self.open_folder, "primary")
        self.download = QToolButton()
        self.download.setText("Download ▾")
        self.download.setAccessibleName("Download a known data set")
        self.download.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.open_demo = QPushButton("Open the demo")
        self.open_demo.setAccessibleName("Open the built-in demo")
        self.demo_note = QLabel(DEMO_TEXT)
        self.demo_note.setWordWrap(True)
        set_role(self.demo_note, "muted")
        self.figures = FigureRow()
        self.classes = ClassCard()
        self.sizes = SizeCard()
        self.splits = SplitCard()
        self.problems = ProblemCard()
        self.strip = CropStrip(self.loader)
        self.progress = QProgressBar()
        self.progress.setAccessibleName("Progress of reading the data")
        self.progress.setTextVisible(False)
        self.progress_words = QLabel()
        set_role(self.progress_words, "muted")
        self.stop = QPushButton("Stop")
        self.stop.setAccessibleName("Stop the download")
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        set_role(self.note, "muted")
        self._lay_out()
        self._connect()
        self._show_note()
        if session.dataset is not None:
            self._on_dataset_changed(session.dataset)

    # ----- layout -----

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.title)
        words.addWidget(self.folder)
        words.addWidget(self.demo_note)
        header = QHBoxLayout()
        header.setSpacing(SPACING)
        header.addLayout(words, 1)
        header.addWidget(self.download, 0, Qt.AlignmentFlag.AlignTop)
        header.addWidget(self.open_demo, 0, Qt.AlignmentFlag.AlignTop)
        header.addWidget(self.open_folder, 0, Qt.AlignmentFlag.AlignTop)
        self._loading = QWidget()
        loading = QHBoxLayout(self._loading)
        loading.setContentsMargins(0, 0, 0, 0)
        loading.setSpacing(SPACING)
        loading.addWidget(self.progress_words)
        loading.addWidget(self.progress, 1)
        loading.addWidget(self.stop)
        self._views = QStackedWidget()
        self._views.addWidget(self._note_view())
        self._views.addWidget(self._body())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * SPACING, 2 * SPACING, 3 * SPACING, 2 * SPACING)
        layout.setSpacing(SPACING)
        layout.addLayout(header)
        layout.addWidget(self._loading)
        layout.addWidget(self._views, 1)

    def _note_view(self) -> QWidget:
        view = QWidget()
        column = QVBoxLayout(view)
        column.addStretch(1)
        column.addWidget(self.note)
        column.addStretch(1)
        return view

    def _body(self) -> QWidget:
        right = QVBoxLayout()
        right.setSpacing(SPACING)
        right.addWidget(self.sizes, 1)
        right.addWidget(self.splits)
        right.addWidget(self.problems, 1)
        cards = QHBoxLayout()
        cards.setSpacing(SPACING)
        cards.addWidget(self.classes, 1)
        cards.addLayout(right, 1)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addWidget(self.figures)
        column.addSpacing(SPACING)
        column.addLayout(cards, 1)
        column.addWidget(self.strip)
        scroll = QScrollArea()
        scroll.setWidget(body)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setAccessibleName("What is in the data set")
        return scroll

    def _connect(self) -> None:
        session = self._session
        self.open_folder.clicked.connect(self._dialogs.open)
        self.open_demo.clicked.connect(session.open_demo)
        self.stop.clicked.connect(session.loading.stop)
        menu = QMenu(self.download)
        self._dialogs.fill(menu)
        self.download.setMenu(menu)
        self.strip.object_opened.connect(self._on_object_opened)
        self.classes.class_clicked.connect(session.select_class)
        self._task.succeeded.connect(self._on_summary)
        self._task.failed.connect(session.post_error)
        ExportMessages(self, session)
        session.dataset_changed.connect(self._on_dataset_changed)
        session.dataset_loading.connect(self._on_loading)
        session.message_posted.connect(self._on_message)

    # ----- loading -----

    @Slot(str, int, int)
    def _on_loading(self, what: str, done: int, total: int) -> None:
        if what and not self._is_loading:
            self._error = None
        self._is_loading = bool(what)
        self._loading.setVisible(self._is_loading)
        self.stop.setVisible(self._session.loading.can_stop)
        for button in (self.open_folder, self.download, self.open_demo):
            button.setEnabled(not self._is_loading)
        counted = f" {done:,}/{total:,}" if total else " …"
        self.progress_words.setText(f"{what}{counted}")
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        if self._session.dataset is None:
            self._show_note()

    @Slot(object)
    def _on_message(self, message: Message) -> None:
        if self._is_loading and message.level == "error" and self._session.dataset is None:
            self._error = message

    def _show_note(self) -> None:
        """Shows what there is to say while no data set is open."""
        if self._is_loading:
            self.note.setText("The data set is being read." if not self._error else "")
        elif self._error is not None:
            self.note.setText(f"{self._error.text}\n{self._error.hint}")
        else:
            self.note.setText(
                "There is no data yet. Open a VOC folder, drop one, download one, or try the demo."
            )
        self._loading.setVisible(self._is_loading)
        self.demo_note.hide()
        self._views.setCurrentIndex(0)

    @Slot(object)
    def _on_dataset_changed(self, index: DatasetIndex) -> None:
        self.loader.clear()
        self.title.setText(index.name)
        self.folder.setText(str(index.folder))
        self.folder.setToolTip(str(index.folder))
        is_demo = self._session.is_demo
        self.demo_note.setVisible(is_demo)
        self.demo_note.setToolTip(str(index.folder))
        self.folder.setVisible(not is_demo)
        self.open_demo.setVisible(not is_demo)
        problems = (*split_problems(index), *index.problems)
        self.problems.show_problems(problems)
        self.strip.show_data(index)
        self._task.start(lambda _progress, _stop: (index, len(problems), summarize(index)))

    @Slot(object)
    def _on_summary(self, found: tuple[DatasetIndex, int, DatasetSummary]) -> None:
        index, problems, summary = found
        if index is not self._session.dataset:
            return
        self.figures.set_figures(_figures(summary, problems))
        for card in (self.classes, self.sizes, self.splits):
            card.show_summary(summary)
        self._views.setCurrentIndex(1)

    # ----- buttons -----

    @Slot(int)
    def _on_object_opened(self, at: int) -> None:
        self._session.select_objects(ObjectSelection((at,), "a random object"))
        self._session.page_requested.emit("detections")

    def shut_down(self) -> None:
        """Stops the workers, before the window goes."""
        self.loader.shut_down()
        self._task.shut_down()


def _figures(summary: DatasetSummary, problems: int) -> tuple[KeyFigure, ...]:
    figures = [
        KeyFigure(f"{summary.images:,}", "images", "Images with at least one usable object."),
        KeyFigure(f"{summary.objects:,}", "objects", "Annotated boxes, difficult ones included."),
        KeyFigure(f"{len(summary.classes)}", "classes", ", ".join(summary.classes)),
        KeyFigure(f"{summary.difficult:,}", "difficult", "Objects flagged difficult."),
    ]
    if summary.unseen:
        tip = "Objects whose drawing never occurs in training."
        figures.append(KeyFigure(f"{summary.unseen:,}", "unseen drawings", tip))
    tip = "What could not be used, and what is wrong with splits; listed below."
    figures.append(KeyFigure(f"{problems:,}", "problems", tip))
    return tuple(figures)
