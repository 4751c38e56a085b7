"""What a sweep optimises, and the one order of its values: every "best first" in the code is this one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from search_spaces.types.problems import Goal

Row = TypeVar("Row")

WORST = math.inf
"""The signed value of what has none."""


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric and its goal. A value that is None, NaN or infinite is no value: it is worse than every finite one.

    All such values are equal, whichever goal the metric has, so that maximising is minimising the negative.
    """

    name: str
    goal: Goal

    @property
    def ascending(self) -> bool:
        """Whether a list of values in rising order has the best one first."""
        return self.goal == "minimize"

    def signed(self, value: float | None) -> float:
        """The value so that lower is better, ``WORST`` where there is none: sorts and compares without NaN."""
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
        """The rows with the best value by ``key`` first.

        Equal ones keep their order, and so do those without a value, at the end: given in the order of trial
        numbers, the first trial comes first.
        """
        return sorted(rows, key=lambda row: self.signed(key(row)))

    def best(self, rows: Iterable[Row], key: Callable[[Row], float | None]) -> Row | None:
        """The first of ``ranked``; None where no row has a value."""
        found = min(rows, key=lambda row: self.signed(key(row)), default=None)
        return None if found is None or self.signed(key(found)) == WORST else found


LOSS = Objective("val_loss", "minimize")
"""Measured by every workload that trains by a loss."""
