"""The interface of rules that end a search by what its trials have shown."""

from __future__ import annotations

from typing import Protocol

from search_spaces.race.track import Track


class EndRule(Protocol):
    """Rule that a race asks before each leg; it observes the race's events, in the order in which they come."""

    def reported(self, track: Track, epoch: int, value: float) -> None:
        """Take note of a new value."""

    def moved(self, track: Track) -> None:
        """Take note of a change of state."""

    def ended(self, track: Track) -> None:
        """Take note that the track is done, stopped or failed."""

    def reason(self) -> str | None:
        """Return why the search should end now; None while it should go on."""
