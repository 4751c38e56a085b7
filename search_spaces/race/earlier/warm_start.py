"""Trials of earlier sweeps, and what a new sweep's search takes from them.

Of the same data set: what they came to, which the sampler is shown before its first question. Of another one:
only which of them were best, as the values are not comparable; these configurations are tried first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from search_spaces.criteria.measures import Measures
from search_spaces.race.track import INFEASIBLE
from search_spaces.samplers.history import History, Observation
from search_spaces.space.hyperparameters import Open, complete, hyperparameters
from search_spaces.spec.sweep import Sweep
from search_spaces.study.contract import Record
from search_spaces.types.failure import FailureReason
from search_spaces.types.values import Params, identity

FIRST_SHARE = 10
"""Of another data set's configurations at most one of so many of the new sweep's trials is tried first."""

EarlierState = Literal["done", "stopped", "open", "infeasible", "failed"]


@dataclass(frozen=True, kw_only=True)
class EarlierTrial:
    """A trial of an earlier sweep. ``params`` are the hyperparameters that its spec fixed or searched."""

    number: int
    params: Params
    state: EarlierState
    values: Mapping[int, float]
    """The objective by epoch."""
    measured: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    """By epoch, the metrics that decided besides the objective."""


@dataclass(frozen=True, kw_only=True)
class EarlierSweep:
    """An earlier sweep: its trials, the digest of its data (None: it had loaded none) and its epochs."""

    id: str
    name: str
    digest: str | None
    epochs: int
    trials: tuple[EarlierTrial, ...]


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a new sweep takes from one earlier sweep, in numbers of that one's trials."""

    sweep: str
    name: str
    same_data: bool
    shown: int = 0
    """Shown to the sampler."""
    tried_first: int = 0
    """Of another data set: configurations that are tried first."""
    outside: int = 0
    """Left out: no configuration of the new space, beside the new constants and defaults."""
    no_value: int = 0
    """Left out: crashed, not begun, or without a measurement of a metric that is bound, or an objective, now."""

    @property
    def used(self) -> int:
        """Number of trials that have an effect."""
        return self.shown + self.tried_first


@dataclass(frozen=True)
class WarmStart:
    """What a search knows from the start: ``shown`` to the sampler, ``first`` tried, and the numbers of both."""

    shown: tuple[Observation, ...] = ()
    first: tuple[Params, ...] = ()
    taken: tuple[Taken, ...] = ()

    def history(self) -> History:
        """Return a history of the shown trials, whose numbers come before those of the search's own."""
        history = History()
        for number, seen in enumerate(self.shown, -len(self.shown)):
            history.put(number, seen)
        return history


NOTHING_KNOWN = WarmStart()


def earlier_trial(record: Record, constants: Params) -> EarlierTrial:
    """Return a trial of a study whose sweep has these ``constants``."""
    noted = record.attributes.get("progress", {})
    own = (
        int(noted["exploits"][0]["epoch"]) if noted.get("exploits") else None
    )  # then it took over another's weights
    return EarlierTrial(
        number=record.number,
        params={**constants, **record.params},
        state=_state(record, FailureReason.noted(noted)) if own is None else "open",
        values={epoch: value for epoch, value in record.values.items() if own is None or epoch <= own},
        measured=record.measured,
    )


def _state(record: Record, failure: FailureReason | None) -> EarlierState:
    if record.outcome != "failed" or failure is None:
        return record.outcome or "open"
    if failure.kind == "constraint":  # the new sweep may have others
        return "stopped"
    return "infeasible" if failure.kind in INFEASIBLE else "failed"


def warm_start(
    sweep: Sweep, hyperparameters: type, earlier: Sequence[EarlierSweep], digest: str | None
) -> WarmStart:
    """Return what ``sweep`` takes from earlier ones; ``digest`` of its data None: taken as the same."""
    fit = _Fit(sweep, hyperparameters)
    shown: list[Observation] = []
    first: dict[object, Params] = {}
    taken = []
    most = max(1, sweep.trials // FIRST_SHARE)
    for one in earlier:
        same = digest is None or one.digest == digest
        fitting = [found for trial in one.trials if (found := fit.observation(trial, one.epochs))]
        best = [] if same else _best(sweep, fitting)[: most - len(first)]
        shown += fitting if same else []
        first |= {identity(seen.params): seen.params for seen in best}
        num_outside = sum(not fit.able(trial) for trial in one.trials)
        taken.append(
            Taken(
                sweep=one.id,
                name=one.name,
                same_data=same,
                shown=len(fitting) if same else 0,
                tried_first=len(best),
                outside=num_outside,
                no_value=len(one.trials) - num_outside - len(fitting),
            )
        )
    return WarmStart(tuple(shown), tuple(first.values()), tuple(taken))


def _best(sweep: Sweep, fitting: Sequence[Observation]) -> list[Observation]:
    """Return the trials with a value, the best first, one of each configuration; by all objectives, if several."""
    able = [seen for seen in fitting if seen.best_value is not None and seen.state != "infeasible"]
    ranked = sweep.objective.ranked(able, lambda seen: seen.best_value)
    if others := sweep.criteria.others:
        import numpy as np

        from search_spaces.criteria.front import ordered  # 60 ms: NumPy, and only for several objectives

        objectives = (sweep.objective, *others)
        vectors = [zip(objectives, seen.vector or (), strict=True) for seen in able]
        ranked = [able[i] for i in ordered(np.array([[one.signed(x) for one, x in found] for found in vectors]))]
    return list({identity(seen.params): seen for seen in ranked}.values())


def fitting(sweep: Sweep, hyperparameters: type, full: Params) -> Params | None:
    """Return the configuration of the sweep's space that trains as ``full`` does, which names all hyperparameters.

    None where there is none.
    """
    searched = sweep.space.own(full)
    if not sweep.space.contains(searched):
        return None
    return searched if complete(hyperparameters, {**sweep.constants, **searched}) == full else None


@dataclass(frozen=True)
class _Fit:
    """Takes earlier trials as trials of ``sweep``."""

    sweep: Sweep
    hyperparameters: type

    def params(self, trial: EarlierTrial) -> Params | None:
        """Return the configuration of the space that trains just as the trial did; None where there is none."""
        known = hyperparameters(self.hyperparameters)
        if self.hyperparameters is not Open and not trial.params.keys() <= known.keys():
            return None
        return fitting(self.sweep, self.hyperparameters, complete(self.hyperparameters, trial.params))

    def able(self, trial: EarlierTrial) -> bool:
        """Whether the trial is one of the space."""
        return self.params(trial) is not None

    def observation(self, trial: EarlierTrial, epochs: int) -> Observation | None:
        """Return a trial of a sweep of so many epochs as a sampler sees it; None where it tells nothing."""
        params = self.params(trial)
        values = dict(self._values(trial, epochs))
        if params is None or trial.state == "failed":
            return None
        if trial.state == "infeasible":
            return Observation(params, "infeasible", values, self.sweep.objective.best(values.values(), float))
        criteria = self.sweep.criteria
        excess = criteria.excess(self._measured(trial, values, max(values, default=0)))
        if not values or len(excess) < len(criteria.constraints):
            return None
        if any(amount > 0 for amount in excess.values()):
            return Observation(params, "infeasible", {}, None, excess)
        vectors = self._vectors(trial, values) if criteria.others else {}
        if criteria.others and not vectors:
            return None
        whole = max(values) == self.sweep.epochs
        best = self.sweep.objective.best(values.values(), float)
        settles = whole or trial.state == "stopped"
        return Observation(params, "done" if whole else "paused", values, best, excess, settles, vectors)

    def _vectors(self, trial: EarlierTrial, values: Mapping[int, float]) -> dict[int, Sequence[float]]:
        """Return all objectives with which the trial counted at each epoch at which they were known."""
        found: dict[int, Sequence[float]] = {}
        for epoch in values:
            measured = self._measured(trial, values, epoch)
            others = [measured.get(other.name) for other in self.sweep.criteria.others]
            best = self.sweep.objective.best((value for at, value in values.items() if at <= epoch), float)
            known = [value for value in (best, *others) if value is not None]
            if len(known) == 1 + len(others):
                found[epoch] = known
        return found

    def _measured(self, trial: EarlierTrial, values: Mapping[int, float], epoch: int) -> Mapping[str, float]:
        """Return what else was measured with which the trial counted at ``epoch``, of its best one until then."""
        signed, own = (
            self.sweep.objective.signed,
            {e: v for e, v in values.items() if e in trial.values and e <= epoch},
        )
        best = min(own, key=lambda at: (signed(own[at]), -at), default=None)
        known, metric = Measures(self.sweep.criteria), self.sweep.metric.name
        for at in sorted(values):
            found = {metric: own[at]} if at in own and metric in self.sweep.criteria.names else {}
            if found := {**found, **trial.measured.get(at, {})}:
                known.record(at, found)
        return known.at(best, epoch)

    def _values(self, trial: EarlierTrial, epochs: int) -> Iterator[tuple[int, float]]:
        """Yield the values up to the sweep's last epoch; one whose patience ended it would not have changed."""
        known = {epoch: value for epoch, value in trial.values.items() if math.isfinite(value)}
        yield from ((epoch, value) for epoch, value in known.items() if epoch <= self.sweep.epochs)
        last = max(known, default=self.sweep.epochs)
        if trial.state == "done" and last < min(epochs, self.sweep.epochs):
            best = self.sweep.objective.best(known.values(), float)
            assert best is not None
            yield self.sweep.epochs, best
