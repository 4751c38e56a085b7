"""Schedules that decide for good as a trial arrives at a rung: it goes on at once, or is stopped."""

from __future__ import annotations

import math
from dataclasses import dataclass

from search_spaces.schedules.asha import Asha, AshaParameters
from search_spaces.schedules.contract import MOST_STEPS, Continue, Decision, Stop, parameter
from search_spaces.schedules.standings import Rung, Standings


def judged(rung: Rung, places: int) -> dict[int, Decision]:
    """Return Continue for the waiting trials among the best ``places`` of the rung, Stop for the others.

    Those that are as good as the last of these go on, too: none of equal trials is stopped for having come later.
    """
    places = rung.as_good_as(places)
    decisions: dict[int, Decision] = dict.fromkeys(rung.within(places), Continue())
    return decisions | dict.fromkeys(rung.behind(places), Stop())


@dataclass(frozen=True, kw_only=True)
class StoppingAshaParameters(AshaParameters):
    """Keys of ``early_terminate`` in a spec."""

    max_iter: int = parameter(
        MOST_STEPS, "No decision at this epoch or later, where a trial may be longer.", low=2, high=MOST_STEPS
    )


@dataclass(frozen=True)
class StoppingAsha:
    """Asynchronous successive halving that stops: the rule of Ray Tune's ``ASHAScheduler`` (Li et al. 2020).

    A trial goes on if it is among the best ``max(1, floor(n / eta))`` of the n trials that have reached the rung by
    then, or as good as the last of them. No trial waits, and none comes back. At least one is trained to the end,
    unless those that lead fail.
    """

    epochs: int
    parameters: StoppingAshaParameters

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs of the rungs, those of ``asha`` below ``max_iter``, and the last epoch."""
        return (*self._asha.rungs[:-1], self.epochs)

    @property
    def _asha(self) -> Asha:
        return Asha(min(self.epochs, self.parameters.max_iter), self.parameters)

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """Return the expected number of trials at each rung, if they come in random order: that of ``asha``."""
        return self._asha.reaching(num_trials)

    def decide(self, standings: Standings) -> dict[int, Decision]:
        """Return a decision for each waiting trial."""
        decisions: dict[int, Decision] = {}
        for rung in map(standings.at, self.rungs[:-1]):
            decisions |= judged(rung, max(1, len(rung.scores) // self.parameters.eta))
        return decisions


@dataclass(frozen=True, kw_only=True)
class MedianParameters:
    """Keys of ``early_terminate`` in a spec."""

    min_iter: int = parameter(3, "Epochs before the first decision.", low=1, high=MOST_STEPS)
    every: int = parameter(1, "Epochs between two decisions.", low=1, high=MOST_STEPS)
    min_trials: int = parameter(5, "Trials at a rung before any is stopped there.", low=1, high=100_000)


@dataclass(frozen=True, kw_only=True)
class PercentileParameters(MedianParameters):
    """Keys of ``early_terminate`` in a spec."""

    percentile: int = parameter(25, "Percentage of the trials at a rung that go on, the best.", low=1, high=99)


@dataclass(frozen=True)
class Percentile:
    """Stops a trial whose best value so far is worse than the best ``share`` of those at the same epoch.

    With a half it is median stopping (Golovin et al. 2017, "Google Vizier", section 3.2.2), with each trial's best
    value so far in place of the running mean.
    """

    epochs: int
    parameters: MedianParameters
    share: float = 0.5

    @property
    def rungs(self) -> tuple[int, ...]:
        """Every ``every`` epochs from ``min_iter`` on, and the last epoch."""
        return (*range(self.parameters.min_iter, self.epochs, self.parameters.every), self.epochs)

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """Return the expected number of trials at each rung, if ranks do not change behind the first one."""
        free = min(num_trials, self.parameters.min_trials)
        left = free + math.ceil((num_trials - free) * self.share)
        return (num_trials, *(max(1, left) for _ in self.rungs[1:]))

    def decide(self, standings: Standings) -> dict[int, Decision]:
        """Return a decision for each waiting trial."""
        decisions: dict[int, Decision] = {}
        for rung in map(standings.at, self.rungs[:-1]):
            num = len(rung.scores)
            places = num if num <= self.parameters.min_trials else math.ceil(num * self.share)
            decisions |= judged(rung, places)
        return decisions
