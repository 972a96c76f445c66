"""In which classes do two runs differ? McNemar's test in each, adjusted for being many.

Shape suffixes: N objects, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.evaluation.difference import Tested, holm_corrected
from core.evaluation.statistics import mcnemar

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ClassComparison(Tested):
    """Two runs on the objects of one class, by McNemar's mid-p; adjusted over the classes.

    Attributes:
        name: The class.
        recall_a: Share of its objects that the first run gets right.
        recall_b: The second run's.
        only_a: Objects that only the first gets right.
        only_b: Objects that only the second gets right.
        count: How many objects.
    """

    name: str
    recall_a: float
    recall_b: float
    only_a: int
    only_b: int
    count: int

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "distinguishable": self.distinguishable}


def compare_classes(
    predicted_a_N: IntArray, predicted_b_N: IntArray, label_N: IntArray, classes: Sequence[str]
) -> tuple[ClassComparison, ...]:
    """Compares two runs' predictions class by class; classes without objects are left out.

    Args:
        predicted_a_N: Classes the first run predicts.
        predicted_b_N: Classes the second run predicts, for the same objects.
        label_N: True classes; -1 (withheld) is left out.
        classes: The C class names.
    """
    label_N = np.asarray(label_N)
    right_a_N, right_b_N = predicted_a_N == label_N, predicted_b_N == label_N
    present = [int(label) for label in np.unique(label_N[label_N >= 0])]
    tests = [mcnemar(right_a_N[label_N == c], right_b_N[label_N == c]) for c in present]
    return holm_corrected(
        [
            ClassComparison(
                name=classes[label],
                recall_a=float(right_a_N[label_N == label].mean()),
                recall_b=float(right_b_N[label_N == label].mean()),
                only_a=test.only_a,
                only_b=test.only_b,
                count=int((label_N == label).sum()),
                raw_p_value=test.mid_p,
                p_value=test.mid_p,
            )
            for label, test in zip(present, tests, strict=True)
        ]
    )


def classes_in_words(found: Sequence[ClassComparison], name_a: str = "A", name_b: str = "B") -> str:
    """Returns the classes in which two runs differ, or that there are none."""
    parts = [
        f"{c.name} (recall {c.recall_a:.2f} and {c.recall_b:.2f})"
        for c in sorted(found, key=lambda c: c.p_value)
        if c.distinguishable
    ]
    if not parts:
        return f"In no class are {name_a} and {name_b} distinguishable by themselves."
    return f"{name_a} and {name_b} differ in {', '.join(parts)}; p-values adjusted over classes."
