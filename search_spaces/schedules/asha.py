"""Asynchronous successive halving that promotes."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from search_spaces.schedules.contract import Standings, parameter


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

    def promotable(self, standings: Standings, num_trials: int) -> list[int]:
        """The waiting among the best ``floor(n / eta)`` of each rung, or the very best, the highest rung first."""
        found: list[int] = []
        for rung, reachable, _ in reversed(self._prospects(standings, num_trials)):
            ranked, waiting = standings.ranked(rung), standings.waiting.get(rung, frozenset())
            quota = len(ranked) // self.eta if len(ranked) < reachable else self._quota(reachable)
            found += [trial for trial in ranked[:quota] if trial in waiting]
        return found

    def hopeless(self, standings: Standings, num_trials: int) -> set[int]:
        """Those ranked behind the number of trials that can ever leave their rung upwards.

        A rank never improves, and at most ``floor(n / eta)``, or one, leave a rung that n trials reach. That n
        is not ``num_trials / eta**k`` above the first rung: early promotions that later scores do not confirm
        add to it.
        """
        return set().union(*(hopeless for _, _, hopeless in self._prospects(standings, num_trials)))

    def _prospects(self, standings: Standings, num_trials: int) -> list[tuple[int, int, set[int]]]:
        """Each rung but the last, how many trials may ever reach it, and the waiting that will not leave it."""
        found: list[tuple[int, int, set[int]]] = []
        given_up: set[int] = set()
        reachable = num_trials - len(standings.ended - set(standings.scores.get(self.rungs[0], {})))
        for rung, following in itertools.pairwise(self.rungs):
            ranked, waiting = standings.ranked(rung), standings.waiting.get(rung, frozenset())
            hopeless = {trial for trial in ranked[self._quota(reachable) :] if trial in waiting}
            given_up |= hopeless
            found.append((rung, reachable, hopeless))
            arrived = set(standings.scores.get(following, {}))
            able = set(ranked) - arrived - given_up - standings.ended
            reachable += len(arrived) + len(able) - len(ranked)
        return found

    def _quota(self, num_reaching: int) -> int:
        """How many of so many go on."""
        return max(1, num_reaching // self.eta)
