"""The search of a sweep: its race, supplied by the sampler and recorded in the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from search_spaces.race.contract import RaceObserver, Rules
from search_spaces.race.earlier.known_results import NO_RESULTS, KnownResults
from search_spaces.race.earlier.warm_start import NOTHING_KNOWN, WarmStart, fitting
from search_spaces.race.ending.limits import end_rules, sweep_limits
from search_spaces.race.race import Race
from search_spaces.race.track import Cached, Exploited, Track
from search_spaces.samplers.catalogue import sampler
from search_spaces.samplers.contract import Sampler
from search_spaces.samplers.history import History, Observation
from search_spaces.schedules.catalogue import schedule
from search_spaces.schedules.contract import Schedule, Setting
from search_spaces.space.hyperparameters import Open, complete, defaults, hyperparameters, signature
from search_spaces.study.contract import MEASURED, Record
from search_spaces.study.study import Study
from search_spaces.types.failure import FailureReason
from search_spaces.types.problems import beside
from search_spaces.types.values import Params, identity, restored, stored

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep

MAX_WIDTH = 32
LEGS_A_LANE = 4
"""Smallest number of legs per lane that cohorts leave room for, so that all lanes end at about the same time."""
SHARE_A_LANE = 8
"""Divisor of a cohort of long trials: ``remaining trials / (SHARE_A_LANE * lanes)`` start together."""


def cohort_width(sweep: Sweep, num_lanes: int) -> int:
    """Return the largest number of members of a leg: every lane still gets ``LEGS_A_LANE`` legs; at most 32.

    1 where several workers train a member together, or a script. ``train_together`` of the spec takes precedence.
    """
    if sweep.resources.most > 1 or sweep.command is not None:
        return 1
    return sweep.train_together or max(1, min(MAX_WIDTH, sweep.trials // (LEGS_A_LANE * num_lanes)))


def sweep_schedule(sweep: Sweep) -> Schedule:
    """Return the schedule that the spec names."""
    rule = sweep.early_terminate
    setting = Setting(epochs=sweep.epochs, seed=sweep.seed, space=sweep.space)
    return schedule(rule.type, setting, rule.parameters)


def sweep_sampler(sweep: Sweep) -> Sampler:
    """Return the sampler that the spec names."""
    rungs = sweep_schedule(sweep).rungs
    return sampler(sweep.method, sweep.space, sweep.objective, sweep.seed, rungs, tuple(sweep.criteria.others))


@dataclass
class Search:
    """Supply and observer of the search: first the configurations of the spec, then the sampler's."""

    sweep: Sweep
    hyperparameters: type
    study: Study | None
    """Study that records the trials; None in a simulation or a preview, which record nothing."""
    warm: WarmStart = NOTHING_KNOWN
    """What is known of earlier sweeps' trials."""
    cache: KnownResults = NO_RESULTS
    """Results of earlier sweeps that are taken over."""
    sampler: Sampler = field(init=False)
    history: History = field(init=False, repr=False)
    """What the sampler knows of the trials whose configuration is one of the space."""
    num_changes: int = field(default=0, init=False, repr=False)
    """Number of changes of the race's tracks so far, without single epochs."""
    untold: dict[int, Track] = field(default_factory=dict, init=False, repr=False)
    """Tracks that are done, by index, whose value may still change as further seeds are trained."""
    _changed: set[int] = field(default_factory=set, init=False, repr=False)
    """Indices of the tracks that have changed since the sampler was asked."""

    def __post_init__(self) -> None:
        self.sampler, self.history = sweep_sampler(self.sweep), self.warm.history()

    def race(self, num_lanes: int, before: Sequence[RaceObserver] = (), fill: float = Rules.fill) -> Race:
        """Build the sweep's race, resumed from the study, which is told after the observers ``before`` it."""
        rules = Rules(
            objective=self.sweep.objective,
            num_tracks=self.sweep.trials,
            width=cohort_width(self.sweep, num_lanes),
            spread=SHARE_A_LANE * num_lanes if self.sweep.train_together is None else 0,
            max_retries=self.sweep.max_retries,
            target=self.sweep.metric.target,
            seeds=self.sweep.repeats.seeds if self.sweep.repeats else 1,
            limits=sweep_limits(self.sweep),
            fill=fill,
            runs_on=not self.sweep.pauses,
            several=bool(self.sweep.criteria.others),
            keep_top=self.sweep.final.top if self.sweep.final else 1,
            beside=beside(self.sweep.problem, self.sweep.metric.name),
        )
        plan = sweep_schedule(self.sweep)
        records = self.study.records() if self.study else []
        tracks = [self._revived(record, plan) for record in records]
        self.history, self._changed = self.warm.history(), {track.index for track in tracks}
        rules = replace(rules, end_rules=end_rules(self.sweep, tracks, self.study))
        return Race(rules, plan, self, (*before, self, *rules.end_rules), tracks)

    @property
    def most_trials(self) -> int | None:
        """Number of different trials that the space allows; None, no bound, where a parameter is continuous."""
        space, tried = self.sweep.space, self.warm.history()
        if (size := space.size()) is None:
            return None
        extra = [params for params in self._first() if not space.contains(params) or tried.has(params)]
        full = [complete(self.hyperparameters, {**self.sweep.constants, **params}) for params in extra]
        outside = self.outside() if self.sweep.edits else []
        return size - tried.num_with({}) + len(set(map(identity, [*full, *outside])))

    def more(self, tracks: Sequence[Track], count: int, held: Track | None) -> list[Track]:
        """Sample at most ``count`` new tracks, with the signature of ``held`` if given.

        During a sampler's random start no signature is held unless the spec sets ``train_together``: the start
        would cover less of the space.
        """
        self._look(tracks)
        if held and self.sweep.train_together is None and self.sampler.is_blind(self.history):
            return []
        if held and len(tracks) < len(self.cache.proposals):
            return []
        first = [] if held else self._first()[: self.sweep.trials][len(tracks) :][:count]
        kept = {} if held is None else _searched_part(held)
        asked: list[Params] = []
        if len(first) < count and self._can_hold(kept):
            self._put(len(tracks), first)
            asked = self.sampler.ask(self.history, count - len(first), kept)
        return [self._begun(len(tracks) + i, params) for i, params in enumerate([*first, *asked])]

    def _can_hold(self, kept: Params) -> bool:
        """Whether a configuration of the space may have these values, which a spec's first ones need not."""
        space, domains = self.sweep.space, self.sweep.space.domains
        held = all(name in domains and domains[name].contains(value) for name, value in kept.items())
        return held and space.satisfies(kept)

    def _look(self, tracks: Sequence[Track]) -> None:
        """Show the history what has changed."""
        for index in sorted(self._changed):
            if (params := self._now(tracks[index])) is not None:
                seen = tracks[index].observation()
                self.history.put(index, seen if seen.params is params else replace(seen, params=params))
        self._changed.clear()

    def _now(self, track: Track) -> Params | None:
        """Return a track's configuration in the space as it is now; None where it is none of it."""
        if track.index in self.history.seen:
            return self.history.seen[track.index].params
        if self.sweep.edits and track.trial < self.sweep.edits[-1].trials:
            return fitting(self.sweep, self.hyperparameters, track.initial)
        return track.searched if self.sweep.space.contains(track.searched) else None

    def edit(self, sweep: Sweep, warm: WarmStart, race: Race) -> None:
        """Go on by an edited sweep: its sampler is shown those of the race's tracks that are of its space."""
        self.sweep, self.warm, self.sampler = sweep, warm, sweep_sampler(sweep)
        self.cache = KnownResults(self.cache.results)
        self.history, self._changed = warm.history(), {track.index for track in race.tracks}
        rules = replace(race.rules, num_tracks=sweep.trials, limits=sweep_limits(sweep), target=sweep.metric.target)
        ends = end_rules(sweep, race.tracks, self.study)
        race.replan(replace(rules, end_rules=ends), sweep_schedule(sweep))

    def outside(self) -> list[Params]:
        """Return the whole configurations of the study's trials that are not of the space as it is now."""
        found = []
        for record in self.study.records() if self.study else ():
            full = self._track(record.number, record.params).params
            if fitting(self.sweep, self.hyperparameters, full) is None:
                found.append(full)
        return found

    def _put(self, start: int, first: Sequence[Params]) -> None:
        """Show the history the configurations that begin now besides the sampler's, from index ``start`` on."""
        for index, params in enumerate(first, start):
            if self.sweep.space.contains(params):
                self.history.put(index, Observation(params, "running", {}))

    def instead(self, number: int, others: Sequence[Observation]) -> Params:
        """Return a configuration for trial ``number`` whose own was lost: the spec's, else a new one."""
        first = self._first()[: self.sweep.trials]
        if number < len(first):
            return first[number]
        known = [seen for seen in others if self.sweep.space.contains(seen.params)]
        new = self.sampler.ask(History(known), 1, {})
        return next(iter([*new, *first, *(seen.params for seen in known)]))

    def reported(self, track: Track, epoch: int, value: float) -> None:
        """Store the epoch's value in the study."""
        self._changed.add(track.index)
        if self.study:
            if measured := track.measures.by_epoch.get(epoch):
                self.study.note(track.trial, f"{MEASURED}{epoch}", measured)
            self.study.report(track.trial, epoch, value)

    def moved(self, track: Track) -> None:
        """Store the trial's progress in the study."""
        self.moved_further(track.index)
        if self.study:
            self.study.note(track.trial, "progress", progress(track))

    def ended(self, track: Track) -> None:
        """Store the trial's progress and tell the study its outcome and best value, if that stands."""
        self.moved_further(track.index)
        if self.study:
            if track.last and (measured := track.measures.by_epoch.get(track.last)):
                self.study.note(track.trial, f"{MEASURED}{track.last}", measured)
            self.study.note(track.trial, "progress", progress(track))
        self.untold[track.index] = track
        if not (self.sweep.repeats and track.done):
            self.settle(track)

    def settle(self, track: Track) -> None:
        """Tell the study a track's outcome and best value, which stand now, unless it knows."""
        known = self.untold.pop(track.index, None) is None
        if self.study and not known and track.state in ("done", "stopped", "failed"):
            self.study.tell(track.trial, track.state, track.vector() if track.criteria.others else track.best_value)

    @property
    def defaults(self) -> Params:
        """The workload's default of each hyperparameter; empty where it has none."""
        if self.hyperparameters is Open:
            return {}
        return defaults(hyperparameters(self.hyperparameters), self.sweep.space.domains)

    @property
    def declared(self) -> Params | None:
        """The defaults; None where nobody has declared them, as a script's, or of a parameter that is searched."""
        if self.hyperparameters is Open:
            return None
        known = hyperparameters(self.hyperparameters)
        return None if any(known[name].required for name in self.sweep.space.domains) else self.defaults

    def moved_further(self, index: int) -> None:
        """Take note that a trial has changed, or its training with a further seed."""
        self._changed.add(index)
        self.num_changes += 1

    def _first(self) -> Sequence[Params]:
        defaults = None if self.hyperparameters is Open else self.defaults
        first = self.sweep.space.first(defaults, (*self.sweep.start_from, *self.warm.first))
        return [*self.cache.proposals, *first[len(self.cache.proposals) :]]

    def _begun(self, number: int, searched: Params) -> Track:
        self._changed.add(number)
        if self.study:
            assert self.study.add(self.sweep.space, searched) == number
        return self._track(number, searched)

    def _track(self, number: int, searched: Params) -> Track:
        full = complete(self.hyperparameters, {**self.sweep.drawn_with(number)[1], **searched})
        return Track(
            index=number,
            trial=number,
            seed=self.sweep.seed,
            searched=searched,
            params=full,
            signature=signature(self.hyperparameters, full),
            objective=self.sweep.objective,
            known=self.cache.of(full),
            criteria=self.sweep.criteria,
        )

    def _revived(self, record: Record, plan: Schedule) -> Track:
        track = self._track(record.number, record.params)
        track.measures.by_epoch = record.measured if track.criteria else {}
        for epoch, value in record.values.items():
            track.measure(epoch, value)
        revive(track, record.attributes.get("progress", {}), record.outcome, plan)
        for rung in plan.rungs[:-1]:
            last = track.rung if self.sweep.pauses else max(track.values, default=0)
            if (rung <= last or track.state == "done") and track.values:
                track.reached(rung)
        return track


def _searched_part(held: Track) -> Params:
    return {name: held.searched[name] for name, _ in held.signature if name in held.searched}


def progress(track: Track) -> dict[str, object]:
    """Return the fields, JSON-able, from which ``revive`` restores a track; ``state`` is only for display."""
    exploits = [{**asdict(one), "params": stored(one.params)} for one in track.exploits]
    return {
        "state": track.state,
        "epoch": track.epoch,
        "checkpoint": track.checkpoint,
        "previous": track.previous,
        "last": track.last,
        **({"held": track.held} if track.held else {}),
        "failures": track.num_failures,
        "alone": track.alone,
        "failure": track.failure and asdict(track.failure),
        "seconds": round(track.seconds, 3),
        "beside": dict(track.beside),
        **({"resting": True} if track.resting else {}),
        **({"withdrawn": True} if track.withdrawn else {}),
        **({"leaving": True} if track.leaving and not track.ended else {}),
        **({"boosted": True} if track.boosted else {}),
        **({"steered": list(track.steered)} if track.steered else {}),
        **({"exploits": exploits} if exploits else {}),
        **({"cached": asdict(track.cached)} if track.cached else {}),
    }


def revive(track: Track, noted: Mapping[str, Any], outcome: str | None, plan: Schedule) -> None:
    """Restore a track from ``progress``; a track that was running is ready to continue from its checkpoint.

    A track with a checkpoint at a rung and no value of a later epoch waits there for its schedule, whether or not
    it had been promoted already, unless an exploit changed it there: that decision stands. ``values`` must be set
    before the call.
    """
    track.epoch = int(noted.get("epoch") or 0)
    track.checkpoint = str(noted["checkpoint"]) if noted.get("checkpoint") else None
    track.previous = str(noted["previous"]) if noted.get("previous") else None
    track.last = int(noted.get("last") or 0) or None
    track.held = int(noted.get("held") or 0) or None
    track.num_failures = int(noted.get("failures") or 0)
    track.alone = bool(noted.get("alone"))
    track.failure = FailureReason.noted(noted)
    track.seconds = float(noted.get("seconds") or 0.0)
    track.beside = noted.get("beside") or {}
    track.withdrawn, track.leaving = bool(noted.get("withdrawn")), bool(noted.get("leaving"))
    track.resting, track.boosted = bool(noted.get("resting")), bool(noted.get("boosted"))
    track.steered = [str(told) for told in noted.get("steered") or ()]
    for exploited in noted.get("exploits") or ():
        track.exploit(Exploited(**{**exploited, "params": restored(exploited["params"])}))
    if noted.get("cached"):
        track.cached = Cached(**noted["cached"])
        track.unkept = track.cached.epoch if track.cached.epoch > track.epoch else None
    if outcome in ("done", "stopped", "failed"):
        track.state = outcome  # type: ignore[assignment]
    elif track.exploits and track.exploits[-1].epoch == track.epoch:
        track.state = "ready"
    elif (
        track.trained in plan.rungs[:-1]
        and track.trained != track.last
        and max(track.values, default=0) <= track.trained
    ):
        track.state = "paused"
