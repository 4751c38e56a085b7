"""Snapshots of one driver's sweep, with what it does now and when it will end, for its observer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from cluster.driver.progress import Progress
from cluster.driver.timing.remaining import CLOSING, Left, Remaining
from cluster.sweep import reading
from cluster.sweep.tracker import Tracker
from cluster.terminal.records import Observer, Snapshot
from search_spaces.spec.sweep import Sweep
from search_spaces.study.study import Study

SHOW_EVERY_S: Final = 0.25
NEW_SHARE: Final = 1.2
"""The importance is computed anew when this many times as many trials have ended."""


@dataclass
class Pictures:
    """Takes snapshots of ``sweep`` and shows them to ``observer``, at most every ``SHOW_EVERY_S`` seconds."""

    sweep: Sweep
    study: Study
    progress: Progress
    observer: Observer
    _rows: reading.KnownRows = field(default_factory=dict, init=False)
    _stage: str = field(default="", init=False)
    _every_s: float = field(default=SHOW_EVERY_S, init=False)
    _shown: float = field(default=0.0, init=False)
    _important: Mapping[str, float] = field(default_factory=dict, init=False)
    _judged: int = field(default=0, init=False)
    """Number of ended trials that the importance was computed of."""

    def __post_init__(self) -> None:
        self._remaining = Remaining(self.sweep)
        self._shown = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time to show the sweep again."""
        return time.monotonic() - self._shown > self._every_s

    def at(self, stage: str) -> None:
        """Show that the driver now does ``stage``, in words; empty: it trains."""
        self._stage = stage
        self.observer.progress(self.take())

    def train(self, start_s: float) -> None:
        """Begin to estimate from here on; the start took ``start_s`` seconds."""
        self._stage, self._remaining.start_s = "", start_s

    def show(self, tracker: Tracker) -> Snapshot:
        """Show the sweep as it is now, also in MLflow, and return that."""
        begun = time.monotonic()
        seen = self.take()
        tracker.tick(seen.rows)
        self.observer.progress(seen)
        self._shown = time.monotonic()
        self._every_s = max(SHOW_EVERY_S, 20 * (self._shown - begun))
        return seen

    def last(self) -> None:
        """Show the sweep as it has ended."""
        self._rows.clear()  # the IDs of their runs are known since
        self.at("")

    def take(self) -> Snapshot:
        """Return the state of the sweep now."""
        cost = {"seconds": self.progress.elapsed_s, "lanes": self.progress.num_lanes}
        seen = reading.picture(self.sweep, self.study, True, cost, self._rows)
        left = self._left(seen)
        return replace(
            seen,
            eta_s=left.whole,
            eta_least_s=left.least,
            search_eta_s=left.search,
            importance=self._importance(seen),
            stage=self._stage,
        )

    def _left(self, seen: Snapshot) -> Left:
        self._remaining.sweep = self.sweep
        if self._stage in CLOSING:
            return self._remaining.closing(self._stage)
        if seen.phase in ("search", "verdict"):
            return self._remaining.at(seen, time.monotonic())
        return Left(None, 0.0)

    def _importance(self, seen: Snapshot) -> Mapping[str, float]:
        ended = len(reading.ended(seen.rows))
        if ended > NEW_SHARE * self._judged:
            self._judged = ended
            self._important = reading.importance(self.sweep, seen.rows)["shares"]
        return self._important
