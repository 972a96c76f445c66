"""Two runs' AUROCs on the same objects: different, or not distinguishable?

Shape suffixes: N objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from core.errors import AkinError
from core.evaluation.auroc import DelongTest, bootstrap_auroc, delong_test
from core.evaluation.difference import Difference
from core.evaluation.image_draw import Images

Floats = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class AurocComparison(Difference):
    """Two runs' AUROCs compared, by DeLong's p-value; `str()` says it in words.

    The interval is of a paired bootstrap over images.

    Attributes:
        delong: Both AUROCs and DeLong's test, which takes objects as independent.
        identical: Whether all scores are the same.
        known_count: Known objects.
        withheld_count: Withheld objects.
    """

    delong: DelongTest
    identical: bool
    known_count: int
    withheld_count: int
    IN_POINTS: ClassVar[bool] = False

    def __str__(self) -> str:
        a, b = self.delong.auroc_a, self.delong.auroc_b
        if self.identical:
            return f"{self.name_a} and {self.name_b} have the same AUROC, {a:.3f}."
        return self.in_words(
            f"has a higher AUROC than {self.worse}, by {self.size}",
            f"{a:.3f} and {b:.3f}",
            f"{self.known_count} known and {self.withheld_count} withheld objects",
            "AUROC",
        )


def compare_auroc(
    score_a_N: Floats,
    score_b_N: Floats,
    known_N: BoolArray,
    *,
    image_id_N: Images | None = None,
    name_a: str = "A",
    name_b: str = "B",
    seed: int = 0,
    resamples: int = 2000,
) -> AurocComparison:
    """Compares two runs' scores of the same objects.

    The bootstrap draws the same images for both runs. They count as different only where its
    95 % interval leaves out 0 and DeLong's p-value is below 0.05: objects of one image are not
    independent, as that test takes them to be. Chance of training is not in it.

    Args:
        score_a_N: The first run's scores; higher means more likely known.
        score_b_N: The second run's.
        known_N: Which objects are of known classes.
        image_id_N: Image of each object; None: each object is its own unit.
        name_a: What to call the first run.
        name_b: What to call the second run.
        seed: Of the bootstrap.
        resamples: Of the bootstrap.

    Raises:
        AkinError: There are fewer than two known or withheld objects.
    """
    known = np.asarray(known_N, dtype=bool)
    if known.sum() < 2 or (~known).sum() < 2:
        raise AkinError("There are too few known or withheld objects to compare AUROCs on.")
    a, b = np.asarray(score_a_N, np.float64), np.asarray(score_b_N, np.float64)
    images: dict[str, Any] = {}
    if image_id_N is not None:
        image_N = np.asarray(image_id_N)
        images = {"known_image_N": image_N[known], "unknown_image_M": image_N[~known]}
    samples_a, samples_b = (
        bootstrap_auroc(s[known], s[~known], **images, seed=seed, resamples=resamples)
        for s in (a, b)
    )
    low, high = np.quantile(samples_a - samples_b, [0.025, 0.975])
    test = delong_test(a[known], a[~known], b[known], b[~known])
    return AurocComparison(
        name_a=name_a,
        name_b=name_b,
        difference=test.difference,
        interval=(float(low), float(high)),
        p_value=test.p_value,
        raw_p_value=test.p_value,
        delong=test,
        identical=bool(np.array_equal(a, b)),
        known_count=int(known.sum()),
        withheld_count=int((~known).sum()),
    )
