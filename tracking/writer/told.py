"""What is known of a sweep's members beside its study: what the spool told MLflow, and what MLflow itself holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from search_spaces.types.failure import FailureReason
from search_spaces.types.trial_names import state_word
from tracking import names
from tracking.results.table import sweep_runs
from tracking.store.open import open_store
from tracking.store.records import PARENT, FoundRun, whole_params
from tracking.writer.events import EpochMeasured, EpochsWithdrawn, Event, Reconciled, StateChanged, TrialBegan
from tracking.writer.spool import read

_STATES: Mapping[str, names.TrialState] = {state_word(state): state for state in names.TRIAL_STATUS}


@dataclass(kw_only=True)
class Told:
    """What was told of one member: the trial's number, its parameters, metrics by epoch, state and failure."""

    number: int
    role: str
    params: Mapping[str, Any]
    are_texts: bool = False
    """Whether ``params`` are MLflow's texts, by its keys, instead of values."""
    epochs: dict[int, dict[str, float]] = field(default_factory=dict)
    last: float = math.inf
    """Epoch behind which what MLflow has was withdrawn, though MLflow may not know yet."""
    state: str | None = None
    failure: FailureReason | None = None
    seconds: float = 0.0
    rounded: frozenset[int] = frozenset()
    """Epochs whose values MLflow alone has, with ``names.NUM_DIGITS`` digits."""


def of_spool(folder: Path, metric: str) -> dict[str, Told]:
    """Return what the spool in ``folder`` has told of each member, by key; ``metric`` is the objective."""
    found: dict[str, Told] = {}
    for event in read(folder):
        _take(found, event, metric)
    return found


def _take(found: dict[str, Told], event: Event, metric: str) -> None:
    match event:
        case TrialBegan():
            found.setdefault(event.key, Told(number=event.number, role=event.role, params=event.params))
        case EpochMeasured() if event.key in found:
            one = found[event.key]
            one.epochs.setdefault(event.epoch, dict(event.metrics))
            one.last = max(one.last, event.epoch)
        case StateChanged() if event.key in found:
            one = found[event.key]
            one.state, one.failure = event.state, event.failure
            one.seconds = event.summary.get(names.SECONDS, one.seconds)
        case EpochsWithdrawn() if event.key in found:
            one = found[event.key]
            one.epochs = {epoch: one.epochs[epoch] for epoch in one.epochs if epoch <= event.kept}
            one.last = event.kept
        case Reconciled():
            for key, facts in event.expected.items():
                one = found.setdefault(key, Told(number=facts.number, role=facts.role, params=facts.params))
                one.state, one.failure = facts.state, facts.failure
                for epoch, value in facts.history.items():
                    one.epochs.setdefault(epoch, {metric: value})
                one.last = max(one.last, *facts.history, 0)
        case _:
            pass


def of_mlflow(uri: str | None, sweep_id: str, metric: str, others: Sequence[str] = ()) -> dict[str, Told]:
    """Return what MLflow's runs hold of each member, by key: values have ``names.NUM_DIGITS`` digits there.

    Of its metrics it is the objective ``metric`` and the ``others`` in the same epochs.

    Raises Refused, Away, and FileNotFoundError where the SQLite file is missing.
    """
    runs: dict[str, FoundRun] = {}
    for run in sweep_runs(uri, sweep_id):
        if run.key != PARENT and (run.key not in runs or _wealth(run, metric) > _wealth(runs[run.key], metric)):
            runs[run.key] = run
    store = open_store(uri)
    try:
        curves = {
            key: {name: store.history(run.run_id, names.clean_key(name)) for name in (metric, *others)}
            for key, run in runs.items()
        }
    finally:
        store.close()
    return {key: _of_run(run, metric, curves[key]) for key, run in runs.items()}


def _wealth(run: FoundRun, metric: str) -> int:
    return run.last_step(names.clean_key(metric))


def _of_run(run: FoundRun, metric: str, curves: Mapping[str, Mapping[int, float]]) -> Told:
    kind, text, history = run.tags.get(names.TRIAL_FAILURE), run.tags.get(names.TRIAL_ERROR, ""), curves[metric]
    return Told(
        number=int(run.tags.get(names.TRIAL_NUMBER, -1)),
        role=run.role,
        params=whole_params(run),
        are_texts=True,
        epochs={
            epoch: {name: curve[epoch] for name, curve in curves.items() if epoch in curve} for epoch in history
        },
        state=_STATES.get(run.state),
        failure=FailureReason.shown_as(kind, text) if kind else None,
        seconds=run.newest(names.SECONDS) or 0.0,
        rounded=frozenset(history),
    )


def joined(first: Mapping[str, Told], second: Mapping[str, Told]) -> dict[str, Told]:
    """Return all that either knows; where both know something, what ``first`` says, also of what was withdrawn."""
    found = {**second, **first}
    for key in first.keys() & second.keys():
        one, other = first[key], second[key]
        kept = {epoch: found for epoch, found in other.epochs.items() if epoch <= one.last}
        epochs = kept | {epoch: {**kept.get(epoch, {}), **found} for epoch, found in one.epochs.items()}
        rounded = one.rounded | ((other.rounded & epochs.keys()) - one.epochs.keys())
        state, failure = one.state or other.state, one.failure or other.failure
        found[key] = replace(one, epochs=epochs, state=state, failure=failure, rounded=rounded)
    return found
