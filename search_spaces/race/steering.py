"""What users ask of single trials while a search runs: to stop, to pause, to be trained first and to the end.

A trial that is paused keeps its place among the others, and trains no more until that is taken back. One that is
boosted goes on to the last rung whatever its schedule decides, before all others; a budget holds for it, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from search_spaces.race.roster import Roster
from search_spaces.race.track import Track
from search_spaces.schedules.contract import Continue, Decision

Deed = Literal["stop", "pause", "unpause", "boost", "unboost"]
DONE: Final[Mapping[Deed, str]] = {
    "stop": "stopped",
    "pause": "paused",
    "unpause": "let go on",
    "boost": "boosted",
    "unboost": "no longer boosted",
}
"""Deeds in words, as they are noted."""
LEFT: Final = "it was still paused by a user as the search ended"


def refusal(track: Track, deed: Deed) -> str | None:
    """Return why nothing would change; None where the deed is possible."""
    if track.ended or track.leaving:
        return "has ended"
    useless = {
        "pause": track.resting and "is paused already",
        "unpause": not track.resting and "is not paused",
        "boost": track.boosted and not track.resting and "is boosted already",
        "unboost": not track.boosted and "is not boosted",
    }
    return useless.get(deed) or None


def note(track: Track, deed: Deed, told: str) -> None:
    """Record on the track what is asked of it, and ``told``, by whom and when. A boost takes a pause back."""
    track.steered = [*track.steered, told]
    if deed in ("pause", "unpause", "boost"):
        track.resting = deed == "pause"
    if deed in ("boost", "unboost"):
        track.boosted = deed == "boost"


def obeyed(decisions: Mapping[int, Decision], roster: Roster) -> dict[int, Decision]:
    """Return a schedule's decisions as users want them: boosted tracks continue, and paused ones wait."""
    found = dict(decisions)
    for index, track in roster.steered.items():
        if track.resting:
            found.pop(index, None)
        elif track.boosted and track.waiting:
            found[index] = Continue()
    return found


def without_resting(indices: Iterable[int], roster: Roster) -> list[Track]:
    """Return the tracks that users have not paused, by index."""
    return [track for index in sorted({*indices}) if not (track := roster.tracks[index]).resting]


def resting(roster: Roster) -> list[Track]:
    """Return the open tracks that users have paused."""
    return [track for track in roster.steered.values() if track.resting]
