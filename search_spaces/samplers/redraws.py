"""Draws configurations again until one is new and satisfies the requirements of its space."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from search_spaces.samplers.history import History
from search_spaces.space.cube import Cube
from search_spaces.space.space import Space
from search_spaces.types.values import Identity, Params, identity

BLOCK = 200
"""Number of random points that are drawn at once."""
MAX_BLOCKS = 250
"""Number of times that they are drawn, in a space of which a thousandth at least satisfies its requirements."""


class Redraws:
    """Random configurations of a space that satisfy its requirements."""

    def __init__(self, space: Space, cube: Cube, seed: int) -> None:
        self._space, self._cube, self._seed = space, cube, seed
        self._needed = [place for place, name in enumerate(cube.names) if name in _needed(space)]

    def satisfying(self, points: np.ndarray) -> np.ndarray:
        """Return those of the points (n, d) that satisfy the requirements."""
        if not self._space.require:
            return points
        kept = [self._space.satisfies(params) for params in self._cube.parts(points, self._needed)]
        return np.asarray(points[np.array(kept, bool)])

    def one(self, history: History, held: Params, found: Container[Identity], wish: Params | None) -> Params | None:
        """Return a configuration with ``held`` values that is in neither history nor ``found``; None without one.

        It is the nearest to ``wish`` of the first block that has any, or with None the first one.
        """
        rng = np.random.default_rng([self._seed, len(history)])
        for _ in range(MAX_BLOCKS if self._space.require else 0):
            points = self._cube.holding(self._cube.spread(rng.random((BLOCK, len(self._cube.names)))), held)
            usable = self.satisfying(points)
            if wish is not None:
                usable = usable[np.argsort(((usable - self._cube.place(wish)) ** 2).sum(1), kind="stable")]
            for point in usable:
                params = self._cube.params_with(point, held)
                if (
                    params is not None
                    and self._space.satisfies(params)
                    and not history.has(params)
                    and identity(params) not in found
                ):
                    return params
        return None


def _needed(space: Space) -> set[str]:
    """Return the names of parameters that requirements are about, and of those on which their existence hangs."""
    needed = set(space.required)
    for name in reversed(list(space.domains)):  # parents come before their children
        if name in needed:
            needed |= set(space.when.get(name, {}))
    return needed
