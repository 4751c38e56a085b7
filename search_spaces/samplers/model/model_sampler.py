"""Proposes the configurations of which a model expects the largest improvement after the last epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search_spaces.samplers.history import History
from search_spaces.samplers.model.outlook import Outlook
from search_spaces.samplers.model.rung_values import RungValues
from search_spaces.samplers.points import Points
from search_spaces.space.space import Space
from search_spaces.types.objective import Objective
from search_spaces.types.values import Params

NUM_TOP, NUM_NEAR, WIDTHS = 4, 25, (0.15, 0.04)
"""Numbers of the best trials and of candidates near each, at each of these widths."""
NUM_CLIMB, CLIMB_WIDTHS = 60, (0.06, 0.02)
"""Number of neighbours of the best candidate so far in each round of hill climbing."""


class ModelSampler:
    """A sampler by a model of the objective at the rungs of a schedule."""

    def __init__(self, space: Space, objective: Objective, seed: int, rungs: Sequence[int], num_start: int) -> None:
        self._points, self._objective, self._seed = Points(space, seed), objective, seed
        self._rungs, self._num_start = tuple(rungs), num_start
        self._seen: RungValues | None = None

    def is_blind(self, history: History) -> bool:
        """Whether too few trials have reached a rung for a model."""
        return self._look(history).num_known < self._num_start

    def ask(self, history: History, count: int, held: Params) -> list[Params]:
        """Return new configurations, each as if those before it were training."""
        rng = np.random.default_rng([self._seed, len(history)])
        outlook = self._outlook(history, rng)

        def wanted(place: int) -> np.ndarray:
            first = self._promising(outlook, held, rng) if outlook else self._points.sobol(place)
            return np.concatenate([first, self._points.uniform(rng)])

        found = []
        for params in self._points.take(history, count, held, wanted):
            found.append(params)
            if outlook:
                outlook.begin(self._points.cube.place(params)[None])
        return found

    def _outlook(self, history: History, rng: np.random.Generator) -> Outlook | None:
        """Return what the history leads to expect; None where it knows too little."""
        seen = self._look(history)
        if seen.num_known < self._num_start:
            return None
        return Outlook(seen, self._rungs[-1], self._points.cube.is_category, rng)

    def _look(self, history: History) -> RungValues:
        if self._seen is None or self._seen.history is not history:
            self._seen = RungValues(self._points.cube, self._objective, self._rungs, history)
        self._seen.look()
        return self._seen

    def _promising(self, outlook: Outlook, held: Params, rng: np.random.Generator) -> np.ndarray:
        """Return candidates, the most promising first."""
        near, (tops, score) = self._points.cube.near, outlook.question(NUM_TOP)
        around = [near(top, NUM_NEAR, width, 0.5, rng) for top in tops for width in WIDTHS]
        points = self._points.usable(np.concatenate([self._points.uniform(rng), *around]), held)
        if not len(points):
            return points
        scores = score(points)
        for width in CLIMB_WIDTHS:
            climbed = near(points[np.argmax(scores)], NUM_CLIMB, width, 0.6, rng)
            climbed = self._points.usable(climbed, held)
            points, scores = np.concatenate([points, climbed]), np.concatenate([scores, score(climbed)])
        return points[np.argsort(-scores, kind="stable")]
