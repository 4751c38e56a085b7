"""Compares the values of one hyperparameter over the trials of a sweep."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cluster.sweep.reading import Reading
from cluster.terminal import formatting
from cluster.terminal.records import Row, best_by
from search_spaces.types.objective import Objective
from search_spaces.types.values import Value
from tracking.results.groups import Group, Pair, groups, pairs
from tracking.results.intervals import Estimate

MOST_VALUES, NUM_PARTS = 8, 4
"""Numbers of more distinct values than this are divided into so many parts of equally many trials."""
ABSENT = "(not there)"
CAVEAT = (
    "An association, not an effect: the sampler tried promising values more often and beside other values of the "
    "other hyperparameters."
)


def by_parameter(read: Reading, name: str) -> dict[str, Any]:
    """Return the document of ``paceline compare ID PARAMETER``.

    ``views`` compare the trials' best values up to an epoch that all of them reached, where stopping has not chosen
    among them yet, and those at their end of the ones that were trained in full.
    """
    objective, rows = read.sweep.objective, [row for row in read.rows if _counts(row, name)]
    labels = dict.fromkeys((row.number for row in rows), ABSENT)
    labels |= _labels({row.number: row.params[name] for row in rows if name in row.params})
    reached = min((held(row, name) for row in rows), default=0)
    views = []
    if reached:
        early = {row.number: best_by(row, reached, objective) for row in rows}
        what = f"best {objective.name} up to epoch {reached}, which all {len(rows)} trials reached"
        views.append(_view(what, early, labels, objective))
    if whole := [row for row in rows if row.state == "done" and held(row, name) == row.epochs > reached]:
        late = {row.number: row.own_best for row in whole}
        early_stopping = any(row.state == "stopped" and not row.held_by_user for row in rows)
        chosen = ", which early stopping chose" if early_stopping else ""
        ended = formatting.count(len(whole), "trial")
        what = f"best {objective.name} of {ended} trained to the end{chosen}"
        views.append(_view(what, late, labels, objective))
    return {
        "sweep": read.home.id,
        "metric": {"name": objective.name, "goal": objective.goal},
        "parameter": name,
        "trials": len(rows),
        "left_out": len(read.rows) - len(rows),
        "views": views,
        "caveat": CAVEAT,
    }


def _counts(row: Row, name: str) -> bool:
    """Whether a trial's values can be compared: it did not fail, keeps the constraints, and has finite ones."""
    able = row.state != "failed" and row.feasible and all(map(math.isfinite, row.curve.values()))
    return able and held(row, name) > 0


def held(row: Row, name: str) -> int:
    """Return the number of epochs that were trained with the trial's first value of a hyperparameter."""
    changed = (int(change["epoch"]) for change in row.changes if name in change["params"])
    return min([row.epochs, *changed])


def _labels(values: Mapping[int, Value]) -> dict[int, str]:
    """Return each trial's group: its value, or of numbers with many values the range that it is in."""
    numbers = {k: v for k, v in values.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    if len(set(numbers.values())) <= MOST_VALUES:
        return {k: formatting.category(v) for k, v in values.items()}
    found = {k: formatting.category(v) for k, v in values.items() if k not in numbers}
    ordered = sorted(numbers.values())
    cuts = [ordered[len(ordered) * part // NUM_PARTS] for part in range(1, NUM_PARTS)]
    parts: dict[int, list[int]] = {}
    for number in sorted(numbers, key=lambda k: (numbers[k], k)):
        parts.setdefault(bisect_right(cuts, numbers[number]), []).append(number)
    for members in parts.values():
        ends = (formatting.setting(numbers[members[0]]), formatting.setting(numbers[members[-1]]))
        found |= dict.fromkeys(members, " to ".join(dict.fromkeys(ends)))
    return found


def _view(
    what: str, values: Mapping[int, float | None], labels: Mapping[int, str], objective: Objective
) -> dict[str, Any]:
    by_label: dict[str, list[float]] = {}
    for number, value in values.items():
        if value is not None:  # a script may tell its first value later than others have ended
            by_label.setdefault(labels[number], []).append(value)
    ordered = groups(by_label, objective)
    compared = pairs(by_label, [group.label for group in ordered])
    return {
        "what": what,
        "groups": [_group(group) for group in ordered],
        "pairs": [asdict(pair) | {"told_apart": pair.told_apart} for pair in compared],
        "said": said(ordered, compared),
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "value": group.label,
        "trials": group.num,
        "mean": group.mean.mean,
        **_ci(group.mean),
        "best": group.best,
    }


def _ci(found: Estimate) -> dict[str, Any]:
    return {"ci95": None if math.isnan(found.low) else list(found.ci95)}


def said(ordered: Sequence[Group], compared: Sequence[Pair]) -> str:
    """Return in a sentence which value is better, and which ones it cannot be told apart from."""
    if len(ordered) < 2:
        return "There is one value alone: nothing to compare."
    first = ordered[0].label
    mine = [pair for pair in compared if pair.first == first]
    if len({group.mean.mean for group in ordered}) == 1:
        return "No difference is shown: the mean is the same with each value."
    if not mine:
        few = "with so few trials of it, or without any spread, it cannot be distinguished from the others"
        return f"{first} is best on average; {few}."
    beaten = [pair for pair in mine if pair.told_apart]
    if not beaten:
        return f"No difference is shown: {first} is best on average, and every interval of a difference includes 0."
    sizes = ", ".join(
        f"{pair.second} by {formatting.measure(abs(pair.mean))} "
        f"{formatting.interval(sorted((abs(pair.low), abs(pair.high))))}"
        for pair in beaten
    )
    equal = [pair.second for pair in mine if not pair.told_apart]
    rest = f"; it cannot be distinguished from {', '.join(equal)}" if equal else ""
    return f"{first} is better than {sizes}{rest}."
