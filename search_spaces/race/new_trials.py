"""The new tracks of a race: how many go out together, and when they are asked for."""

from __future__ import annotations

from search_spaces.race.cohort_size import CohortSize
from search_spaces.race.contract import Rules, Supply
from search_spaces.race.track import ENDS, Track

LITTLE = 0.5
"""Of what is known: so much may be out or asked for when more is asked for ahead of need."""


class NewTrials:
    """``tracks`` are the race's, and grow: to as many as the rules say, unless the supply ends before."""

    def __init__(self, rules: Rules, supply: Supply, tracks: list[Track]) -> None:
        self._rules, self._supply, self._tracks = rules, supply, tracks
        self._exhausted = False
        self._breadth = CohortSize(rules.width, rules.spread)

    def seen(self, num_members: int, seconds: float, fused: int) -> None:
        """See ``CohortSize``."""
        self._breadth.seen(num_members, seconds, fused)

    @property
    def breadth(self) -> int:
        """The most new tracks that may go out together now."""
        return self._breadth.now(self._rules.num_tracks - len(self._tracks) + self.num_new)

    @property
    def num_new(self) -> int:
        """Tracks that have been asked for and have not begun."""
        return sum(track.state == "ready" and track.epoch == 0 for track in self._tracks)

    @property
    def num_expected(self) -> int:
        """Tracks that there are, and those to come."""
        return self._rules.num_tracks if self.room else len(self._tracks)

    @property
    def room(self) -> bool:
        """Whether more can be asked for."""
        return len(self._tracks) < self._rules.num_tracks and not self._exhausted

    def ask(self, count: int, held: Track | None = None) -> list[Track]:
        """At most ``count`` more, with the signature of ``held`` if given."""
        count = min(count, self._rules.num_tracks - len(self._tracks))
        if count <= 0:
            return []
        new = self._supply.more(self._tracks, count, held)
        self._exhausted |= held is None and len(new) < count
        self._tracks += new
        return new

    def look_ahead(self) -> None:
        """Asks for those that go out next, where that saves a lane's waiting and costs next to no knowledge.

        Legs must be short, or the asking is nothing beside them; and whatever has no value yet must be little
        beside what has one.
        """
        breadth = self.breadth
        num_running = sum(track.state == "running" for track in self._tracks)
        num_known = sum(track.state in ENDS or track.state == "paused" for track in self._tracks)
        if self.room and self._breadth.short(breadth) and num_running + breadth <= LITTLE * num_known:
            self.ask(breadth - self.num_new)
