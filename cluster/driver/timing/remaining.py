"""Estimates the seconds to a sweep's end: over its search, its final retrainings, and what closes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cluster.sweep import reading
from cluster.terminal.records import Snapshot
from search_spaces.race.search import sweep_schedule
from search_spaces.spec.sweep import Sweep

CLOSING: Final[dict[str, float]] = {
    "scoring baselines": 3.5,
    "registering the champion": 1.6,
    "inspecting the champion": 0.4,
    "writing results": 0.3,
}
"""Seconds of each stage after the last training for each one of the start, in order: both are mostly imports."""
WITHOUT_BASELINES: Final = 0.4
"""The same of the first stage where no baselines are trained: the test rows are counted in the intervals."""
LEAST_START_S, MOST_START_S = 1.5, 15.0


@dataclass(frozen=True)
class Left:
    """Estimated seconds: of the ``search`` alone, None before its first epoch, and ``after`` it.

    ``least`` of them are of what comes after the present phase or stage.
    """

    search: float | None
    after: float
    least: float = 0.0

    @property
    def whole(self) -> float | None:
        """Seconds to the end of the sweep; None while nothing is known."""
        return None if self.search is None else self.search + self.after


@dataclass
class Remaining:
    """Estimates for one driver of ``sweep``, whose start took ``start_s`` seconds with its data.

    Time that passes without an event is taken off: the estimate does not rise while nothing happens.
    """

    sweep: Sweep
    start_s: float = 0.0
    _known: tuple[int, ...] = field(default=(), init=False)
    _known_at: float = field(default=0.0, init=False)
    _left: Left = field(default=Left(None, 0.0), init=False)
    _first: tuple[float, int] | None = field(default=None, init=False)
    """Time of the first epochs that this driver saw, and their number."""

    def at(self, seen: Snapshot, now: float) -> Left:
        """Return what is left at monotonic time ``now``, of a sweep that trains."""
        trained = (seen.epochs_trained, seen.epochs_of_further_seeds, seen.final_epochs)
        ended = (reading.num_past(seen.rows), seen.finals_done, seen.finals_planned, seen.retests_done)
        known = (*trained, *ended, int(seen.phase == "verdict"))
        if known != self._known:
            self._known, self._known_at = known, now
            self._left = self._estimate(seen, now)
        passed = now - self._known_at
        if self._left.search is None:
            return self._left
        if seen.phase == "verdict":
            training = self._left.after - self.closing_s
            return Left(0.0, max(0.0, training - passed) + self.closing_s, self.closing_s)
        return Left(max(0.0, self._left.search - passed), self._left.after, self._left.after)

    def closing(self, stage: str) -> Left:
        """Return what is left when the stage of ``CLOSING`` begins."""
        seconds = self._stages()
        left = [seconds[name] for name in list(seconds)[list(seconds).index(stage) :]]
        return Left(0.0, sum(left), sum(left[1:]))

    @property
    def closing_s(self) -> float:
        """Estimated seconds from the last training to the end."""
        seconds = self._stages()
        return sum(seconds.values()) if self.sweep.final else seconds["writing results"]

    def _stages(self) -> dict[str, float]:
        """Return the estimated seconds of each stage of the closing."""
        per_s, final = dict(CLOSING), self.sweep.final
        if not (final and final.baselines and self.sweep.data.given):
            per_s["scoring baselines"] = WITHOUT_BASELINES
        start_s = min(MOST_START_S, max(LEAST_START_S, self.start_s))
        return {name: start_s * each for name, each in per_s.items()}

    def _estimate(self, seen: Snapshot, now: float) -> Left:
        trained = seen.epochs_trained + seen.epochs_of_further_seeds + seen.final_epochs
        if self._first is None:
            self._first = now, trained
            return Left(None, 0.0)
        begun, before = self._first
        if trained <= before:
            return Left(None, 0.0)
        pace_s = (now - begun) / (trained - before)
        search = 0 if seen.phase == "verdict" else self._search_epochs(seen)
        return Left(pace_s * search, pace_s * self._final_epochs(seen) + self.closing_s)

    def _search_epochs(self, seen: Snapshot) -> float:
        """Return the number of epochs that the search still trains: as planned, at least one rung a trial."""
        left = max(0, self.sweep.trials - reading.num_past(seen.rows))
        retests = seen.horizon * (seen.retests_begun - seen.retests_done)
        if seen.open_ended:
            ended = [row.epochs for row in seen.rows if row.state == "done"]
            return left * (sum(ended) / len(ended) if ended else seen.horizon) + retests
        plan = sweep_schedule(self.sweep)
        stretches = zip((0, *plan.rungs), plan.rungs, plan.reaching(self.sweep.trials), strict=False)
        planned = sum((stop - start) * number for start, stop, number in stretches)
        first = plan.rungs[0]
        begun = sum(min(row.epochs, first) for row in seen.rows if row.state == "running")
        return max(planned - seen.epochs_trained, left * first - begun) + retests

    def _final_epochs(self, seen: Snapshot) -> int:
        final = self.sweep.final
        if final is None:
            return 0
        foreseen = min(final.top + 1, self.sweep.trials) * final.seeds
        return max(0, (seen.finals_planned or foreseen) * seen.horizon - seen.final_epochs)
