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

    def __init__(
        self, objective: Objective, rungs: Sequence[int], tracks: Sequence[Track], several: bool = False
    ) -> None:
        self.tracks: list[Track] = []
        self.open: dict[int, Track] = {}
        """Tracks that have not ended, by their index."""
        self.ready: dict[int, Track] = {}
        """Tracks that may train, by their index."""
        self.steered: dict[int, Track] = {}
        """Open tracks of which users have asked something, by their index."""
        self.num = Counter[State]()
        """Number of tracks by state."""
        self.standings = Standings(rungs)
        self.several = several
        """Whether tracks are ranked by several objectives."""
        self._objective = objective
        self._states: dict[int, State] = {}
        self._ranked: list[tuple[float, int]] = []
        """Signed best value and index of the ended tracks that have a value and did not fail, in order."""
        self._holders: dict[int, Track] = {}
        """Ended tracks that may have a checkpoint, by their index."""
        self.add(tracks)
        for rung in rungs if several else ():
            self._rank(rung)

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
        if track.resting or track.boosted:
            self.steered[track.index] = track
        else:
            self.steered.pop(track.index, None)
        self.standings.update(track)
        if track.state in ENDS:
            self._ended(track)

    def reached(self, track: Track, rung: int) -> None:
        """Record that a track has reached a rung."""
        track.reached(rung)
        if self.several:
            self._rank(rung)

    def _rank(self, rung: int) -> None:
        """Rank all tracks at a rung anew by all of their objectives: a new one may change every place."""
        there = [track for track in self.tracks if rung in track.scores and not track.failed]
        for place, track in enumerate(self.in_order(there, rung)):
            if track.scores[rung] != -place:
                track.scores[rung] = -place
                self.standings.update(track)

    def in_order(self, tracks: Sequence[Track], rung: int | None = None) -> list[Track]:
        """Return tracks with several objectives, those of the front first, as they stand now or stood at a rung.

        Those that break a constraint, or whose objectives are not known, come last.
        """
        if not tracks:
            return []
        import numpy as np

        from search_spaces.criteria.front import ordered  # 60 ms: NumPy, and only for several objectives

        able = [track for track in tracks if track.vector(rung) and not track.breaks(rung)]
        points = np.array([track.minimised(rung) for track in able])
        rest = [track for track in tracks if track not in able]
        return [*(able[place] for place in ordered(points)), *rest]

    def _ended(self, track: Track) -> None:
        del self.open[track.index]
        self.steered.pop(track.index, None)
        self._holders[track.index] = track
        if track.values and track.state != "failed":
            insort(self._ranked, (self._objective.signed(track.best_value), track.index))

    def top(self, count: int) -> list[Track]:
        """Return the best ``count`` of the ended tracks; equal ones in order of their index.

        With several objectives they are the best of those that were so far.
        """
        if self.several:
            able = [track for _, track in sorted(self._holders.items()) if track.values and not track.failed]
            return self.in_order(able)[:count]
        return [self.tracks[index] for _, index in self._ranked[:count]]

    def superfluous(self, count: int) -> list[Track]:
        """Return, once each, the ended tracks that are no longer among the best ``count``."""
        kept = {track.index for track in self.top(count)}
        return [self._holders.pop(index) for index in sorted(self._holders.keys() - kept)]
