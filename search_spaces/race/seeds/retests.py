"""Retests: after the search the best trials are trained again with new seeds, as the best may only have been lucky.

``retest`` is their share of the budget: of all epochs that search and retests train. Each round spends half of what
is left on as many of the best trials, one new seed each, so that 12 trainings try 6, 3, 2 and 1 trials again. With
``auto`` it is ``USUAL_SHARE``, where that pays for ``FEWEST`` trainings: the best two show the noise, and further
rounds follow while another trial may well be better than the first. A search that was cut short has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Literal

from search_spaces.race.contract import RaceObserver
from search_spaces.race.race import Race
from search_spaces.race.recommended import (
    PREFIX,
    Estimated,
    Tried,
    estimates,
    is_clear,
    next_retests,
    num_epochs,
    tried_again,
)
from search_spaces.race.seeds.seed_members import SeedMembers, entries, further_seed
from search_spaces.race.track import ENDS, Track
from search_spaces.schedules.full import Full
from search_spaces.study.study import Study
from search_spaces.types.trial_names import trial_name

USUAL_SHARE = 0.12
FEWEST = 6
"""Least number of retests that ``auto`` begins with."""

Share = float | Literal["auto"]


def retest_entries(study: Study) -> dict[str, dict[str, Any]]:
    """Return the study's entry of every member with a further seed, by the member's key."""
    return entries(study, PREFIX)


def num_affordable(share: Share, num_epochs: int, horizon: int) -> int:
    """Return how many trainings of ``horizon`` epochs ``share`` pays for, after a search of ``num_epochs``."""
    part = USUAL_SHARE if share == "auto" else share
    affordable = int(part / (1 - part) * num_epochs / horizon + 1e-9)
    return 0 if share == "auto" and affordable < FEWEST else affordable


def round_told(race: Race) -> str:
    """Return what to say as a round begins."""
    again = sorted({track.trial for track in race.tracks if track.state not in ENDS})
    return f"trained again with a new seed, as the best may only be lucky: {', '.join(map(trial_name, again))}"


@dataclass
class Retests(SeedMembers):
    """Supply and observer of the retests: ``share`` of the budget; the sweep's ``seed`` is that of its trials."""

    prefix: str = PREFIX
    share: Share = "auto"
    seed: int = 0

    def ranked(self, search: Race) -> list[Track]:
        """Return the tracks with a value that did not fail, the one to recommend first.

        With several objectives they are in the order of the front.
        """
        if search.rules.several:
            return search.ranked()
        return [search.tracks[one.trial] for one in self._estimates(search)]

    def tried(self, trial: Track) -> Tried | None:
        """Return a trial's best values with all seeds, the search's first; None where it has no or one value."""
        again = [entry for entry in self.entries.values() if entry["trial"] == trial.trial]
        if not again or trial.own_best is None or not trial.feasible:
            return None
        more = tried_again(again, trial.objective, {trial.trial: max(trial.values)}).get(trial.trial)
        return Tried(trial.trial, [trial.own_best, *more.values], more.num_failed) if more and more.values else None

    def ended(self, track: Track) -> None:
        """Store the member's final state and values in the study, and whether it keeps the constraints."""
        self.write(track, **({"feasible": track.feasible} if track.criteria else {}))

    def members(self, tracks: Sequence[Track]) -> list[Track]:
        """Return a track for every member that has begun; ``tracks`` are those of the search."""
        plan = Full(self.epochs)
        known = list(self.entries.values())
        pairs = [(tracks[one["trial"]], one["seed"]) for one in known]
        return [self.again(i, trial, seed, plan, trial.params) for i, (trial, seed) in enumerate(pairs)]

    def owed(self, search: Race) -> bool:
        """Whether a finished search has retests to train."""
        return self._is_cut_off or bool(self._next(search))

    def race(self, search: Race, before: Sequence[RaceObserver] = (), after: Sequence[RaceObserver] = ()) -> Race:
        """Build the race of the round that was cut off, else of the next one, which is stored in the study.

        The observers ``before`` are told before the study, those ``after`` behind it.
        """
        if not self._is_cut_off:
            for trial in self._next(search):
                begun = sum(one["trial"] == trial for one in self.entries.values())
                track = search.tracks[trial]
                seed = further_seed(self.seed, begun)
                self.write(self.again(0, track, seed, Full(self.epochs), track.params))
        tracks = self.members(search.tracks)
        rules = replace(search.rules, num_tracks=len(tracks), keep_top=0, purpose="repeat")
        rules = replace(rules, target=None, end_rules=())
        race = Race(rules, Full(self.epochs), self, (*before, self, *after), tracks)
        race.purse.epochs, race.purse.lane_s = search.purse.epochs + self.num_epochs, search.purse.lane_s
        return race

    @property
    def num_epochs(self) -> int:
        """Number of epochs that the retests have trained so far."""
        return num_epochs(self._retests)

    @property
    def _retests(self) -> list[Mapping[str, Any]]:
        """Entries of the retests, without those of repeats during the search."""
        return [entry for entry in self.entries.values() if not entry.get("repeat")]

    @property
    def _is_cut_off(self) -> bool:
        return any(entry["state"] not in ENDS for entry in self.entries.values())

    def _estimates(self, search: Race) -> list[Estimated]:
        reached = {track.trial: max(track.values, default=0) for track in search.tracks}
        again = tried_again(self.entries.values(), search.rules.objective, reached)
        tried = []
        for track in search.tracks:
            value, more = track.own_best, again.get(track.trial)
            if value is not None and isfinite(value) and track.feasible:
                further = more.values if more else ()
                tried.append(Tried(track.trial, [value, *further], more.num_failed if more else 0))
        return estimates(tried, search.rules.objective)

    def _next(self, search: Race) -> list[int]:
        """Return the trials of the next round, of those that were trained to the end with the same values."""
        if search.rules.several or search.closing or any(entry["state"] == "stopped" for entry in self._retests):
            return []
        num_epochs = sum(max(track.values, default=0) for track in search.tracks)
        left = num_affordable(self.share, num_epochs, self.epochs) - len(self._retests)
        if search.purse.limits.any:
            left = int(min(left, (search.purse.left - self.num_epochs) // self.epochs))
        able = {
            track.trial
            for track in search.tracks
            if track.state == "done" and track.feasible and not track.exploits
        }
        if left <= 0 or len(able) < 2:
            return []
        ranked = [one for one in self._estimates(search) if one.trial in able]
        if self.share != "auto":
            return next_retests(ranked, left)
        if not self._retests:
            return [one.trial for one in ranked[: min(2, left)]]
        return [] if is_clear(ranked, search.rules.objective) else next_retests(ranked, left)
