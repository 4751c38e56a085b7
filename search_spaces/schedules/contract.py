"""For how long to train: rules that decide at rungs who goes on. Pure: scores in, decisions out.

A schedule holds no state. The race gives it the standings, every score that a trial had when it reached a rung,
and the trials that wait there; it names those that may go on, and those that never will.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Standings:
    """``scores[rung][trial]``, the higher the better; ``waiting[rung]``, who is paused there and could go on.

    ``ended`` trials go nowhere any more.
    """

    scores: Mapping[int, Mapping[int, float]] = field(default_factory=dict)
    waiting: Mapping[int, frozenset[int]] = field(default_factory=dict)
    ended: frozenset[int] = frozenset()

    def ranked(self, rung: int) -> list[int]:
        """Trials that reached ``rung``, best first; equal scores in the order of their numbers."""
        scores = self.scores.get(rung, {})
        return sorted(scores, key=lambda trial: (-scores[trial], trial))


class Schedule(Protocol):
    """Who goes on after a rung. ``rungs`` are epoch counts in rising order; the last is full training."""

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs at which a trial pauses for a decision; at the last one it is done."""

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """For each rung, how many of ``num_trials`` are likely to be trained so far: for a preview."""

    def promotable(self, standings: Standings, num_trials: int) -> list[int]:
        """Waiting trials that may go on now, the most advanced first, then the best first.

        ``num_trials`` is how many there are, with those that have not begun.
        """

    def hopeless(self, standings: Standings, num_trials: int) -> set[int]:
        """Waiting trials that cannot go on whatever the rest of ``num_trials`` trials will bring."""


def parameter(default: float, doc: str, *, low: float, high: float) -> Any:
    """A number that a spec may set, from ``low`` to ``high``, as a field of a schedule's parameters."""
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})


@dataclass(frozen=True)
class NoParameters:
    """For a schedule without any."""


def next_rung(rungs: Sequence[int], epoch: int) -> int:
    """The first rung behind ``epoch``; the last one has none."""
    return next(rung for rung in rungs if rung > epoch)
