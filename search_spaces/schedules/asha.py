"""Asynchronous successive halving that promotes."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from search_spaces.schedules.contract import Continue, Decision, Standings, Stop, parameter


@dataclass(frozen=True, kw_only=True)
class AshaParameters:
    """What a spec may set."""

    min_iter: int = parameter(1, "Epochs before the first decision.", low=1, high=100_000)
    eta: int = parameter(3, "One of eta trials goes on at each decision.", low=2, high=1000)


@dataclass(frozen=True)
class Asha:
    """Asynchronous successive halving that pauses and promotes (Li et al. 2020, Algorithm 2).

    Rungs are ``min_iter * eta**k``; one that lies closer to the end than a factor sqrt(eta) is left out. At
    each rung the best ``floor(n / eta)`` of the n trials that have reached it so far may go on. Where fewer than
    eta will ever reach it, the best one goes on when all are there, as in synchronous halving: of every search
    somebody is trained to the end.
    """

    epochs: int
    parameters: AshaParameters = AshaParameters()

    def __post_init__(self) -> None:
        assert self.parameters.eta >= 2 and self.parameters.min_iter >= 1, self.parameters

    @property
    def eta(self) -> int:
        """One of so many goes on."""
        return self.parameters.eta

    @property
    def rungs(self) -> tuple[int, ...]:
        """For 10 epochs, min_iter 1 and eta 3: (1, 3, 10)."""
        rung, found = self.parameters.min_iter, []
        while rung * math.sqrt(self.eta) <= self.epochs:
            found.append(rung)
            rung *= self.eta
        return (*found, self.epochs)

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """One of eta from each rung to the next."""
        return tuple(num_trials // self.eta**level for level in range(len(self.rungs)))

    def decide(self, standings: Standings) -> dict[int, Decision]:
        """Continue for the waiting among the best ``floor(n / eta)`` of each rung, or the very best.

        Stop for those ranked behind the number of trials that can ever leave their rung upwards: a rank never
        improves, and at most ``floor(n / eta)``, or one, leave a rung that n trials reach. That n is not
        ``num_expected / eta**k`` above the first rung: early promotions that later scores do not confirm add to it.
        """
        decisions: dict[int, Decision] = {}
        given_up: set[int] = set()
        reachable = standings.num_expected - len(standings.ended - standings.scores(self.rungs[0]).keys())
        for rung, following in itertools.pairwise(self.rungs):
            ranked, waiting = standings.ranked(rung), standings.waiting(rung)
            quota = len(ranked) // self.eta if len(ranked) < reachable else self._quota(reachable)
            decisions |= {number: Continue() for number in ranked[:quota] if number in waiting}
            hopeless = {number for number in ranked[self._quota(reachable) :] if number in waiting}
            decisions |= dict.fromkeys(sorted(hopeless), Stop())
            given_up |= hopeless
            arrived = standings.scores(following).keys()
            able = set(ranked) - arrived - given_up - standings.ended
            reachable += len(arrived) + len(able) - len(ranked)
        return decisions

    def _quota(self, num_reaching: int) -> int:
        """How many of so many go on."""
        return max(1, num_reaching // self.eta)
