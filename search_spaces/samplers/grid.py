"""The grid sampler, which tries every point of a finite space."""

from __future__ import annotations

import math
import random
from collections.abc import Container
from itertools import islice

from search_spaces.samplers.history import History
from search_spaces.space.space import Space
from search_spaces.types.values import Identity, Params, identity

MAX_WALKED = 100_000
"""Largest number of points of a space that is searched for unseen ones; sweeps do not exhaust a larger space."""


class Unseen:
    """Points of a finite space that no trial of one history has, in order. Each point is looked at once."""

    def __init__(self, space: Space, history: History, held: Params) -> None:
        self.history = history
        self._walk = space.grid(held)
        self._ahead: list[Params] = []

    def first(self, count: int | None) -> list[Params]:
        """Return the first ``count`` points, all with None."""
        self._ahead = [point for point in self._ahead if not self.history.has(point)]
        missing = None if count is None else max(0, count - len(self._ahead))
        self._ahead += islice((point for point in self._walk if not self.history.has(point)), missing)
        return self._ahead[:count]


class Leftovers:
    """The configurations of a space that no trial has: how many there are, and one of the last."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed
        self._walks: dict[Identity, Unseen] = {}

    def num(self, history: History, held: Params) -> float:
        """Return how many have the ``held`` values; infinity where a parameter is continuous."""
        size = self._space.size(held)
        return math.inf if size is None else size - history.num_with(held)

    def walk(self, history: History, held: Params) -> Unseen:
        """Return the walk over those with the ``held`` values, in a finite space."""
        key = identity(held)
        if key not in self._walks or self._walks[key].history is not history:
            self._walks[key] = Unseen(self._space, history, held)
        return self._walks[key]

    def one(self, history: History, held: Params, found: Container[Identity]) -> Params | None:
        """Return one at random that is not in ``found``; None in a space of more than ``MAX_WALKED`` points."""
        if (self._space.size(held) or math.inf) > MAX_WALKED:
            return None
        left = [point for point in self.walk(history, held).first(None) if identity(point) not in found]
        return random.Random(self._seed + len(history)).choice(left) if left else None


class GridSampler:
    """Proposes every point of the space once, in order."""

    def __init__(self, space: Space) -> None:
        self._left = Leftovers(space, 0)

    def is_blind(self, history: History) -> bool:
        """Return False: it needs no history to be as good as it can be."""
        return False

    def ask(self, history: History, count: int, held: Params) -> list[Params]:
        """Return the next points that are not in the history, among those with the ``held`` values."""
        return self._left.walk(history, held).first(count)
