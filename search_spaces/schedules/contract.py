"""The interface of schedules: rules that decide at rungs which members continue. Pure: standings in, decisions out.

A schedule has neither state nor clock, and derives random numbers from seed, member and rung: for the same
standings, as in a resumed sweep, it decides the same. So it can be tested on known learning curves, without a
cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from search_spaces.schedules.standings import Standings
from search_spaces.space.space import Space
from search_spaces.types.values import Params


@dataclass(frozen=True)
class Continue:
    """Decision: train the member further, from its own checkpoint with its own hyperparameters."""


@dataclass(frozen=True)
class Stop:
    """Decision: end the member at this rung."""


@dataclass(frozen=True)
class Exploit:
    """Decision: train the member further, from the checkpoint of member ``source`` (population based training).

    ``source`` is the number of a member with the same signature and epoch, its own where it changes alone.
    ``params`` holds the changed hyperparameters only, none of which may be part of the signature.
    """

    source: int
    params: Params


Decision = Continue | Stop | Exploit


class Schedule(Protocol):
    """Rule that decides at each rung which members continue, and from which checkpoint."""

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs at which members pause for a decision, in ascending order; at the last one they are done."""

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """Return the expected number of ``num_trials`` trials that reach each rung, for a preview."""

    def decide(self, standings: Standings) -> Mapping[int, Decision]:
        """Return a decision for waiting members, by number; a member without one keeps waiting.

        ``Stop`` is for members that can never continue, whatever the others' results. ``Stop`` and ``Exploit`` are
        executed at once, ``Continue`` when a lane is free; until then it is decided again each time.
        """


MOST_STEPS: Final = 1_000_000_000
"""Largest epoch that a schedule may name: a script's may be steps."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Settings of the sweep that a schedule depends on."""

    epochs: int
    """Number of epochs of full training, the last rung."""
    seed: int = 0
    space: Space = field(default_factory=partial(Space, {}))
    """What is searched, for a schedule that changes hyperparameters."""


def parameter(default: float, doc: str, *, low: float, high: float) -> Any:
    """Return a dataclass field for a number in the spec, from ``low`` to ``high``, both included."""
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})


def choice(default: str, doc: str, *others: str) -> Any:
    """Return a dataclass field for a word in the spec: ``default``, or one of the ``others``."""
    return field(default=default, metadata={"doc": doc, "choices": (default, *others)})


def names(doc: str) -> Any:
    """Return a dataclass field for a list of searched hyperparameters in the spec, empty unless given."""
    return field(default=(), metadata={"doc": doc, "names": True})


@dataclass(frozen=True)
class NoParameters:
    """Parameters of a schedule that has none."""


def next_rung(rungs: Sequence[int], epoch: int) -> int:
    """Return the first rung after ``epoch``, which must be below the last rung."""
    return next(rung for rung in rungs if rung > epoch)
