"""All that is known of one trial: its whole configuration, its curves, its end, and where its things are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cluster.sweep.comparing.course import costs, ended, stretches
from cluster.sweep.document import saves_files, trial_document
from cluster.sweep.files.trial_logs import files_of, trial_number
from cluster.sweep.reading import Reading, champion
from cluster.terminal.records import Row, ranked
from search_spaces.space.hyperparameters import complete
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_name
from search_spaces.types.values import Params, restored, stored
from tracking.store.errors import Away
from tracking.ui.links import run_page
from workloads.registry import catalogue

SOURCES = ("searched", "spec", "default")
"""Where a hyperparameter's value is from: drawn by the search, fixed in the spec, or the workload's default."""


def row_of(read: Reading, name: str) -> Row:
    """Return the row of the trial that is named ``t023``, ``t0023`` or ``23``. Raises LookupError."""
    number = trial_number(name)
    found = {row.number: row for row in read.rows}
    if number in found:
        return found[number]
    if not found:
        raise LookupError(f"sweep {read.home.id} has no trial yet: `paceline show {read.home.id}`")
    has = f"it has {trial_name(min(found))} to {trial_name(max(found))}"
    raise LookupError(f"sweep {read.home.id} has no trial {trial_name(number)}: {has}")


def configuration(read: Reading, row: Row) -> dict[str, dict[str, Any]]:
    """Return each hyperparameter's value and where it is from, one of ``SOURCES``, the searched ones first.

    Defaults are those of the workload as it is now; where its code cannot be read there are none.
    """
    searched, fixed = dict(row.params), dict(restored(read.sweep.drawn_with(row.number)[1]))
    fixed = {name: value for name, value in fixed.items() if name not in searched}
    values: list[tuple[str, Params]] = [("searched", searched), ("spec", fixed)]
    values.append(("default", _defaults(read, {**fixed, **searched})))
    return {
        name: {"value": stored({name: value})[name], "from": source}
        for source, params in values
        for name, value in params.items()
    }


def _defaults(read: Reading, given: Params) -> Params:
    try:
        known = catalogue().workload(read.sweep.workload).hyperparameters
        full = complete(known, given)
    except (LookupError, AssertionError):  # code that is away, or has other hyperparameters now
        return {}
    return {name: value for name, value in full.items() if name not in given}


def curves(read: Reading, row: Row) -> dict[str, dict[int, float]]:
    """Return every metric of a trial by epoch, as MLflow has them: name, then epoch and value.

    The objective alone, from the study, where MLflow cannot be reached or has nothing yet.
    """
    from tracking.results import table  # 20 ms

    own = {epoch: value for epoch, value in row.curve.items() if math.isfinite(value)}
    found: dict[str, dict[int, float]] = {}
    if "uri" in read.facts.tracking and row.run_id:
        with suppress(FileNotFoundError, Away):
            found = table.curves(read.facts.tracking["uri"], read.home.id, row.run_id)
    name = read.sweep.objective.name
    return {name: own, **{key: curve for key, curve in found.items() if key != name}} if own else found


def trial_of(read: Reading, row: Row) -> dict[str, Any]:
    """Return the document of ``paceline show ID TRIAL --json``."""
    finals = [one for one in read.facts.finals if one.get("trial") == row.number]
    order = [one.number for one in ranked(read.rows, read.sweep.objective)]
    found = curves(read, row)
    return {
        "sweep": read.home.id,
        "name": trial_name(row.number),
        "metric": {"name": read.sweep.metric.name, "goal": read.sweep.metric.goal},
        **trial_document(row),
        "place": order.index(row.number) + 1,
        "num_trials": len(order),
        "seconds": row.seconds,
        "run_url": _run_url(read, row),
        "configuration": configuration(read, row),
        "curves": {name: {str(k): value for k, value in curve.items()} for name, curve in found.items()},
        "costs": costs(found),
        "training": stretches(read, row),
        "ended": ended(read, row),
        "final_evaluation": [
            _final(one, read.sweep.objective) for one in sorted(finals, key=lambda one: one["seed"])
        ],
        "is_champion": row.number == champion(read.facts.verdict),
        "files": _saved(read, row),
        "printed": any(files_of(read.home.logs, row.number)),
    }


def _run_url(read: Reading, row: Row) -> str | None:
    """Return the address of the trial's run in MLflow's UI; None where it has none."""
    tracking = read.facts.tracking
    if not row.run_id or "url" not in tracking:
        return None
    base = str(tracking["url"]).partition("/#/")[0]
    return f"{base}/{run_page(tracking['experiment_id'], row.run_id)}"


def _saved(read: Reading, row: Row) -> str | None:
    """Return the folder with what the trial saved; None where it is no code of the user's, or saved nothing."""
    if not saves_files(read.sweep):
        return None
    from cluster.sweep.files.saved_by_best import checkpoint_of  # 40 ms
    from workloads.legs.checkpoint import saved_at

    uri = checkpoint_of(read, row.number)
    return None if uri is None else saved_at(uri)


def _final(one: Mapping[str, Any], objective: Objective) -> dict[str, Any]:
    """Return a training of the final evaluation: its best validation value, and its scores on the test split.

    Once it is scored, its value is that of the epoch whose weights were: with users' code it may not be the best.
    """
    test, values = one.get("test") or {}, one.get("values", {})
    judged = values.get(str(one.get("best_epoch")))
    return {
        "seed": one["seed"],
        "state": one["state"],
        "epochs": one["epoch"],
        "best_value": objective.best(values.values(), float) if judged is None else judged,
        "scores": {name: value for name, value in test.items() if name.startswith("test_")},
    }
