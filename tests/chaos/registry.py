"""What a fault is, and the registry of all faults: a decorated function is a row."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.chaos.arena import Arena

Phase = Literal["start", "search", "late", "between"]
"""Before the first epoch; during the search; after it, while the driver ends; after a driver's death."""
Strike = Callable[[Arena, random.Random], str]
"""Does the harm, and returns it in words; raises Missed where there is nothing to be harmed."""
KILLED = -9


class Missed(Exception):
    """Raised by a fault that came too late or too early: there is nothing that it could harm."""


@dataclass(frozen=True)
class Fault:
    """A row of the registry: a kind of harm, and what its documentation promises."""

    name: str
    strike: Strike
    phases: tuple[Phase, ...]
    codes: tuple[int, ...] = (0,)
    """Exit codes that the driver may have that it strikes, beside 0."""
    says: str = ""
    """Pattern of the sentence that the driver, or the next one, must say; none where it is empty."""
    again: bool = False
    """Whether epochs may be trained again that a checkpoint held: the fault takes checkpoints or their names."""
    failing: int = 0
    """Number of trials that may fail by it."""
    lacking: bool = False
    """Whether metrics beside the objective may be lost: the fault takes what alone held them."""
    refused: str = ""
    """Pattern of the sentence by which resume may refuse, with exit code 1 or 2: no other file has what is lost."""
    over: bool = False
    """Whether nothing is left to be resumed."""
    weight: int = 4
    """How often it is drawn, relative to others."""
    cheap: bool = True
    """Whether the short form draws it: it costs no more than a death of the driver does."""


FAULTS: dict[str, Fault] = {}


def fault(*phases: Phase, name: str = "", **row: object) -> Callable[[Strike], Strike]:
    """Enter the decorated function into the registry; ``row`` are fields of ``Fault``."""

    def entered(strike: Strike) -> Strike:
        called = name or strike.__name__
        assert called not in FAULTS, called
        FAULTS[called] = Fault(called, strike, phases, **row)  # type: ignore[arg-type]
        return strike

    return entered
