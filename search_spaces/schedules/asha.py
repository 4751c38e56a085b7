"""Asynchronous successive halving (ASHA) that pauses trials and promotes the best of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from search_spaces.schedules.contract import MOST_STEPS, Continue, Decision, Stop, parameter
from search_spaces.schedules.standings import Standings


@dataclass(frozen=True, kw_only=True)
class AshaParameters:
    """Keys of ``early_terminate`` in a spec."""

    min_iter: int = parameter(1, "Epochs before the first decision.", low=1, high=MOST_STEPS)
    eta: int = parameter(3, "One of eta trials continues at each decision.", low=2, high=1000)


@dataclass(frozen=True)
class Asha:
    """Asynchronous successive halving (Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning",
    Algorithm 2).

    Rungs are ``min_iter * eta**k`` epochs, without those above ``epochs / sqrt(eta)``, and then ``epochs``. At each
    rung the best ``floor(n / eta)`` of the n trials that have reached it so far continue. Where fewer than eta can
    ever reach a rung, the best one continues when all are there, as in synchronous halving. So every search trains
    at least one trial to the end, as long as any trial lives.
    """

    epochs: int
    parameters: AshaParameters = AshaParameters()

    def __post_init__(self) -> None:
        assert self.parameters.eta >= 2 and self.parameters.min_iter >= 1, self.parameters

    @property
    def eta(self) -> int:
        """Reduction factor: one of ``eta`` trials continues at each rung."""
        return self.parameters.eta

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs of the rungs, the last one included: (1, 3, 10) for 10 epochs, min_iter 1 and eta 3."""
        rung, found = self.parameters.min_iter, []
        while rung * math.sqrt(self.eta) <= self.epochs:
            found.append(rung)
            rung *= self.eta
        return (*found, self.epochs)

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """Return ``num_trials // eta**k`` for rung k, but at least one trial, which is trained to the end."""
        return tuple(max(1, num_trials // self.eta**level) for level in range(len(self.rungs)))

    def decide(self, standings: Standings) -> dict[int, Decision]:
        """Return Continue for waiting trials among the best ``floor(n / eta)`` of the n trials at their rung.

        Once no further trial can reach the rung, the best one continues in any case. A trial that fails after it
        was promoted has no rank any more, but counts in n: the next one takes its place.

        Stop for waiting trials behind the largest number that can ever leave their rung, ``max(1, floor(n / eta))``
        if n trials will reach it. As long as nobody is trained to the end, they wait too: all before them may fail.
        Above the first rung n may exceed ``num_expected / eta**k``, as some early promotions turn out wrong when
        further scores arrive.
        """
        decisions: dict[int, Decision] = {}
        reachable = standings.num_expected - standings.num_never
        for rung in map(standings.at, self.rungs[:-1]):
            num, places = len(rung.scores), self._quota(reachable)
            going_on = rung.within(num // self.eta if num < reachable else places)
            decisions |= dict.fromkeys(going_on, Continue())
            if standings.num_done:
                decisions |= dict.fromkeys(rung.behind(places), Stop())
            reachable -= rung.num_lost + rung.num_behind(places)
        return decisions

    def _quota(self, num_reaching: int) -> int:
        """Return how many of ``num_reaching`` trials continue, at least 1."""
        return max(1, num_reaching // self.eta)
