"""Hyperband: successive halving in several brackets, which stop their first trials after different epochs."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property, partial

from search_spaces.schedules.asha import Asha, AshaParameters
from search_spaces.schedules.contract import Continue, Decision
from search_spaces.schedules.standings import Standings


@dataclass(frozen=True)
class Hyperband:
    """Asynchronous Hyperband (Li et al. 2018, JMLR 18(185), Algorithm 1; Li et al. 2020, section 3.3).

    Bracket b is successive halving from the rung b of ``asha`` on; the last one stops nobody. Each gets about as
    many epochs, so of s_max + 1 brackets the one with s rungs left has ``(s_max + 1) / (s + 1) * eta**s`` parts of
    all trials. They are dealt out by their numbers.
    """

    epochs: int
    parameters: AshaParameters = field(default_factory=AshaParameters)

    @cached_property
    def brackets(self) -> tuple[Asha, ...]:
        """Successive halving by bracket, the one that stops first before the others."""
        plain = Asha(self.epochs, self.parameters)
        return tuple(
            Asha(self.epochs, AshaParameters(min_iter=rung, eta=self.parameters.eta)) for rung in plain.rungs
        )

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs of the rungs: those of the first bracket."""
        return self.brackets[0].rungs

    @cached_property
    def _deal(self) -> tuple[int, ...]:
        """Brackets of the first trials, after which it begins anew: every part of it has about the same shares."""
        most, eta = len(self.brackets) - 1, self.parameters.eta
        wanted = [math.ceil((most + 1) / (most - b + 1) * eta ** (most - b)) for b in range(most + 1)]
        dealt, order = Counter[int](), list[int]()
        for place in range(1, sum(wanted) + 1):
            due = [wanted[b] * place / sum(wanted) - dealt[b] for b in range(most + 1)]
            order.append(max(range(most + 1), key=lambda b: due[b]))
            dealt[order[-1]] += 1
        return tuple(order)

    def bracket(self, number: int) -> int:
        """Return the bracket of trial ``number``."""
        return self._deal[number % len(self._deal)]

    def _sizes(self, num_trials: int) -> Counter[int]:
        """Return the number of trials in each bracket."""
        rounds, rest = divmod(num_trials, len(self._deal))
        whole = {bracket: rounds * num for bracket, num in Counter(self._deal).items()}
        return Counter(whole) + Counter(self._deal[:rest])

    def _belongs(self, bracket: int, number: int) -> bool:
        return self.bracket(number) == bracket

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """Return the expected number of ``num_trials`` trials that reach each rung."""
        sizes = self._sizes(num_trials)
        plans = [(sizes[b],) * b + asha.reaching(sizes[b]) for b, asha in enumerate(self.brackets) if sizes[b]]
        return tuple(map(sum, zip(*plans, strict=True)))

    def decide(self, standings: Standings) -> dict[int, Decision]:
        """Return Continue for trials before their bracket's first rung, and what the bracket decides of others."""
        decisions: dict[int, Decision] = {}
        sizes = self._sizes(standings.num_expected)
        for b, asha in enumerate(self.brackets):
            belongs = partial(self._belongs, b)
            ahead = standings.part(("ahead", b), self.rungs[:b], belongs)
            for epoch in self.rungs[:b]:
                decisions |= dict.fromkeys(ahead.at(epoch).waiting, Continue())
            inside = standings.part(b, asha.rungs, belongs)
            inside.num_expected = sizes[b]
            decisions |= asha.decide(inside)
        return decisions
