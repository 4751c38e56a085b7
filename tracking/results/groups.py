"""Compares groups of trials by their mean values: which group is better, and which cannot be told apart."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from search_spaces.types.objective import Objective
from search_spaces.types.problems import bounds_of
from tracking.results.intervals import Estimate, TestScores, estimate


@dataclass(frozen=True, kw_only=True)
class Group:
    """Trials of one value of a hyperparameter: their number, their mean with its interval, and their best."""

    label: str
    num: int
    mean: Estimate
    best: float


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The difference of two groups' means, ``first`` minus ``second``, with its 95 % interval."""

    first: str
    second: str
    mean: float
    low: float
    high: float

    @property
    def told_apart(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def groups(values: Mapping[str, Sequence[float]], objective: Objective) -> list[Group]:
    """Return the groups by their means, the best first. Empty groups are left out."""
    found = [
        Group(
            label=label,
            num=len(group),
            mean=_mean(group, objective.name),
            best=math.nan if (best := objective.best(group, float)) is None else best,
        )
        for label, group in values.items()
        if group
    ]
    return objective.ranked(found, lambda group: group.mean.mean)


def _mean(group: Sequence[float], metric: str) -> Estimate:
    """Return the group's mean; its interval ends where the metric's values do."""
    found = estimate(TestScores(by_seed=dict(enumerate(group))))
    low, high = bounds_of(metric, group)
    return replace(found, low=max(found.low, low), high=min(found.high, high))


def pairs(values: Mapping[str, Sequence[float]], order: Sequence[str]) -> list[Pair]:
    """Return the difference of each two groups in ``order``, with intervals that hold for all of them together.

    By the Games-Howell test (Games & Howell 1976, Journal of Educational Statistics 1(2)), which takes groups of
    unequal sizes and spreads. Groups of fewer than two trials are in no pair, and two without any spread in none
    with each other: there is no interval.
    """
    import numpy as np
    from scipy.stats import tukey_hsd

    able = [label for label in order if len(values[label]) >= 2]
    if len(able) < 2 or not any(statistics.pstdev(values[label]) for label in able):
        return []
    with np.errstate(divide="ignore", invalid="ignore"):  # of two groups without spread
        result = tukey_hsd(*(list(values[label]) for label in able), equal_var=False)
        interval = result.confidence_interval(0.95)
    return [
        Pair(
            first=able[i],
            second=able[k],
            mean=float(result.statistic[i, k]),
            low=float(interval.low[i, k]),
            high=float(interval.high[i, k]),
        )
        for i in range(len(able))
        for k in range(i + 1, len(able))
        if math.isfinite(interval.low[i, k]) and math.isfinite(interval.high[i, k])
    ]
