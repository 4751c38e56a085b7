"""What a race is given: its rules, where new tracks come from, and who writes down what happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from search_spaces.race.legs import Purpose
from search_spaces.race.track import Track
from search_spaces.types.objective import Objective


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the race must keep to. ``fill`` is the share of a cohort's width filled up with held signatures."""

    objective: Objective
    num_tracks: int
    width: int
    max_retries: int
    purpose: Purpose = "search"
    target: float | None = None
    fill: float = 0.5
    spread: int = 0
    """New members go out together as far as that pays, at most one in so many of those to begin; 0: ``width``."""
    keep_top: int = 1
    """Checkpoints of ended tracks that are kept, the best ones."""
    beside: tuple[str, ...] = ()
    """Metrics that are kept of each track's best epoch, to be shown beside the objective."""


class Supply(Protocol):
    """Where new tracks come from."""

    def more(self, tracks: Sequence[Track], count: int, held: Track | None) -> list[Track]:
        """At most ``count`` new tracks, with the signature of ``held`` if given; fewer when there are no more."""


class Ledger(Protocol):
    """Who writes down what happens; nothing is remembered elsewhere."""

    def reported(self, track: Track, epoch: int, value: float) -> None:
        """A first value for an epoch."""

    def moved(self, track: Track) -> None:
        """State, checkpoint or number of failures changed."""

    def ended(self, track: Track) -> None:
        """It is done, stopped or failed, once and for good."""
