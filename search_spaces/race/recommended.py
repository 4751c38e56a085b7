"""Recommends a configuration by what is known of all: the best of a search is often only the luckiest one.

A configuration's values with several seeds are taken as normal about its own mean, with one variance for all (the
noise of a seed, pooled), and the means of the better half of the configurations as normal about a common one
(empirical Bayes, Efron and Morris 1973). With ``n`` values of mean ``y`` the estimate is

    m + (y - m) * t / (t + s / n)    with variance    1 / (1 / t + n / s)

where ``m`` and ``t`` are mean and variance of that half and ``s`` is the noise: what was seen once shrinks most.
The recommended configuration has the best ``CAUTION`` bound of its estimate, so that one seen often is preferred to
one that may have been lucky. Without any seen twice the noise is unknown, and the best value counts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean, stdev, variance
from typing import Any

from search_spaces.types.objective import Objective, bounded
from search_spaces.types.problems import bounds_of

PREFIX = "repeat:"
"""Start of the name of a study's attribute that holds a trial's training with a further seed."""
CAUTION = 2.0
"""Standard deviations by which an estimate must hold: about 98 %."""
FEWEST = 5
"""Least number of configurations in the half that estimates shrink toward."""
LEAST_SPREAD = 0.05
"""Least variance between configurations as a share of the noise: they are never taken as all the same."""
DOUBT = 0.05
"""A leader is clear when each other configuration is better with at most this probability."""


@dataclass(frozen=True)
class Tried:
    """A configuration's objective with each seed, and the number of seeds that failed."""

    trial: int
    values: Sequence[float]
    num_failed: int = 0

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return fmean(map(bounded, self.values))

    @property
    def std(self) -> float | None:
        """Standard deviation over the seeds; None with one."""
        return stdev(map(bounded, self.values)) if len(self.values) > 1 else None


def tried_again(
    found: Iterable[Mapping[str, Any]], objective: Objective, reached: Mapping[int, int] | None = None
) -> dict[int, Tried]:
    """Return the best value with each further seed that was trained to the end, by trial.

    Of trials whose last epoch is in ``reached`` those count that have come as far. One of which no further seed has
    come to a value or failed is left out.

    A seed with which a constraint is broken counts as failed.
    """
    values: dict[int, list[float]] = {}
    failed = Counter[int]()
    for entry in found:
        best = objective.best(entry["values"].values(), float)
        able = entry.get("feasible", True)
        last = (reached or {}).get(entry["trial"], math.inf)
        as_far = entry["state"] == "done" or max(map(int, entry["values"]), default=0) >= last
        if as_far and entry["state"] != "failed" and best is not None and able:
            values.setdefault(entry["trial"], []).append(best)
        failed[entry["trial"]] += entry["state"] == "failed" or not able
    tried = [trial for trial, num in failed.items() if num or trial in values]
    return {trial: Tried(trial, values.get(trial, ()), failed[trial]) for trial in tried}


def num_epochs(found: Iterable[Mapping[str, Any]]) -> int:
    """Return the number of epochs that trials were trained for with further seeds."""
    return sum(max(map(int, entry.get("values", ())), default=0) for entry in found)


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """What is known of a configuration: mean and standard deviation ``std`` over its seeds, and the estimate.

    ``std`` is None with one seed, ``sd``, the uncertainty of the estimate, while no configuration has two.
    """

    trial: int
    num_seeds: int
    mean: float
    std: float | None
    estimate: float
    sd: float | None
    num_failed: int = 0
    bounds: tuple[float, float] = (-math.inf, math.inf)
    """Smallest and largest possible values of the objective."""

    @property
    def ci95(self) -> tuple[float, float] | None:
        """Interval in which the configuration's mean lies with 95 %; None while the noise is unknown."""
        reach = None if self.sd is None else NormalDist().inv_cdf(0.975) * self.sd
        if reach is None:
            return None
        low, high = self.bounds
        return max(low, self.estimate - reach), min(high, self.estimate + reach)


def estimates(tried: Sequence[Tried], objective: Objective) -> list[Estimated]:
    """Return an estimate of each configuration that has a finite value, the one to recommend first.

    Those of which a seed failed come last.
    """
    able = [one for one in tried if one.values and math.isfinite(one.mean)]
    noise, centre, between = _group(objective.ranked(able, lambda one: one.mean))
    bounds = _bounds(able, objective)
    found = [replace(_estimated(one, noise, centre, between), bounds=bounds) for one in able]
    cautious = 1 if objective.ascending else -1

    def bound(one: Estimated) -> float:
        return one.estimate + cautious * CAUTION * (one.sd or 0.0)

    in_order = sorted(objective.ranked(found, lambda one: one.mean), key=lambda one: objective.signed(bound(one)))
    return sorted(in_order, key=lambda one: one.num_failed > 0)


def recommended(tried: Sequence[Tried], objective: Objective) -> Estimated | None:
    """Return what is known of the configuration to recommend; None where none has a finite value."""
    return next(iter(estimates(tried, objective)), None)


def is_clear(ranked: Sequence[Estimated], objective: Objective) -> bool:
    """Whether no other of the ``estimates`` is better than the first with a probability above ``DOUBT``.

    While the noise is unknown nothing is clear, except where there is no other.
    """
    leader, *others = ranked
    return all(_chance(one, leader, objective) <= DOUBT for one in others if not one.num_failed)


def next_retests(ranked: Sequence[Estimated], left: int) -> list[int]:
    """Return the trials to train with one more seed now, of which ``left`` trainings may be spent in all.

    Half of them go to as many of the best ``estimates``: each round asks about fewer (12: 6, 3, 2, 1).
    """
    return [one.trial for one in ranked if not one.num_failed][: math.ceil(left / 2)]


def _chance(one: Estimated, leader: Estimated, objective: Objective) -> float:
    """Return the probability that ``one`` is better than the leader."""
    if one.sd is None or leader.sd is None:
        return 1.0
    ahead, sd = objective.signed(leader.estimate) - objective.signed(one.estimate), math.hypot(one.sd, leader.sd)
    return NormalDist().cdf(ahead / sd) if sd else float(ahead > 0)


def _bounds(tried: Sequence[Tried], objective: Objective) -> tuple[float, float]:
    """Return the bounds of the objective, as ``bounds_of`` does."""
    return bounds_of(objective.name, [value for one in tried for value in one.values])


def _estimated(one: Tried, noise: float | None, centre: float, between: float) -> Estimated:
    n = len(one.values)
    if noise is None:
        estimate, sd = one.mean, None
    elif noise == 0:
        estimate, sd = one.mean, 0.0
    else:
        estimate = centre + (one.mean - centre) * between / (between + noise / n)
        sd = math.sqrt(1 / (1 / between + n / noise))
    return Estimated(
        trial=one.trial,
        num_seeds=n,
        mean=one.mean,
        std=one.std,
        estimate=estimate,
        sd=sd,
        num_failed=one.num_failed,
    )


def _group(ranked: Sequence[Tried]) -> tuple[float | None, float, float]:
    """Return the noise of a seed, and mean and variance of the better half of the configurations.

    The noise is a variance, None while no configuration has two values.
    """
    half = ranked[: max(FEWEST, len(ranked) // 2)]
    noise = _noise(half)
    if noise is None:
        noise = _noise(ranked)
    if noise is None:
        return None, 0.0, 0.0
    means = [one.mean for one in half]
    spread = variance(means) if len(means) > 1 else 0.0
    between = spread - fmean(noise / len(one.values) for one in half)
    return noise, fmean(means), max(between, LEAST_SPREAD * noise)


def _noise(tried: Sequence[Tried]) -> float | None:
    freedom = sum(len(one.values) - 1 for one in tried)
    if not freedom:
        return None
    return sum((bounded(value) - one.mean) ** 2 for one in tried for value in one.values) / freedom
