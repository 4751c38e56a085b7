"""For how long to train: rules that decide at rungs who goes on. Pure: standings in, decisions out.

A schedule holds no state and no clock, and what it draws at random comes from the seed, the member and the rung:
asked again, as in a resumed sweep, it decides the same. So it can be tried against known curves, without a cluster.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from search_spaces.types.values import Params


@dataclass(frozen=True)
class Continue:
    """The member trains on, from its own checkpoint with its own hyperparameters."""


@dataclass(frozen=True)
class Stop:
    """The member ends here."""


@dataclass(frozen=True)
class Exploit:
    """The member trains on from the checkpoint of ``source``, with ``params`` changed (population based training).

    ``source`` is the number of another member of the same signature that stands at the same epoch. ``params`` holds
    the changed hyperparameters alone, none of which shapes the program.
    """

    source: int
    params: Params


Decision = Continue | Stop | Exploit


class Standing(Protocol):
    """A member as a schedule sees it."""

    @property
    def number(self) -> int:
        """Names it in decisions."""

    @property
    def epoch(self) -> int:
        """Epochs done and safe: it goes on behind this one."""

    @property
    def scores(self) -> Mapping[int, float]:
        """At each rung reached, the best value so far, turned so that higher is better."""

    @property
    def params(self) -> Params:
        """All hyperparameters, as they are now."""

    @property
    def signature(self) -> Hashable:
        """Equal for members whose weights fit into each other's programs."""

    @property
    def waiting(self) -> bool:
        """Whether it is paused at a rung, for a decision."""

    @property
    def ended(self) -> bool:
        """Whether it goes nowhere any more."""


@dataclass(frozen=True)
class Standings:
    """All members, and how many there will be with those that are still to begin."""

    members: Sequence[Standing]
    num_expected: int

    def scores(self, rung: int) -> dict[int, float]:
        """By number, of every member that has reached ``rung``."""
        return {member.number: member.scores[rung] for member in self.members if rung in member.scores}

    def ranked(self, rung: int) -> list[int]:
        """The numbers of those that reached ``rung``, best first; equal scores in the order of their numbers."""
        scores = self.scores(rung)
        return sorted(scores, key=lambda number: (-scores[number], number))

    def waiting(self, rung: int) -> set[int]:
        """The numbers of those that are paused at ``rung``."""
        return {member.number for member in self.members if member.waiting and member.epoch == rung}

    @cached_property
    def ended(self) -> set[int]:
        """The numbers of those that go nowhere any more."""
        return {member.number for member in self.members if member.ended}


class Schedule(Protocol):
    """Who goes on after a rung, and from where."""

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs at which a member pauses for a decision, in rising order; at the last one it is done."""

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """For each rung, how many of ``num_trials`` are likely to be trained so far: for a preview."""

    def decide(self, standings: Standings) -> Mapping[int, Decision]:
        """What becomes of waiting members, by number; one that is not named waits for what others will show.

        ``Stop`` is for a member that cannot go on whatever is still to come. ``Stop`` and ``Exploit`` are carried
        out at once; ``Continue`` when a lane is free, and is decided again until then.
        """


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a schedule is told of its sweep."""

    epochs: int
    """Of full training: the last rung."""
    seed: int = 0


def parameter(default: float, doc: str, *, low: float, high: float) -> Any:
    """A number that a spec may set, from ``low`` to ``high``, as a field of a schedule's parameters."""
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})


@dataclass(frozen=True)
class NoParameters:
    """For a schedule without any."""


def next_rung(rungs: Sequence[int], epoch: int) -> int:
    """The first rung behind ``epoch``; the last one has none."""
    return next(rung for rung in rungs if rung > epoch)
