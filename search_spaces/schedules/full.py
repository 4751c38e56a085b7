"""Trains every trial to the last epoch."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.schedules.contract import Decision, Standings


@dataclass(frozen=True)
class Full:
    """Every trial is trained to the end."""

    epochs: int

    @property
    def rungs(self) -> tuple[int, ...]:
        """The end alone."""
        return (self.epochs,)

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """All of them."""
        return (num_trials,)

    def decide(self, standings: Standings) -> dict[int, Decision]:
        """Nobody waits before the end."""
        return {}
