"""The ranking page: classes at the left, the ladder of one of them, what it means at the right."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.config import ExperimentConfig
from core.data.index import DatasetIndex
from core.ranking import Ranking
from core.ranking_edits import with_entry
from core.ranking_files import preset_names
from gui.models.batch_preview import BatchPreview
from gui.models.class_pool_model import ClassPoolModel
from gui.models.ladder import (
    Drop,
    Target,
    TargetKind,
    changed_anchors,
    drop_at,
    put_into_rank,
)
from gui.pages.ranking_inspector import RankingInspector
from gui.pages.ranking_ladder import LadderView
from gui.pages.ranking_matrix import RankingMatrix
from gui.pages.ranking_pool import ClassPool
from gui.pages.ranking_thumbnails import ThumbnailLoader
from gui.pages.ranking_tools import RankingTools
from gui.session import Session
from gui.theme import SPACING, make_icon, set_role
from gui.widgets.ranking_dialogs import RankingFiles

WIDE_PAGE = 1120
POOL_WIDTHS = (256, 340)  # on a narrow page, on a wide one
INSPECTOR_WIDTHS = (200, 236)
NARROW_TEXTS = ("Presets", "Whole", "Matrix")


class RankingPage(QWidget):
    """Where the user says which classes are alike.

    Args:
        session: Holds the ranking; every edit goes through `Session.edit`.
        parent: Owner.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._shown = session.ranking
        self._files = RankingFiles(session, self)
        self._model = ClassPoolModel(self)
        self._thumbnails = ThumbnailLoader(self)
        self.pool = ClassPool(self._model)
        self.ladder = LadderView()
        self.matrix = RankingMatrix()
        self.tools = RankingTools(session, self)
        self.inspector = RankingInspector(session.undo_stack)
        self._title = QLabel()
        self._buttons: dict[QToolButton, str] = {}
        self._build()
        self._connect()
        if session.dataset is not None:
            self._on_dataset_changed(session.dataset)
        else:
            self._refresh()

    # ----- building -----

    def _build(self) -> None:
        set_role(self._title, "heading")
        self._title.setObjectName("ladderTitle")
        page_title = QLabel("Ranking")
        set_role(page_title, "title")
        top = QHBoxLayout()
        top.setSpacing(SPACING // 2)
        top.addWidget(page_title)
        top.addStretch(1)
        self._add_tools(top)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.ladder)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setAccessibleName("Ladder")
        self._hint = QLabel("Enter ranks a class  ·  Space shows its ladder")
        self._hint.setWordWrap(True)
        set_role(self._hint, "muted")
        columns = QHBoxLayout()
        columns.setSpacing(SPACING * 3)
        self._classes_title = _heading("Classes")
        columns.addLayout(_column(self._classes_title, self.pool, self._hint))
        self._views = QStackedWidget()
        self._views.addWidget(scroll)
        self._views.addWidget(self.matrix)
        columns.addLayout(_column(self._title, self._views), 1)
        columns.addLayout(_column(self.inspector))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACING * 3, SPACING * 2, SPACING * 3, SPACING * 2)
        layout.setSpacing(SPACING * 2)
        layout.addLayout(top)
        layout.addLayout(columns, 1)

    def _add_tools(self, top: QHBoxLayout) -> None:
        stack = self._session.undo_stack
        self._tool(top, "Open", "mdi6.folder-open-outline", "Open a ranking file", self._files.open)
        self._tool(top, "Save", "mdi6.content-save-outline", "Save the ranking", self._files.save)
        presets = self._tool(top, "Presets", "mdi6.cards-outline", "Built-in rankings", None)
        menu = QMenu(presets)
        for name in preset_names():
            menu.addAction(name).setData(name)
        menu.triggered.connect(self._on_preset)
        presets.setMenu(menu)
        presets.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        top.addSpacing(SPACING * 2)
        self._undo = self._tool(top, "Undo", "mdi6.undo", "Undo", stack.undo)
        self._redo = self._tool(top, "Redo", "mdi6.redo", "Redo", stack.redo)
        top.addSpacing(SPACING * 2)
        self._space = self._tool(
            top,
            "Space evenly",
            "mdi6.format-line-spacing",
            "Give this ladder evenly spaced similarities",
            self._on_space,
        )
        self._clear = self._tool(
            top, "Clear", "mdi6.close-circle-outline", "Empty this ladder", self._on_clear
        )
        more = self._tool(top, "Whole", "mdi6.dots-horizontal", "Edit the whole ranking", None)
        more.setMenu(self.tools.menu)
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._matrix_button = self._tool(
            top, "Matrix", "mdi6.grid", "Show all classes at once (Ctrl+M)", None
        )
        self._matrix_button.setCheckable(True)
        self._matrix_button.setShortcut("Ctrl+M")
        self._matrix_button.toggled.connect(self._on_matrix_toggled)

    def _tool(
        self,
        row: QHBoxLayout,
        text: str,
        icon: str,
        tip: str,
        run: Callable[[], object] | None,
    ) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setObjectName(f"tool{text.title().replace(' ', '')}")
        button.setAccessibleName(tip)
        button.setToolTip(tip)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIcon(make_icon(icon, self.palette()))
        button.setIconSize(QSize(18, 18))
        if run is not None:
            button.clicked.connect(run)
        self._buttons[button] = icon
        row.addWidget(button)
        return button

    def _connect(self) -> None:
        session = self._session
        session.dataset_changed.connect(self._on_dataset_changed)
        session.ranking_changed.connect(self._on_ranking_changed)
        session.config_changed.connect(self._on_config_changed)
        session.class_selected.connect(self._on_class_selected)
        session.undo_stack.indexChanged.connect(self._refresh_tools)
        self._thumbnails.loaded.connect(self._on_pictures)
        self._thumbnails.failed.connect(session.post_error)
        self.pool.class_chosen.connect(session.select_class)
        self.pool.rank_requested.connect(self._on_rank_requested)
        self.pool.step_requested.connect(self._on_step_requested)
        self.pool.removal_requested.connect(self._on_removal_requested)
        self.ladder.class_chosen.connect(session.select_class)
        self.ladder.drop_requested.connect(self._on_drop_requested)
        self.ladder.rank_requested.connect(self._on_rank_requested)
        self.ladder.step_requested.connect(self._on_step_requested)
        self.ladder.removal_requested.connect(self._on_removal_requested)
        self.ladder.similarity_requested.connect(self._on_similarity_requested)
        self.inspector.repair_requested.connect(self._on_repair)
        self.matrix.entry_requested.connect(self._on_entry_requested)
        self.matrix.class_chosen.connect(self._on_row_chosen)

    def shut_down(self) -> None:
        """Waits for the workers; the window calls it before it goes."""
        self._thumbnails.shut_down()

    # ----- for tests that use a real pointer -----

    def chip_rect(self, name: str, where: str = "pool") -> QRect:
        """Returns a class's chip in the "pool" or on the "ladder", in global coordinates."""
        return self.pool.chip_rect(name) if where == "pool" else self.ladder.chip_rect(name)

    def drop_point(self, kind: TargetKind, index: int = 0) -> QPoint:
        """Returns a point, global, where a drop reaches a gap, a tier, or the negatives."""
        return self.ladder.drop_point(Target(kind, index))

    # ----- the session changed -----

    @Slot(object)
    def _on_dataset_changed(self, index: DatasetIndex) -> None:
        self._model.set_classes(index.classes)
        self._thumbnails.load(index)
        self.pool.make_current(self._session.selected_class)
        self._refresh()

    @Slot(object)
    def _on_pictures(self, pictures: object) -> None:
        assert isinstance(pictures, dict)
        self._model.set_pictures(pictures)
        self.ladder.set_pictures(pictures)

    @Slot(object)
    def _on_ranking_changed(self, ranking: Ranking) -> None:
        before, self._shown = self._shown, ranking
        changed = changed_anchors(before, ranking)
        if len(changed) == 1 and changed[0] in self._classes:
            self._session.select_class(changed[0])
        self._refresh()

    @Slot(object)
    def _on_config_changed(self, _config: ExperimentConfig) -> None:
        self._refresh()

    @Slot(str)
    def _on_class_selected(self, name: str) -> None:
        self.pool.make_current(name)
        self._refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = int(self.width() >= WIDE_PAGE)
        for widget in (self.pool, self._hint):
            widget.setFixedWidth(POOL_WIDTHS[wide])
        self.inspector.setFixedWidth(INSPECTOR_WIDTHS[wide])
        style = Qt.ToolButtonStyle
        for button in self._buttons:
            has_text = wide or button.text() in NARROW_TEXTS
            button.setToolButtonStyle(
                style.ToolButtonTextBesideIcon if has_text else style.ToolButtonIconOnly
            )

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_buttons"):
            for button, icon in self._buttons.items():
                button.setIcon(make_icon(icon, self.palette()))
            self._refresh()

    # ----- the user wants something -----

    @Slot(object, object)
    def _on_drop_requested(self, names: tuple[str, ...], target: Target) -> None:
        self._do(drop_at(self._session.ranking, self._anchor, names, target))

    @Slot(object, int)
    def _on_rank_requested(self, names: tuple[str, ...], rank: int) -> None:
        self._do(put_into_rank(self._session.ranking, self._anchor, names, rank))

    @Slot(object)
    def _on_removal_requested(self, names: tuple[str, ...]) -> None:
        self._do(drop_at(self._session.ranking, self._anchor, names, Target("pool")))

    @Slot(object, int)
    def _on_step_requested(self, names: tuple[str, ...], step: int) -> None:
        name = names[0]
        after = self._session.ranking.stepped(self._anchor, name, step)
        at = after.tier_index(self._anchor, name)
        if at is not None:
            text = f"{self._anchor}: {name} to rank {at + 2}"
            self._session.edit(after, text, f"step {self._anchor} {name}")

    @Slot(int, float)
    def _on_similarity_requested(self, tier: int, similarity: float) -> None:
        after = self._session.ranking.with_similarity(self._anchor, tier, similarity)
        value = after.similarities(self._anchor)[tier]
        self._session.edit(after, f"{self._anchor}: rank {tier + 2} at {value:.2f}")

    @Slot(str, str, float)
    def _on_entry_requested(self, anchor: str, name: str, similarity: float) -> None:
        after = with_entry(self._session.ranking, anchor, name, similarity)
        what = f"at {similarity:.2f}" if similarity else "a negative"
        self._session.edit(after, f"{anchor}: {name} {what}")

    @Slot(str)
    def _on_row_chosen(self, name: str) -> None:
        self._session.select_class(name)
        self._matrix_button.setChecked(False)

    @Slot(bool)
    def _on_matrix_toggled(self, on: bool) -> None:
        self._views.setCurrentIndex(int(on))
        for widget in (self.pool, self._hint, self._classes_title):
            widget.setVisible(not on)
        self._refresh()

    @Slot()
    def _on_space(self) -> None:
        after = self._session.ranking.evenly_spaced(self._anchor)
        self._session.edit(after, f"{self._anchor}: space evenly")

    @Slot()
    def _on_clear(self) -> None:
        after = self._session.ranking.cleared(self._anchor)
        self._session.edit(after, f"{self._anchor}: clear")

    @Slot()
    def _on_repair(self) -> None:
        self._session.edit(self._session.ranking.repaired(self._classes), "repair")

    @Slot(object)
    def _on_preset(self, action: object) -> None:
        self._session.open_ranking(action.data())  # type: ignore[attr-defined]

    def _do(self, drop: Drop) -> None:
        if drop.changes:
            self._session.edit(drop.ranking, drop.undo_text)

    # ----- showing it -----

    @property
    def _anchor(self) -> str:
        return self._session.selected_class

    @property
    def _classes(self) -> tuple[str, ...]:
        return self._model.classes

    def _refresh(self) -> None:
        session, anchor = self._session, self._anchor
        ranking, config = session.ranking, session.config
        one = f"{anchor}, and what is like it" if anchor else "No data yet"
        self._title.setText("All classes" if self._matrix_button.isChecked() else one)
        self.matrix.show_ranking(ranking, self._classes, config.ranking.depth)
        self._model.set_ranking(ranking)
        self._model.set_anchor(anchor)
        self.ladder.set_ladder(ranking, anchor, self._classes, config)
        if session.dataset is not None:
            self.inspector.show_problems(ranking.problems(self._classes))
            rows = BatchPreview(ranking, session.dataset, config).of(anchor)
            note = _note(config)
            self.inspector.show_preview(rows, config.training.batch_size, note)
        self._refresh_tools()

    @Slot()
    def _refresh_tools(self) -> None:
        stack = self._session.undo_stack
        for button, can, text in (
            (self._undo, stack.canUndo(), f"Undo {stack.undoText()}"),
            (self._redo, stack.canRedo(), f"Redo {stack.redoText()}"),
        ):
            button.setEnabled(can)
            button.setToolTip(text.strip())
        tiers = self._session.ranking.tiers(self._anchor)
        self._space.setEnabled(any(tier.similarity is not None for tier in tiers))
        self._clear.setEnabled(bool(tiers))


def _note(config: ExperimentConfig) -> str:
    if config.objective.method == "ranked":
        return ""
    return f"The method is {config.objective.method}: training does not use this ranking."


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    set_role(label, "heading")
    return label


def _column(*widgets: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(SPACING)
    for widget in widgets:
        column.addWidget(widget, 1 if not isinstance(widget, QLabel) else 0)
    return column
