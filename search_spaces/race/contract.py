"""The inputs of a race: its rules, the supply of new tracks and the observers that record events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from search_spaces.race.ending.budget import NONE, Limits
from search_spaces.race.ending.contract import EndRule
from search_spaces.race.legs import Purpose
from search_spaces.race.track import Track
from search_spaces.types.objective import Objective


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Limits and goals of a race.

    ``fill`` is the share of a cohort's width that is filled up with new trials of the same signature.
    """

    objective: Objective
    num_tracks: int
    width: int
    max_retries: int
    purpose: Purpose = "search"
    target: float | None = None
    seeds: int = 1
    """Number of seeds with which a trial must have reached the target, on average."""
    fill: float = 0.5
    spread: int = 0
    """Divisor for the size of a new cohort: at most ``remaining trials / spread`` start together.

    This is guided self-scheduling. 0: always ``width``.
    """
    several: bool = False
    """Whether trials are ranked by several objectives, and not by the first one alone."""
    runs_on: bool = False
    """Whether members cannot be paused: each trains in one leg, and a schedule can only stop it at a rung."""
    keep_top: int = 1
    """Number of ended tracks, the best ones, whose checkpoints are kept."""
    limits: Limits = NONE
    """What the race may use."""
    end_rules: Sequence[EndRule] = ()
    """What ends the race early; they are among its observers."""
    beside: tuple[str, ...] = ()
    """Names of metrics of each track's best epoch that are kept and shown beside the objective."""

    def is_on_target(self, track: Track) -> bool:
        """Whether a track has reached the target, and is known to keep every constraint."""
        if self.target is None or not track.values or not self.objective.reaches(track.best_value, self.target):
            return False
        return track.feasible and (self.seeds == 1 or len(track.with_seeds(max(track.values))) >= self.seeds)


class Supply(Protocol):
    """Source of new tracks."""

    def more(self, tracks: Sequence[Track], count: int, held: Track | None) -> list[Track]:
        """Return ``count`` new tracks, fewer at the space's end, with the signature of ``held`` if given."""


class RaceObserver(Protocol):
    """Receiver of the race's events. A race tells each event to its observers, in their order."""

    def reported(self, track: Track, epoch: int, value: float) -> None:
        """Record the first value measured for an epoch."""

    def moved(self, track: Track) -> None:
        """Record a change of state, checkpoint or number of failures."""

    def ended(self, track: Track) -> None:
        """Record that the track is done, stopped or failed, which is final."""
