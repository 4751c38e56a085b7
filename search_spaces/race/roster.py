"""The tracks of a race, divided so that no leg walks those that have ended: a sweep may have thousands."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence

from search_spaces.race.track import ENDS, Track
from search_spaces.types.objective import Objective


class Roster:
    """All ``tracks``, the ``open`` ones by index, and the ended ones in their order, the best first."""

    def __init__(self, objective: Objective, tracks: Sequence[Track]) -> None:
        self.tracks: list[Track] = []
        self.open: dict[int, Track] = {}
        """Tracks that have not ended, by their index."""
        self._objective = objective
        self._ranked: list[tuple[float, int]] = []
        """Signed best value and index of the ended tracks that have a value and did not fail, in order."""
        self._holders: dict[int, Track] = {}
        """Ended tracks that may have a checkpoint, by their index."""
        self.add(tracks)

    def add(self, tracks: Iterable[Track]) -> None:
        """Add tracks, whose indices continue those before."""
        for track in tracks:
            self.tracks.append(track)
            self.open[track.index] = track
            if track.state in ENDS:
                self.ended(track)

    def ended(self, track: Track) -> None:
        """Record that a track has ended, for good."""
        del self.open[track.index]
        self._holders[track.index] = track
        if track.values and track.state != "failed":
            insort(self._ranked, (self._objective.signed(track.best_value), track.index))

    def top(self, count: int) -> list[Track]:
        """Return the best ``count`` of the ended tracks; equal ones in order of their index."""
        return [self.tracks[index] for _, index in self._ranked[:count]]

    def superfluous(self, count: int) -> list[Track]:
        """Return, once each, the ended tracks that are no longer among the best ``count``."""
        kept = {track.index for track in self.top(count)}
        return [self._holders.pop(index) for index in sorted(self._holders.keys() - kept)]
