"""Decides which running legs are given up: those over ``trial_timeout``, and those out longer than the grace."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from search_spaces.race.legs import MemberEpoch
from search_spaces.race.track import State, Track
from search_spaces.spec.sweep import Sweep
from search_spaces.types.failure import FailureReason

REMEMBERED = 32
"""Number of a member's latest epochs whose times count."""
SLOW = 10
"""An epoch that takes so many times the member's median has stalled."""
SLOW_S = 30.0
"""Seconds of silence before anything is said of it, however short the epochs are."""


@dataclass
class _Times:
    began: float
    heard: float
    """Time of the last report with news: a lane of several processes also reports that there are none."""
    counted: float
    """Time of the last report of any kind."""
    worked_s: float = 0.0
    """Seconds of work since the last epoch that was reported."""
    told: bool = False


@dataclass
class LegTimes:
    """Times of the running legs by their handles. A leg that still waits for its lane has none."""

    _running: dict[Hashable, _Times] = field(default_factory=dict)
    _epoch_s: dict[str, deque[float]] = field(
        default_factory=partial(defaultdict, partial(deque, maxlen=REMEMBERED))
    )

    def began(self, handle: Hashable) -> None:
        """Record that the leg's lane trains it now, unless that is known."""
        if handle not in self._running:
            now = time.monotonic()
            self._running[handle] = _Times(now, now, now)

    def waits(self, handle: Hashable) -> None:
        """Record that the leg's lane still waits for its processes."""
        now = time.monotonic()
        self._running[handle] = _Times(now, now, now)

    def heard(self, handle: Hashable, seconds: float, measured: Sequence[MemberEpoch], news: bool) -> None:
        """Record a report on so many seconds of work, with epochs or with other ``news``."""
        now = time.monotonic()
        times = self._running.setdefault(handle, _Times(now, now, now))
        times.worked_s += seconds
        times.counted = now
        if not (news or measured):
            return
        times.heard, times.told = now, False
        if epochs := len({each.epoch for each in measured}):
            for key in {each.key for each in measured}:
                self._epoch_s[key].append(times.worked_s / epochs)
            times.worked_s = 0.0

    def ended(self, handle: Hashable) -> None:
        """Forget a leg that is over."""
        self._running.pop(handle, None)

    def known(self, handle: Hashable) -> bool:
        """Whether the leg's lane trains it."""
        return handle in self._running

    def trained_s(self, handle: Hashable) -> float:
        """Return for how many seconds the leg has been trained."""
        return time.monotonic() - self._running[handle].began if handle in self._running else 0.0

    def unheard_s(self, handle: Hashable) -> float:
        """Return for how many seconds the leg's lane has not told what it worked."""
        return time.monotonic() - self._running[handle].counted if handle in self._running else 0.0

    def silent_s(self, handle: Hashable) -> float:
        """Return for how many seconds the leg's lane has reported nothing."""
        return time.monotonic() - self._running[handle].heard if handle in self._running else 0.0

    def stalled(self, handle: Hashable, keys: Sequence[str]) -> bool:
        """Whether the current epoch of a leg with the members ``keys`` has taken ``SLOW`` times the median."""
        usual_s = self.epoch_s(keys)
        return usual_s is not None and self.silent_s(handle) > SLOW * usual_s

    def epoch_s(self, keys: Sequence[str]) -> float | None:
        """Return the median seconds of an epoch, that of the slowest of the members; None before any."""
        return max((median(self._epoch_s[key]) for key in keys if key in self._epoch_s), default=None)

    def newly_stalled(self, handle: Hashable, keys: Sequence[str]) -> bool:
        """Whether the leg has stalled for at least ``SLOW_S`` seconds; true once for each silence."""
        times = self._running.get(handle)
        if times is None or times.told or self.silent_s(handle) < SLOW_S or not self.stalled(handle, keys):
            return False
        times.told = True
        return True


@dataclass(frozen=True)
class Ending:
    """How a leg ends whose lane is killed: the members' ``state``, or None where they train again later."""

    state: State | None
    reason: FailureReason
    told: str
    """What the user reads behind the members' names."""


@dataclass
class Overdue:
    """Decides on the legs of ``sweep`` by the times of what their lanes report."""

    sweep: Sweep
    times: LegTimes = field(default_factory=LegTimes)
    _closing_since: float | None = None

    def closing(self, closing: bool) -> None:
        """Record whether the legs that are out are the last ones; the grace begins with the first such call."""
        if not closing:
            self._closing_since = None
        elif self._closing_since is None:
            self._closing_since = time.monotonic()

    def ending(self, handle: Hashable, tracks: Sequence[Track], closing: str | None) -> Ending | None:
        """Return how the leg of ``tracks`` ends now; None while it may go on.

        ``closing`` is the reason why the search ends early; None if the sweep is stopped, to go on later.
        """
        return self._too_long(handle, tracks) or self._after_grace(handle, tracks, closing)

    def stalled(self, handle: Hashable, tracks: Sequence[Track]) -> str | None:
        """Return what to say of a leg whose epoch takes much longer than usual, once for each silence, or None."""
        keys = [track.key for track in tracks]
        if not self.times.newly_stalled(handle, keys):
            return None
        return f"{self._silence(handle, tracks)}; an epoch of it took {_seconds(self.times.epoch_s(keys) or 0.0)}"

    def _too_long(self, handle: Hashable, tracks: Sequence[Track]) -> Ending | None:
        limit_s, share_s = self.sweep.trial_timeout_s, self.times.trained_s(handle) / len(tracks)
        longest_s = max(track.seconds for track in tracks) + share_s
        if limit_s is None or longest_s <= limit_s:
            return None
        silence = self._silence(handle, tracks)
        text = f"{_seconds(longest_s)} of training, and trial_timeout is {_seconds(limit_s)}; it {silence}"
        reason = FailureReason("timed_out", text)
        if len(tracks) > 1:
            return Ending(
                None, reason, f"timed out together ({text}): each is trained again, apart from the others"
            )
        return Ending("failed", reason, str(reason))

    def _after_grace(self, handle: Hashable, tracks: Sequence[Track], closing: str | None) -> Ending | None:
        since, grace_s = self._closing_since, self.sweep.grace_s
        if since is None or time.monotonic() - since <= grace_s:
            return None
        silence = self._silence(handle, tracks)
        told = f"{silence}, and did not end within the grace of {_seconds(grace_s)}: its worker is ended"
        if closing is None:
            return Ending(None, FailureReason("timed_out", silence), f"{told}, and it waits for a resume")
        if len(tracks) == 1 and self.times.stalled(handle, [tracks[0].key]):
            return Ending("failed", FailureReason("timed_out", f"{silence}, and {closing}"), told)
        return Ending("stopped", FailureReason("stopped", f"{closing}, and it {silence}"), told)

    def _silence(self, handle: Hashable, tracks: Sequence[Track]) -> str:
        if not self.times.known(handle):
            return "was still waiting for a worker"
        epoch = max((epoch for track in tracks for epoch in track.values), default=0)
        after = f" after epoch {epoch}" if epoch else ""
        return f"reported nothing for {_seconds(self.times.silent_s(handle))}{after}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
