"""What the results page shows of a run, read and matched off the window's thread.

Shape suffixes: N judged objects, C known classes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.data.index import DatasetIndex
from core.errors import AkinError
from core.evaluation.ood import max_softmax_score
from core.runs import Predictions, Run

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RunResults:
    """One run, judged.

    Attributes:
        run: Its directory.
        data: What its figures were measured on.
        metrics: metrics.json; None while there is none.
        predictions: predictions.npz; None where it is missing.
        problem: Why there is nothing to show; "" if there is.
        hint: What to do about it.
    """

    run: Run
    data: str
    metrics: dict[str, Any] | None
    predictions: Predictions | None
    problem: str = ""
    hint: str = ""

    def counts_CC(self) -> IntArray:
        """Returns the confusion counts, rows true, columns predicted, int64, shape (C, C)."""
        assert self.predictions is not None
        size = len(self.predictions.classes)
        known = self.predictions.label_N >= 0
        pairs = self.predictions.label_N[known] * size + self.predictions.predicted_N[known]
        return np.bincount(pairs, minlength=size * size).reshape(size, size).astype(np.int64)

    def rows_of_cell(self, true: int, predicted: int) -> IntArray:
        """Returns the rows of the predictions that one cell counts."""
        assert self.predictions is not None
        label_N, predicted_N = self.predictions.label_N, self.predictions.predicted_N
        return np.flatnonzero((label_N == true) & (predicted_N == predicted)).astype(np.int64)

    def scores(self) -> tuple[FloatArray, FloatArray]:
        """Returns the scores of the known and of the withheld objects."""
        assert self.predictions is not None
        score_N = max_softmax_score(self.predictions.score_NC)
        known = self.predictions.label_N >= 0
        return score_N[known], score_N[~known]


def load_results(run: Run) -> RunResults:
    """Reads a run's figures and predictions; what is missing is said, not raised."""
    try:
        data = str(run.environment().get("data_name") or run.config.data.folder)
        metrics = run.metrics()
        outcome = run.outcome()
        if metrics is None:
            return _without_results(run, data, "" if outcome is None else outcome.message)
        return RunResults(run, data, metrics, run.predictions())
    except AkinError as error:
        return RunResults(run, "", None, None, error.message, error.hint)


def _without_results(run: Run, data: str, ended: str) -> RunResults:
    if not ended:
        return RunResults(
            run, data, None, None, "This run is still training.", "It is judged when it ends."
        )
    hint = "Continue it on the Training page, or choose another run above."
    return RunResults(run, data, None, None, f"This run has not been judged. {ended}", hint)


def match_objects(
    predictions: Predictions, index: DatasetIndex, fingerprint: object = None
) -> IntArray | None:
    """Finds the judged objects in a data set, by image and box.

    Args:
        predictions: Of a run.
        index: The data set that is open.
        fingerprint: Of the data that the run was judged on, where it is known.

    Returns:
        Object indices, int64, shape (N,); None if this is not the run's data set.
    """
    if isinstance(fingerprint, str) and fingerprint != index.fingerprint:
        return None
    names = [index.image_ids[i] for i in index.image_index_N.tolist()]
    waiting: dict[tuple[object, ...], list[int]] = defaultdict(list)
    boxes_N4 = np.round(index.box_xyxy_N4, 2).tolist()
    for row in range(len(names) - 1, -1, -1):
        label = index.classes[int(index.label_N[row])]
        waiting[names[row], label, *boxes_N4[row]].append(row)
    found = np.full(len(predictions.image_id_N), -1, dtype=np.int64)
    wanted_N4 = np.round(predictions.box_xyxy_N4, 2).tolist()
    for row, (name, label) in enumerate(
        zip(predictions.image_id_N.tolist(), predictions.true_name_N.tolist(), strict=True)
    ):
        rows = waiting.get((name, label, *wanted_N4[row]))
        if not rows:
            return None
        found[row] = rows.pop()
    return found
