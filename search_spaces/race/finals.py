"""The verdict's race: the best trials and the default configuration, trained again with new seeds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.race import lineage
from search_spaces.race.contract import RaceObserver, Rules
from search_spaces.race.ending.budget import NONE
from search_spaces.race.legs import Scored
from search_spaces.race.race import Race
from search_spaces.race.seeds.seed_members import SeedMembers, entries
from search_spaces.race.track import Track
from search_spaces.schedules.contract import Schedule
from search_spaces.schedules.full import Full
from search_spaces.schedules.replay import Replay
from search_spaces.study.study import Study

DEFAULT_TRIAL = 0
"""Number of the trial with the workload's defaults, or the nearest that satisfies ``require``: the first one."""

PREFIX = "final:"


def final_entries(study: Study) -> dict[str, dict[str, Any]]:
    """Return the study's entry of every final member, by the member's key."""
    return entries(study, PREFIX)


@dataclass
class Finals(SeedMembers):
    """Supply and observer of the verdict. Each final member is one attribute of the study."""

    prefix: str = PREFIX
    searched: Sequence[Track] = ()
    """All tracks of the search by their index, of which a trial may have taken weights over."""

    def race(
        self, chosen: Sequence[Track], seeds: Sequence[int], rules: Rules, before: Sequence[RaceObserver] = ()
    ) -> Race:
        """Build the race that trains every chosen trial with every seed, resuming from the study.

        The study is told after the observers ``before`` it.
        """
        plan = self._plan(chosen, seeds)
        tracks = self.members(chosen, seeds)
        endless = replace(rules, target=None, limits=NONE, end_rules=(), several=False)
        rules = replace(endless, num_tracks=len(tracks), keep_top=len(tracks), purpose="final")
        return Race(rules, plan, self, (*before, self), tracks)

    def _plan(self, chosen: Sequence[Track], seeds: Sequence[int]) -> Schedule:
        """Return the schedule: where the search changed a trial's values during training, they change again."""
        pairs = enumerate(track for track in chosen for _ in seeds)
        changes = {index: lineage.changes(track, self.searched) for index, track in pairs}
        return Replay(self.epochs, changes) if any(changes.values()) else Full(self.epochs)

    def members(self, chosen: Sequence[Track], seeds: Sequence[int]) -> list[Track]:
        """Return a track for every chosen trial and seed, with its progress from the study.

        A member that was cut off between its last checkpoint and its score is trained again from epoch 0. Where
        all have failed, all are trained again, as nothing could be judged by them.
        """
        if lost(self.entries.values()):
            self.entries.clear()
        plan = self._plan(chosen, seeds)
        pairs = enumerate((t, s) for t in chosen for s in seeds)
        tracks = [self.again(i, t, s, plan, lineage.lineage(t, self.searched)[0].params) for i, (t, s) in pairs]
        for track in tracks:
            noted = self.entries.get(track.key, {})
            if track.state == "ready" and track.epoch in (self.epochs, track.last) and "test" not in noted:
                track.restart()
            if "test" in noted:
                track.judge_at(noted["best_epoch"])
        return tracks

    def scored(self, track: Track, scored: Scored) -> None:
        """Record a final member's metrics on the test split."""
        track.judge_at(scored.best_epoch)
        self.write(track, best_epoch=scored.best_epoch, test=dict(scored.metrics))


def lost(entries: Collection[Mapping[str, Any]]) -> bool:
    """Return whether a final evaluation has come to nothing: all of its members have failed."""
    return bool(entries) and all(entry.get("state") == "failed" for entry in entries)


def finalists(
    race: Race, top: int, before: Collection[int] = (), ranked: Sequence[Track] | None = None
) -> list[Track]:
    """Return the best ``top`` trials of a finished search, the default one, and the finalists ``before``.

    ``ranked`` are the trials with a value in another order than by it.

    A search that got more trials keeps its earlier finalists: they are trained already, and the champion among them
    stays until another trial beats it. Failed trials are left out; empty where no trial has a value.
    """
    best = (race.ranked() if ranked is None else ranked)[:top]
    others = [t for t in race.tracks if t.trial in {DEFAULT_TRIAL, *before} and t not in best]
    return [*best, *(t for t in others if t.state != "failed")] if best else []


def final_seeds(seed: int, count: int) -> list[int]:
    """Return ``count`` seeds that the search has not used."""
    return [seed + 1 + i for i in range(count)]


def scores(entries: Mapping[str, Mapping[str, Any]], metric: str) -> dict[int, dict[int, float]]:
    """Return ``{trial: {seed: test value}}`` of the final members that were scored."""
    found: dict[int, dict[int, float]] = {}
    for entry in entries.values():
        if metric in entry.get("test", {}):
            found.setdefault(entry["trial"], {})[entry["seed"]] = entry["test"][metric]
    return found
