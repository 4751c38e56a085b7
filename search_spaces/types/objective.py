"""The objective of a sweep and the order of its values, used wherever trials are ranked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from search_spaces.types.problems import Goal

Row = TypeVar("Row")

WORST = math.inf
"""Signed value of a missing, NaN or infinite value."""
LARGEST = 1e150
"""Bound of the values that means and variances are taken of: the square of a larger one is no number."""


def bounded(value: float) -> float:
    """Return the value, or the bound that it is beyond; NaN and infinite values as they are."""
    return max(-LARGEST, min(value, LARGEST)) if math.isfinite(value) else value


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric and its goal. None, NaN and infinite values count as missing: worse than every finite value.

    All missing values are equal, for both goals, so that maximising is minimising the negative.
    """

    name: str
    goal: Goal

    @property
    def ascending(self) -> bool:
        """Whether smaller values are better."""
        return self.goal == "minimize"

    def signed(self, value: float | None) -> float:
        """Return the value, negated for a metric to maximise, so that lower is better; ``WORST`` where missing."""
        if value is None or not math.isfinite(value):
            return WORST
        return value if self.ascending else -value

    def better(self, a: float | None, b: float | None) -> bool:
        """Whether ``a`` is better than ``b``; of equal values neither is."""
        return self.signed(a) < self.signed(b)

    def reaches(self, a: float | None, b: float | None) -> bool:
        """Whether ``a`` is at least as good as ``b``."""
        return self.signed(a) <= self.signed(b)

    def ranked(self, rows: Iterable[Row], key: Callable[[Row], float | None]) -> list[Row]:
        """Return the rows sorted by ``key``, the best first, rows without a value last.

        The sort is stable: of equal rows in the order of trial numbers, the first trial comes first.
        """
        return sorted(rows, key=lambda row: self.signed(key(row)))

    def best(self, rows: Iterable[Row], key: Callable[[Row], float | None]) -> Row | None:
        """Return the first row of ``ranked``; None where no row has a value."""
        found = min(rows, key=lambda row: self.signed(key(row)), default=None)
        return None if found is None or self.signed(key(found)) == WORST else found


LOSS = Objective("val_loss", "minimize")
"""Objective of every workload that trains by a loss."""
