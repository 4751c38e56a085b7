"""New configurations out of points of the unit cube, and samplers that are a rule for drawing points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from search_spaces.samplers.cube import Cube
from search_spaces.samplers.grid import Leftovers
from search_spaces.samplers.history import History, Identity, identity
from search_spaces.space.space import Space
from search_spaces.types.values import Params

NUM_RANDOM = 200
"""Number of random points to fall back on where those that are wanted were all tried."""


class Points:
    """The points of a space as candidates for new trials."""

    def __init__(self, space: Space, seed: int) -> None:
        self.cube, self._left, self._seed = Cube(space), Leftovers(space, seed), seed

    def take(
        self,
        history: History,
        count: int,
        held: Params,
        wanted: Callable[[int], np.ndarray],
        beside: Sequence[Params] = (),
    ) -> Iterator[Params]:
        """Yield at most ``count`` configurations with ``held`` values that no trial has, nor those ``beside``.

        ``wanted`` returns the points (n, d) for the place in the history, the best first; it is called when the one
        before was taken. Where all of them were tried it is a random one of those that are left.
        """
        found = {identity(params) for params in beside}
        for _ in range(int(min(count, self._left.num(history, held)))):
            params = self._new(wanted(len(history) + len(found)), history, found, held)
            if params is None:
                return
            found.add(identity(params))
            yield params

    def _new(self, points: np.ndarray, history: History, found: Set[Identity], held: Params) -> Params | None:
        for point in self.holding(points, held):
            params = self.cube.params(point)
            if params.keys() >= held.keys():
                params = {**params, **held}  # as given, without rounding
                if not history.has(params) and identity(params) not in found:
                    return params
        return self._left.one(history, held, found)

    def sobol(self, place: int) -> np.ndarray:
        """Return the point (1, d) at ``place`` of a scrambled Sobol sequence."""
        sequence = qmc.Sobol(len(self.cube.names), seed=self._seed)
        return self.cube.spread((sequence.fast_forward(place) if place else sequence).random(1))

    def uniform(self, rng: np.random.Generator, count: int = NUM_RANDOM) -> np.ndarray:
        """Return ``count`` random points (count, d)."""
        return self.cube.spread(rng.random((count, len(self.cube.names))))

    def holding(self, points: np.ndarray, held: Params) -> np.ndarray:
        """Return the points with the coordinates of the ``held`` values."""
        names = zip(self.cube.names, self.cube.axes, strict=True)
        given = [axis.place(held[name]) if name in held else np.nan for name, axis in names]
        return np.where(np.isnan(given), points, given)


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
            return np.concatenate([self.draw(self.points, history, place, rng), self.points.uniform(rng)])

        return list(self.points.take(history, count, held, wanted))


def quasi_random(points: Points, history: History, place: int, rng: np.random.Generator) -> np.ndarray:
    """Return the point of a Sobol sequence: trials that lie more evenly than random ones."""
    return points.sobol(place)
