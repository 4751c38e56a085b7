"""The best values of a search's trials up to each rung, in order and patched as trials go on."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from search_spaces.samplers.history import History, Observation
from search_spaces.space.cube import Cube
from search_spaces.types.objective import Objective


class Row(NamedTuple):
    """A trial's best value up to a rung, signed so that lower is better. Rows sort with those of high rungs first.

    An infeasible trial has one more, of infinite value, that sorts last; one that breaks a constraint has none.
    """

    order: int
    """The rung's epoch with the sign changed; 0 for an infeasible trial."""
    value: float
    number: int


class RungValues:
    """Rows of one history's trials."""

    def __init__(self, cube: Cube, objective: Objective, rungs: Sequence[int], history: History) -> None:
        self.history = history
        self.rows: list[Row] = []
        self.running: set[int] = set()
        """Numbers of the trials that are training."""
        self.places: dict[int, np.ndarray] = {}
        """Coordinates of each trial."""
        self.excess: dict[int, Mapping[str, float]] = {}
        """By how much each trial breaks constraints, 0 or less where it keeps them; without what has none."""
        self._cube, self._objective, self._rungs, self._mark = cube, objective, tuple(rungs), 0
        self._of: dict[int, list[Row]] = {}
        self._known: set[int] = set()

    @property
    def num_known(self) -> int:
        """Number of trials that have a row, or break a constraint."""
        return len(self._known)

    def look(self) -> None:
        """Take note of what has changed in the history."""
        self._mark, changed = self.history.since(self._mark)
        for number in changed:
            self._patch(number, self.history.seen[number])

    def _patch(self, number: int, seen: Observation) -> None:
        if number not in self.places:
            self.places[number] = self._cube.place(seen.params)
        before = self._of.get(number, [])
        for row in before:
            del self.rows[bisect_left(self.rows, row)]
        self._of[number] = found = list(self._reached(number, seen))
        self.running.discard(number)
        broken = seen.state == "infeasible" and any(amount > 0 for amount in seen.constraints.values())
        self.excess.pop(number, None)
        if seen.constraints and seen.state != "failed":
            self.excess[number] = seen.constraints
        if seen.state == "infeasible" and not broken:
            found.append(Row(0, math.inf, number))
        elif seen.state == "running":
            self.running.add(number)
        for row in found:
            insort(self.rows, row)
        (self._known.add if found or broken else self._known.discard)(number)

    def _reached(self, number: int, seen: Observation) -> Iterator[Row]:
        last = 0 if seen.state == "failed" else max(seen.values, default=0)
        for rung in self._rungs:
            if rung > last:
                return
            until = (self._objective.signed(value) for epoch, value in seen.values.items() if epoch <= rung)
            best = min(until, default=math.inf)
            if math.isfinite(best):
                yield Row(-rung, best, number)
