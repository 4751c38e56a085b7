"""Regularised evolution: a small change to the best of a few recent trials (Real et al. 2019, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search_spaces.samplers.history import History
from search_spaces.samplers.points import Points
from search_spaces.types.objective import Objective

SAMPLE = 5
"""Number of them that are drawn; the best one of these is the parent."""
NUM_CHILDREN, WIDTH = 20, 0.15
"""Number of children to choose a new one from, and the spread of a changed coordinate."""


@dataclass(frozen=True)
class Evolution:
    """Draws the children of trials: a parent with one coordinate changed."""

    objective: Objective
    population: int
    """Number of latest trials with a result among which parents are chosen; the first ones are quasi-random."""

    def __call__(self, points: Points, history: History, place: int, rng: np.random.Generator) -> np.ndarray:
        """Return children (n, d), in the random order of their draw."""
        known = [history.seen[number] for number in sorted(history.seen) if history.seen[number].teaches]
        alive = known[-self.population :]
        if len(known) < self.population:
            return points.sobol(place)
        drawn = rng.choice(len(alive), SAMPLE, replace=False)
        parent = min((alive[i] for i in drawn.tolist()), key=lambda seen: self.objective.signed(seen.best_value))
        return points.cube.near(points.cube.place(parent.params), NUM_CHILDREN, WIDTH, 0.0, rng)
