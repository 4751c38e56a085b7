"""Checkpoints that could not be written: which trials' training would begin earlier, and why."""

from __future__ import annotations

from typing import Any

from search_spaces.race.race import Race
from search_spaces.race.track import ENDS

NOT_KEPT = "not_kept"
"""Attribute of the study: ``of(race)``."""


def of(race: Race, checkpoints: str) -> dict[str, Any] | None:
    """Return the latest reason, the epoch behind which a resume begins each unfinished trial, and ended trials.

    Those are the best ended ones, whose weights are wanted. None where nothing is missing. ``checkpoints`` is the
    folder.
    """
    lost = [track for track in race.tracks if track.not_kept is not None]
    ended = {track.index for track in race.top()}
    resumes_at = {str(track.trial): track.epoch for track in lost if track.state not in ENDS}
    found = {"resumes_at": resumes_at, "ended": [track.trial for track in lost if track.index in ended]}
    return {"reason": f"{checkpoints}: {lost[-1].not_kept}", **found} if any(found.values()) else None
