"""A race's tracks by state and by rung, kept up so that no leg looks at all of them: a sweep may have thousands."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Sequence

from search_spaces.race.track import ENDS, State, Track
from search_spaces.schedules.standings import Standings
from search_spaces.types.objective import Objective


class Roster:
    """All ``tracks``, the ``open`` and ``ready`` ones by index, their ``standings``, and the best ended ones."""

    def __init__(self, objective: Objective, rungs: Sequence[int], tracks: Sequence[Track]) -> None:
        self.tracks: list[Track] = []
        self.open: dict[int, Track] = {}
        """Tracks that have not ended, by their index."""
        self.ready: dict[int, Track] = {}
        """Tracks that may train, by their index."""
        self.num = Counter[State]()
        """Number of tracks by state."""
        self.standings = Standings(rungs)
        self._objective = objective
        self._states: dict[int, State] = {}
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
            self.update(track)

    def update(self, track: Track) -> None:
        """Take note of a track's present state and scores."""
        before = self._states.get(track.index)
        if before in ENDS:
            return
        self.num[track.state] += 1
        if before:
            self.num[before] -= 1
        self._states[track.index] = track.state
        if track.state == "ready":
            self.ready[track.index] = track
        else:
            self.ready.pop(track.index, None)
        self.standings.update(track)
        if track.state in ENDS:
            self._ended(track)

    def _ended(self, track: Track) -> None:
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
