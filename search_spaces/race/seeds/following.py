"""The schedule of further seeds: each follows its trial, as far as it is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from search_spaces.schedules.contract import Continue, Decision, Stop
from search_spaces.schedules.standings import Standings


@dataclass
class Following:
    """Members train on from a rung where they are ``wanted`` further, and stop where they are ``over``."""

    rungs: tuple[int, ...]
    wanted: dict[int, int] = field(default_factory=dict)
    """Rung that a member is to reach, by its number."""
    over: set[int] = field(default_factory=set)
    """Numbers of the members that are not needed any more."""

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """Return ``num_trials`` for each rung, at most."""
        return (num_trials,) * len(self.rungs)

    def decide(self, standings: Standings) -> dict[int, Decision]:
        """Return which waiting members go on or end."""
        decisions: dict[int, Decision] = {}
        for rung in self.rungs[:-1]:
            for number in standings.at(rung).waiting:
                if number in self.over:
                    decisions[number] = Stop()
                elif self.wanted.get(number, 0) > rung:
                    decisions[number] = Continue()
        return decisions
