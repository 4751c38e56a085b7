"""Where a member's weights come from, and the values that they were trained with epoch by epoch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from search_spaces.race.track import Track
from search_spaces.schedules.contract import Continue, Decision, Exploit
from search_spaces.types.trial_names import trial_name
from search_spaces.types.values import Params


@dataclass(frozen=True)
class Stage:
    """Training of the weights in trial ``trial`` from ``epoch`` (already done) on, with ``params`` of all."""

    epoch: int
    trial: int
    params: Params


def lineage(track: Track, tracks: Sequence[Track]) -> list[Stage]:
    """Return the stages of the weights with the track's best value, the first one from epoch 0 on.

    Without exchanges there is one. ``tracks`` are all of the race by their index.
    """
    stages: list[Stage] = []
    before = track.best_epoch or 0
    while (last := max((e.epoch for e in track.exploits if e.epoch < before), default=None)) is not None:
        stages.insert(0, Stage(last, track.trial, track.params_after(last)))
        source = next(exploited.source for exploited in track.exploits if exploited.epoch == last)
        track, before = tracks[source], last
    return [Stage(0, track.trial, track.initial), *stages]


def changes(track: Track, tracks: Sequence[Track]) -> dict[int, Params]:
    """Return the values that changed during the training of the track's weights, by epoch; empty where none did."""
    found: dict[int, Params] = {}
    for before, stage in itertools.pairwise(lineage(track, tracks)):
        if new := {name: value for name, value in stage.params.items() if value != before.params[name]}:
            found[stage.epoch] = new
    return found


def told(track: Track) -> str:
    """Return in words what a trial took over: ``t004 after 2 epochs, t001 after 6 epochs``."""
    taken = ((trial_name(exploited.source), exploited.epoch) for exploited in track.exploits)
    return ", ".join(f"{name} after {epoch} epoch{'s' * (epoch > 1)}" for name, epoch in taken)


def possible(tracks: Sequence[Track], decision: Decision) -> Decision:
    """Return the decision, or Continue where it needs weights that were not kept."""
    if isinstance(decision, Exploit) and tracks[decision.source].unkept is not None:
        return Continue()
    return decision


def copied(tracks: Sequence[Track], index: int, decision: Exploit) -> str:
    """Return the checkpoint that ``decision`` copies. All are looked up before any decision is carried out."""
    track, source = tracks[index], tracks[decision.source]
    shaping = {name for name, _ in track.signature}
    assert track.state == "paused" and (source is not track or decision.params), (index, decision)
    assert source.signature == track.signature, f"the weights of {source.key} do not fit {track.key}"
    assert source.epoch == track.rung, f"{source.key} stands at epoch {source.epoch}, {track.key} at {track.rung}"
    assert decision.params.keys() <= track.params.keys() - shaping, (index, decision)
    assert source.checkpoint is not None, f"{source.key} has no checkpoint"
    return source.checkpoint
