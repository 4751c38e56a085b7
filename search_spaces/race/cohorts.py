"""Which of the tracks that may train go into the next leg together, and that leg."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from search_spaces.race.contract import Rules
from search_spaces.race.legs import Leg
from search_spaces.race.track import Track
from search_spaces.schedules.contract import next_rung


def widest(able: Iterable[Track], width: int) -> list[Track]:
    """Return the tracks of the next leg, which share signature and epoch, the best first; empty where none may.

    One that may have killed a lane goes first, and alone; then the widest leg, of at most ``width``, with a boosted
    track before others, and the most advanced among equally wide ones.
    """
    groups: dict[object, list[Track]] = defaultdict(list)
    for track in able:
        alone = track.index if track.alone else None
        groups[(track.signature, track.epoch, track.trained, alone)].append(track)
    best = max(
        groups.values(),
        key=lambda g: (g[0].alone, any(t.boosted for t in g), min(len(g), width), g[0].epoch, -g[0].index),
        default=[],
    )
    return sorted(best, key=lambda t: (not t.boosted, -t.scores.get(t.trained, 0.0), t.index))


def leg_of(number: int, group: Sequence[Track], rules: Rules, rungs: Sequence[int], top: Sequence[Track]) -> Leg:
    """Return the next leg, of the tracks ``group``; ``top`` are the best ended ones, which keep checkpoints."""
    # A lane ranks by a checkpoint's best value, maybe another's, and knows only constraints broken for good.
    ranks = rules.purpose != "final" and not any(track.exploits or track.criteria for track in group)
    return Leg(
        id=number,
        start=group[0].epoch,
        stop=rungs[-1] if rules.runs_on else next_rung(rungs, group[0].trained),
        horizon=rungs[-1],
        members=tuple(track.member for track in group),
        purpose=rules.purpose,
        keep=rules.keep_top if ranks else None,
        floor=top[-1].best_value if top and len(top) == rules.keep_top else None,
        retry=group[0].alone and group[0].num_failures > 0,
    )
