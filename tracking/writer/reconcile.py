"""Makes MLflow's runs agree with the study after a crash: a pure plan, then its execution."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from search_spaces.types.trial_names import name_of_key, state_word
from search_spaces.types.values import stored
from tracking import names
from tracking.store.open import Store
from tracking.store.records import (
    PARENT,
    Birth,
    FoundRun,
    Place,
    RunChange,
    RunFacts,
    SweepHeader,
    add_numbers,
    birth,
    now_ms,
)
from tracking.writer.events import Reconciled


@dataclass(kw_only=True)
class ReconcilePlan:
    """Plan of a reconciliation.

    ``keep`` maps keys to the IDs of the runs that stay, ``bin`` lists the runs to be deleted, and ``changes``
    create missing runs and correct the others.
    """

    keep: dict[str, str] = field(default_factory=dict)
    bin: list[FoundRun] = field(default_factory=list)
    changes: list[RunChange] = field(default_factory=list)
    num_made: int = 0
    num_points: int = 0

    def __str__(self) -> str:
        parts = {
            "made": self.num_made,
            "twins or orphans moved to the bin": len(self.bin),
            "missing values added": self.num_points,
        }
        return ", ".join(f"{count} {what}" for what, count in parts.items() if count)


def plan(
    header: SweepHeader,
    found: Sequence[FoundRun],
    expected: Mapping[str, RunFacts],
    steps: Callable[[FoundRun], set[int]],
    lost: bool = False,
) -> ReconcilePlan:
    """Return the plan that makes the runs ``found`` agree with ``expected``.

    Of several runs with one key the furthest stays, of equal ones the oldest. ``steps`` returns the epochs at which
    a run has the objective; it is called only for a run that lacks the last one, or where events were ``lost``.
    """
    todo = ReconcilePlan()
    for key in {run.key: None for run in found}:
        twins = sorted(
            (run for run in found if run.key == key), key=lambda run: _wealth(run, header.objective.name)
        )
        *poorer, richest = twins
        unknown = key != PARENT and key not in expected
        todo.bin += twins if unknown else poorer
        if not unknown:
            todo.keep[key] = richest.run_id
    kept = {run.key: run for run in found if todo.keep.get(run.key) == run.run_id}
    missing = partial(_missing, header.objective.name, steps, lost)
    for key, facts in expected.items():
        _settle(todo, header, (key, facts), (kept.get(key), missing))
    return todo


def _wealth(run: FoundRun, metric: str) -> tuple[int, int]:
    return run.last_step(names.clean_key(metric)), -run.start_ms


def _settle(
    todo: ReconcilePlan,
    header: SweepHeader,
    wanted: tuple[str, RunFacts],
    there: tuple[FoundRun | None, Callable[[RunFacts, FoundRun | None], list[int]]],
) -> None:
    (key, facts), (run, missing_epochs) = wanted, there
    change, now, parent = RunChange(key=key), now_ms(), todo.keep[PARENT]
    if run is None:
        named = {"key": key, "parent_run_id": parent, "role": facts.role}
        birth(header, Birth(**named, number=facts.number, params=facts.params, timestamp_ms=now), change)
        todo.num_made += 1
    elif run.tags.get(names.PARENT_RUN) != parent:  # from a version without nested runs, or from a deleted twin
        change.tag(names.PARENT_RUN, parent)
    whole = json.dumps(stored(facts.params))
    if run is not None and names.TRIAL_PARAMS not in run.tags and len(whole) <= names.MAX_TAG:
        change.tags[names.TRIAL_PARAMS] = whole  # from a version with all as params
        add_numbers(header, facts.params, now, change)
    of_earlier_version = run is not None and names.TRIAL_NAME not in run.tags
    if of_earlier_version:
        change.tag(names.TRIAL_NAME, name_of_key(key))
        change.tag(names.TRIAL_STATE, state_word(facts.state))
    for name, text in facts.tags.items():
        if run is None or run.tags.get(name) != text:
            change.tag(name, text)
    missing = missing_epochs(facts, run)
    for epoch in missing:
        change.measure({header.objective.name: facts.history[epoch]}, now, epoch)
    todo.num_points += len(missing)
    if run is None or run.state != state_word(facts.state) or run.status != names.TRIAL_STATUS[facts.state]:
        change.measure(facts.summary, now, 0)
        change.enter_trial(facts.state, now)
        change.fail(facts.failure)
    elif of_earlier_version:  # the leaderboard sorts and shows by today's names
        fresh = {name: value for name, value in facts.summary.items() if names.clean_key(name) not in run.metrics}
        change.measure(fresh, now, 0)
    else:
        change.measure(_new_means(header.objective.name, facts, run), now, 0)
    if change.title or change.points or change.tags:
        todo.changes.append(change)


def _new_means(metric: str, facts: RunFacts, run: FoundRun) -> dict[str, float]:
    """Return what a trial has come to over its seeds, unless the run has it: it changes after the trial's end."""
    means = (names.mean(metric), names.std(metric), names.NUM_SEEDS)
    known = {name: facts.summary[name] for name in means if name in facts.summary}
    there = {name: run.newest(names.clean_key(name)) for name in known}
    return {name: value for name, value in known.items() if there[name] != names.clean_metric(value)}


def _missing(
    metric: str, steps: Callable[[FoundRun], set[int]], lost: bool, facts: RunFacts, run: FoundRun | None
) -> list[int]:
    if run is None or not facts.history:
        return sorted(facts.history)
    if not lost and run.last_step(names.clean_key(metric)) >= max(facts.history):
        return []
    return sorted(set(facts.history) - steps(run))


def execute(
    store: Store, place: Place, header: SweepHeader, wanted: Reconciled
) -> tuple[ReconcilePlan, dict[str, str]]:
    """Plan and reconcile; safe to repeat. Returns the plan, and the IDs of the sweep's runs by key."""
    found = store.found(place, header.sweep_id)
    metric = names.clean_key(header.objective.name)
    ahead = [run for run in found if _is_ahead(run, metric, wanted)]
    others = [run for run in found if run not in ahead]
    todo = plan(header, others, wanted.expected, lambda run: set(store.history(run.run_id, metric)), wanted.lost)
    todo.bin += ahead
    born = {change.key: change for change in todo.changes if change.title is not None}
    for run in ahead:
        if (change := born.pop(run.key, None)) is not None:
            _copy(store, run, change, wanted.expected[run.key])
    run_ids = dict(todo.keep)
    store.send(place, todo.changes, run_ids)
    for run in todo.bin:
        store.delete(run.run_id)
    return todo, run_ids


def _is_ahead(run: FoundRun, metric: str, wanted: Reconciled) -> bool:
    """Whether a run of a member that trains on has epochs that neither the study nor the spool knows.

    A driver told them that died, with a spool that is gone. MLflow would show them twice, as it takes none back.
    """
    if run.key not in wanted.told or run.key not in wanted.expected:
        return False
    return run.last_step(metric) > max([wanted.told[run.key], *wanted.expected[run.key].history])


def _copy(store: Store, run: FoundRun, change: RunChange, facts: RunFacts) -> None:
    """Add what the run has beside the objective, up to the study's last epoch, to the change that makes it anew."""
    last, there = max(facts.history, default=0), {point[0] for point in change.points}
    for name in run.metrics.keys() - there:
        for epoch, value in store.history(run.run_id, name).items():
            if epoch <= last:
                change.measure({name: value}, now_ms(), epoch)
