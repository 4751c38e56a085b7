"""Why a search ends early that its race cannot know: time, hours of training, and code that never works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.terminal.formatting import count
from search_spaces.race.ending.budget import USED_UP

if TYPE_CHECKING:
    from search_spaces.race.race import Race
    from search_spaces.spec.sweep import Sweep


def by_time(sweep: Sweep, race: Race, searched_s: float) -> str | None:
    """Return why the search ends now, after so many seconds; None while it may go on."""
    if race.closing or race.finished or not race.tracks:
        return None
    if sweep.timeout_s and searched_s > sweep.timeout_s:
        return f"the timeout of {sweep.timeout_s:g} s has passed"
    return USED_UP.format(race.purse.limits.lane_told) if race.purse.overrun else None


def by_failures(sweep: Sweep, race: Race) -> str | None:
    """Return why a search ends in which no trial works: its code is broken, not its configurations."""
    num_failed = sum(1 for track in race.tracks if track.num_failures > sweep.max_retries)
    if num_failed <= sweep.max_failed_trials or race.closing or race.able:
        return None
    return f"{count(num_failed, 'trial')} failed and none has come to a value"
