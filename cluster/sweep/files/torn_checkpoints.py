"""Finds tracks whose newest checkpoint is damaged, and lets them go on from an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from search_spaces.race.race import Race
from search_spaces.race.track import Track
from search_spaces.types.trial_names import name_of_key
from workloads.legs import checkpoint


def go_back(race: Race, tracks: Sequence[Track], say: Callable[[str], None]) -> None:
    """Go back to the previous checkpoint, or to epoch 0, where the newest one is damaged."""
    for track in tracks:
        if track.checkpoint is None or checkpoint.valid(track.checkpoint):
            continue
        torn, kept = track.checkpoint, track.previous
        if kept is not None and not checkpoint.valid(kept):
            kept = None
        race.send_back(track, checkpoint.progress(kept).epoch if kept else 0, kept)
        say(f"the checkpoint {torn} is torn; {name_of_key(track.key)} continues from epoch {track.epoch}")
