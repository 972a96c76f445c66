"""The neighbours of an object: what the embedding finds most like it, and how the user ranks that.

Shape suffixes: N judged objects.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QModelIndex, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListView, QToolButton, QVBoxLayout, QWidget

from core.data.index import DatasetIndex
from core.evaluation.compliance import ranks_of
from core.evaluation.retrieval import nearest_objects
from gui.pages.results_crops import CROP_PX, CropModel
from gui.pages.results_data import RunResults
from gui.theme import SPACING, set_role, tokens
from gui.widgets.figure_export import ExportButton, WidgetFigure
from gui.widgets.notes import note_label
from gui.widgets.view_card import ViewCard

IntArray = npt.NDArray[np.int64]
NEIGHBOURS = 30


@dataclass(frozen=True)
class Neighbour:
    """An object like the query.

    Attributes:
        row: Of the predictions.
        name: Its true class.
        cosine: To the query.
        relation: "rank 1" (the query's own class), "rank 2", ..., "negative"; "" where the
            ranking says nothing (withheld classes).
    """

    row: int
    name: str
    cosine: float
    relation: str


def neighbours_of(results: RunResults, row: int, count: int = NEIGHBOURS) -> tuple[Neighbour, ...]:
    """Returns the test objects most like one of them, itself left out."""
    predictions = results.predictions
    assert predictions is not None
    rank_CC = ranks_of(results.similarity_CC())
    embedding_ND = predictions.embedding_ND
    found_K, cosine_K = nearest_objects(embedding_ND[row], embedding_ND, count + 1)
    label = int(predictions.label_N[row])
    neighbours = []
    for other, cosine in zip(found_K.tolist(), cosine_K.tolist(), strict=True):
        if other == row:
            continue
        other_label = int(predictions.label_N[other])
        relation = ""
        if label >= 0 and other_label >= 0:
            rank = int(rank_CC[label, other_label])
            relation = f"rank {rank}" if rank else "negative"
        name = str(predictions.true_name_N[other])
        neighbours.append(Neighbour(other, name, cosine, relation))
    return tuple(neighbours[:count])


def _caption(neighbour: Neighbour) -> str:
    below = (f"{neighbour.cosine:.2f}", neighbour.relation.replace("negative", "neg."))
    return f"{neighbour.name}\n{' · '.join(filter(None, below))}"


def neighbours_in_words(neighbours: tuple[Neighbour, ...]) -> str:
    """Returns such as "Of its 30 nearest: 21 cat (rank 1), 6 dog (rank 2), 3 car (negative)."""
    counts = Counter((n.name, n.relation) for n in neighbours)
    parts = [
        f"{count} {name}" + (f" ({relation})" if relation else "")
        for (name, relation), count in counts.most_common(5)
    ]
    more = len(counts) - len(parts)
    if more > 0:
        parts.append(f"{more} other class{'es' if more > 1 else ''}")
    return f"Of its {len(neighbours)} nearest: {', '.join(parts)}."


class NeighboursCard(ViewCard):
    """The query at the top, its neighbours under it; any of them can be the next query."""

    query_changed = Signal(int)  # row of the predictions

    def __init__(self, parent: QWidget | None = None) -> None:
        self._results: RunResults | None = None
        self._index: DatasetIndex | None = None
        self._objects_N: IntArray | None = None
        self._query: int | None = None
        self.neighbours: tuple[Neighbour, ...] = ()
        self.query_model = CropModel()
        self.model = CropModel()
        self.query_view = _crop_list(self.query_model, "The object that is asked about")
        self.query_view.setFixedSize(CROP_PX + 2 * SPACING, CROP_PX + 2 * SPACING)
        self.view = _crop_list(self.model, "Its neighbours, most like it first")
        self.view.setToolTip("Double click a neighbour to ask about it")
        self.question = QLabel()
        self.question.setWordWrap(True)
        set_role(self.question, "heading")
        self.answer = QLabel()
        self.answer.setWordWrap(True)
        self.next_error = QToolButton()
        self.next_error.setText("Next error")
        self.next_error.setToolTip("Ask about the next object that was predicted wrong")
        self.next_error.setAccessibleName("Ask about the next wrong prediction")
        self.note = note_label("")
        self.figure = WidgetFigure(self.csv, summary=self._in_words)
        self.export = ExportButton(self.figure, "neighbours")
        super().__init__("Neighbours", self._body(), (self.next_error, self.export), parent)
        self.query_model.setParent(self)
        self.model.setParent(self)
        self.view.activated.connect(self._on_activated)
        self.next_error.clicked.connect(self.ask_next_error)

    def _body(self) -> QWidget:
        words = QVBoxLayout()
        words.setSpacing(SPACING // 2)
        words.addWidget(self.question)
        words.addWidget(self.answer)
        words.addStretch(1)
        top = QHBoxLayout()
        top.setSpacing(SPACING)
        top.addWidget(self.query_view, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addLayout(top)
        column.addWidget(self.view, 1)
        column.addWidget(self.note)
        self.figure.set_widget(body)
        return body

    # ----- the query -----

    def show_results(
        self, results: RunResults, index: DatasetIndex | None, objects_N: IntArray | None
    ) -> None:
        """Takes a run; crops are shown where its data set is the open one."""
        kept = self._query if _same_run(self._results, results) else None
        self._results, self._index, self._objects_N = results, index, objects_N
        self._query = kept
        retrieval = (results.metrics or {}).get("retrieval") or {}
        self.subtitle.clear()
        if retrieval.get("recall_at_1") is not None:
            self.subtitle.setText(
                f"R@1 {retrieval['recall_at_1']:.3f}, mAP@R {retrieval['map_at_r']:.3f}"
            )
        self._show_query()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._query is None and self._results is not None:
            self.ask_next_error()

    @property
    def query(self) -> int | None:
        """The row of the predictions that is asked about."""
        return self._query

    def ask(self, row: int) -> None:
        """Asks about an object."""
        self._query = row
        self._show_query()
        self.query_changed.emit(row)

    @Slot()
    def ask_next_error(self) -> None:
        """Asks about the next object predicted wrong; the first object where none is."""
        results = self._results
        if results is None or results.predictions is None or not len(results.predictions.label_N):
            return
        label_N, predicted_N = results.predictions.label_N, results.predictions.predicted_N
        wrong = np.flatnonzero((label_N >= 0) & (label_N != predicted_N))
        after = wrong[wrong > (-1 if self._query is None else self._query)]
        self.ask(int(after[0] if len(after) else wrong[0] if len(wrong) else 0))

    def _show_query(self) -> None:
        results, row = self._results, self._query
        assert results is not None
        assert results.predictions is not None
        border = QColor(tokens(self.palette()).border)
        for model in (self.query_model, self.model):
            model.set_placeholder_colour(border)
        self.export.setEnabled(row is not None)
        if row is None:
            self.neighbours = ()
            self.query_model.show_objects(None, ())
            self.model.show_objects(None, ())
            self.question.clear()
            self.answer.clear()
            self._say("Double click a crop below, or click a point on the map.")
            return
        predictions = results.predictions
        self.neighbours = neighbours_of(results, row)
        predicted = predictions.classes[int(predictions.predicted_N[row])]
        self.question.setText(f"true {predictions.true_name_N[row]}, predicted {predicted}")
        self.answer.setText(neighbours_in_words(self.neighbours))
        if self._objects_N is None:
            self.query_model.show_objects(None, ())
            self.model.show_objects(None, ())
            self._say("Open the run's data to see the crops: its objects are not in the open one.")
            return
        self._say("")
        objects_N = self._objects_N
        self.query_model.show_objects(self._index, (int(objects_N[row]),))
        rows = [neighbour.row for neighbour in self.neighbours]
        captions = tuple(_caption(n) for n in self.neighbours)
        self.model.show_objects(self._index, tuple(objects_N[rows].tolist()), captions)
        self.view.scrollToTop()

    def _say(self, text: str) -> None:
        self.note.setText(text)
        self.note.setVisible(bool(text))
        self.view.setVisible(not text)
        self.query_view.setVisible(not text)

    @Slot(QModelIndex)
    def _on_activated(self, index: QModelIndex) -> None:
        self.ask(self.neighbours[index.row()].row)

    def _in_words(self) -> str:
        return f"{self.question.text()}: {self.answer.text()}" if self.neighbours else ""

    def csv(self) -> str:
        """Returns the neighbours as CSV."""
        lines = ["place,image,class,cosine,relation"]
        if self._results is None or self._results.predictions is None:
            return lines[0] + "\n"
        images = self._results.predictions.image_id_N
        for place, n in enumerate(self.neighbours, start=1):
            lines.append(f"{place},{images[n.row]},{n.name},{n.cosine:.6f},{n.relation}")
        return "\n".join(lines) + "\n"


def _same_run(a: RunResults | None, b: RunResults) -> bool:
    return a is not None and a.run == b.run


def _crop_list(model: CropModel, name: str) -> QListView:
    view = QListView()
    view.setModel(model)
    view.setViewMode(QListView.ViewMode.IconMode)
    view.setMovement(QListView.Movement.Static)
    view.setResizeMode(QListView.ResizeMode.Adjust)
    view.setIconSize(QSize(CROP_PX, CROP_PX))
    view.setUniformItemSizes(True)
    view.setWordWrap(True)
    view.setSpacing(0)
    view.setFrameShape(QListView.Shape.NoFrame)
    view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
    view.setAccessibleName(name)
    return view
