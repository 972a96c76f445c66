"""The ranking page: classes at the left, the ladder of one of them, what it means at the right."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Slot
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.config import ExperimentConfig
from core.data.index import DatasetIndex
from core.evaluation.suggestions import Suggestion
from core.ranking import Ranking
from core.ranking_edits import with_entry
from core.ranking_repairs import Repair
from gui.models.batch_preview import BatchPreview
from gui.models.class_pool_model import ClassPoolModel
from gui.models.ladder import (
    Drop,
    Target,
    TargetKind,
    changed_anchors,
    drop_at,
    listing,
    put_into_rank,
)
from gui.models.suggestion_desk import SuggestionDesk
from gui.pages.ranking_inspector import RankingInspector
from gui.pages.ranking_ladder import LadderView
from gui.pages.ranking_matrix import RankingMatrix
from gui.pages.ranking_pool import ClassPool
from gui.pages.ranking_thumbnails import ThumbnailLoader
from gui.pages.ranking_toolbar import RankingToolbar
from gui.pages.ranking_tools import RankingTools
from gui.session import Session
from gui.theme import SPACING, set_role, with_text
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.notes import EmptyView
from gui.widgets.ranking_dialogs import RankingFiles
from gui.widgets.ranking_menu import RankingMenu

NO_DATA = "There are no classes to rank yet: open a VOC folder or the demo."
WIDE_PAGE = 1120
MOST_POOL_SHARE = 0.27
POOL_WIDTHS = (256, 340)  # on a narrow page, on a wide one
INSPECTOR_WIDTHS = (216, 272)


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
        self.rankings = RankingMenu(session, self._files, self)
        self.desk = SuggestionDesk(self)
        self.inspector = RankingInspector(session.undo_stack, self.desk, session.store)
        self.toolbar = RankingToolbar(
            session, self.rankings.menu, self.tools.menu, self._files.save
        )
        self._title = ElidedLabel()
        self._build()
        self._add_shortcuts()
        self._connect()
        if session.dataset is not None:
            self._on_dataset_changed(session.dataset)
        else:
            self._refresh()

    # ----- building -----

    def _build(self) -> None:
        set_role(self._title, "heading")
        self._title.setObjectName("ladderTitle")
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.ladder)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setAccessibleName("Ladder")
        keys = "Enter ranks a class", "Space shows its ladder", "Alt+→ the next class's"
        self._hint = QLabel("  ·  ".join(keys))
        self._hint.setWordWrap(True)
        set_role(self._hint, "muted")
        body = QWidget()
        columns = QHBoxLayout(body)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(SPACING * 3)
        self._classes_title = _heading("Classes")
        columns.addLayout(_column(self._classes_title, self.pool, self._hint))
        self._views = QStackedWidget()
        self._views.addWidget(scroll)
        self._views.addWidget(self.matrix)
        columns.addLayout(_column(self._title, self._views), 1)
        columns.addLayout(_column(self.inspector))
        self.empty = EmptyView(NO_DATA, "Go to Data")
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACING * 3, SPACING * 2, SPACING * 3, SPACING * 2)
        layout.setSpacing(SPACING * 2)
        layout.addWidget(self.toolbar)
        layout.addWidget(self._pages, 1)
        self.ladder.follow(self.pool)

    def _add_shortcuts(self) -> None:
        for keys, step in (("Alt+Left", -1), ("Alt+Right", 1)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(self._on_previous if step < 0 else self._on_next)

    def _connect(self) -> None:
        session = self._session
        self.empty.way_on_requested.connect(self._on_to_data)
        session.dataset_changed.connect(self._on_dataset_changed)
        session.dataset_loading.connect(self._on_dataset_loading)
        session.ranking_changed.connect(self._on_ranking_changed)
        session.config_changed.connect(self._on_config_changed)
        session.class_selected.connect(self._on_class_selected)
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
        self.ladder.suggestion_accepted.connect(self._on_suggestion_accepted)
        self.ladder.suggestion_dismissed.connect(self.desk.dismiss)
        self.inspector.suggestions.accepted.connect(self._on_suggestion_accepted)
        self.inspector.problems.repair_chosen.connect(self._on_repair)
        self.inspector.problems.focus_left.connect(self._on_focus_left)
        self.inspector.preview.class_chosen.connect(session.select_class)
        self.desk.changed.connect(self._refresh)
        self.desk.failed.connect(session.post_error)
        session.runs_changed.connect(self._on_runs_changed)
        self.toolbar.space_requested.connect(self._on_space)
        self.toolbar.clear_requested.connect(self._on_clear)
        self.toolbar.matrix_toggled.connect(self._on_matrix_toggled)
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

    @Slot(str)
    def _on_dataset_loading(self, what: str) -> None:
        self.empty.words.setText(f"{what} …" if what else NO_DATA)
        self.empty.way_on.setVisible(not what)

    @Slot()
    def _on_to_data(self) -> None:
        self._session.page_requested.emit("data")

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
        self._fit_text()

    def _fit_text(self) -> None:
        """Gives the columns the widths that their text needs."""
        font = self.font()
        wide = int(self.width() >= with_text(WIDE_PAGE, font))
        for widget in (self.pool, self._hint):
            most = max(POOL_WIDTHS[wide], round(MOST_POOL_SHARE * self.width()))
            widget.setFixedWidth(min(with_text(POOL_WIDTHS[wide], font), most))
        self.inspector.setFixedWidth(with_text(INSPECTOR_WIDTHS[wide], font))
        self.toolbar.set_wide(bool(wide))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "toolbar"):
            self._refresh()
        if event.type() == QEvent.Type.FontChange and hasattr(self, "inspector"):
            self._fit_text()

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
        ranking, anchor = self._session.ranking, self._anchor
        moving = [name for name in ranking.ranked(anchor) if name in names]
        after = ranking.stepped(anchor, moving, step)
        if moving:
            at = after.tier_index(anchor, moving[0])
            assert at is not None, "a step takes nothing off the ladder"
            text = f"{anchor}: {listing(moving)} to rank {at + 2}"
            self._session.edit(after, text, f"step {anchor} {moving}")

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
        self.toolbar.show_ladder()

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

    @Slot(object)
    def _on_repair(self, repair: Repair) -> None:
        anchor = self._anchor
        self._session.edit(repair.ranking, repair.step)
        self._session.select_class(anchor)

    @Slot()
    def _on_focus_left(self) -> None:
        (self.matrix if self.toolbar.shows_matrix else self.pool).setFocus()

    @Slot(object)
    def _on_suggestion_accepted(self, suggestion: Suggestion) -> None:
        name, target = suggestion.name, Target("gap", suggestion.gap)
        after = self._session.ranking.moved(suggestion.anchor, [name], target.index)
        text = f"{suggestion.anchor}: accept {name} at rank {target.index + 2}"
        self._session.edit(after, text)
        self.ladder.focus_chip(name)

    @Slot()
    def _on_runs_changed(self) -> None:
        run = self.desk.run
        if run is not None and not run.path.is_dir():
            self.desk.ask(None)

    @Slot()
    def _on_previous(self) -> None:
        self._walk(-1)

    @Slot()
    def _on_next(self) -> None:
        self._walk(1)

    def _walk(self, step: int) -> None:
        if self._anchor in self._classes:
            at = self._classes.index(self._anchor) + step
            self._session.select_class(self._classes[at % len(self._classes)])

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

    @Slot()
    def _refresh(self) -> None:
        session, anchor = self._session, self._anchor
        ranking, config = session.ranking, session.config
        one = f"{anchor}, and what is like it" if anchor else "No class yet"
        self._pages.setCurrentIndex(1 if self._classes else 0)
        self._title.setText("All classes" if self.toolbar.shows_matrix else one)
        self.matrix.show_ranking(ranking, self._classes, config.ranking.depth)
        self._model.set_ranking(ranking)
        self._model.set_anchor(anchor)
        found = self.desk.of(ranking, anchor)
        self.ladder.set_ladder(ranking, anchor, self._classes, config, found)
        self.inspector.suggestions.show_suggestions(ranking, found)
        if session.dataset is not None:
            self.inspector.problems.show_ranking(ranking, anchor, self._classes)
            preview = BatchPreview(ranking, session.dataset, config)
            self.inspector.preview.show_preview(preview, anchor, _note(config))
        self.toolbar.refresh()


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
