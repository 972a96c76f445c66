"""A difference of two runs: is it there, or is it chance? In numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

import numpy as np

ONE_TRAINING = "test images only; one training each: another seed may differ as much"
_Tested = TypeVar("_Tested", bound="Tested")


@dataclass(frozen=True, kw_only=True)
class Tested:
    """Something that was tested.

    Attributes:
        p_value: Two-sided; adjusted by Holm where several tests were made.
        raw_p_value: Before it was adjusted.
        alpha: The level below which a p-value counts.
    """

    p_value: float
    raw_p_value: float
    alpha: float = 0.05

    @property
    def distinguishable(self) -> bool:
        """Whether chance does not explain it."""
        return self.p_value < self.alpha


@dataclass(frozen=True, kw_only=True)
class Difference(Tested):
    """A figure of the first less that of the second.

    Attributes:
        name_a: The first run, or way to train.
        name_b: The second.
        difference: a - b.
        interval: 95 %, of the difference.
    """

    name_a: str
    name_b: str
    difference: float
    interval: tuple[float, float]
    IN_POINTS: ClassVar[bool] = True  # Else a fraction, with three decimals.

    @property
    def distinguishable(self) -> bool:
        """Whether both the interval and the test speak against chance."""
        low, high = self.interval
        return super().distinguishable and (low > 0 or high < 0)

    @property
    def caveat(self) -> str:
        """What interval and test leave out; "" where they count all chance."""
        return ONE_TRAINING

    def to_json(self) -> dict[str, Any]:
        return {
            "difference": self.difference,
            "interval": list(self.interval),
            "p_value": self.p_value,
            "raw_p_value": self.raw_p_value,
            "distinguishable": self.distinguishable,
            "sentence": str(self),
            "caveat": self.caveat or None,
        }

    @property
    def better(self) -> str:
        return self.name_b if self.difference < 0 else self.name_a

    @property
    def worse(self) -> str:
        return self.name_a if self.difference < 0 else self.name_b

    @property
    def size(self) -> str:
        """How far they are apart, such as "12.0 points"."""
        return self._number(abs(self.difference)) + (" points" if self.IN_POINTS else "")

    def in_words(self, ahead: str, seen: str, measured_on: str, figure: str = "") -> str:
        """Returns which one is ahead, or that they are not distinguishable, evidence and caveat.

        Args:
            ahead: What the better one does, such as "is better than B by 12.0 points".
            seen: What was found where chance explains it, such as "difference 0.5 points".
            measured_on: Such as "500 objects".
            figure: What is compared, such as "AUROC"; "" where that is clear.
        """
        sign = -1.0 if self.difference < 0 else 1.0
        low, high = sorted(sign * end for end in self.interval)
        interval = f"95 % interval {self._number(low, '+')} to {self._number(high, '+')}"
        evidence = f"{interval}, {p_text(self.p_value)}, {measured_on}"
        if self.caveat:
            evidence += f"; {self.caveat}"
        if self.distinguishable:
            return f"{self.better} {ahead} ({evidence})."
        in_figure = f" in {figure}" if figure else ""
        return (
            f"{self.name_a} and {self.name_b} are not distinguishable{in_figure} "
            f"({seen}, {evidence})."
        )

    def _number(self, value: float, sign: str = "") -> str:
        return f"{100 * value:{sign}.1f}" if self.IN_POINTS else f"{value:{sign}.3f}"


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Returns p-values adjusted for being several (Holm 1979), in the order given."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    factors = len(p) - np.arange(len(p))
    adjusted = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    result = np.empty(len(p))
    result[order] = adjusted
    return tuple(float(x) for x in result)


def holm_corrected(tests: Sequence[_Tested]) -> tuple[_Tested, ...]:
    """Returns what was tested together with its p-values adjusted by Holm."""
    adjusted = holm([test.raw_p_value for test in tests])
    return tuple(replace(test, p_value=p) for test, p in zip(tests, adjusted, strict=True))


def p_text(p_value: float) -> str:
    """Returns "p = 0.031", or "p < 0.001"."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
