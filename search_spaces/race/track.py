"""A track: the race's record of one member on its way through the rungs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Literal

from search_spaces.criteria.constraints import NO_CRITERIA, Criteria
from search_spaces.criteria.measures import Measures
from search_spaces.race.earlier.known_results import KnownResult
from search_spaces.race.legs import Member
from search_spaces.samplers.history import Observation
from search_spaces.schedules.contract import next_rung
from search_spaces.space.hyperparameters import Signature
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import Objective, bounded
from search_spaces.types.values import Params

State = Literal["ready", "running", "paused", "done", "stopped", "failed"]
"""``ready``: may train; ``paused``: waits at a rung for its schedule; the last three are final."""
ENDS = ("done", "stopped", "failed")
INFEASIBLE = ("diverged", "infeasible", "constraint", "out_of_memory", "timed_out")
"""Kinds of failures that a configuration is to blame for, and not a machine or the code."""


@dataclass(frozen=True, kw_only=True)
class Exploited:
    """Record that at ``epoch`` the member took over the weights of track ``source`` and changed ``params``."""

    epoch: int
    source: int
    params: Params


@dataclass(frozen=True, kw_only=True)
class Cached:
    """Record that the values up to ``epoch`` are those of trial ``trial`` of ``sweep``."""

    sweep: str
    trial: int
    epoch: int


@dataclass(kw_only=True)
class Track:
    """A member's state. ``index`` counts the race's tracks; in a search it is the trial's number."""

    index: int
    trial: int
    seed: int
    searched: Params
    params: Params
    """Current values of all hyperparameters: a schedule may change them at a rung."""
    signature: Signature
    objective: Objective
    criteria: Criteria = NO_CRITERIA
    """What decides besides the objective."""
    state: State = "ready"
    epoch: int = 0
    """Number of epochs done and saved: training continues after it."""
    checkpoint: str | None = None
    previous: str | None = None
    """Checkpoint before the newest one, kept until the newest one is recorded."""
    values: dict[int, float] = field(default_factory=dict)
    scores: dict[int, float] = field(default_factory=dict)
    """Best value so far at each rung reached, with its sign changed where needed so that higher is better."""
    best_epoch: int | None = None
    beside: Mapping[str, float] = field(default_factory=dict)
    """Metrics of the best epoch that are shown beside the objective."""
    last: int | None = None
    """Epoch at which its patience ended the member's training before the schedule's end; else None."""
    unkept: int | None = None
    """Epoch up to which the member is trained, where its checkpoint of that epoch could not be written."""
    not_kept: str | None = None
    """Why its last checkpoint could not be written; None where it was."""
    held: int | None = None
    """Rung up to which the value of a member that its patience ended is taken as unchanged; else None."""
    known: KnownResult | None = None
    """What an equal trial of an earlier sweep came to; None where there is none."""
    cached: Cached | None = None
    """Which values are those of an earlier sweep; None where none are."""
    num_failures: int = 0
    alone: bool = False
    """Whether the member trains alone, since a cohort that it was in died: it must not take others down."""
    failure: FailureReason | None = None
    """Why the member failed or was retried; of a stopped one, why the search ended early."""
    seconds: float = 0.0
    resting: bool = False
    """Whether a user has paused it."""
    boosted: bool = False
    """Whether a user wants it trained to the end, before others."""
    withdrawn: bool = False
    """Whether a user has stopped it, or it was paused until the search's end."""
    leaving: bool = False
    """Whether its schedule has stopped it while it runs on: it ends with its leg."""
    just_steered: bool = False
    """Whether the latest of ``steered`` is new to the observers."""
    steered: list[str] = field(default_factory=list)
    """What users have asked of it: ``paused by ann, 2026-11-30 10:02:11 UTC``."""
    exploits: list[Exploited] = field(default_factory=list)
    further: list[Track] = field(default_factory=list, repr=False)
    """Trainings of the trial with further seeds while the search runs: it counts with the mean of all."""
    initial: Params = field(init=False)
    """Values of all hyperparameters at epoch 0."""
    measures: Measures = field(init=False)
    """Values of the metrics of ``criteria``."""

    def __post_init__(self) -> None:
        self.initial, self.measures = self.params, Measures(self.criteria)

    @property
    def number(self) -> int:
        """Number of the track in a schedule's decisions: its index."""
        return self.index

    @property
    def waiting(self) -> bool:
        """Whether the track is paused at a rung, waiting for a decision."""
        return self.state == "paused"

    @property
    def rung(self) -> int:
        """Rung at which the track waits, if it does: ``held`` for a member that its patience ended."""
        return self.held or self.trained

    @property
    def trained(self) -> int:
        """Number of epochs done, with those of a checkpoint that could not be written."""
        return self.unkept or self.epoch

    @property
    def epochs_trained(self) -> int:
        """Number of epochs that were trained: what was taken over is only where training went beyond."""
        last = max(self.values, default=self.trained)
        return 0 if self.cached and last <= self.cached.epoch else last

    @property
    def settled(self) -> bool:
        """Whether patience has run out and the last epoch is done."""
        return self.trained == self.last

    @property
    def ended(self) -> bool:
        """Whether the track is done, stopped or failed."""
        return self.state in ENDS

    @property
    def failed(self) -> bool:
        """Whether the track has failed."""
        return self.state == "failed"

    @property
    def infeasible(self) -> bool:
        """Whether the track has failed for a reason that its configuration is to blame for."""
        return self.failed and self.failure is not None and self.failure.kind in INFEASIBLE

    @property
    def done(self) -> bool:
        """Whether the track was trained to the end."""
        return self.state == "done"

    @property
    def changed(self) -> Params:
        """Current values of the hyperparameters that a schedule has ever changed."""
        return {name: self.params[name] for exploited in self.exploits for name in exploited.params}

    @property
    def has_just_changed(self) -> bool:
        """Whether an exploit is its last step, from which it has not gone on yet."""
        return self.state == "ready" and bool(self.exploits) and self.exploits[-1].epoch == self.epoch

    def params_after(self, epoch: int) -> Params:
        """Return the hyperparameters with which the member is trained after ``epoch``."""
        params = self.initial
        for exploited in self.exploits:
            params = {**params, **exploited.params} if exploited.epoch <= epoch else params
        return params

    def source_at(self, epoch: int) -> int:
        """Return the index of the track from whose weights it goes on after ``epoch``, usually its own."""
        return next((exploited.source for exploited in self.exploits if exploited.epoch == epoch), self.index)

    @property
    def key(self) -> str:
        """Name of the member in checkpoints, reports and MLflow: ``t0004-s0``."""
        return self.member.key

    @property
    def member(self) -> Member:
        """The member as a leg carries it."""
        return Member(trial=self.trial, seed=self.seed, params=self.params, checkpoint=self.checkpoint)

    @property
    def own_best(self) -> float | None:
        """Best value of any epoch with this seed; None before the first."""
        return None if self.best_epoch is None else self.values[self.best_epoch]

    @property
    def best_value(self) -> float | None:
        """Best value of any epoch, the mean over the seeds that have come as far; None before the first."""
        if not self.further or not self.values:
            return self.own_best
        return self._mean_until(max(self.values))

    def with_seeds(self, epoch: int) -> list[Track]:
        """Return this track and those of further seeds that have been trained to ``epoch``, and have not failed."""
        able = [track for track in self.further if track.feasible and track.values]
        return [self, *(t for t in able if t.done or max(t.held or 0, max(t.values)) >= epoch)]

    def best_until(self, epoch: int) -> float:
        """Return the best value until ``epoch``, signed so that lower is better, for a mean over seeds."""
        return bounded(min(map(self.objective.signed, self._until(epoch).values())))

    def _until(self, epoch: int | None) -> dict[int, float]:
        """Return the values up to an epoch (None: all): where the first is of a later one, that one alone."""
        if epoch is None or not self.values:
            return self.values
        return {e: value for e, value in self.values.items() if e <= max(epoch, min(self.values))}

    def _mean_until(self, epoch: int) -> float:
        """Return the mean over the seeds of the best values until ``epoch``."""
        mean = fmean(track.best_until(epoch) for track in self.with_seeds(epoch))
        return self.objective.signed(mean)

    @property
    def measured(self) -> dict[str, float]:
        """Values of the metrics of ``criteria`` with which the trial counts now."""
        return self.measures.at(self.best_epoch, max(self.values, default=0))

    def vector(self, epoch: int | None = None) -> tuple[float, ...] | None:
        """Return the objectives with which the trial counts, or counted at ``epoch``; None while one is unknown."""
        until = self._until(epoch)
        if not until:
            return None
        best = min(until, key=lambda e: (self.objective.signed(until[e]), -e))
        found = self.measures.at(best, max(until) if epoch is None else epoch)
        others = [found.get(other.name) for other in self.criteria.others]
        return None if None in others else (until[best], *(value for value in others if value is not None))

    def minimised(self, epoch: int | None = None) -> list[float]:
        """Return the ``vector`` signed so that lower is better; infinities while one is unknown."""
        objectives = (self.objective, *self.criteria.others)
        found = self.vector(epoch) or (None,) * len(objectives)
        return [one.signed(value) for one, value in zip(objectives, found, strict=True)]

    def breaks(self, epoch: int | None = None) -> bool:
        """Whether a constraint is known to be broken now, or was at ``epoch``."""
        if not self.criteria.constraints:
            return False
        until = self._until(epoch)
        best = min(until, key=lambda e: (self.objective.signed(until[e]), -e), default=None)
        found = self.measures.at(best, max(until, default=0) if epoch is None else epoch)
        return any(amount > 0 for amount in self.criteria.excess(found).values())

    @property
    def feasible(self) -> bool:
        """Whether the trial has not failed and is known to keep every constraint."""
        return not self.failed and self.criteria.keeps(self.measured)

    def broken(self, at_end: bool = False) -> FailureReason | None:
        """Return which constraints the trial breaks for good, or at the end of its training; None where none."""
        told = self.criteria.broken(self.measured, at_end) if self.values else None
        return FailureReason("constraint", told) if told else None

    def measure(self, epoch: int, value: float, metrics: Mapping[str, float] | None = None) -> None:
        """Record the value of an epoch, with all ``metrics``; of equal best values the latest counts.

        Where validation cannot tell two epochs apart, a schedule has usually lowered the learning rate by then.
        """
        self.values[epoch] = value
        self.measures.record(epoch, metrics or {})
        if self.objective.reaches(value, self.own_best):
            self.best_epoch = epoch

    def judge_at(self, epoch: int) -> None:
        """Count with the value of the epoch at which the member was judged, which may not be its best."""
        if epoch in self.values:
            self.best_epoch = epoch

    def settle(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record that training has ended by itself at ``epoch``, with what was measured behind it."""
        self.last = epoch
        self.measures.complete(epoch, metrics)

    def secure(self, epoch: int, uri: str | None) -> list[str]:
        """Record that training continues after ``epoch`` from ``uri``; return the checkpoints to delete."""
        before = self.checkpoint if self.checkpoint != uri else None
        needless = [self.previous] if uri else [self.previous, before]
        self.previous = before if uri else None
        self.epoch, self.checkpoint, self.unkept, self.not_kept = epoch, uri, None, None
        return [found for found in needless if found and found != uri]

    def restart(self) -> list[str]:
        """Go back to epoch 0, as if it had never trained; return the checkpoints to delete.

        Users' code may come to other values with the same seed: those of two trainings would be mixed.
        """
        needless = [uri for uri in (self.checkpoint, self.previous) if uri]
        self.go_back(0, None)
        self.values, self.best_epoch, self.measures = {}, None, Measures(self.criteria)
        return needless

    def known_until(self, rungs: Sequence[int]) -> int | None:
        """Return the epoch up to which the next stretch is known; None where it has to be trained."""
        if self.known is None or self.epoch:
            return None
        return self.known.until(self.trained, next_rung(rungs, self.trained))

    def untold(self, until: int) -> list[tuple[int, float]]:
        """Return the known values up to an epoch that are not the track's yet."""
        assert self.known is not None
        epochs = range(self.trained + 1, until + 1)
        return [(epoch, self.known.values[epoch]) for epoch in epochs if epoch not in self.values]

    def take_over(self, epoch: int) -> None:
        """Stand at ``epoch`` with the known values, and without weights: training goes on from the last saved."""
        assert self.known is not None
        self.unkept = epoch
        self.cached = Cached(sweep=self.known.sweep, trial=self.known.trial, epoch=epoch)
        if self.known.is_settled and epoch == self.known.last:
            self.last = epoch
        if self.best_epoch == self.known.best_epoch:
            self.beside = self.known.beside

    def go_back(self, epoch: int, checkpoint: str | None) -> None:
        """Record that training continues after an earlier ``epoch``, from ``checkpoint``; values stay known."""
        self.epoch, self.checkpoint, self.previous = epoch, checkpoint, None
        self.last = self.held = self.unkept = self.not_kept = None
        self.scores = {rung: score for rung, score in self.scores.items() if rung <= epoch}

    def exploit(self, exploited: Exploited) -> None:
        """Record an exploit and change the hyperparameters. ``secure`` takes over the weights."""
        self.exploits.append(exploited)
        self.params = {**self.params, **exploited.params}

    def reached(self, rung: int) -> None:
        """Record the score at a rung; one that breaks a constraint there is behind all that do not."""
        until = self._until(rung)
        best = min(until, key=lambda epoch: (self.objective.signed(until[epoch]), -epoch))
        value = self._mean_until(rung) if self.further else until[best]
        self.scores[rung] = -math.inf if self.breaks(rung) else -self.objective.signed(value)

    @property
    def curve(self) -> Mapping[int, float]:
        """Objective by epoch, with its sign changed where needed so that higher is better."""
        return {epoch: -self.objective.signed(value) for epoch, value in self.values.items()}

    def latest(self, epoch: int) -> float:
        """Return the value at ``epoch``, or the last one before it, signed so that higher is better.

        With several objectives it is the score at that rung, as for one that breaks a constraint there.
        """
        score = self.scores.get(epoch, 0.0)
        if self.criteria.others or score == -math.inf:
            return score
        return -self.objective.signed(self.values[max(self._until(epoch))])

    def observation(self) -> Observation:
        """Return the trial as a sampler should see it now: of its own configuration, not of what it took over."""
        values = {epoch: self._mean_until(epoch) for epoch in self.values} if self.further else self.values
        if self.exploits:
            own = {epoch: value for epoch, value in values.items() if epoch <= self.exploits[0].epoch}
            best = self.objective.best(own.values(), float)
            return Observation(self.searched, "paused", own, best)
        if self.held is not None and self.best_value is not None:
            values = {**values, self.held: self.best_value}
        excess = self.criteria.excess(self.measured)
        if any(amount > 0 for amount in excess.values()) and not (self.failed and not self.infeasible):
            return Observation(self.searched, "infeasible", {}, None, excess)
        vectors = (
            {epoch: found for epoch in values if (found := self.vector(epoch))} if self.criteria.others else {}
        )
        seen = Observation(self.searched, self._seen_as, values, self.best_value, excess, vectors=vectors)
        num_seeds = len(self.with_seeds(max(self.values))) if self.further else 1
        return seen if num_seeds == 1 else replace(seen, num_seeds=num_seeds)

    @property
    def _seen_as(self) -> Literal["running", "paused", "done", "infeasible", "failed"]:
        if self.state == "failed":
            return "infeasible" if self.infeasible else "failed"
        if self.leaving or self.state in ("paused", "stopped"):
            return "paused"
        return "done" if self.state == "done" else "running"
