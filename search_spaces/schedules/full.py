"""The schedule without early stopping."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.schedules.contract import Decision
from search_spaces.schedules.standings import Standings


@dataclass(frozen=True)
class Full:
    """Trains every trial to the last epoch."""

    epochs: int

    @property
    def rungs(self) -> tuple[int, ...]:
        """The last epoch only."""
        return (self.epochs,)

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """Return ``num_trials`` for the only rung."""
        return (num_trials,)

    def decide(self, standings: Standings) -> dict[int, Decision]:
        """Return no decision: no member waits before the last epoch."""
        return {}
