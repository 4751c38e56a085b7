"""Times of running legs: how long each has trained, how long its lane has been silent, and what an epoch takes."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from cluster.sweep.messages import Report

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
            self._running[handle] = _Times(now, now)

    def heard(self, handle: Hashable, report: Report) -> None:
        """Record a report."""
        now = time.monotonic()
        times = self._running.setdefault(handle, _Times(now, now))
        if report.waiting:
            times.began = times.heard = now
            return
        times.worked_s += report.seconds
        if not (report.epochs or report.saved or report.scored or report.messages):
            return
        times.heard, times.told = now, False
        if epochs := len({measured.epoch for measured in report.epochs}):
            for key in {measured.key for measured in report.epochs}:
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
