"""Tells what happens to trials that failed and are trained again."""

from __future__ import annotations

from collections.abc import Sequence

from search_spaces.race.track import Track


def next_attempt(tracks: Sequence[Track], max_retries: int) -> str:
    """Return what happens to trials that failed together: ``retry 1 of 3 from epoch 4``."""
    if len(tracks) > 1:
        return "each is trained again, apart from the others"
    [track] = tracks
    start = f"from epoch {track.epoch}" if track.checkpoint else "from the start"
    if not track.num_failures:  # it may not have been to blame
        return f"it is trained again {start}"
    return f"retry {track.num_failures} of {max_retries} {start}"
