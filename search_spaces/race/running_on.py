"""Decides at rungs on members that cannot be paused: they run on meanwhile, and a stop ends them a little later."""

from __future__ import annotations

from collections.abc import Sequence

from search_spaces.race.legs import MemberEpoch
from search_spaces.race.roster import Roster
from search_spaces.race.steering import obeyed
from search_spaces.race.track import Track
from search_spaces.schedules.contract import Schedule, Stop


def passed(track: Track, rungs: Sequence[int]) -> list[int]:
    """Return the rungs before the last one that a track has passed and has not been judged at."""
    last = max(track.values, default=0)
    return [rung for rung in rungs[:-1] if rung <= last and rung not in track.scores]


def counts(track: Track, measured: MemberEpoch) -> bool:
    """Return whether a member's report still counts: of one that leaves only that it has ended there by itself."""
    if track.leaving:
        return measured.finished and measured.epoch == max(track.values)
    return not track.ended


def is_stopped(track: Track, roster: Roster, schedule: Schedule) -> bool:
    """Record which rungs a running track has passed, and return whether the schedule ends it at one of them.

    It is judged once at each: one that is trained again, as its worker died, has passed those of the first time.
    """
    for rung in passed(track, schedule.rungs):
        track.state, track.held = "paused", rung
        roster.reached(track, rung)
        roster.update(track)
        decision = obeyed(schedule.decide(roster.standings), roster).get(track.index)
        track.state, track.held = "running", None
        roster.update(track)
        if isinstance(decision, Stop):
            return True
    return False


def finish(track: Track, roster: Roster, rungs: Sequence[int]) -> None:
    """Let a track whose training has ended by itself stand at all rungs that it would have come to."""
    for rung in rungs[:-1]:
        if rung not in track.scores:
            roster.reached(track, rung)
    track.held = rungs[-1]
