"""Accounts of the running legs: how long each has trained, and what all that are over have used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cluster.sweep.limits.spending import SPENT, Spending
from cluster.sweep.messages import Handle, Report
from search_spaces.race.ending.overdue import LegTimes, Overdue

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep


class Accounts:
    """Accounts of one driver's legs. ``facts`` are the study's, with what earlier drivers have used."""

    def __init__(self, sweep: Sweep, facts: Mapping[str, Any]) -> None:
        self.overdue = Overdue(sweep)
        """What decides which legs take too long, by their times."""
        self.spending = Spending(facts.get("cost", {}).get(SPENT, {}))
        """Use by all drivers, of legs that are over."""
        self.busy_s = 0.0
        """Seconds of work, summed over all lanes."""
        self._worked: dict[Handle, float] = {}
        """Seconds of work on each running leg."""

    @property
    def times(self) -> LegTimes:
        """Times of the running legs."""
        return self.overdue.times

    def heard(self, handle: Handle, report: Report) -> None:
        """Count a lane's report on a leg."""
        self._worked[handle] = self.worked_s(handle) + report.seconds
        self.busy_s += report.seconds
        if report.waiting:
            self.times.waits(handle)
        else:
            news = bool(report.saved or report.scored or report.messages)
            self.times.heard(handle, report.seconds, report.epochs, news)

    def worked_s(self, handle: Handle) -> float:
        """Return the seconds of work on a running leg that its lane has reported."""
        return self._worked.get(handle, 0.0)

    def over(self, handle: Handle, reported: bool) -> None:
        """Count a leg that is over, and forget its times; also what its lane has not ``reported``."""
        self.spending.add(handle[0], self.worked_s(handle) if reported else self._used_s(handle))
        self._worked.pop(handle, None)
        self.times.ended(handle)

    def running_s(self, handles: Sequence[Handle], final: bool) -> float:
        """Return for how many seconds those of the running legs have trained that are of the final evaluation.

        With ``final`` false those of the search, its further seeds and retests included.
        """
        return sum(self._used_s(handle) for handle in handles if (handle[0] == "final") == final)

    def _used_s(self, handle: Handle) -> float:
        """Return the seconds that a leg has taken, those since its lane's last report included.

        Until a first report lanes may still import and load, which is not training.
        """
        return self.worked_s(handle) + (self.times.unheard_s(handle) if self.busy_s else 0.0)
