"""Tells a sweep's user once, and not with every leg, what is wrong with checkpoints and workers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cluster.sweep.files.disk_bound import shortage_of_more
from cluster.sweep.files.not_kept import NOT_KEPT
from search_spaces.race.legs import Saved

BOUND = "bound"
"""In ``known`` after the first checkpoint."""


@dataclass
class ToldOnce:
    """What has been told; ``say`` prints a line for users."""

    say: Callable[[str], None]
    known: set[str] = field(default_factory=set)

    def is_new(self, what: str) -> bool:
        """Whether this has not been told yet; it counts as told from now on."""
        new = what not in self.known
        self.known.add(what)
        return new

    def not_kept(self, saved: Sequence[Saved], folder: str, name: Callable[[str], str]) -> None:
        """Say that checkpoints cannot be written; ``name`` returns the name of a member's key."""
        first = next((one for one in saved if one.not_kept), None)
        if first and self.is_new(NOT_KEPT):
            where = f"{folder}: {first.not_kept}"
            self.say(f"a checkpoint of {name(first.key)} could not be written: {where}; it trains on")

    def bound(self, saved: Sequence[Saved], folder: str, most: int) -> None:
        """After the first checkpoint, say if so many of its size as there may be at ``most`` may not fit."""
        first = next((one.uri for one in saved if one.uri), None)
        if first and self.is_new(BOUND) and (told := shortage_of_more(folder, first, most)):
            self.say(told)

    def left(self, left: str, names: str) -> None:
        """Say what a leg left behind in its worker, once for all that differs in numbers only."""
        if self.is_new(re.sub(r"[\d,]+", "", left)):
            self.say(f"{names} {left}; a new worker takes over")
