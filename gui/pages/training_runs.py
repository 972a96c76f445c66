"""Earlier runs: found, ticked to overlay their curves, renamed, tagged and thrown away."""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QSize,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QStackedLayout,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from core.runs import Run
from gui.models.run_tree import KEY_ROLE, RunFilter, RunTreeModel
from gui.models.runs_model import RUN_ROLE, RunSummary
from gui.pages.training_run_menus import filter_menu, run_menu
from gui.theme import SPACING, make_icon, set_role, tokens

LOOK_MS = 2000
INDENT_PX = 14
ROW_PX = 28


class _Rows(QStyledItemDelegate):
    """Rows with room around their text."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return super().sizeHint(option, index).expandedTo(QSize(0, ROW_PX))


class RunTree(QTreeView):
    """The tree; Delete throws the chosen runs away, F2 renames one."""

    trash_requested = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
            self.trash_requested.emit()
        else:
            super().keyPressEvent(event)


class RunList(QWidget):
    """The runs of the workspace, newest first, with a filter.

    What is asked for goes out as a word and the runs it is about; see training_run_menus.
    """

    overlay_toggled = Signal(object, bool)  # Run or key of a group, on
    asked = Signal(str, object)  # what, tuple of Run
    renamed = Signal(object, str)  # Run, title
    look_wanted = Signal()  # the list may be out of date
    trash_opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._menu: QMenu | None = None
        self._filter = RunFilter()
        self._folded: set[str] = set()
        self.model = RunTreeModel(self)
        self.model.overlay_toggled.connect(self.overlay_toggled)
        self.model.renamed.connect(self.renamed)
        self.model.modelAboutToBeReset.connect(self._on_about_to_reset)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find runs")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Find runs by name, method, tag, note or status")
        self.search.textChanged.connect(self._on_text)
        self.filter_button = self._tool("Show only some runs, or the trash")
        self.run_button = self._tool("What to do with the chosen runs")
        self.run_button.setText("Run ▾")
        self.run_button.setToolTip("Results, more training, tags, trash (also by right click)")
        self.run_button.setEnabled(False)
        self.tree = RunTree()
        self._style()
        self._hint = QLabel()
        self._hint.setWordWrap(True)
        set_role(self._hint, "muted")
        self._chosen: tuple[object, ...] = ()
        self._current: object = None
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look_wanted)
        self._lay_out()
        self._refresh()
        self._show_icons()

    def _tool(self, name: str) -> QToolButton:
        button = QToolButton()
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    def _style(self) -> None:
        tree = self.tree
        tree.setModel(self.model)
        self.model.modelReset.connect(self._on_reset)  # after the tree's own answer to it
        tree.setAccessibleName("Earlier runs")
        tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        tree.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        tree.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        tree.setUniformRowHeights(True)
        tree.setItemDelegate(_Rows(tree))
        tree.setIndentation(INDENT_PX)
        tree.setExpandsOnDoubleClick(False)
        tree.setFrameShape(QTreeView.Shape.NoFrame)
        tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        tree.customContextMenuRequested.connect(self._on_menu)
        tree.doubleClicked.connect(self._on_double_clicked)
        tree.trash_requested.connect(self._on_trash)
        tree.collapsed.connect(self._on_collapsed)
        tree.expanded.connect(self._on_expanded)
        tree.selectionModel().selectionChanged.connect(self._on_selection_changed)
        header = tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def _lay_out(self) -> None:
        title = QLabel("Runs")
        set_role(title, "heading")
        empty = QLabel("Finished runs appear here;\na tick lays their curves over each other.")
        empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        empty.setWordWrap(True)
        set_role(empty, "muted")
        head = QHBoxLayout()
        head.setSpacing(SPACING // 2)
        head.addWidget(title, 1)
        head.addWidget(self.run_button)
        find = QHBoxLayout()
        find.setSpacing(SPACING // 2)
        find.addWidget(self.search, 1)
        find.addWidget(self.filter_button)
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING // 2)
        column.addWidget(self.tree, 1)
        column.addWidget(self._hint)
        body = QWidget()
        self._pages = QStackedLayout(body)
        self._pages.addWidget(empty)
        self._pages.addWidget(full)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACING, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(head)
        layout.addLayout(find)
        layout.addWidget(body, 1)

    def _show_icons(self) -> None:
        self.filter_button.setIcon(make_icon("mdi6.filter-variant", self.palette()))

    # ----- content -----

    def set_summaries(self, summaries: tuple[RunSummary, ...]) -> None:
        if tuple(reversed(summaries)) != self.model.summaries:
            self.model.set_summaries(summaries)
            self._refresh()

    def _refresh(self) -> None:
        total = len(self.model.summaries)
        self._pages.setCurrentIndex(1 if total else 0)
        seen = sum(self._filter.takes(row) for row in self.model.summaries)
        words = "Tick to overlay · double click for results"
        if self._filter != RunFilter():
            only = " · ".join(filter(None, (self._filter.status, self._filter.tag)))
            words = f"{seen} of {total} runs" + (f" ({only})" if only else "")
        self._hint.setText(words)
        menu = filter_menu(self, self.model.summaries, self._filter)
        old = self.filter_button.menu()
        self.filter_button.setMenu(menu)
        if old is not None:
            old.deleteLater()

    def members_of(self, overlay: Run | str) -> tuple[tuple[Run, ...], str]:
        """Returns the runs that an overlay is made of, and its name."""
        if isinstance(overlay, Run):
            return (overlay,), overlay.title
        rows = self.model.seeds_of(overlay)
        name = self.model.label_of(overlay).partition(" × ")[0]
        return tuple(row.run for row in rows if row.run is not None), name

    def next_colour(self, used: int) -> QColor:
        """Returns the colour of an overlay when `used` others are on; the first is the run's."""
        series = tokens(self.palette()).series
        return QColor(series[1 + used % (len(series) - 1)])

    # ----- filter -----

    def set_filter(self, wanted: RunFilter) -> None:
        """Lists only some runs."""
        self._filter = wanted
        self.model.set_filter(wanted)
        self._refresh()

    @Slot(str)
    def _on_text(self, text: str) -> None:
        self.set_filter(RunFilter(text, self._filter.status, self._filter.tag))

    # ----- choice -----

    def chosen(self) -> tuple[RunSummary, ...]:
        """Returns the chosen runs, each once, from the top down."""
        found: dict[Run | None, RunSummary] = {}
        for index in sorted(self.tree.selectionModel().selectedRows(), key=self._order):
            for row in self.model.members(index):
                found.setdefault(row.run, row)
        return tuple(found.values())

    def _order(self, index: QModelIndex) -> tuple[int, int]:
        parent = index.parent()
        return (parent.row(), index.row()) if parent.isValid() else (index.row(), -1)

    def choose(self, *runs: Run) -> None:
        """Selects runs that are listed."""
        selection = self.tree.selectionModel()
        selection.clear()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for run in runs:
            selection.select(self.model.index_of(run), flags)

    @Slot()
    def _on_about_to_reset(self) -> None:
        self._chosen = tuple(i.data(KEY_ROLE) for i in self.tree.selectionModel().selectedRows())
        self._current = self.tree.currentIndex().data(KEY_ROLE)

    @Slot()
    def _on_reset(self) -> None:
        for row in range(self.model.rowCount()):
            index = self.model.index(row, 0)
            self.tree.setExpanded(index, index.data(KEY_ROLE) not in self._folded)
        selection, flag = self.tree.selectionModel(), QItemSelectionModel.SelectionFlag
        if isinstance(self._current, Run | str):
            index = self.model.index_of(self._current)
            selection.setCurrentIndex(index, flag.NoUpdate)
        for key in self._chosen:
            if isinstance(key, Run | str):
                selection.select(self.model.index_of(key), flag.Select | flag.Rows)
        self._on_selection_changed()

    @Slot(QModelIndex)
    def _on_collapsed(self, index: QModelIndex) -> None:
        self._folded.add(str(index.data(KEY_ROLE)))

    @Slot(QModelIndex)
    def _on_expanded(self, index: QModelIndex) -> None:
        self._folded.discard(str(index.data(KEY_ROLE)))

    # ----- gestures -----

    @Slot()
    def _on_selection_changed(self) -> None:
        chosen = self.chosen()
        self.run_button.setEnabled(bool(chosen))
        if self._menu is not None:
            self._menu.deleteLater()
        self._menu = run_menu(self, chosen) if chosen else None
        if self._menu is not None:
            self.run_button.setMenu(self._menu)

    @Slot(QModelIndex)
    def _on_double_clicked(self, index: QModelIndex) -> None:
        run = index.data(RUN_ROLE)
        if isinstance(run, Run):
            self.asked.emit("results", (run,))

    @Slot()
    def _on_trash(self) -> None:
        runs = tuple(row.run for row in self.chosen() if row.run is not None)
        if runs:
            self.asked.emit("trash", runs)

    @Slot()
    def rename_current(self) -> None:
        """Opens the editor over the name of the chosen run."""
        rows = self.tree.selectionModel().selectedRows()
        if rows:
            self.tree.setCurrentIndex(rows[0])
            self.tree.edit(rows[0])

    @Slot(QPoint)
    def _on_menu(self, position: QPoint) -> None:
        if self.tree.indexAt(position).isValid() and self._menu is not None:
            self._menu.popup(self.tree.viewport().mapToGlobal(position))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_icons()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
