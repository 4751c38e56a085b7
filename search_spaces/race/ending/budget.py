"""The budget of a race: what it has used, how many trials the rest is for, and whom it is spent on at last.

A leg starts only if the rest covers it, with the epochs that running legs will still take. Before a new trial, the
epochs that the schedule would still need for all trials, its new ones included, must fit into the rest: so the
search takes no more trials than it can bring to their end. Trials that have ended, or that users have paused, need
nothing: where more were stopped early than planned, there is room for others. Where that fails, as later trials
turned out better than planned, the rest goes to the most promising first: those with the best values, in their
order, each only as far as the best one can still be trained to the last epoch.

A limit in hours is one in epochs, by the mean time of an epoch so far; before the first epochs it has no effect.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from search_spaces.race.roster import Roster
from search_spaces.race.steering import resting
from search_spaces.race.track import Track
from search_spaces.schedules.contract import Schedule, next_rung
from search_spaces.types.objective import Objective


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Most epochs, and most seconds of training summed over lanes; None: no limit."""

    epochs: int | None = None
    lane_s: float | None = None
    lane_told: str = ""
    """The limit of ``lane_s`` as users know it: ``4 lane-hours``."""

    @property
    def any(self) -> bool:
        """Whether there is a limit."""
        return self.epochs is not None or self.lane_s is not None


NONE: Final = Limits()
USED_UP: Final = "the budget of {} is used up"
"""What is told of a search that has ended as a limit was used up, or as good as."""


def schedule_epochs(
    schedule: Schedule, begun: Mapping[int, int] | None = None, never: Mapping[int, int] | None = None
) -> Callable[[int], int]:
    """Return a function of a number of trials: the epochs that the schedule is expected to train them for.

    ``begun`` is the number of trials that have begun already to train towards each rung, ``never`` of those that
    will not.
    """
    begun, never, rungs = begun or {}, never or {}, schedule.rungs

    def epochs(num_trials: int) -> int:
        stretches = zip((0, *rungs), rungs, schedule.reaching(num_trials), strict=False)
        return sum(
            (stop - start) * max(0, min(num, num_trials - never.get(stop, 0)) - begun.get(stop, 0))
            for start, stop, num in stretches
        )

    return epochs


class Purse:
    """The budget of one race over the tracks of ``roster``."""

    def __init__(
        self, limits: Limits, schedule: Schedule, roster: Roster, objective: Objective, runs_on: bool = False
    ) -> None:
        self.limits, self._runs_on = limits, runs_on
        self.epochs = sum(track.epochs_trained for track in roster.tracks)
        """Epochs trained so far, those that were trained twice as their worker died included."""
        self.lane_s = sum(track.seconds for track in roster.tracks)
        """Seconds of training so far, summed over lanes."""
        self._schedule, self._roster, self._objective = schedule, roster, objective
        self._begun: Counter[int] = Counter()
        """Number of tracks that have begun to train towards each rung."""
        self._furthest: dict[int, int] = {}
        """The last of these rungs, by the track's index."""
        self._running: dict[int, tuple[int, int]] = {}
        """Epoch at which each running track stands, and the rung that it trains to, by index."""
        self.payer: Purse | None = None
        """Budget that also counts what is trained here."""
        self.reserved: Callable[[], int] = lambda: 0
        """Function that returns the epochs that are promised to members of another race."""
        self._ended: Counter[int] = Counter()
        """Number of ended tracks that never began to train towards each rung."""
        self._denied = False
        """Whether the latest question was answered with fewer tracks than there were."""
        for track in roster.tracks:
            if reached := max(track.rung, max(track.values, default=0)):
                self._reach(track, next(rung for rung in schedule.rungs if rung >= reached))
            if track.ended:
                self.ended(track)

    def had(self, epochs: int, lane_s: float) -> None:
        """Take over what earlier drivers have used, as far as the tracks do not tell of it."""
        self.epochs, self.lane_s = max(epochs, self.epochs), max(lane_s, self.lane_s)

    def known(self, track: Track, epoch: int) -> None:
        """Record that a track stands at an epoch without training, and cost nothing."""
        self._reach(track, next(rung for rung in self._schedule.rungs if rung >= epoch))

    def begin(self, tracks: Iterable[Track], rung: int) -> None:
        """Record that a leg to ``rung`` starts."""
        for track in tracks:
            self._reach(track, rung)
            self._running[track.index] = track.epoch, rung

    def ended(self, track: Track) -> None:
        """Record that a track has ended: it needs no more."""
        self._ended.update(self._not_begun(track))

    def trained(self, num_epochs: int) -> None:
        """Record epochs that were trained, by any member."""
        self.epochs += num_epochs
        if self.payer:
            self.payer.trained(num_epochs)

    def reached(self, track: Track, epoch: int) -> None:
        """Record how far a running track has come in its leg."""
        if track.index in self._running:
            self._running[track.index] = epoch, self._running[track.index][1]

    def most_tracks(self, most: int) -> int:
        """Return how many tracks the race can have at the end: ``most``, or as many as the rest suffices for."""
        there = len(self._roster.tracks)
        if not self.limits.any or there >= most:
            return most
        low, high, left, needed = there, most, self.left, self._needed()
        while low < high:
            middle = (low + high + 1) // 2
            if needed(middle) <= left:
                low = middle
            else:
                high = middle - 1
        return low

    def affordable(self, tracks: Sequence[Track], last: bool) -> Sequence[Track]:
        """Return those of the tracks that may train on, towards their next rung, that the rest is spent on.

        ``last``: no trial is new and no leg runs that could change anything; then the best track goes on, whether
        or not its schedule would have waited for more results.
        """
        self._denied = False
        if not self.limits.any:
            return tracks
        left, best = self.left, self._best_open()
        kept, chosen = self._kept(best), []
        for track in self._promising(tracks):
            cost = self._cost(track)
            kept -= cost if track is best else 0
            if cost + kept <= left or (track is best and cost <= left):
                left -= cost
                chosen.append(track)
            else:
                self._denied = True
        if not chosen and last and best is not None and self._cost(best) <= left:
            chosen.append(best)
        return sorted(chosen, key=lambda track: track.index)

    def spares(self, num_epochs: int) -> bool:
        """Whether the rest covers so many epochs, besides those that the best track needs to its end."""
        return not self.limits.any or num_epochs + self._kept(self._best_open()) <= self.left

    def closing(self, short: bool) -> str | None:
        """Return why the race ends, where nothing runs and nothing may start; None if not for its budget.

        ``short``: the budget was too small for all trials.
        """
        if not (short or self._denied):
            return None
        by_epochs, by_time = self._left_of_epochs, self._left_of_time
        few = f"for {'another trial' if short else 'a trial to go on'}"
        if by_time < by_epochs:
            assert self.limits.lane_s is not None
            rest, percent = "too little", max(0, round(100 * (1 - self.lane_s / self.limits.lane_s)))
            told, left = self.limits.lane_told, f"{percent} %" if percent else ""
        else:
            assert self.limits.epochs is not None
            rest, epochs = "too few", max(0, self.limits.epochs - self.epochs)
            told, left = f"{self.limits.epochs} epochs", str(epochs) if epochs else ""
        return f"{USED_UP.format(told)}{f' but for {left}, {rest} {few}' if left else ''}"

    @property
    def overrun(self) -> bool:
        """Whether the hours are used up, so that running legs must end."""
        return self.limits.lane_s is not None and self.lane_s >= self.limits.lane_s

    @property
    def left(self) -> float:
        """Epochs that legs may still take that have not started."""
        return min(self._left_of_epochs, self._left_of_time) - self.committed - self.reserved()

    @property
    def _left_of_epochs(self) -> float:
        return math.inf if self.limits.epochs is None else self.limits.epochs - self.epochs

    @property
    def _left_of_time(self) -> float:
        if self.limits.lane_s is None or not self.epochs or not self.lane_s:
            return math.inf
        return (self.limits.lane_s - self.lane_s) * self.epochs / self.lane_s

    @property
    def committed(self) -> int:
        """Epochs that running legs will still take."""
        tracks = self._roster.tracks
        self._running = {i: stretch for i, stretch in self._running.items() if tracks[i].state == "running"}
        return sum(rung - epoch for epoch, rung in self._running.values())

    def _needed(self) -> Callable[[int], int]:
        """Return a function of a number of tracks: epochs that the schedule still needs, beside running legs."""
        idle = Counter(rung for track in resting(self._roster) for rung in self._not_begun(track))
        return schedule_epochs(self._schedule, self._begun, self._ended + idle)

    def _not_begun(self, track: Track) -> list[int]:
        return [rung for rung in self._schedule.rungs if rung > self._furthest.get(track.index, 0)]

    def _reach(self, track: Track, rung: int) -> None:
        before = self._furthest.get(track.index, 0)
        self._begun.update(one for one in self._schedule.rungs if before < one <= rung)
        self._furthest[track.index] = max(before, rung)

    def _best_open(self) -> Track | None:
        boosted = [track for track in self._roster.steered.values() if track.boosted]
        able = [t for t in boosted or self._roster.open.values() if not (t.settled or t.resting or t.breaks())]
        if self._roster.several:
            return next((track for track in self._roster.in_order(able) if track.vector()), None)
        return self._objective.best(able, lambda track: track.best_value)

    def _kept(self, best: Track | None) -> int:
        """Return the epochs that the best track still needs, beside those of its running leg."""
        return 0 if best is None else self._schedule.rungs[-1] - self.standing(best)

    def standing(self, track: Track) -> int:
        """Return the epoch up to which a track is trained, with its running leg."""
        return self._running.get(track.index, (0, track.trained))[1] if track.state == "running" else track.trained

    def _cost(self, track: Track) -> int:
        if track.state == "running" or track.known_until(self._schedule.rungs):
            return 0
        rungs = self._schedule.rungs
        return (rungs[-1] if self._runs_on else next_rung(rungs, track.trained)) - track.epoch

    def _promising(self, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks in the order in which they are paid for; those that break a constraint come last."""

        def promise(track: Track) -> tuple[bool, bool, float, int, int]:
            value = self._objective.signed(track.best_value)
            return not track.boosted, track.breaks(), value, -track.epoch, track.index

        in_order = sorted(tracks, key=promise)
        if not self._roster.several:
            return in_order
        return sorted(self._roster.in_order(in_order), key=lambda track: not track.boosted)
