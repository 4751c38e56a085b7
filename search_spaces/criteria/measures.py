"""What a trial has come to in the metrics that decide besides its objective."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from search_spaces.criteria.constraints import GROWING, NO_CRITERIA, Criteria
from search_spaces.types.objective import Objective
from search_spaces.types.problems import COSTS, COSTS_OF_MODEL


@dataclass
class Measures:
    """Values of the criteria's metrics by epoch, those that are finite.

    A trial counts with its costs as they are now, and with the other metrics of its best epoch: one that users'
    code did not report then, with its last value before, or its first one behind. Of what belongs to its model the
    first measurement stays; of what grows the largest counts.
    """

    criteria: Criteria = NO_CRITERIA
    by_epoch: dict[int, dict[str, float]] = field(default_factory=dict)

    def record(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of an epoch, once."""
        if not self.criteria or epoch in self.by_epoch:
            return
        found = {name: float(metrics[name]) for name in self.criteria.names if name in metrics}
        found = {name: value for name, value in found.items() if math.isfinite(value)}
        for name, value in self.until(epoch).items():
            if name in COSTS_OF_MODEL:
                found[name] = value
            elif name in GROWING:
                found[name] = max(value, found.get(name, value))
        self.by_epoch[epoch] = found

    def complete(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record what was measured behind the end of an epoch that is recorded, and not with it."""
        known = self.by_epoch.pop(epoch, {})
        self.record(epoch, metrics)
        if self.criteria:
            self.by_epoch[epoch] = {**self.by_epoch[epoch], **known}

    def until(self, epoch: int) -> Mapping[str, float]:
        """Return the values of the last recorded epoch up to this one."""
        last = max((known for known in self.by_epoch if known <= epoch), default=None)
        return {} if last is None else self.by_epoch[last]

    def at(self, best_epoch: int | None, epoch: int) -> dict[str, float]:
        """Return the values with which a trial counts at ``epoch``, whose best one until then is ``best_epoch``."""
        costs, best = self.until(epoch), best_epoch or 0
        found = {
            name: costs.get(name) if name in COSTS else self._near(name, best, epoch)
            for name in self.criteria.names
        }
        return {name: value for name, value in found.items() if value is not None}

    def _near(self, name: str, best: int, epoch: int) -> float | None:
        """Return a metric of epoch ``best``; where it was not reported, the last before it or the first behind."""
        of_best = self.by_epoch.get(best, {})
        if name in of_best or not self.criteria.sparse:
            return of_best.get(name)
        known = [one for one in sorted(self.by_epoch) if one <= epoch and name in self.by_epoch[one]]
        before = [one for one in known if one <= best]
        chosen = before[-1:] or known[:1]
        return self.by_epoch[chosen[0]][name] if chosen else None


@dataclass(frozen=True)
class Standing:
    """A trial as it counts now: the best value of its objective, and the metrics of the criteria beside it."""

    value: float | None
    measured: Mapping[str, float]

    @classmethod
    def of(cls, objective: Objective, values: Mapping[int, float], measures: Measures) -> Standing:
        """Return how a trial with these values by epoch counts; of equally good epochs the last is the best."""
        best = objective.best(sorted(values, reverse=True), lambda epoch: values[epoch])
        value = None if best is None else values[best]
        return cls(value, measures.at(best, max(values, default=0)))

    def vector(self, criteria: Criteria) -> list[float] | None:
        """Return all objectives; None while one is not known."""
        found = [self.value, *(self.measured.get(other.name) for other in criteria.others)]
        known = [value for value in found if value is not None]
        return known if len(known) == len(found) else None
