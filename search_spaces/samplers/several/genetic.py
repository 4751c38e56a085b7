"""NSGA-II and NSGA-III: children of the trials that survive, for one objective or several.

NSGA-II (Deb et al. 2002, IEEE Transactions on Evolutionary Computation 6(2)) keeps of equally ranked trials those
in the emptiest places; NSGA-III (Deb and Jain 2014, 18(4)) those along the emptiest of evenly spread directions,
which suits three and four objectives. All trials so far are one population, from which each new one draws its
parents: no worker waits for a generation, and a resumed search needs nothing but its history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from search_spaces.criteria.front import ranks
from search_spaces.samplers.history import History, Observation
from search_spaces.samplers.points import Points
from search_spaces.types.objective import Objective

NUM_CHILDREN = 20
"""Number of children to choose a new one from."""
CROSSED, CROSSOVER_INDEX, MUTATION_INDEX = 0.9, 15.0, 20.0
"""Probability of crossover, and distribution indices of simulated binary crossover and polynomial mutation."""
NUM_DIRECTIONS = 50
"""Least number of NSGA-III's directions."""
WORST = 1e100
"""Value of an objective that is not known."""


@dataclass(frozen=True)
class Genetic:
    """Draws the children of the ``population`` best trials; ``niches`` by directions (NSGA-III), or by crowding."""

    objectives: Sequence[Objective]
    population: int
    niches: bool = False

    def __call__(self, points: Points, history: History, place: int, rng: np.random.Generator) -> np.ndarray:
        """Return children (n, d), in the random order of their draw; points of a Sobol sequence at first."""
        known = [history.seen[number] for number in sorted(history.seen) if history.seen[number].teaches]
        if len(known) < self.population:
            return points.sobol(place)
        alive = [known[i] for i in self.survivors(known)]
        units = np.array([points.cube.units(points.cube.place(seen.params)) for seen in alive])
        drawn = [self._parents(len(alive), rng) for _ in range(NUM_CHILDREN)]
        children = [_child(units[i], units[j], points.cube.is_category, rng) for i, j in drawn]
        return points.cube.spread(np.clip(children, 0, 1 - 1e-9))

    def survivors(self, known: Sequence[Observation]) -> list[int]:
        """Return the places of the trials that survive, the fittest first.

        What breaks constraints comes behind what keeps them, by the sum of what it exceeds them by.
        """
        values = np.array([self._values(seen) for seen in known])
        excess = np.array([_excess(seen) for seen in known])
        able = np.flatnonzero(excess <= 0)
        found = [int(place) for rank in self._fronts(values[able]) for place in able[rank]]
        return [*found, *(int(i) for i in np.argsort(excess, kind="stable") if excess[i] > 0)][: self.population]

    def _values(self, seen: Observation) -> list[float]:
        vector = seen.vector if len(self.objectives) > 1 else [seen.best_value]
        if vector is None:
            return [WORST] * len(self.objectives)
        return [min(WORST, one.signed(value)) for one, value in zip(self.objectives, vector, strict=True)]

    def _fronts(self, values: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the places of each front, its members in the order in which they survive."""
        if not len(values):
            return
        of, taken = ranks(values), np.zeros(0, int)
        for rank in range(of.max() + 1):
            places = np.flatnonzero(of == rank)
            order = _along(values, taken, places) if self.niches else np.argsort(-_crowding(values[places]))
            taken = np.append(taken, places[order])
            yield places[order]
            if len(taken) >= self.population:
                return

    def _parents(self, num: int, rng: np.random.Generator) -> tuple[int, int]:
        """Return two parents: winners of tournaments of two, or with directions any."""
        if self.niches:
            first, second = rng.choice(num, 2, replace=False)
        else:
            first, second = rng.integers(num, size=(2, 2)).min(1)
        return int(first), int(second)


def _excess(seen: Observation) -> float:
    over = sum(amount for amount in seen.constraints.values() if amount > 0)
    return over or (WORST if seen.state == "infeasible" else 0.0)


def _crowding(values: np.ndarray) -> np.ndarray:
    """Return the crowding distance of each member of a front (n, m): large where there is room around it."""
    distance = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind="stable")
        width = column[order[-1]] - column[order[0]] or 1.0
        distance[order[[0, -1]]] = np.inf
        distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / width
    return distance


def _along(values: np.ndarray, taken: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the order in which the members ``places`` of a front survive, behind those ``taken`` already.

    The next one is always the nearest to the direction that fewest follow.
    """
    everyone = np.append(taken, places)
    low, width = values[everyone].min(0), np.ptp(values[everyone], axis=0)
    scaled = (values[everyone] - low) / np.where(width > 0, width, 1.0)
    directions = _directions(values.shape[1])
    lengths = scaled @ directions.T
    apart = np.sqrt(np.maximum((scaled**2).sum(1)[:, None] - lengths**2, 0.0))
    nearest, distance = apart.argmin(1), apart.min(1)
    counts = np.bincount(nearest[: len(taken)], minlength=len(directions))
    left, order = list(range(len(places))), list[int]()
    while left:
        member = min(left, key=lambda i: (counts[nearest[len(taken) + i]], distance[len(taken) + i]))
        left.remove(member)
        order.append(member)
        counts[nearest[len(taken) + member]] += 1
    return np.array(order)


def _directions(num_objectives: int) -> np.ndarray:
    """Return evenly spread unit vectors (k, m), of Das and Dennis 1998 with as many parts as give enough."""
    parts = 1
    while len(found := list(combinations(range(parts + num_objectives - 1), num_objectives - 1))) < NUM_DIRECTIONS:
        if num_objectives == 1:
            break
        parts += 1
    bars = np.array(found).reshape(len(found), num_objectives - 1)
    edges = np.hstack([np.full((len(found), 1), -1), bars, np.full((len(found), 1), parts + num_objectives - 1)])
    weights = np.diff(edges, axis=1) - 1.0
    return np.asarray(weights / np.linalg.norm(weights, axis=1, keepdims=True))


def _child(a: np.ndarray, b: np.ndarray, is_category: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a child (d,) of two parents: simulated binary crossover, then polynomial mutation."""
    child = a.copy()
    if rng.random() < CROSSED:
        draw = rng.random(len(a))
        spread = np.where(draw < 0.5, 2 * draw, 1 / (2 - 2 * draw)) ** (1 / (CROSSOVER_INDEX + 1))
        mixed = 0.5 * ((1 + spread) * a + (1 - spread) * b)
        swapped = np.where(rng.random(len(a)) < 0.5, a, b)
        child = np.where(is_category, swapped, np.where(rng.random(len(a)) < 0.5, mixed, a + b - mixed))
    moved = rng.random(len(a)) < 1 / len(a)
    moved[rng.integers(len(a))] |= bool(np.all(child == a))
    draw = rng.random(len(a))
    low, high = (2 * draw) ** (1 / (MUTATION_INDEX + 1)) - 1, 1 - (2 - 2 * draw) ** (1 / (MUTATION_INDEX + 1))
    shifted = np.where(is_category, rng.random(len(a)), child + np.where(draw < 0.5, low, high))
    return np.asarray(np.where(moved, shifted, child))
