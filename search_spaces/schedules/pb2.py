"""Chooses the values with which a member of a population goes on by a bandit: PB2.

Parker-Holder et al. 2020, "Provably Efficient Online Hyperparameter Optimization with Population-Based Bandits".
What is learned is by how much the objective *changed* between two exchanges, of the values that the weights were
trained with meanwhile: all changes add up to the final value (section 3). They are taken as draws of a Gaussian
process that varies in time (section 4). Those values are chosen whose upper confidence bound is highest (Algorithm
1), with what the other members train with now believed to come to its mean, so that several do not try the same.

As in the authors' code, the value from which training starts is a coordinate of the process, too: what helps early
does not help late. Time is one like the others, whose length scale is fitted, where the paper has
``(1 - epsilon) ** (abs(t - t') / 2)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from search_spaces.numerics.gaussian_process import GaussianProcess, Prior, fitted, half_rank
from search_spaces.numerics.threads import one_thread
from search_spaces.schedules.standings import Standing
from search_spaces.space.cube import Cube
from search_spaces.space.domain_contract import Domain
from search_spaces.types.values import Params

LEAST = 4
"""Number of intervals before which nothing is chosen."""
MAX_SEEN, MAX_FITTED = 160, 64
"""Largest number of intervals that the process takes, and that its hyperparameters are fitted to: the latest."""
SCALE, SLOW, NOISE = 2.0, 0.0, -4.0
"""Logarithms that are expected of the inverse squared length scale of a value (0.37 of its range) and of the time
(all of it), and of the noise variance. A smoother process takes a plateau for all there is."""
C1, C2 = 0.2, 0.4
"""The bound is ``sqrt(C1 + log(C2 * n))`` standard deviations wide after n intervals, as in the authors' code."""
NUM_RANDOM, NUM_NEAR, WIDTHS = 200, 60, (0.15, 0.05, 0.02)
"""Numbers of random candidates, and of neighbours of the best one so far in each round of hill climbing."""


@dataclass(frozen=True)
class Interval:
    """Training from one exchange to the next, from an ``epoch`` and a ``value`` on."""

    params: Params
    epoch: int
    value: float
    change: float = math.nan
    """What the value gained, signed so that higher is better; NaN while it trains."""


def value_at(member: Standing, epoch: int) -> float:
    """Return the value at ``epoch``, or the last one before it, signed so that higher is better."""
    return member.curve[max(known for known in member.curve if known <= epoch)]


def intervals(
    group: Sequence[Standing], rungs: Sequence[int], until: int, of: Callable[[int], Standing]
) -> list[Interval]:
    """Return the members' intervals between ``rungs`` up to the one at ``until``, in order of time.

    ``of`` returns the member of a number. What was not trained in an interval, as patience had ended it, has none.
    """
    found = []
    for start, end in pairwise(rung for rung in rungs if rung <= until):
        for member in group:
            source = of(member.source_at(start))
            if any(start < epoch <= end for epoch in member.curve) and min(source.curve) <= start:
                before = value_at(source, start)
                gain = value_at(member, end) - before
                found.append(Interval(member.params_after(start), start, before, gain))
    return found[-MAX_SEEN:]


def within(numbers: Mapping[str, Domain], found: Sequence[Interval]) -> list[Interval]:
    """Return those of the intervals whose values of these parameters lie in their domains."""
    return [one for one in found if all(domain.contains(one.params[name]) for name, domain in numbers.items())]


@dataclass(frozen=True)
class Question:
    """What an interval from ``start`` on is to be trained with."""

    start: Interval
    seen: Sequence[Interval]
    """Those that are over, in order of time."""
    beside: Sequence[Interval]
    """Those of other members that begin at the same time."""
    allowed: Callable[[Params], bool]
    """Whether values may be chosen."""


def chosen(cube: Cube, question: Question, rng: np.random.Generator) -> Params | None:
    """Return the most promising values of the cube's parameters; None where none of those tried is allowed."""
    with one_thread():
        return _best(cube, question, rng)


def _best(cube: Cube, question: Question, rng: np.random.Generator) -> Params | None:
    every = [*question.seen, *question.beside, question.start]
    places, context = np.array([cube.place(one.params) for one in every]), _context(every)
    losses = np.array([-one.change for one in question.seen])
    bound = _lower_bound(np.hstack([places, context]), len(losses), losses)

    def scored(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        able = points[np.array([question.allowed(cube.params(point)) for point in points], bool)]
        return able, bound(np.hstack([able, np.tile(context[-1], (len(able), 1))]))

    points, scores = scored(cube.spread(rng.random((NUM_RANDOM, len(cube.names)))))
    for width in WIDTHS:
        centre = points[np.argmin(scores)] if len(points) else places[-1]
        more, theirs = scored(cube.near(centre, NUM_NEAR, width, 0.5, rng))
        points, scores = np.concatenate([points, more]), np.concatenate([scores, theirs])
    return cube.params(points[np.argmin(scores)]) if len(points) else None


def _context(every: Sequence[Interval]) -> np.ndarray:
    """Return coordinates (n, 2) in [0, 1] of the epoch and the value at which intervals start."""
    columns = [np.array([float(one.epoch) for one in every]), half_rank(np.array([-one.value for one in every]))]
    return np.stack([(column - column.min()) / (np.ptp(column) or 1.0) for column in columns], axis=1)


def _prior(num_coordinates: int) -> Prior:
    """Return the prior for values, then the epoch, then the value at which an interval starts."""
    mean = [SCALE] * (num_coordinates - 2) + [SLOW, SCALE, 0.0, NOISE]
    return Prior(np.array(mean), np.array([1.5] * num_coordinates + [1.0, 1.5]))


def _lower_bound(located: np.ndarray, num_seen: int, losses: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the lower confidence bound of the loss in an interval, as a function of points (m, d + 2).

    ``located`` are the points of the ``num_seen`` whose ``losses`` are known, of those beside, and of the start.
    """
    values, known, is_category = half_rank(losses), located[:num_seen], np.zeros(located.shape[1], bool)
    prior = _prior(located.shape[1])
    theta = fitted(known[-MAX_FITTED:], values[-MAX_FITTED:], is_category, prior)
    believed = GaussianProcess.posterior(known, values, is_category, theta).mean(located[num_seen:-1])
    model = GaussianProcess.posterior(located[:-1], np.append(values, believed), is_category, theta)
    width = math.sqrt(C1 + max(0.0, math.log(C2 * num_seen)))

    def bound(points: np.ndarray) -> np.ndarray:
        mean, spread = model.predict(points)
        return mean - width * spread

    return bound
