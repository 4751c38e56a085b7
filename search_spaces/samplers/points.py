"""New configurations out of points of the unit cube, and samplers that are a rule for drawing points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from search_spaces.samplers.grid import Leftovers
from search_spaces.samplers.history import History
from search_spaces.samplers.redraws import Redraws
from search_spaces.space.cube import Cube
from search_spaces.space.space import Space
from search_spaces.types.values import Identity, Params, identity

NUM_RANDOM = 200
"""Number of random points to fall back on where those that are wanted were all tried."""
MAX_BLOCKS = 4
"""Number of times that these are drawn to find as many that satisfy the space's requirements."""
SOBOL_BLOCK, MAX_SOBOL = 256, 200_000
"""Number of points of a Sobol sequence that are looked at together, and in all, for those that satisfy them."""
MAX_REDRAWS = 30
"""Number of times that a rule draws again as none of its points satisfies them."""


class Points:
    """The points of a space as candidates for new trials."""

    def __init__(self, space: Space, seed: int) -> None:
        self.cube, self._left, self._seed = Cube(space), Leftovers(space, seed), seed
        self._space, self._redraws = space, Redraws(space, self.cube, seed)
        self._sobol: list[np.ndarray] = []
        """The first points of the Sobol sequence that satisfy the requirements."""
        self._num_sobol = 0

    def take(
        self,
        history: History,
        count: int,
        held: Params,
        wanted: Callable[[int], np.ndarray],
    ) -> Iterator[Params]:
        """Yield at most ``count`` configurations with ``held`` values that no trial has.

        ``wanted`` returns the points (n, d) for the place in the history, the best first; it is called when the one
        before was taken. Where all of them were tried it is a random one of those that are left.
        """
        found: set[Identity] = set()
        for _ in range(int(min(count, self._left.num(history, held)))):
            params = self._new(wanted(len(history) + len(found)), history, found, held)
            if params is None:
                return
            found.add(identity(params))
            yield params

    def _new(self, points: np.ndarray, history: History, found: Set[Identity], held: Params) -> Params | None:
        for point in self.cube.holding(points, held):
            params = self.cube.params_with(point, held)
            if params is None or history.has(params) or identity(params) in found:
                continue
            if self._space.satisfies(params):
                return params
        wish = self.cube.params(points[0]) if len(points) else None
        return self._left.one(history, held, found) or self._redraws.one(history, held, found, wish)

    def sobol(self, place: int) -> np.ndarray:
        """Return the point (1, d) at ``place`` of those of a scrambled Sobol sequence that satisfy requirements."""
        if not self._space.require:
            return self._drawn_by_sobol(place, 1)
        while len(self._sobol) <= place and self._num_sobol < MAX_SOBOL:
            drawn = self._drawn_by_sobol(self._num_sobol, SOBOL_BLOCK)
            self._num_sobol += SOBOL_BLOCK
            self._sobol += list(self._redraws.satisfying(drawn))
        return self._sobol[place][None] if place < len(self._sobol) else self._drawn_by_sobol(place, 1)

    def _drawn_by_sobol(self, place: int, count: int) -> np.ndarray:
        sequence = qmc.Sobol(len(self.cube.names), seed=self._seed)
        return self.cube.spread((sequence.fast_forward(place) if place else sequence).random(count))

    def uniform(self, rng: np.random.Generator, count: int = NUM_RANDOM) -> np.ndarray:
        """Return ``count`` random points (count, d); where most do not satisfy the requirements, fewer."""
        drawn = self.cube.spread(rng.random((count, len(self.cube.names))))
        if not self._space.require:
            return drawn
        blocks = [drawn, *(self.cube.spread(rng.random(drawn.shape)) for _ in range(MAX_BLOCKS - 1))]
        return self._redraws.satisfying(np.concatenate(blocks))[:count]

    def usable(self, points: np.ndarray, held: Params) -> np.ndarray:
        """Return the points (n, d) with the coordinates of the ``held`` values that satisfy the requirements."""
        return self._redraws.satisfying(self.cube.holding(points, held))


Draw = Callable[[Points, History, int, np.random.Generator], np.ndarray]
"""Function of the space's points, the history, the new trial's place in it and a generator that returns the points
(n, d) wanted, the best first."""


@dataclass(frozen=True)
class PointSampler:
    """A sampler that takes one trial after the other by ``draw``, and a random point where those were tried."""

    points: Points
    seed: int
    draw: Draw
    num_blind: int = 0
    """Number of trials with a result before which ``draw`` ignores the history."""

    def is_blind(self, history: History) -> bool:
        """Whether fewer than ``num_blind`` trials have a result."""
        return history.num_known < self.num_blind

    def ask(self, history: History, count: int, held: Params) -> list[Params]:
        """Return new configurations."""

        def wanted(place: int) -> np.ndarray:
            rng = np.random.default_rng([self.seed, place])
            drawn = self.draw(self.points, history, place, rng)
            for _ in range(MAX_REDRAWS):
                if len(self.points.usable(drawn, held)):
                    break
                drawn = self.draw(self.points, history, place, rng)
            return np.concatenate([drawn, self.points.uniform(rng)])

        return list(self.points.take(history, count, held, wanted))


def quasi_random(points: Points, history: History, place: int, rng: np.random.Generator) -> np.ndarray:
    """Return the point of a Sobol sequence: trials that lie more evenly than random ones."""
    return points.sobol(place)
