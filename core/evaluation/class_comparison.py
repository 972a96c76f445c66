"""In which classes do two runs differ? McNemar's test in each, adjusted for being many.

Shape suffixes: N objects, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.evaluation.statistics import holm, mcnemar

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassComparison:
    """Two runs on the objects of one class.

    Attributes:
        name: The class.
        recall_a: Share of its objects that the first run gets right.
        recall_b: The second run's.
        only_a: Objects that only the first gets right.
        only_b: Objects that only the second gets right.
        count: How many objects.
        raw_p_value: McNemar's mid-p.
        p_value: Adjusted by Holm over the classes.
        alpha: The level below which a p-value counts.
    """

    name: str
    recall_a: float
    recall_b: float
    only_a: int
    only_b: int
    count: int
    raw_p_value: float
    p_value: float
    alpha: float = 0.05

    @property
    def distinguishable(self) -> bool:
        return self.p_value < self.alpha

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
    adjusted = holm([test.mid_p for test in tests])
    return tuple(
        ClassComparison(
            name=classes[label],
            recall_a=float(right_a_N[label_N == label].mean()),
            recall_b=float(right_b_N[label_N == label].mean()),
            only_a=test.only_a,
            only_b=test.only_b,
            count=int((label_N == label).sum()),
            raw_p_value=test.mid_p,
            p_value=p,
        )
        for label, test, p in zip(present, tests, adjusted, strict=True)
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
