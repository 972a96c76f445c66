"""What the results page shows of a run, read and matched off the window's thread.

Shape suffixes: N judged objects, C known classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import AkinError
from core.evaluation.confusion import cell_counts
from core.evaluation.further import KNN, MAHALANOBIS
from core.evaluation.ood import energy_score, max_cosine_score, max_softmax_score
from core.evaluation.report import OOD_SCORE
from core.predictions import Predictions
from core.runs import Run
from gui.models.run_curves import RunCurves

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
MAX_COSINE, MAX_LOGIT, ENERGY = "max cosine", "max logit", "energy"
SCORES: dict[str, Callable[[Predictions], FloatArray | None]] = {
    OOD_SCORE: lambda predictions: max_softmax_score(predictions.score_NC),
    MAX_COSINE: lambda predictions: max_cosine_score(predictions.score_NC),
    MAX_LOGIT: lambda predictions: max_cosine_score(predictions.score_NC),
    ENERGY: lambda predictions: energy_score(predictions.score_NC),
    KNN: lambda predictions: predictions.knn_score_N,
    MAHALANOBIS: lambda predictions: predictions.mahalanobis_score_N,
}


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
        can_be_judged: It has ended without having been judged.
        curves: What its events draw.
    """

    run: Run
    data: str
    metrics: dict[str, Any] | None
    predictions: Predictions | None
    problem: str = ""
    hint: str = ""
    can_be_judged: bool = False
    curves: RunCurves = field(default_factory=RunCurves)

    def counts_CC(self) -> IntArray:
        """Returns the confusion counts, rows true, columns predicted, int64, shape (C, C)."""
        assert self.predictions is not None
        size = len(self.predictions.classes)
        return cell_counts(self.predictions.label_N, self.predictions.predicted_N, size, size)

    def score_names(self) -> tuple[str, ...]:
        """Returns the scores that tell known from withheld objects, the run's own first.

        Those that need the training objects are there if they were kept when it was judged.
        """
        logits = self.run.config.objective.method == "softmax"
        names = (OOD_SCORE, MAX_LOGIT if logits else MAX_COSINE, ENERGY, KNN, MAHALANOBIS)
        predictions = self.predictions
        assert predictions is not None
        return tuple(name for name in names if SCORES[name](predictions) is not None)

    def score_N(self, name: str) -> FloatArray:
        """Returns a score of every object; higher means more likely known."""
        assert self.predictions is not None
        score_N = SCORES[name](self.predictions)
        assert score_N is not None, "only those of score_names() are asked for"
        return score_N

    def similarity_CC(self) -> FloatArray:
        """Returns the whole ranking the run was started with, as its compliance is judged by."""
        assert self.predictions is not None
        known = self.run.ranking.without_classes(self.run.config.data.withheld)
        return known.similarity_matrix(self.predictions.classes)


def load_results(run: Run) -> RunResults:
    """Reads a run's figures and predictions; what is missing is said, not raised."""
    try:
        data = str(run.environment().get("data_name") or run.config.data.folder)
        metrics = run.metrics()
        outcome = run.outcome()
        if metrics is None:
            return _without_results(run, data, "" if outcome is None else outcome.message)
        curves = RunCurves()
        curves.extend(run.events())
        return RunResults(run, data, metrics, run.predictions(), curves=curves)
    except AkinError as error:
        return RunResults(run, "", None, None, error.message, error.hint)


def _without_results(run: Run, data: str, ended: str) -> RunResults:
    if not ended:
        return RunResults(
            run, data, None, None, "This run is still training.", "It is judged when it ends."
        )
    hint = "Judge its last checkpoint, or continue it on the Training page."
    problem = f"This run has not been judged. {ended}"
    return RunResults(run, data, None, None, problem, hint, can_be_judged=True)
