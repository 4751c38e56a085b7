"""The schedule of the final evaluation of values that changed during training: they change again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from search_spaces.schedules.contract import Continue, Decision, Exploit
from search_spaces.schedules.standings import Standings
from search_spaces.types.values import Params


@dataclass(frozen=True)
class Replay:
    """Trains every member to the last epoch, with the ``changes`` of its number, by epoch."""

    epochs: int
    changes: Mapping[int, Mapping[int, Params]]

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs at which any member changes, and the last epoch."""
        return (*sorted({epoch for own in self.changes.values() for epoch in own}), self.epochs)

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """Return all trials for each rung."""
        return (num_trials,) * len(self.rungs)

    def decide(self, standings: Standings) -> dict[int, Decision]:
        """Return for each waiting member that it goes on, with the values that it changes at its rung.

        One that its patience ended before is trained no further, and needs none.
        """
        decisions: dict[int, Decision] = {}
        for rung in self.rungs[:-1]:
            for number in standings.at(rung).waiting:
                new = self.changes.get(number, {}).get(rung)
                able = new and standings.member(number).epoch == rung
                decisions[number] = Exploit(number, new) if new and able else Continue()
        return decisions
