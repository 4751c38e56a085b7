"""Values of hyperparameters that changed while a trial trained, as in population based training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cluster.terminal import formatting
from cluster.terminal.records import Row
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_name
from search_spaces.types.values import Params, restored, stored


def stages(row: Row, rows: Sequence[Row], objective: Objective) -> list[dict[str, Any]] | None:
    """Return how the weights with a trial's best value were trained, also in trials that it took them from.

    From each ``epoch`` (already done) on they were trained in ``trial`` with ``params``. None where none changed.
    """
    if not row.changes:
        return None
    by_number, before = {one.number: one for one in rows}, _best_epoch(row, objective)
    found = list[dict[str, Any]]()
    while made := [one for one in row.changes if one["epoch"] < before]:
        last = made[-1]
        found.insert(0, _stage(last["epoch"], row))
        row, before = by_number[last["source"]], last["epoch"]
    return [_stage(0, row), *found] if found else None


def shown(row: Row, objective: Objective) -> Params:
    """Return the hyperparameters of a trial's best epoch, those that had changed as ``0.01→0.012``."""
    if not row.changes:
        return row.params
    now = _after(row, _best_epoch(row, objective) - 1)
    told = {name: (formatting.setting(value), formatting.setting(now[name])) for name, value in row.params.items()}
    return {
        name: value if told[name][0] == told[name][1] else "→".join(told[name])
        for name, value in row.params.items()
    }


def as_shown(rows: Sequence[Row], objective: Objective) -> list[Row]:
    """Return the rows with the hyperparameters that a table shows of each."""
    return [replace(row, params=shown(row, objective)) if row.changes else row for row in rows]


def lines(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each of the ``stages``, with all digits of the values."""
    heads = [f"from epoch {one['epoch'] + 1} on, in {trial_name(one['trial'])}" for one in found]
    width = max(map(len, heads))
    values = [", ".join(f"{name}: {value}" for name, value in one["params"].items()) for one in found]
    return [f"{head:<{width}}  {told}" for head, told in zip(heads, values, strict=True)]


def _best_epoch(row: Row, objective: Objective) -> int:
    """Return the epoch of the best value; of equal ones the last counts."""
    return objective.best(sorted(row.curve, reverse=True), lambda epoch: row.curve[epoch]) or 0


def _stage(epoch: int, row: Row) -> dict[str, Any]:
    return {"epoch": epoch, "trial": row.number, "params": stored(_after(row, epoch))}


def _after(row: Row, epoch: int) -> dict[str, Any]:
    """Return the values with which a trial was trained after ``epoch``."""
    params = dict(row.params)
    for one in row.changes:
        if one["epoch"] <= epoch:
            params |= {name: value for name, value in restored(one["params"]).items() if name in params}
    return params
