"""The confusion matrix: counts or shares, ordered, of one run or of one less another."""

from __future__ import annotations

from typing import cast

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from core.errors import AkinError
from gui.pages.results_confusion import (
    ClassOrder,
    ConfusionTable,
    IntArray,
    Rejection,
    confusion_table,
    require_comparable,
)
from gui.pages.results_data import RunResults
from gui.theme import SPACING, set_role
from gui.widgets.choice_button import ChoiceButton
from gui.widgets.figure_export import ExportButton
from gui.widgets.matrix_painter import MatrixMode
from gui.widgets.matrix_view import MatrixView
from gui.widgets.view_card import ViewCard

MODES = (("counts", "Counts"), ("rows", "% of row"), ("columns", "% of column"))
ORDERS = (("name", "By name"), ("ranking", "By ranking"), ("cluster", "By cluster"))


class MatrixCard(ViewCard):
    """The matrix, what is subtracted from it, and the order of its classes."""

    rows_selected = Signal(object, str)  # rows of the predictions, words
    cleared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        self._results: RunResults | None = None
        self._other: RunResults | None = None
        self._rejection: Rejection | None = None
        self._chosen_N: IntArray | None = None
        self._table: ConfusionTable | None = None
        self._cell: tuple[str, str] | None = None
        self.matrix = MatrixView()
        self.mode = ChoiceButton("What the cells show", MODES)
        self.order = ChoiceButton("Order of the classes", ORDERS)
        self.order.setToolTip(
            "Order: by name; by ranking, where classes that the ranking connects stand together; "
            "by cluster, where classes that are confused stand together"
        )
        self.minus = QToolButton()
        self.minus.setText("A − B")
        self.minus.setCheckable(True)
        self.minus.setToolTip("Subtract run B; blue: more in A, orange: more in B")
        self.minus.setAccessibleName("Subtract run B from run A")
        self.worst = QToolButton()
        self.worst.setText("Worst")
        self.worst.setToolTip("Show the objects of the largest confusion")
        self.worst.setAccessibleName("Select the worst confusion")
        self.export = ExportButton(self.matrix, "confusion matrix")
        self.refusal = QLabel()
        self.refusal.setWordWrap(True)
        set_role(self.refusal, "muted")
        super().__init__("Confusion", self._body(), (self.export,), parent)
        self.mode.chosen.connect(self._on_mode)
        self.order.chosen.connect(self._on_changed)
        self.minus.toggled.connect(self._on_changed)
        self.worst.clicked.connect(self.select_worst)
        self.matrix.cell_clicked.connect(self._on_cell_clicked)
        self.matrix.cleared.connect(self._on_cleared)

    def _body(self) -> QWidget:
        line = QHBoxLayout()
        line.setSpacing(SPACING // 2)
        for tool in (self.mode, self.order, self.minus):
            line.addWidget(tool)
        line.addStretch(1)
        line.addWidget(self.worst)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING // 2)
        column.addLayout(line)
        column.addWidget(self.refusal)
        column.addWidget(self.matrix, 1)
        return body

    # ----- what is shown -----

    def show_results(self, results: RunResults, other: RunResults | None = None) -> None:
        """Shows run A, or A less B where B can be subtracted."""
        self._results, self._other = results, None
        self._rejection = self._chosen_N = self._cell = None
        self.refusal.clear()
        if other is not None:
            try:
                require_comparable(results, other)
            except AkinError as error:
                self.refusal.setText(f"Not subtracted: {error.message} {error.hint}".strip())
            else:
                self._other = other
        self.refusal.setVisible(bool(self.refusal.text()))
        self.minus.setVisible(self._other is not None)
        self.minus.blockSignals(True)
        self.minus.setChecked(self._other is not None)
        self.minus.blockSignals(False)
        self._refresh()

    def set_rejection(self, rejection: Rejection | None) -> None:
        """Calls objects below a threshold unknown; None: takes predictions as they are."""
        self._rejection = rejection
        self._refresh()

    def set_chosen(self, chosen_N: IntArray | None) -> None:
        """Counts only these objects; None: all."""
        self._chosen_N = chosen_N
        self._refresh()

    @property
    def is_difference(self) -> bool:
        """Whether run B is subtracted."""
        return self._table is not None and self._table.other_N is not None

    def _refresh(self) -> None:
        if self._results is None:
            return
        subtracts = self.minus.isChecked() and self._other is not None
        table = confusion_table(
            self._results,
            cast(ClassOrder, self.order.choice),
            rejection=None if subtracts else self._rejection,
            chosen_N=self._chosen_N,
            other=self._other if subtracts else None,
        )
        self._table = table
        counts_RK = table.counts_RK()
        self.matrix.set_matrix(
            table.rows,
            table.columns,
            counts_RK,
            minus_RC=table.minus_RK(),
            breaks=table.breaks,
        )
        self.subtitle.setText(self._summary(table, counts_RK))
        self._follow_cell()

    def _summary(self, table: ConfusionTable, counts_RK: IntArray) -> str:
        total = int(counts_RK.sum())
        if table.other_N is not None:
            assert self._other is not None
            moved = int(((table.row_N >= 0) & (table.column_N != table.other_N)).sum())
            return f"less {self._other.run.name}: {moved} of {total} predicted otherwise"
        right = sum(
            int(counts_RK[row, table.columns.index(name)])
            for row, name in enumerate(table.rows)
            if name in table.columns
        )
        whole = "chosen objects" if self._chosen_N is not None else "objects"
        if self._rejection is not None:
            unknown = int(counts_RK[:, -1].sum())
            return f"{unknown} of {total} {whole} below the threshold"
        words = f"{total - right} of {total} {whole} wrong"
        if self._chosen_N is not None and len(self._chosen_N) > total:
            words += f", {len(self._chosen_N) - total} withheld"
        return words

    # ----- cells -----

    def _follow_cell(self) -> None:
        """Keeps the selected cell, by its names, while the matrix around it changes."""
        if self._cell is None or self._table is None:
            return
        cell = self._table.find(*self._cell)
        if cell is None:
            self._cell = None
            self.cleared.emit()
        else:
            self.matrix.set_selected(cell)
            self.rows_selected.emit(self._table.objects_of(*cell), self._table.text_of(*cell))

    def let_go(self) -> None:
        """Selects no cell; without a signal."""
        self._cell = None
        self.matrix.set_selected(None)

    @Slot(int, int)
    def _on_cell_clicked(self, row: int, column: int) -> None:
        if self._table is not None:
            self._cell = (self._table.rows[row], self._table.columns[column])
            self._follow_cell()

    @Slot()
    def select_worst(self) -> None:
        """Selects the largest cell off the diagonal, as a click on it would."""
        content = self.matrix.content
        size_RC = np.abs(content.counts_RC - (0 if content.minus_RC is None else content.minus_RC))
        for row, name in enumerate(content.rows):
            if name in content.columns:
                size_RC[row, content.columns.index(name)] = 0
        if size_RC.any():
            row, column = divmod(int(size_RC.argmax()), size_RC.shape[1])
            self._on_cell_clicked(row, column)

    @Slot()
    def _on_cleared(self) -> None:
        self.let_go()
        self.cleared.emit()

    @Slot(str)
    def _on_mode(self, mode: str) -> None:
        self.matrix.set_mode(cast(MatrixMode, mode))

    @Slot()
    def _on_changed(self) -> None:
        self._refresh()
