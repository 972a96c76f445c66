"""Two judged runs compared in words: accuracy, AUROC, and the classes in which they differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import AkinError
from core.evaluation.class_comparison import classes_in_words, compare_classes
from core.evaluation.ood import max_softmax_score
from core.evaluation.ood_comparison import compare_auroc
from core.evaluation.statistics import compare_accuracy
from gui.pages.results_confusion import IntArray, require_comparable
from gui.pages.results_data import RunResults


@dataclass(frozen=True, eq=False)
class Verdict:
    """A against B.

    Attributes:
        text: One or two sentences.
        flips: Rows of the predictions that only one of them got right.
    """

    text: str
    flips: IntArray


def judge(a: RunResults, b: RunResults) -> Verdict:
    """Compares two runs on their test objects, or says why that cannot be."""
    nothing = np.zeros(0, dtype=np.int64)
    try:
        require_comparable(a, b)
        assert a.predictions is not None
        assert b.predictions is not None
        found = compare_accuracy(
            a.predictions.predicted_N,
            b.predictions.predicted_N,
            a.predictions.label_N,
            image_id_N=a.predictions.image_id_N,
            name_a=a.run.name,
            name_b=b.run.name,
        )
    except AkinError as error:
        return Verdict(f"Not compared: {error.message} {error.hint}".strip(), nothing)
    lines = [str(found)]
    if not found.identical:
        lines += _further(a, b)
    return Verdict("\n".join(lines), np.array(found.flips, dtype=np.int64))


def _further(a: RunResults, b: RunResults) -> list[str]:
    """Says how two comparable runs compare in AUROC, and in which classes they differ."""
    first, second = a.predictions, b.predictions
    assert first is not None
    assert second is not None
    names = (a.run.name, b.run.name)
    classes = compare_classes(first.predicted_N, second.predicted_N, first.label_N, first.classes)
    lines = [classes_in_words(classes, *names)]
    known_N = first.label_N >= 0
    if min(known_N.sum(), (~known_N).sum()) > 1:
        auroc = compare_auroc(
            max_softmax_score(first.score_NC),
            max_softmax_score(second.score_NC),
            known_N,
            image_id_N=first.image_id_N,
            name_a=names[0],
            name_b=names[1],
        )
        lines.insert(0, str(auroc))
    return lines
