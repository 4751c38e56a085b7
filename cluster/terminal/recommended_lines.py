"""Tells which configuration is recommended, and what is known of trials with several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cluster.terminal import formatting
from cluster.terminal.records import Row
from search_spaces.race.recommended import Estimated, Tried, tried_again
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_name
from search_spaces.types.values import stored


def spread(tried: Tried | None) -> str:
    """Return mean and standard deviation over the seeds and their number: ``0.9712 ±0.0021 ×3``."""
    if tried is None:
        return formatting.measure(None)
    std = "" if tried.std is None else f" ±{formatting.measure(tried.std)}"
    failed = f", {tried.num_failed} failed" if tried.num_failed else ""
    return f"{formatting.measure(tried.mean)}{std} ×{len(tried.values)}{failed}"


def value(row: Row) -> str:
    """Return what a trial counts with: its best value, or with repeats the mean of those with each seed."""
    return formatting.measure(row.best_value) if row.first_value is None else spread(row.tried)


def words(found: Estimated, first: Row | None) -> str:
    """Return why a trial is recommended, in a sentence; ``first`` has the best value in the search."""
    seeds = formatting.count(found.num_seeds, "seed")
    std = "" if found.std is None else f" (standard deviation {formatting.measure(found.std)})"
    text = f"Mean {formatting.measure(found.mean)}{std} over {seeds}"
    if found.ci95:
        low, high = map(formatting.measure, found.ci95)
        mean, estimate = formatting.measure(found.mean), formatting.measure(found.estimate)
        why = "by the seeds of all trials"
        if mean != estimate:
            why = "shrunk toward the other trials, as its seeds may be lucky ones,"
        text += f", and {why} about {estimate} [{low}, {high}]"
    if first is None or first.number == found.trial or first.tried is None:
        return f"{text}."
    again = first.tried
    other = f"{trial_name(first.number)}, the best value in the search ({formatting.measure(first.best_value)})"
    if len(again.values) == 1:
        return f"{text}. {other}, was trained with one seed."
    return f"{text}. {other}, has the mean {formatting.measure(again.mean)} over {len(again.values)} seeds."


def document(found: Estimated | None, rows: Sequence[Row], first: Row | None) -> dict[str, Any] | None:
    """Return what is known of the trial to recommend: ``first``, the best, while none has several seeds."""
    if first is None:
        return None
    if found is None:
        known = {"mean": first.best_value, "std": None, "seeds": 1, "estimate": first.best_value, "ci95": None}
        return {"number": first.number, **known, "params": stored(first.params)}
    [row] = [row for row in rows if row.number == found.trial]
    known = {"mean": found.mean, "std": found.std, "seeds": found.num_seeds, "estimate": found.estimate}
    return {"number": row.number, **known, "ci95": found.ci95 and list(found.ci95), "params": stored(row.params)}


def seeds(row: Row) -> dict[str, Any] | None:
    """Return a trial's best values with several seeds; None where it was trained with one."""
    found = row.tried
    if found is None or row.further is None:
        return None
    return {"values": list(found.values), "mean": found.mean, "std": found.std, "failed": found.num_failed}


def with_further(rows: Sequence[Row], again: Sequence[Mapping[str, Any]], objective: Objective) -> list[Row]:
    """Return the rows with what the study has of further seeds, ``again``; with repeats the mean is the value."""
    further = tried_again(again, objective, {row.number: row.epochs for row in rows})
    repeated = {entry["trial"] for entry in again if entry.get("repeat")}
    found = []
    for row in rows:
        new = replace(row, further=further.get(row.number))
        if row.number in repeated and new.tried:
            new = replace(new, best_value=new.tried.mean, first_value=row.best_value)
        found.append(new)
    return found
