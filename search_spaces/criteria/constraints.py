"""Constraints of a sweep, and the metrics that decide besides its first objective."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search_spaces.types.objective import Objective
from search_spaces.types.problems import COSTS_OF_MODEL

GROWING = ("training_s", "peak_memory_mib")
"""Costs that never become less as a trial goes on."""


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """Bounds of a metric that a trial must keep. At least one of them is given."""

    metric: str
    max: float | None = None
    min: float | None = None

    def excess(self, value: float) -> float:
        """Return by how much ``value`` breaks a bound; 0 or less where it keeps both."""
        over = -math.inf if self.max is None else value - self.max
        under = -math.inf if self.min is None else self.min - value
        return over if over >= under else under

    def is_final(self, value: float) -> bool:
        """Whether ``value`` breaks a bound for good, whatever the trial's further epochs bring."""
        if self.excess(value) <= 0:
            return False
        return self.metric in COSTS_OF_MODEL or (
            self.metric in GROWING and self.max is not None and value > self.max
        )

    def __str__(self) -> str:
        low = "" if self.min is None else f"{self.min:g} <= " if self.max is not None else f" >= {self.min:g}"
        high = "" if self.max is None else f" <= {self.max:g}"
        return f"{low}{self.metric}{high}" if self.max is not None else f"{self.metric}{low}"


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """What decides besides the first objective: the ``others`` and the ``constraints``."""

    others: Sequence[Objective] = ()
    constraints: Sequence[Constraint] = ()
    sparse: bool = False
    """Whether a metric may be reported in some epochs only, as users' code does that measures it now and then."""

    def __bool__(self) -> bool:
        return bool(self.others or self.constraints)

    @property
    def names(self) -> list[str]:
        """Names of the metrics, each once."""
        return list(
            dict.fromkeys([*(other.name for other in self.others), *(one.metric for one in self.constraints)])
        )

    def excess(self, measured: Mapping[str, float]) -> dict[str, float]:
        """Return by how much each constraint on a measured metric is broken; 0 or less where it is kept."""
        return {str(one): one.excess(measured[one.metric]) for one in self.constraints if one.metric in measured}

    def keeps(self, measured: Mapping[str, float]) -> bool:
        """Whether every constraint is known to be kept, and every objective known."""
        found = self.excess(measured)
        if any(other.name not in measured for other in self.others):
            return False
        return len(found) == len(self.constraints) and all(amount <= 0 for amount in found.values())

    def broken(self, measured: Mapping[str, float], at_end: bool = False) -> str | None:
        """Return in words which constraints are broken for good, or None.

        ``at_end``: no further epoch follows, and a metric that was not measured breaks its constraint.
        """
        missing = [other.name for other in self.others if other.name not in measured]
        told = [f"{name} was not measured" for name in missing] if at_end else []
        for one in self.constraints:
            value = measured.get(one.metric)
            if value is None:
                told += [f"{one.metric} was not measured, and must be {_bounds(one)}"] if at_end else []
            elif one.is_final(value) or (at_end and one.excess(value) > 0):
                told.append(f"{one.metric} is {value:.4g}, and must be {_bounds(one)}")
        return "; ".join(told) or None


NO_CRITERIA = Criteria()


def _bounds(constraint: Constraint) -> str:
    low = [] if constraint.min is None else [f"at least {constraint.min:g}"]
    high = [] if constraint.max is None else [f"at most {constraint.max:g}"]
    return " and ".join([*low, *high])
