"""A clock for searches on learning curves: every method trains one epoch a tick on each of its lanes.

Races of ours and peers' schedulers run on it alike. The regret is taken as the epochs spent in all reach a budget.
"""

from __future__ import annotations

import heapq
import itertools
import time
import zlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

from search_spaces.types.values import Params
from tests.benchmarks.curves import ACCURACY, EPOCHS, Curves
from tests.benchmarks.search_methods import Method, Problem, Work

BUDGETS = (5, 10, 20, 40)
"""Numbers of full trainings after which the regret is taken."""
NUM_NOISES = 997
"""Number of different series of noise; a configuration always has the same one."""


@dataclass
class Outcome:
    """Result of a search."""

    regrets: list[float] = field(default_factory=list)
    """Normalised regret at each of ``BUDGETS``."""
    lane_use: float = 0.0
    """Share of the lanes' time in which they trained."""
    cpu_s: float = 0.0
    num_trials: int = 0


def run(curves: Curves, method: Method, of: Problem, noise: float) -> Outcome:
    """Run a search until the last of ``BUDGETS`` is spent."""
    begun, out = time.process_time(), Outcome()
    seen = _observed(curves, noise, of.seed)
    numbers, trials = itertools.count(), set[Hashable]()
    lanes: list[tuple[int, int, Work, int]] = []
    clock, num_epochs = 0, 0
    best: tuple[float, Params] = (-np.inf, {})
    while len(out.regrets) < len(BUDGETS):
        while len(lanes) < of.num_lanes and (work := method.next()):
            trials.add(work.trial)
            heapq.heappush(lanes, (clock + 1, next(numbers), work, work.epoch + 1))
        clock, _, work, epoch = heapq.heappop(lanes)
        value, num_epochs = seen(work.params, epoch), num_epochs + 1
        best = max(best, (value, work.params), key=lambda pair: pair[0])
        if method.reported(work, epoch, value):
            heapq.heappush(lanes, (clock + 1, next(numbers), work, epoch + 1))
        if num_epochs == BUDGETS[len(out.regrets)] * EPOCHS:
            out.regrets.append(curves.regret(method.recommended() or best[1]))
    out.lane_use, out.num_trials = num_epochs / (clock * of.num_lanes), len(trials)
    out.cpu_s = time.process_time() - begun
    return out


def problem(curves: Curves, seed: int, num_lanes: int) -> Problem:
    """Return what is searched on curves; a seed's random configuration is the first trial."""
    first = curves.params(np.random.default_rng([seed, int(curves.task)]).random(len(curves.space.domains)))
    return Problem(curves.space, ACCURACY, EPOCHS, first, seed, num_lanes)


def _observed(curves: Curves, noise: float, seed: int) -> Callable[[Params, int], float]:
    """Return the accuracy after an epoch, with normal noise that is one draw for each configuration and epoch."""
    noises = np.random.default_rng([seed, int(curves.task), 1]).normal(0, noise, (NUM_NOISES, EPOCHS))
    known: dict[str, np.ndarray] = {}

    def seen(params: Params, epoch: int) -> float:
        point = repr(sorted(params.items()))
        if point not in known:
            known[point] = curves.curve(params) + noises[zlib.crc32(point.encode()) % NUM_NOISES]
        return float(known[point][epoch - 1])

    return seen
