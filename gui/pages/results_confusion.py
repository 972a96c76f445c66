"""Which objects each cell of the shown matrix counts.

Shape suffixes: N judged objects, C known classes, R rows, K columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.errors import AkinError
from core.evaluation.confusion import cell_counts, cluster_order, ranking_clusters
from gui.pages.results_data import RunResults

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
ClassOrder = Literal["name", "ranking", "cluster"]
UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Rejection:
    """Objects that score below a threshold are called unknown.

    Attributes:
        score_N: Of every judged object.
        threshold: What scores at least this is known.
    """

    score_N: FloatArray
    threshold: float

    @property
    def rejected_N(self) -> npt.NDArray[np.bool_]:
        return self.score_N < self.threshold


@dataclass(frozen=True, eq=False)
class ConfusionTable:
    """A matrix and the cell of each object.

    Attributes:
        rows: Names of the rows, as ordered.
        columns: Names of the columns, as ordered.
        row_N: Row of each object; -1: shown nowhere.
        column_N: Column of each object in run A.
        other_N: Column of each object in run B; None: one run only.
        breaks: Where groups of classes begin.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    row_N: IntArray
    column_N: IntArray
    other_N: IntArray | None = None
    breaks: tuple[int, ...] = ()

    def counts_RK(self) -> IntArray:
        return cell_counts(self.row_N, self.column_N, len(self.rows), len(self.columns))

    def minus_RK(self) -> IntArray | None:
        """Returns run B's counts."""
        if self.other_N is None:
            return None
        return cell_counts(self.row_N, self.other_N, len(self.rows), len(self.columns))

    def objects_of(self, row: int, column: int) -> IntArray:
        """Returns the judged objects of a cell; of two runs those that only one has there."""
        there_N = self.column_N == column
        if self.other_N is not None:
            there_N = there_N != (self.other_N == column)
        return np.flatnonzero((self.row_N == row) & there_N).astype(np.int64)

    def text_of(self, row: int, column: int) -> str:
        """Returns the words for a cell's objects, with their number."""
        count = len(self.objects_of(row, column))
        what = f"true {self.rows[row]}, predicted {self.columns[column]}"
        if self.other_N is not None:
            what += " in only one of A and B"
        return f"{what} ({count})"

    def find(self, row: str, column: str) -> tuple[int, int] | None:
        """Returns the cell of a true and a predicted name, if there is one."""
        if row in self.rows and column in self.columns:
            return self.rows.index(row), self.columns.index(column)
        return None


def class_order(results: RunResults, order: ClassOrder) -> tuple[IntArray, tuple[int, ...]]:
    """Returns the class indices as ordered, and where groups begin."""
    assert results.predictions is not None
    classes = results.predictions.classes
    if order == "cluster":
        return cluster_order(results.counts_CC()), ()
    if order == "ranking":
        clusters = ranking_clusters(results.similarity_CC())
        order_C = np.array([label for cluster in clusters for label in cluster], dtype=np.int64)
        sizes = [len(cluster) for cluster in clusters if len(cluster) > 1]
        return order_C, tuple(int(at) for at in np.cumsum(sizes) if at < len(order_C))
    by_name = sorted(range(len(classes)), key=lambda label: classes[label])
    return np.array(by_name, dtype=np.int64), ()


def confusion_table(
    results: RunResults,
    order: ClassOrder = "name",
    *,
    rejection: Rejection | None = None,
    chosen_N: IntArray | None = None,
    other: RunResults | None = None,
) -> ConfusionTable:
    """Sorts the judged objects into cells.

    Args:
        results: Of run A.
        order: Of rows and columns.
        rejection: Gives a column "unknown" and a row for each withheld class.
        chosen_N: Only these objects; None: all.
        other: Of run B, to be subtracted; ask `why_not_comparable` first.
    """
    predictions = results.predictions
    assert predictions is not None
    order_C, breaks = class_order(results, order)
    place_C = np.empty(len(order_C), dtype=np.int64)
    place_C[order_C] = np.arange(len(order_C))
    rows = columns = tuple(predictions.classes[label] for label in order_C)
    known_N = predictions.label_N >= 0
    row_N = np.where(known_N, place_C[predictions.label_N], -1)
    column_N = place_C[predictions.predicted_N]
    if rejection is not None:
        withheld = sorted(set(predictions.true_name_N[~known_N].tolist()))
        for at, name in enumerate(withheld, start=len(rows)):
            row_N = np.where(~known_N & (predictions.true_name_N == name), at, row_N)
        breaks = (*breaks, len(columns))
        rows, columns = (*rows, *withheld), (*columns, UNKNOWN)
        column_N = np.where(rejection.rejected_N, len(columns) - 1, column_N)
    if chosen_N is not None:
        kept_N = np.zeros(len(row_N), dtype=bool)
        kept_N[chosen_N] = True
        row_N = np.where(kept_N, row_N, -1)
    other_N = None
    if other is not None:
        assert other.predictions is not None
        other_N = place_C[other.predictions.predicted_N]
    return ConfusionTable(rows, columns, row_N, column_N, other_N, breaks)


def require_comparable(a: RunResults, b: RunResults) -> None:
    """Raises AkinError where two runs were not judged on the same objects and classes."""
    name = b.run.name
    if b.predictions is None or b.metrics is None:
        raise AkinError(f"{name} has not been judged.", b.hint)
    assert a.predictions is not None
    if a.predictions.classes != b.predictions.classes:
        differ = sorted(set(a.predictions.classes) ^ set(b.predictions.classes))
        words = f" ({', '.join(differ)})" if differ else ""
        raise AkinError(
            f"{name} knows other classes than {a.run.name}{words}.",
            "Choose a run with the same withheld classes.",
        )
    pairs = (
        (a.predictions.image_id_N, b.predictions.image_id_N),
        (a.predictions.box_xyxy_N4, b.predictions.box_xyxy_N4),
        (a.predictions.true_name_N, b.predictions.true_name_N),
    )
    if not all(np.array_equal(first, second) for first, second in pairs):
        raise AkinError(
            f"{name} was judged on other objects than {a.run.name}.",
            "Choose a run with the same data and test split.",
        )
