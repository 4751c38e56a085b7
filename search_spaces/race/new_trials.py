"""New tracks of a race: how many start together, and when the sampler is asked for them."""

from __future__ import annotations

from search_spaces.race.cohort_size import CohortSize
from search_spaces.race.contract import Rules, Supply
from search_spaces.race.ending.budget import Purse
from search_spaces.race.roster import Roster
from search_spaces.race.track import Track

LITTLE = 0.5
"""Limit for sampling ahead: running trials and the next cohort, as a share of those that ended or wait."""


class NewTrials:
    """Source of new tracks, added to the race's ``roster`` up to ``num_tracks``, or the end of supply or budget."""

    def __init__(self, rules: Rules, supply: Supply, roster: Roster, purse: Purse) -> None:
        self._rules, self._supply, self._roster, self._purse = rules, supply, roster, purse
        self._exhausted = False
        self._breadth = CohortSize(rules.width, rules.spread)

    def replan(self, rules: Rules) -> None:
        """Go on by other rules and limits, and ask a supply again that had come to its end."""
        self._rules, self._exhausted, self._purse.limits = rules, False, rules.limits

    def seen(self, num_members: int, seconds: float, fused: int) -> None:
        """Record a finished leg of ``num_members``, of which at most ``fused`` were one program."""
        self._breadth.seen(num_members, seconds, fused)

    @property
    def _most(self) -> int:
        return self._purse.most_tracks(self._rules.num_tracks)

    @property
    def breadth(self) -> int:
        """Largest number of new tracks that may start together now."""
        return self._breadth.now(self._most - len(self._roster.tracks) + self.num_new)

    @property
    def num_new(self) -> int:
        """Number of sampled tracks that have not begun."""
        return sum(track.epoch == 0 and not track.resting for track in self._roster.ready.values())

    @property
    def num_expected(self) -> int:
        """Number of tracks that the race will have had in the end."""
        return self._most if self.room else len(self._roster.tracks)

    @property
    def room(self) -> bool:
        """Whether more tracks can be sampled."""
        return not self._exhausted and len(self._roster.tracks) < self._most

    @property
    def short(self) -> bool:
        """Whether only the budget keeps the race from more trials."""
        return not self._exhausted and self._most <= len(self._roster.tracks) < self._rules.num_tracks

    def ask(self, count: int, held: Track | None = None) -> list[Track]:
        """Add and return at most ``count`` tracks, with the signature of ``held`` if given."""
        count = min(count, self._most - len(self._roster.tracks))
        if count <= 0:
            return []
        new = self._supply.more(self._roster.tracks, count, held)
        self._exhausted |= held is None and len(new) < count
        self._roster.add(new)
        return new

    def look_ahead(self) -> None:
        """Sample the next tracks ahead of need, where that saves a lane's waiting at little loss of information.

        Legs must be short, as sampling takes no notable time beside a long one, and trials without a value must be
        few beside those with one (``LITTLE``).
        """
        breadth = self.breadth
        num_running = self._roster.num["running"]
        num_known = len(self._roster.tracks) - num_running - len(self._roster.ready)
        if self.room and self._breadth.short(breadth) and num_running + breadth <= LITTLE * num_known:
            self.ask(breadth - self.num_new)
