"""Repeats: while a search runs its trials are trained with further seeds, one by one, unless clearly worse.

A further seed follows its trial to the rung where that waits, or to the end, and the trial counts with the mean of
what is there: at each rung of the seeds that have come as far. All that decides is what stands in the race now, so
that a resumed sweep decides the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from search_spaces.race.contract import RaceObserver
from search_spaces.race.ending.budget import NONE
from search_spaces.race.legs import Leg
from search_spaces.race.race import Race
from search_spaces.race.recommended import PREFIX
from search_spaces.race.search import Search
from search_spaces.race.seeds.following import Following
from search_spaces.race.seeds.seed_members import SeedMembers, further_seed
from search_spaces.race.seeds.worse import wanting
from search_spaces.race.track import Track
from search_spaces.schedules.contract import next_rung


@dataclass
class FurtherSeeds(SeedMembers):
    """Supply and observer of the further seeds of the trials of ``race``, up to ``seeds`` each, and their race."""

    prefix: str = PREFIX
    seeds: int = field(kw_only=True)
    search: Search = field(kw_only=True)
    race: Race = field(kw_only=True)
    """Race of the search."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._plan = Following(self.race.schedule.rungs)
        self._seen = -1
        """Number of changes of the search that have been looked at."""

    def begin(self, before: Sequence[RaceObserver], after: Sequence[RaceObserver] = ()) -> Race:
        """Build the race of further seeds, resumed from the study; the trials count with what they have shown.

        The observers ``before`` are told before the study, those ``after`` behind it.
        """
        noted = [one for one in self.entries.values() if one.get("repeat")]  # without retests after the search
        known = [(self.race.tracks[one["trial"]], one["seed"]) for one in noted]
        tracks = [self.again(i, trial, seed, self._plan, trial.params) for i, (trial, seed) in enumerate(known)]
        rules = replace(self.race.rules, num_tracks=0, spread=0, keep_top=0, purpose="repeat", target=None)
        rules = replace(rules, limits=NONE, end_rules=())
        for (trial, _), track in zip(known, tracks, strict=True):
            trial.further.append(track)
        self.own = Race(rules, self._plan, self, (*before, self, *after), tracks)
        self.own.waits = True
        self.race.purse.trained(self.own.purse.epochs)
        self.own.purse.payer, self.race.purse.reserved = self.race.purse, self._promised
        for trial in {trial.index: trial for trial, _ in known}.values():
            self.race.rescore(trial)
        return self.own

    @property
    def busy(self) -> bool:
        """Whether further seeds train, or will."""
        return not self.own.finished or bool(self.search.untold)

    def next_leg(self) -> Leg | None:
        """Return a leg of further seeds, which come first, or one of the search; None to wait, or at the end."""
        while True:
            before = self._stage
            leg = self._further_leg() or self.race.next_leg()
            if leg or self._stage == before:
                return leg

    @property
    def _stage(self) -> tuple[int, int, bool, bool]:
        return self.search.num_changes, len(self.search.untold), self.race.finished, self.own.finished

    def _further_leg(self) -> Leg | None:
        """Return a leg of further seeds; one whose patience has ended comes further without a leg."""
        while True:
            if self._seen != self.search.num_changes or (
                self.own.waits and (self.race.finished or self.race.closing)
            ):
                self._follow()
            leg = None if self.own.finished else self.own.next_leg()
            if leg or self._seen == self.search.num_changes:
                self.race.waits = bool(self.own.running())
                return leg

    def moved(self, track: Track) -> None:
        """Store the member's progress in the study, and let its trial count with it."""
        super().moved(track)
        self._counts(track)

    def ended(self, track: Track) -> None:
        """Store the member's final state and values in the study, and let its trial count with it."""
        self.write(track, **({"feasible": track.feasible} if track.criteria else {}))
        self._counts(track)

    def _counts(self, track: Track) -> None:
        self.race.rescore(self.race.tracks[track.trial])
        self.search.moved_further(track.trial)

    def _follow(self) -> None:
        """Decide for each trial that waits or is done whether it gets another seed now, or no more."""
        self._seen = self.search.num_changes
        for member in [member for member in self.own.tracks if not member.ended]:
            self._obey(member)
        if self.race.closing:
            self.own.closing, self.own.waits = self.own.closing or self.race.closing, False
        at: dict[int, list[Track]] = defaultdict(list)
        for trial in self._undecided():
            at[self._rung(trial)].append(trial)
        for rung in sorted(at, reverse=True):
            self._decide(rung, at[rung])
        self._plan.over |= {m.index for m in self.own.tracks if self._is_over(self.race.tracks[m.trial])}
        if self.race.finished and not self.search.untold:
            self._plan.over |= {member.index for member in self.own.tracks}
            self.own.waits = False

    def _obey(self, member: Track) -> None:
        """Let a member rest, go on or end as users want of its trial, as long as that is open."""
        trial = self.race.tracks[member.trial]
        rests, told = trial.resting and not trial.ended, trial.steered[-1] if trial.steered else ""
        if trial.withdrawn:
            self.own.steer(member, "stop", told)
        elif member.resting != rests:
            self.own.steer(member, "pause" if rests else "unpause", told)

    @staticmethod
    def _is_over(trial: Track) -> bool:
        return trial.ended and not trial.done

    def _undecided(self) -> Iterable[Track]:
        waiting = [t for t in self.race.tracks if t.waiting and t.feasible and not t.resting]
        return [*waiting, *self.search.untold.values()]

    def _rung(self, track: Track) -> int:
        return self._plan.rungs[-1] if track.done else track.rung

    def _decide(self, rung: int, trials: Sequence[Track]) -> None:
        over, asking, busy = [], [], False
        for trial in trials:
            if any(map(self._trains, trial.further)):
                busy = True
            elif self.own.closing or self._tried(trial, rung) or any(m.failed for m in trial.further):
                over.append(trial)
            else:
                asking.append(trial)
        stands = [track for track in self.race.tracks if self._stands(track, rung)]
        group = {track.index: [seed.best_until(rung) for seed in track.with_seeds(rung)] for track in stands}
        known = any(len(values) > 1 for values in group.values())
        chosen = wanting(group, [trial.index for trial in asking]) if asking and (known or not busy) else []
        too_dear = [index for index in chosen if not self._another(self.race.tracks[index], rung)]
        if known or too_dear:
            over += [trial for trial in asking if trial.index not in chosen or trial.index in too_dear]
        for trial in over:
            self.search.settle(trial)

    def _tried(self, trial: Track, rung: int) -> bool:
        """Whether all of its seeds have come to the rung, or ended; also those that break a constraint there."""
        return 1 + sum(member.ended or member.rung >= rung for member in trial.further) >= self.seeds

    def _trains(self, member: Track) -> bool:
        """Whether a member trains, or is to."""
        return not member.ended and (not member.waiting or self._plan.wanted.get(member.index, 0) > member.rung)

    def _stands(self, track: Track, rung: int) -> bool:
        reached = track.done or track.rung >= rung
        return reached and track.feasible and bool(track.values)

    def _promised(self) -> int:
        """Return the epochs that further seeds are still to train, by what was decided."""
        open_ones = [member for member in self.own.tracks if not member.ended]
        return self.own.purse.committed + sum(max(0, self._until(m) - self._at(m)) for m in open_ones)

    def _until(self, member: Track) -> int:
        """Return the rung that a member is to reach."""
        wanted = self._plan.wanted.get(member.index, 0)
        return wanted if member.waiting else max(wanted, next_rung(self._plan.rungs, member.trained))

    def _at(self, member: Track) -> int:
        return self.own.purse.standing(member) if member.state == "running" else member.epoch

    def _another(self, trial: Track, rung: int) -> bool:
        """Let a seed that stayed behind go on to the rung, else a new one begin; return whether it is paid for."""
        behind = next((member for member in trial.further if member.waiting and member.rung < rung), None)
        if not self.race.purse.spares(rung - (behind.epoch if behind else 0)):
            return False
        if behind is None:
            seed = further_seed(trial.seed, sum(one["trial"] == trial.trial for one in self.entries.values()))
            behind = self.again(len(self.own.tracks), trial, seed, self._plan, trial.params)
            trial.further.append(behind)
            self.own.add([behind])
            self.write(behind, repeat=True)
        self._plan.wanted[behind.index] = rung
        return True
