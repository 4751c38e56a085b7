"""CMA-ES (Hansen 2016, arXiv:1604.00772), of the package ``cmaes``, replayed from the history.

Its state is that of a fresh strategy that was told all complete generations, so that a resumed search needs nothing
but its history. A generation is a group of consecutive trials. On several lanes some of them are drawn before the
one before is complete; they are told like the others. Categories are cut out of the unit interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cmaes
import numpy as np

from search_spaces.samplers.history import History, Observation
from search_spaces.samplers.points import Points
from search_spaces.types.objective import Objective

SIGMA = 0.25
"""Standard deviation at the start, around the middle of the unit cube."""
NUM_DRAWS = 10
"""Number of points to choose a new one from."""


class CmaEs:
    """Draws points of the distribution that the complete generations have led to."""

    def __init__(self, objective: Objective, seed: int) -> None:
        self._objective, self._seed = objective, seed
        self._history: History | None = None

    def __call__(self, points: Points, history: History, place: int, rng: np.random.Generator) -> np.ndarray:
        """Return points (n, d)."""
        if self._history is not history:
            self._history, self._mark = history, 0
            self._values: dict[int, float] = {}
            self._begin(len(points.cube.names))
        self._look(history)
        while (generation := self._next()) is not None:
            self._tell(points, history, generation)
        self._strategy.reseed_rng(int(rng.integers(2**31)))
        drawn = np.stack([self._strategy.ask() for _ in range(NUM_DRAWS)])
        return points.cube.spread(np.clip(drawn[:, : len(points.cube.names)], 0, 1 - 1e-9))

    def _begin(self, num_coordinates: int) -> None:
        num = max(2, num_coordinates)  # one coordinate alone has no covariance: a second one, without effect
        bounds = np.tile([0.0, 1.0], (num, 1))
        self._strategy = cmaes.CMA(mean=np.full(num, 0.5), sigma=SIGMA, bounds=bounds, seed=self._seed % 2**31)
        self._num_told, self._last_told = 0, -1

    def _look(self, history: History) -> None:
        """Take note of what has changed. Where that was told already, all is told anew."""
        self._mark, changed = history.since(self._mark)
        stale = False
        for number in changed:
            before, value = self._values.pop(number, None), self._value(history.seen[number])
            stale |= number <= self._last_told and before != value
            if value is not None:
                self._values[number] = value
        if stale:
            self._begin(self._strategy.dim)

    def _value(self, seen: Observation) -> float | None:
        """Return the signed value of a trial, infinity for an infeasible one, NaN for one that has none yet.

        None: it has crashed, or was stopped before its first value, and belongs to no generation.
        """
        if seen.state == "infeasible":
            return math.inf
        if seen.state == "failed" or (seen.best_value is None and seen.state != "running"):
            return None
        return math.nan if seen.best_value is None else self._objective.signed(seen.best_value)

    def _next(self) -> Sequence[int] | None:
        """Return the numbers of the next generation, None where it is not complete."""
        size = self._strategy.population_size
        following = sorted(self._values)[self._num_told :][:size]
        complete = len(following) == size and not any(math.isnan(self._values[number]) for number in following)
        return following if complete else None

    def _tell(self, points: Points, history: History, generation: Sequence[int]) -> None:
        units = [points.cube.units(points.cube.place(history.seen[number].params)) for number in generation]
        padded = [np.append(unit, 0.5)[: self._strategy.dim] for unit in units]
        values = [self._values[number] for number in generation]
        worst = max((value for value in values if math.isfinite(value)), default=0.0)
        self._strategy.tell([(x, min(value, worst)) for x, value in zip(padded, values, strict=True)])
        self._num_told, self._last_told = self._num_told + len(generation), generation[-1]
